"""What is seen of processes that are no uWSGI, but do what a uWSGI does."""

import os
import signal
import subprocess
import sys
import time
from collections import namedtuple

import pytest

from supervisor_zerg.uwsgi.kernel import Kernel
from supervisor_zerg.uwsgi.masters import REOPEN_S
from supervisor_zerg.uwsgi.observer import Observer
from supervisor_zerg.uwsgi.signal_loop import SignalLoopDetector

KERNEL = Kernel()

#: A parent and a child that each open the FIFO to read, close it, or tell their pid, as they are
#: told to.
FAMILY = """
import os, sys
fd = None
there, back = os.pipe(), os.pipe()
def obey(word):
    global fd
    if word == b"open":
        fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
    elif word == b"close":
        os.close(fd)
    return b"%d\\n" % os.getpid()
if not os.fork():
    os.close(there[1])
    os.close(0)
    while word := os.read(there[0], 99):
        os.write(back[1], obey(word))
    os._exit(0)
os.close(there[0])
for line in sys.stdin.buffer:
    who, word = line.split()
    if who == b"child":
        os.write(there[1], word)
        answer = os.read(back[0], 99)
    else:
        answer = obey(word)
    os.write(1, answer)
"""

#: A handler that logs and raises its signal anew, as uWSGI's in a starting worker does; one that
#: only logs once.
HANDLER = """
import ctypes, os, signal, sys
def handler(number):
    os.write(1, b"PAUSE\\n")
    if sys.argv[1] == "again":
        os.kill(os.getpid(), number)
callback = ctypes.CFUNCTYPE(None, ctypes.c_int)(handler)
ctypes.CDLL(None).signal(signal.SIGTSTP, callback)
os.write(2, b"ready\\n")
while True:
    signal.pause()
"""


class Family:
    def __init__(self, path):
        self.process = subprocess.Popen(
            [sys.executable, "-c", FAMILY, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def tell(self, who, word):
        self.process.stdin.write(b"%s %s\n" % (who.encode(), word.encode()))
        return int(self.process.stdout.readline())

    def get(self, program):
        return namedtuple("State", "state pid")(
            "RUNNING", self.process.pid if program == "a" else 0
        )


class Pair:
    programs, fifos, pool, freeze = ("a", "b"), (), "", False

    def __init__(self, paths):
        self.fifos = paths

    @staticmethod
    def stats_of(program):
        return ""


@pytest.fixture
def family(tmp_path):
    paths = tuple(str(tmp_path / name) for name in ("new", "running", "sleeping"))
    for path in paths:
        os.mkfifo(path)
    family = Family(paths[0])
    family.paths = paths
    yield family
    family.process.kill()
    family.process.communicate()


def test_h26_the_master_is_found_below_a_wrapper_and_again_where_it_turns_out_to_be_another(family):
    now = [100.0]
    observer = Observer(Pair(family.paths), KERNEL, family, lambda: now[0])

    def master():
        steps = observer.observe(full=True, thorough=True)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value.instance("a").master

    assert master() == 0
    child = family.tell("child", "open")
    assert master() == child != family.process.pid
    family.tell("child", "close")
    assert master() == child, "a master makes its FIFO anew after each command"
    family.tell("parent", "open")
    now[0] += REOPEN_S * 2
    assert master() == family.process.pid


@pytest.mark.parametrize("kind", ["again", "once"])
def test_a_handler_that_raises_its_signal_anew_is_a_trap_and_one_that_runs_once_is_none(kind):
    process = subprocess.Popen(
        [sys.executable, "-c", HANDLER, kind], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    process.stderr.readline()
    trap = SignalLoopDetector(KERNEL.processes, time.monotonic, signal.SIGTSTP)
    assert trap.check(process.pid) is False
    process.send_signal(signal.SIGTSTP)
    verdicts, end = [], time.monotonic() + 5
    while time.monotonic() < end and not (
        True in verdicts or (kind == "once" and len(verdicts) > 50)
    ):
        verdicts.append(trap.check(process.pid))
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert (True in verdicts) is (kind == "again")
    assert verdicts[-1] is (kind == "again")

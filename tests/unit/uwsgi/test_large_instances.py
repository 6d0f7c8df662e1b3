"""The size of an instance holds supervisord's loop for one short piece at a time.

Each instance is a real process that reads a FIFO as a master would.
"""

import os
import resource
import subprocess
import time
from types import SimpleNamespace

import pytest

from supervisor_zerg.core.effects import ReadStats
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.uwsgi.kernel import Kernel
from supervisor_zerg.uwsgi.observer import Observer
from tests.unit.processes import python

#: Of processor time. Measured: under 5 ms; a slow machine, or one that traces, needs longer.
HELD_S = 0.02

#: Reads the FIFO and listens, as a master does; makes what argv[2] says; then sleeps.
MASTER = """
import os, resource, select, signal, socket, sys, threading, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
folder, what, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
fifo = os.open(folder + "/new", os.O_RDONLY | os.O_NONBLOCK)
web = socket.socket(socket.AF_UNIX)
web.bind(folder + "/web")
web.listen()
def work():
    epoll, another = select.epoll(), select.epoll()
    epoll.register(web)
    another.register(web)
    if what == "threads":
        threading.stack_size(1 << 16)
        for _ in range(count):
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    if what == "descriptors":
        kept = [os.dup(0) for _ in range(count)]
    if what == "sockets":
        kept = [socket.socket(socket.AF_UNIX) for _ in range(count)]
        for number, one in enumerate(kept):
            one.bind("\\0" + folder + str(number))
            one.listen()
    if what == "watched":
        kept = [os.eventfd(0) for _ in range(count)]
        for one in kept:
            epoll.register(one)
    ready()
    time.sleep(600)
def ready():
    os.write(1, b"ready\\n")
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
if what == "children":
    for _ in range(count):
        if not os.fork():
            signal.pause()
    ready()
    signal.pause()
if not os.fork():
    work()
signal.pause()
"""


@pytest.fixture
def observer(tmp_path):
    for name in ("new", "running", "sleeping"):
        os.mkfifo(tmp_path / name)
    fifos = tuple(str(tmp_path / name) for name in ("new", "running", "sleeping"))
    pair = PairConfig("web", programs=("a", "b"), fifos=fifos, stats="", pool="")
    programs = SimpleNamespace(pid=0)
    programs.get = lambda name: SimpleNamespace(
        state="RUNNING" if name == "a" else "STOPPED", pid=programs.pid if name == "a" else 0
    )
    observer = Observer(pair, Kernel(), programs, time.monotonic)
    observer.folder = tmp_path
    return observer


def observe(observer):
    """Returns instance ``a``, and the longest time that a step held the loop."""
    longest = 0.0
    steps = observer.observe(full=True, thorough=True)
    while True:
        began = time.thread_time()
        try:
            effect = next(steps)
        except StopIteration as end:
            return end.value.instance("a"), max(longest, time.thread_time() - began)
        assert not isinstance(effect, ReadStats)
        longest = max(longest, time.thread_time() - began)


@pytest.mark.parametrize(
    "what, count, refusal",
    [
        ("children", 500, ""),
        ("children", 1000, "more than 512 children"),
        ("threads", 1500, ""),
        ("threads", 6000, "more than 2048 threads"),
        ("descriptors", 15_000, "more than 2000 files"),
        ("sockets", 9_000, "more than 2000 files"),
        ("sockets", 1_500, ""),
        ("watched", 15_000, "more than 2000 files"),
        ("watched", 1_500, ""),
    ],
)
def test_a_large_instance_is_observed_in_short_pieces(observer, what, count, refusal):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < count + 100:
        pytest.skip(f"NEEDS {count + 100} DESCRIPTORS: ulimit -Hn says less")
    with python(MASTER, str(observer.folder), what, str(count), stdout=subprocess.PIPE) as master:
        assert master.stdout.readline() == b"ready\n", "it could not be made that large here"
        try:
            observer.programs.pid = master.pid
            found = [observe(observer) for _ in range(4)]
        finally:
            for pid in children(master.pid):
                os.kill(pid, 9)
    assert all(instance.master == master.pid for instance, _ in found)
    assert all(refusal in instance.unreadable for instance, _ in found)
    assert bool(refusal) == bool(found[-1][0].unreadable)
    assert min(longest for _, longest in found[:2]) < HELD_S
    assert min(longest for _, longest in found[2:]) < HELD_S


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]

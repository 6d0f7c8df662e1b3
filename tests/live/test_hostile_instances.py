"""An instance that lies: supervisord runs as root, the instance as www-data and says what it likes.

Its stats server is replaced by one of the test, which answers for the master.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from supervisor_zerg.uwsgi.threads import in_pause

from .conftest import assert_serves, pid_of
from .test_users import for_www_data, www_data  # noqa: F401

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="NEEDS ROOT: starts supervisord as root and instances as www-data"
)

#: Writes a line for each SIGCONT that it gets.
VICTIM = """
import os, signal
signal.signal(signal.SIGCONT, lambda *_: os.write(1, b"CONT\\n"))
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""


@pytest.fixture
def victim():
    """A process of root that has nothing to do with the pair."""
    process = subprocess.Popen([sys.executable, "-c", VICTIM], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def hostile(make_stack, www_data):
    """A function that starts a warm pair whose instances run as www-data."""

    def make(**options):
        stack = make_stack("managed", start=False, **options)
        for_www_data(stack, www_data)
        for program in ("pybossa", "pybossabak", "zergpool"):
            stack.set_options(f"{program}.conf", f"program:{program}", {"user": "www-data"})
        stack.start()
        stack.warm_up()
        return stack

    return make


@contextlib.contextmanager
def lying(stack, program, answer):
    """Answer in place of the stats server of an instance. ``answer``: a function to bytes."""
    path = stack.run / f"{program}.stats"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        threading.Thread(target=answer_all, args=(listener, answer), daemon=True).start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def answer_all(listener, answer):
    with contextlib.suppress(OSError):
        while True:
            connection = listener.accept()[0]
            with connection, contextlib.suppress(OSError):
                connection.sendall(answer())


def row(pid, **members):
    return {
        "pid": pid,
        "accepting": 1,
        "status": "idle",
        "requests": 1,
        "exceptions": 0,
        "harakiri_count": 0,
        "respawn_count": 1,
        "cores": [{"in_request": 0}],
        **members,
    }


def document(master, pids, **members):
    """What it says of its own workers is true."""
    rows = [row(pid, **{"status": status_of(pid), **members}) for pid in pids]
    return json.dumps({"version": "2", "pid": master, "workers": rows}).encode()


def status_of(pid):
    try:
        with open(f"/proc/{pid}/syscall", "rb") as file:
            call = file.read().split()
            return "pause" if len(call) > 3 and in_pause(call) else "idle"
    except OSError:
        return "idle"


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def assert_untouched(victim):
    assert victim.poll() is None and state_of(victim.pid) == "S"
    os.kill(victim.pid, signal.SIGCONT)
    assert victim.stdout.readline() == b"CONT\n"
    os.set_blocking(victim.stdout.fileno(), False)
    assert victim.stdout.read() is None, "somebody else sent SIGCONT"
    os.set_blocking(victim.stdout.fileno(), True)


def with_foreign(stack, program, *pids):
    """The answers of a stats server that names foreign processes among its workers."""
    master = stack.instance(program)["master"]
    return lambda: document(master, [*children(master), *pids])


def reconcile_for(stack, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stack.zerg.reconcile("")
        stack.info()
        time.sleep(0.05)


def test_foreign_processes_in_the_stats_are_named_and_get_no_signal(hostile, victim):
    stack = hostile()
    with lying(stack, "pybossa", with_foreign(stack, "pybossa", victim.pid)):
        stack.until(lambda: any(str(victim.pid) in p for p in stack.info()["problems"]))
        stack.zerg.swap("")
        stack.zerg.swap("")
        reconcile_for(stack, 1)
        assert str(victim.pid) not in json.dumps(stack.zerg.getHistory("", 100))
    assert_untouched(victim)
    assert_serves(stack, stack.info()["serving"])


def test_a_foreign_process_is_not_frozen(hostile, victim):
    stack = hostile(pair={"freeze": "true"})
    for program in ("pybossa", "pybossabak"):
        with lying(stack, program, with_foreign(stack, program, victim.pid)):
            stack.zerg.swap("")
            reconcile_for(stack, 1)
    assert_untouched(victim)


def test_a_foreign_process_is_no_orphan_of_a_master_that_ended(hostile, victim):
    stack = hostile()
    master = stack.instance("pybossabak")["master"]
    with lying(stack, "pybossabak", with_foreign(stack, "pybossabak", victim.pid)):
        stack.until(lambda: any(str(victim.pid) in p for p in stack.info()["problems"]))
        os.kill(master, signal.SIGKILL)
        time.sleep(0.5)
        reconcile_for(stack, 4)
    assert_untouched(victim)
    assert stack.info()["serving"]


def test_supervisord_does_not_stop_itself(hostile):
    stack = hostile(pair={"freeze": "true"})
    supervisord = stack.process.pid
    for program in ("pybossa", "pybossabak"):
        with lying(stack, program, with_foreign(stack, program, supervisord, 1)):
            stack.zerg.swap("")
            reconcile_for(stack, 1)
            assert state_of(supervisord) in "SR"
    assert_serves(stack, stack.info()["serving"])


HUGE = str(10**400).encode()
NONSENSE = {
    "huge requests": lambda m, pids: document(m, pids, requests="X").replace(b'"X"', HUGE),
    "infinity": lambda m, pids: document(m, pids, requests="X").replace(b'"X"', b"Infinity"),
    "nesting": lambda m, pids: b"[" * 1_900_000,
    "nesting of objects": lambda m, pids: b'{"workers":' * 150_000,
    "huge pid": lambda m, pids: document(m, [10**30]),
    "unknown status": lambda m, pids: document(m, pids, status="sleepy"),
    "a fraction for the master": lambda m, pids: document(m + 0.5, pids),
    "a boolean for the master": lambda m, pids: document(True, pids),
    "20,000 rows": lambda m, pids: document(m, range(1, 20_001)),
    "no end": lambda m, pids: b" " * 50_000_000,
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_in_the_stats_is_refused_and_everything_goes_on(hostile, name):
    stack = hostile()
    answers = {}
    for program in ("pybossa", "pybossabak"):
        master = stack.instance(program)["master"]
        answers[program] = NONSENSE[name](master, children(master))
    with contextlib.ExitStack() as liars:
        for program, answer in answers.items():
            liars.enter_context(lying(stack, program, lambda answer=answer: answer))
        stack.until(lambda: any("stats server" in p for p in stack.info()["problems"]))
        for _ in range(4):
            was = stack.info()["serving"]
            assert stack.zerg.swap("")["serving"] != was
            began = time.monotonic()
            assert "zerg_pair" in stack.zerg.getMetrics()
            assert time.monotonic() - began < 2.0
        assert {found["source"] for found in stack.info()["instances"]} == {"kernel"}
    assert "this is a bug" not in stack.supervisord_log()
    assert pid_of(stack, "pybossa")

"""Where the threads of processes are that are no uWSGI, but do what one does."""

import os
import select
import signal
import socket

import pytest

from supervisor_zerg.linux.descriptors import Descriptors
from supervisor_zerg.linux.pieces import at_once
from supervisor_zerg.linux.processes import Processes
from supervisor_zerg.linux.sockets import Sockets
from supervisor_zerg.uwsgi.threads import Threads, in_pause
from tests.unit.processes import NOBODY, SLEEPS, python, until

DESCRIPTORS = Descriptors()
PROCESSES = Processes()
THREADS = Threads(DESCRIPTORS)
PAUSED = "import ctypes; ctypes.CDLL(None).poll(None, 0, 10000)"
WAITS = "import select; select.epoll().poll()"


def threads(process):
    return at_once(THREADS.read(process.pid))


def test_a_thread_in_poll_of_ten_seconds_is_in_uwsgis_pause():
    with python(PAUSED) as process:
        until(lambda: threads(process).paused == 1)
        assert threads(process).main_paused
        os.kill(process.pid, signal.SIGSTOP)
        until(lambda: PROCESSES.get(process.pid).state == "T")
        assert threads(process).paused == 1


def test_a_thread_in_epoll_waits_and_one_that_sleeps_is_away():
    with python(WAITS) as waits, python(SLEEPS) as sleeps:
        until(lambda: threads(waits).main_waits)
        assert THREADS.is_polling(waits.pid) and not THREADS.is_blocked(waits.pid)
        until(lambda: threads(sleeps).main_away)
        assert THREADS.is_blocked(sleeps.pid) and not THREADS.is_polling(sleeps.pid)
        until(lambda: THREADS.is_sleeping(sleeps.pid))
        assert not THREADS.is_sleeping(waits.pid)


def test_the_child_that_a_process_waits_for_is_read():
    waits = "import os, time; pid = os.fork() or time.sleep(30); print(pid); os.waitpid(pid, 0)"
    with python(waits) as one, python(waits.replace("(pid, 0)", "(-1, 0)")) as any_child:
        until(lambda: THREADS.awaited(one.pid))
        (child,) = at_once(PROCESSES.children(one.pid))
        assert THREADS.awaited(one.pid) == child
        until(lambda: THREADS.is_blocked(any_child.pid))
        assert THREADS.awaited(any_child.pid) == THREADS.awaited(NOBODY) == 0
        os.kill(child, signal.SIGKILL)
        for child in at_once(PROCESSES.children(any_child.pid)):
            os.kill(child, signal.SIGKILL)


def test_a_thread_that_runs_is_neither_waiting_nor_away_and_its_time_is_counted():
    with python("while True: pass") as process:
        until(lambda: threads(process).running == (process.pid,))
        before = THREADS.cpu_ns(process.pid, process.pid)
        until(lambda: THREADS.cpu_ns(process.pid, process.pid) > before + 1_000_000)
        assert not threads(process).main_away


def test_a_zombie_is_known_by_its_missing_system_call():
    with python(SLEEPS) as child:
        child.kill()
        until(lambda: threads(child).ended)
        assert not PROCESSES.alive(child.pid)


def test_a_process_that_is_gone_has_no_threads():
    assert at_once(THREADS.read(NOBODY)).total == 0
    assert at_once(THREADS.queues(NOBODY, frozenset({1}))) == frozenset()
    assert THREADS.is_polling(NOBODY) is False


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="system call numbers of x86-64")
@pytest.mark.parametrize(
    "line, paused",
    [
        ("7 0x0 0x0 0x2710 0x7ffd 0x0 0x0 0x7ffd 0x7f", True),
        ("219 0x0 0x0 0x2710 0x7ffd 0x0 0x0 0x7ffd 0x7f", True),
        ("219 0x0 0x0 0x7ffe3d369c50 0x0 0x0 0x73 0x7ffd 0x7f", False),
        ("7 0x7ffd 0x1 0x2710 0x0 0x0 0x0 0x7ffd 0x7f", False),
        ("7 0x0 0x0 0x3e8 0x0 0x0 0x0 0x7ffd 0x7f", False),
        ("232 0xb 0x7ffe 0x1 0xffffffff 0x0 0x0 0x7ffd 0x7f", False),
        ("202 0x7f 0x80 0x2 0x0 0x0 0x0 0x7ffd 0x7f", False),
    ],
)
def test_the_pause_is_known_by_its_system_call_and_arguments(line, paused):
    assert in_pause(line.encode().split()) is paused


def test_a_child_that_only_inherited_its_masters_epoll_waits_for_no_request(tmp_path):
    with (
        socket.socket(socket.AF_UNIX) as web,
        socket.socket(socket.AF_UNIX) as stats,
        select.epoll() as masters,
        select.epoll() as own,
    ):
        for name, listener in (("web", web), ("stats", stats)):
            listener.bind(str(tmp_path / name))
            listener.listen()
        masters.register(stats)
        inherited = [file.fileno() for file in (web, stats, masters)]
        web_inode, stats_inode = (os.fstat(file.fileno()).st_ino for file in (web, stats))
        with python(SLEEPS, pass_fds=inherited) as newborn:
            listening = at_once(Sockets(DESCRIPTORS).listening(os.getpid()))
            served = at_once(THREADS.served(os.getpid(), listening))
            assert web_inode in served and stats_inode not in served
            assert at_once(THREADS.queues(newborn.pid, served)) == set()
            own.register(web)
            assert at_once(THREADS.queues(os.getpid(), served)) == {own.fileno()}

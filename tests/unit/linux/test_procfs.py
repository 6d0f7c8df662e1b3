"""What Linux tells, asked about this process and its children."""

import os
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

from supervisor_zerg.core.pair_state import PathKind
from supervisor_zerg.linux.procfs import Kernel, in_pause

KERNEL = Kernel()
NOBODY = 2**22 - 1


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def until(true, seconds=5):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_fifo_is_found_by_its_path_deleted_replaced_or_not(tmp_path):
    path, other = str(tmp_path / "a.fifo"), str(tmp_path / "b.fifo")
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    held = KERNEL.held(os.getpid(), (other, path))
    assert (held.slot, held.fd, held.fifo_in_place) == (1, descriptor, True)
    os.unlink(path)
    assert KERNEL.held(os.getpid(), (other, path), hint=held.fd).fifo_in_place is False
    os.mkfifo(path)
    assert KERNEL.held(os.getpid(), (other, path)).fifo_in_place is False
    os.close(descriptor)
    assert KERNEL.held(os.getpid(), (other, path), hint=held.fd) is None


def test_a_regular_file_at_the_path_is_no_fifo(tmp_path):
    with open(tmp_path / "f", "w"):
        assert KERNEL.held(os.getpid(), (str(tmp_path / "f"),)) is None


def test_who_only_writes_to_a_fifo_does_not_hold_it(tmp_path):
    path, kernel = str(tmp_path / "x"), Kernel()
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    assert KERNEL.held(os.getpid(), (path,)).fd == reader
    os.close(reader)
    assert KERNEL.held(os.getpid(), (path,)) is None
    assert list(kernel.reader(KERNEL.identity(path)))[-1] == 0
    os.close(writer)


def test_what_lies_at_a_path_is_told_in_words(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    kinds = [
        KERNEL.path_kind(str(tmp_path / name)) for name in ("none", "fifo", "file", "link", "")
    ]
    assert kinds == [
        PathKind.ABSENT,
        PathKind.FIFO,
        PathKind.REGULAR_FILE,
        PathKind.SYMLINK,
        PathKind.DIRECTORY,
    ]


def test_the_identity_of_a_path_changes_when_the_fifo_is_made_anew(tmp_path):
    path = str(tmp_path / "x")
    os.mkfifo(path)
    before = KERNEL.identity(path)
    os.unlink(path)
    time.sleep(0.01)
    os.mkfifo(path)
    assert KERNEL.identity(path) != before
    assert KERNEL.identity(str(tmp_path / "none")) is None


def test_a_reader_of_a_fifo_is_found_among_all_processes(tmp_path):
    path, kernel = str(tmp_path / "x"), Kernel()
    os.mkfifo(path)
    assert list(kernel.reader(KERNEL.identity(path)))[-1] == 0
    os.unlink(path)
    time.sleep(0.01)
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    assert list(kernel.reader(KERNEL.identity(path)))[-1] == os.getpid(), (
        "a FIFO that is younger than the last pass"
    )
    assert list(kernel.reader(KERNEL.identity(path))) == [os.getpid()], "the same pass serves again"
    os.close(descriptor)


def test_children_are_found_with_and_without_the_kernels_own_list(child):
    listing, table = Kernel(), Kernel()
    table._has_children_file = False
    assert child.pid in listing.children(os.getpid())
    assert child.pid in table.children(os.getpid())
    later = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert later.pid in table.children(os.getpid())
    later.kill()
    later.wait()
    assert later.pid not in table.children(os.getpid())


def test_a_process_that_is_gone_reads_as_nothing():
    assert KERNEL.process(NOBODY) is None and not KERNEL.alive(NOBODY)
    assert KERNEL.held(NOBODY, ("/x",)) is None and KERNEL.children(NOBODY) == []
    assert KERNEL.threads(NOBODY).total == 0 and KERNEL.queues(NOBODY, {1}) == set()
    assert KERNEL.listening(NOBODY) == {} and KERNEL.writes(NOBODY) == 0
    assert KERNEL.is_polling(NOBODY) is False and KERNEL.signal(NOBODY, 0) is False


def test_a_zombie_is_known_by_its_missing_system_call(child):
    child.kill()
    until(lambda: KERNEL.threads(child.pid).ended)
    assert not KERNEL.alive(child.pid)


def test_processes_that_are_held_still_cannot_end_and_go_on_afterwards(child):
    with KERNEL.stopped_briefly([child.pid]) as alive:
        assert alive
        until(lambda: KERNEL.process(child.pid).state == "T")
        os.kill(child.pid, signal.SIGTERM)
        time.sleep(0.02)
        assert KERNEL.alive(child.pid)
    until(lambda: not KERNEL.alive(child.pid))
    with KERNEL.stopped_briefly([child.pid]) as alive:
        assert not alive, "it is a zombie"
    with KERNEL.stopped_briefly([]) as alive:
        assert alive


def test_a_signal_that_is_held_back_tells_that_its_handler_runs_or_is_about_to():
    number = signal.SIGTSTP
    code = (
        "import signal, time; signal.pthread_sigmask(signal.SIG_BLOCK, [%d]); print(flush=True); time.sleep(60)"
        % number
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    assert KERNEL.handling(process.pid, number) == (True, False)
    process.send_signal(number)
    assert KERNEL.handling(process.pid, number) == (True, True)
    process.kill()
    process.communicate()
    assert KERNEL.handling(os.getpid(), number) == KERNEL.handling(NOBODY, number) == (False, False)


def test_a_thread_in_poll_of_ten_seconds_is_in_uwsgis_pause():
    code = "import ctypes; ctypes.CDLL(None).poll(None, 0, 10000)"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        until(lambda: KERNEL.threads(process.pid).paused == 1)
        assert KERNEL.threads(process.pid).main_paused
        os.kill(process.pid, signal.SIGSTOP)
        until(lambda: KERNEL.process(process.pid).state == "T")
        assert KERNEL.threads(process.pid).paused == 1
    finally:
        process.kill()
        process.wait()


def test_a_thread_in_epoll_waits_and_one_that_sleeps_is_away(child):
    process = subprocess.Popen([sys.executable, "-c", "import select; select.epoll().poll()"])
    try:
        until(lambda: KERNEL.threads(process.pid).main_waits)
        assert KERNEL.is_polling(process.pid)
        until(lambda: KERNEL.threads(child.pid).main_away)
    finally:
        process.kill()
        process.wait()


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
def test_the_fingerprint_of_the_pause(line, paused):
    assert in_pause(line.encode().split()) is paused


def test_listening_sockets_are_told_with_their_names_and_connected_ones_are_not(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as unix, socket.socket() as tcp, socket.socket() as idle:
        unix.bind(path)
        unix.listen()
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        found = KERNEL.listening(os.getpid())
        assert found[os.fstat(unix.fileno()).st_ino] == path
        assert found[os.fstat(tcp.fileno()).st_ino] == "port %d" % tcp.getsockname()[1]
        assert os.fstat(idle.fileno()).st_ino not in found


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
        newborn = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=inherited
        )
        try:
            served = KERNEL.served(os.getpid(), KERNEL.listening(os.getpid()))
            assert (
                os.fstat(web.fileno()).st_ino in served
                and os.fstat(stats.fileno()).st_ino not in served
            )
            assert KERNEL.queues(newborn.pid, served) == set()
            own.register(web)
            assert KERNEL.queues(os.getpid(), served) == {own.fileno()}
        finally:
            newborn.kill()
            newborn.wait()


def test_a_thread_that_runs_is_neither_waiting_nor_away_and_its_time_is_counted():
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        until(lambda: KERNEL.threads(process.pid).running == [process.pid])
        before = KERNEL.cpu_ns(process.pid, process.pid)
        until(lambda: KERNEL.cpu_ns(process.pid, process.pid) > before + 1_000_000)
        assert not KERNEL.threads(process.pid).main_away
    finally:
        process.kill()
        process.wait()

"""FIFOs that this very process reads as a master would, and commands to them."""

import contextlib
import os
import time
from pathlib import Path

import pytest

from supervisor_zerg.core.pair_state import PathKind
from supervisor_zerg.linux.descriptors import Descriptors
from supervisor_zerg.linux.pieces import at_once
from supervisor_zerg.uwsgi.fifo import FifoCommand, Fifos

FIFOS = Fifos(Descriptors())


def find(pid, paths, hint=None):
    return at_once(FIFOS.find(pid, paths, hint))


def test_a_fifo_is_found_by_its_path_deleted_replaced_or_not(tmp_path):
    path, other = str(tmp_path / "a.fifo"), str(tmp_path / "b.fifo")
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    held = find(os.getpid(), (other, path))
    assert (held.slot, held.fd, held.fifo_in_place) == (1, descriptor, True)
    os.unlink(path)
    assert find(os.getpid(), (other, path), hint=held.fd).fifo_in_place is False
    os.mkfifo(path)
    assert find(os.getpid(), (other, path)).fifo_in_place is False
    os.close(descriptor)
    assert find(os.getpid(), (other, path), hint=held.fd) is None


def test_a_regular_file_at_the_path_is_no_fifo(tmp_path):
    with open(tmp_path / "f", "w"):
        assert find(os.getpid(), (str(tmp_path / "f"),)) is None


def test_who_only_writes_to_a_fifo_does_not_hold_it(tmp_path):
    path, fifos = str(tmp_path / "x"), Fifos(Descriptors())
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    assert find(os.getpid(), (path,)).fd == reader
    os.close(reader)
    assert find(os.getpid(), (path,)) is None
    assert at_once(fifos.reader(FIFOS.identity(path))) == 0
    os.close(writer)


def test_what_lies_at_a_path_has_a_name(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    kinds = [FIFOS.path_kind(str(tmp_path / name)) for name in ("none", "fifo", "file", "link", "")]
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
    before = FIFOS.identity(path)
    os.unlink(path)
    time.sleep(0.01)
    os.mkfifo(path)
    assert FIFOS.identity(path) != before
    assert FIFOS.identity(str(tmp_path / "none")) is None


def test_a_reader_of_a_fifo_is_found_among_all_processes(tmp_path):
    path, fifos = str(tmp_path / "x"), Fifos(Descriptors())
    os.mkfifo(path)
    assert at_once(fifos.reader(FIFOS.identity(path))) == 0
    os.unlink(path)
    time.sleep(0.01)
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    assert at_once(fifos.reader(FIFOS.identity(path))) == os.getpid(), (
        "a FIFO that is younger than the last pass"
    )
    assert at_once(fifos.reader(FIFOS.identity(path))) == os.getpid(), "the same pass serves again"
    os.close(descriptor)


def sent(held, command, expects=None):
    command = FifoCommand(os.getpid(), held, command, expects)
    command.send()
    return command


@pytest.fixture
def master(tmp_path):
    """This process as a master: (held, path, descriptor)."""
    path = str(tmp_path / "running.fifo")
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield find(os.getpid(), (path,)), path, descriptor
    with contextlib.suppress(OSError):
        os.close(descriptor)


def test_a_command_reaches_the_fifo_that_is_held_and_not_the_file_at_its_path(master):
    held, path, descriptor = master
    os.unlink(path)
    with open(path, "w") as file:
        file.write("precious")
    command = sent(held, b"p1")
    assert os.read(descriptor, 10) == b"p1"
    assert Path(path).read_text() == "precious"
    command.close()


def test_a_command_is_executed_when_the_master_holds_another_fifo(master):
    held, path, descriptor = master
    command = sent(held, b"p", expects=True)
    assert command.executed(held) is False
    os.close(descriptor)
    assert command.executed(None) is False, "it is just making the next one"
    os.unlink(path)
    os.mkfifo(path)
    assert os.open(path, os.O_RDONLY | os.O_NONBLOCK) == descriptor, (
        "the lowest number that is free"
    )
    assert command.executed(None) is True and command.expects is True


def test_the_next_fifo_may_have_another_number(master):
    held, _path, descriptor = master
    command = sent(held, b"p")
    os.close(descriptor)
    assert command.executed(held._replace(fd=held.fd + 1)) is True


def test_nothing_is_written_when_the_master_has_moved_on(master, tmp_path):
    held, _path, descriptor = master
    os.mkfifo(tmp_path / "other")
    anew = os.open(tmp_path / "other", os.O_RDONLY | os.O_NONBLOCK)
    os.dup2(anew, descriptor)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        sent(held, b"p")
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(anew)


def test_a_reader_that_opens_a_new_fifo_after_a_pass_is_found_by_the_next(tmp_path):
    """The kernel's time of a file lags, so the pass may seem to be younger than the FIFO."""
    path = str(tmp_path / "new.fifo")
    fifos = Fifos(Descriptors())
    os.mkfifo(path)
    assert fifos.is_new(fifos.identity(path)) and at_once(fifos.reader(fifos.identity(path))) == 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert at_once(fifos.reader(fifos.identity(path))) == os.getpid()
    finally:
        os.close(descriptor)

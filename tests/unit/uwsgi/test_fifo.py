"""Commands to a FIFO that this very process reads as a master would."""

import os

import pytest

from supervisor_zerg.linux.procfs import Kernel
from supervisor_zerg.uwsgi.fifo import FifoCommand


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
    yield Kernel().held(os.getpid(), (path,)), path, descriptor
    try:
        os.close(descriptor)
    except OSError:
        pass


def test_a_command_reaches_the_fifo_that_is_held_and_not_the_file_at_its_path(master):
    held, path, descriptor = master
    os.unlink(path)
    with open(path, "w") as file:
        file.write("precious")
    command = sent(held, b"p1")
    assert os.read(descriptor, 10) == b"p1"
    assert open(path).read() == "precious"
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
    held, path, descriptor = master
    command = sent(held, b"p")
    os.close(descriptor)
    assert command.executed(held._replace(fd=held.fd + 1)) is True


def test_nothing_is_written_when_the_master_has_moved_on(master, tmp_path):
    held, path, descriptor = master
    os.mkfifo(tmp_path / "other")
    anew = os.open(tmp_path / "other", os.O_RDONLY | os.O_NONBLOCK)
    os.dup2(anew, descriptor)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        sent(held, b"p")
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(anew)

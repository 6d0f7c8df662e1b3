"""The stats of uWSGI, and commands to a FIFO that this very process reads as a master would."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg.linux.procfs import Kernel
from supervisor_zerg.uwsgi.stats import FifoCommand, InvalidStats, parse


def worker(pid, status="idle", accepting=1, in_request=(0,)):
    threads = [{"id": n, "in_request": busy} for n, busy in enumerate(in_request)]
    return {
        "id": 1,
        "pid": pid,
        "accepting": accepting,
        "requests": 5,
        "exceptions": 0,
        "harakiri_count": 0,
        "respawn_count": 1,
        "status": status,
        "cores": threads,
    }


def stats(*workers):
    return json.dumps({"version": "2.0.30", "pid": 9, "workers": list(workers)}).encode()


def test_the_flag_is_told_by_workers_that_are_not_busy():
    assert parse(stats(worker(1), worker(2, "busy", in_request=(1,)))).paused is False
    assert parse(stats(worker(1, "pause"), worker(2, "busy", in_request=(1,)))).paused is True
    assert parse(stats(worker(1, "busy", in_request=(1,)))).paused is None
    assert parse(stats(worker(1, "pause"), worker(2, "idle"))).paused is None


def test_cores_are_counted_and_cheap_workers_left_out():
    snapshot = parse(stats(worker(1, "busy", in_request=(1, 0, 1, 0)), worker(0, "cheap")))
    (row,) = snapshot.workers
    assert (row.threads, row.busy, snapshot.cheap, snapshot.requests) == (4, 2, True, 10)


def test_without_cores_a_busy_worker_is_one_request():
    (row,) = parse(stats(worker(1, "busy", in_request=()))).workers
    assert (row.threads, row.busy) == (0, 1)


LEAVES = st.none() | st.booleans() | st.integers() | st.text()
JSON = st.recursive(LEAVES, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8)
FIELDS = (
    "pid",
    "accepting",
    "status",
    "requests",
    "exceptions",
    "harakiri_count",
    "respawn_count",
    "cores",
    "in_request",
)
ROWS = st.dictionaries(st.sampled_from(FIELDS), JSON)
DOCUMENTS = (
    st.fixed_dictionaries({"version": JSON, "pid": JSON, "workers": st.lists(ROWS) | JSON}) | JSON
)


@given(st.binary() | DOCUMENTS.map(lambda d: json.dumps(d).encode()))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_rubbish_is_called_rubbish_and_nothing_else(text):
    try:
        parse(text)
    except InvalidStats as error:
        assert "not a uWSGI stats document" in str(error)


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
    receipt = FifoCommand(os.getpid(), held, b"p1")
    assert os.read(descriptor, 10) == b"p1"
    assert open(path).read() == "precious"
    receipt.close()


def test_a_command_is_executed_when_the_master_holds_another_fifo(master):
    held, path, descriptor = master
    receipt = FifoCommand(os.getpid(), held, b"p", expects=True)
    assert receipt.executed(held) is False
    os.close(descriptor)
    assert receipt.executed(None) is False, "it is just making the next one"
    os.unlink(path)
    os.mkfifo(path)
    assert os.open(path, os.O_RDONLY | os.O_NONBLOCK) == descriptor, (
        "the lowest number that is free"
    )
    assert receipt.executed(None) is True and receipt.expects is True


def test_the_next_fifo_may_have_another_number(master):
    held, path, descriptor = master
    receipt = FifoCommand(os.getpid(), held, b"p")
    os.close(descriptor)
    assert receipt.executed(held._replace(fd=held.fd + 1)) is True


def test_nothing_is_written_when_the_master_has_moved_on(master, tmp_path):
    held, path, descriptor = master
    os.mkfifo(tmp_path / "other")
    anew = os.open(tmp_path / "other", os.O_RDONLY | os.O_NONBLOCK)
    os.dup2(anew, descriptor)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        FifoCommand(os.getpid(), held, b"p")
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(anew)

"""Kept connections of paused workers are closed."""

import os
import signal
import socket
from types import SimpleNamespace

import pytest

from supervisor_zerg.core.decision import Action, ActionKind
from supervisor_zerg.linux.signals import _MADE_HERE, ProvenProcess
from supervisor_zerg.uwsgi.connections import close_kept
from supervisor_zerg.uwsgi.execute import _close
from supervisor_zerg.uwsgi.threads import ThreadReading
from supervisor_zerg.uwsgi.tracked_state import HeldConnections, KnownWorker, WorkersRecord

PID = os.getpid()
PARKED = ThreadReading(1, paused=1, main_paused=True)
WAITS = ThreadReading(1, polling=1)


def found(result):
    return result
    yield


def kernel(threads):
    return SimpleNamespace(
        threads=SimpleNamespace(read=lambda pid, main_only=False: found(threads))
    )


@pytest.fixture
def kept():
    """This process as a worker that keeps one connection: (its record, our end, the other end)."""
    ours, client = socket.socketpair()
    held = HeldConnections({}, {ours.fileno(): os.fstat(ours.fileno()).st_ino})
    record = WorkersRecord(known={PID: KnownWorker(1, True)}, connections={PID: held})
    with ours, client:
        yield record, ours, client


@pytest.fixture
def worker():
    pidfd = os.pidfd_open(PID)
    yield ProvenProcess(_MADE_HERE, PID, pidfd)
    os.close(pidfd)


@pytest.mark.parametrize("request_bytes, killed", [(b"", 0), (b"GET / HTTP/1.1", 1)])
def test_h58_a_parked_worker_reads_nothing_so_both_directions_are_shut(
    kept, worker, request_bytes, killed
):
    record, _, client = kept
    client.sendall(request_bytes)
    assert close_kept(kernel(PARKED), [worker], record) == killed
    assert client.recv(1) == b"" and record.keeps_connections


def test_h58_a_worker_that_waits_for_a_request_still_answers_one_that_has_arrived(kept, worker):
    record, ours, client = kept
    client.sendall(b"GET")
    assert close_kept(kernel(WAITS), [worker], record) == 0
    assert ours.recv(9) == b"GET" and ours.recv(9) == b""
    ours.sendall(b"200")
    assert client.recv(9) == b"200"
    with pytest.raises(BrokenPipeError):
        client.sendall(b"GET")


def test_h58_a_worker_that_does_something_else_by_now_is_left_alone(kept, worker):
    record, ours, client = kept
    assert close_kept(kernel(ThreadReading(1)), [worker], record) == 0
    client.sendall(b"GET")
    assert ours.recv(9) == b"GET"


@pytest.mark.parametrize("watched, sent", [({}, [signal.SIGKILL]), ({8: 80}, [])])
def test_h58_where_the_descriptors_are_out_of_reach_an_idle_worker_is_replaced(kept, watched, sent):
    record, _, _ = kept
    record.connections[PID] = record.connections[PID]._replace(watched=watched)
    signals = []

    def duplicate(descriptor, inode):
        raise PermissionError(1, "seccomp")

    target = SimpleNamespace(pid=PID, duplicate=duplicate, send=signals.append)
    observer = SimpleNamespace(
        kernel=kernel(PARKED), masters={"a": SimpleNamespace(workers=record)}
    )
    assert _close(observer, [target], Action(ActionKind.CLOSE, "a", pids=(PID,))) == 0
    assert signals == sent

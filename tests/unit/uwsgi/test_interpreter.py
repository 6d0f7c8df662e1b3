"""What is concluded from what was read of an instance, against a clock of its own."""

from types import SimpleNamespace

import pytest

from supervisor_zerg.uwsgi.fifo import HeldFifo
from supervisor_zerg.uwsgi.interpreter import RESPAWN_S, interpret
from supervisor_zerg.uwsgi.threads import ThreadReading
from supervisor_zerg.uwsgi.tracked_state import (
    FifoRecord,
    HeldConnections,
    InstanceReading,
    KnownWorker,
    TrackedMaster,
    WorkerReading,
    WorkersRecord,
)

WAITS = WorkerReading(ThreadReading(1, main_waits=True, waiting=(5,)))


@pytest.fixture
def instance():
    """A function that returns an instance of one unpaused worker; its ``now`` is the clock."""
    tracked = TrackedMaster(
        SimpleNamespace(), master=10, fifo=FifoRecord(flag=False), workers=WorkersRecord()
    )

    def see(started, after=0.0):
        see.now += after
        tracked.workers.known = {11: KnownWorker(1, started)}
        reading = InstanceReading(
            "a",
            "RUNNING",
            10,
            tracked,
            see.now,
            10,
            HeldFifo(3, 1, 1, 1, True),
            workers={11: WAITS},
            signal_loops={} if started else {11: False},
        )
        seen, tracked.memory = interpret(reading, see.now)
        return seen

    see.now = 100.0
    return see


def test_an_instance_that_was_never_ready_boots(instance):
    seen = instance(started=False)
    assert seen.is_starting and not (seen.was_ready or seen.all_respawning)


def test_an_instance_whose_workers_all_start_again_respawns_for_a_moment(instance):
    assert instance(started=True).was_ready
    seen = instance(started=False)
    assert seen.all_respawning and not seen.is_starting and not seen.accepting
    assert instance(started=False, after=RESPAWN_S / 2).all_respawning
    late = instance(started=False, after=RESPAWN_S)
    assert not late.all_respawning, "by now another one should serve"
    assert not instance(started=True).all_respawning and instance(started=False).all_respawning


# connections

POLLS = ThreadReading(1, polling=1, main_away=True)
PAUSED = ThreadReading(1, paused=1, main_paused=True)


def worker_with(held, threads, busy=0, known_threads=1, snapshot=True):
    """The worker that is concluded from its connections and threads."""
    workers = WorkersRecord(known={11: KnownWorker(known_threads, True, busy)})
    tracked = TrackedMaster(
        SimpleNamespace(), master=10, fifo=FifoRecord(flag=True), workers=workers
    )
    if snapshot:
        tracked.stats.snapshot = SimpleNamespace(partly_paused=False, requests=0, missing=0)
    reading = InstanceReading("a", "RUNNING", 10, tracked, 100.0, 10, HeldFifo(3, 1, 1, 1, True))
    reading.workers = {11: WorkerReading(threads)}
    reading.connections = {11: held}
    seen = interpret(reading, 100.0)[0].workers[0]
    return seen.busy, seen.connections, seen.kept


@pytest.mark.parametrize("threads", [POLLS, PAUSED], ids=["waits", "parked"])
def test_h58_a_connection_without_a_request_is_kept(threads):
    assert worker_with(HeldConnections({}, {9: 90}), threads) == (0, 1, 1)


def test_h58_the_connection_of_a_request_is_no_other_one():
    assert worker_with(HeldConnections({}, {9: 90}), ThreadReading(1), busy=1) == (1, 0, 0)


def test_h58_with_a_request_in_the_worker_nothing_tells_which_connection_is_kept():
    held = HeldConnections({}, {9: 90, 10: 91})
    threads = ThreadReading(2, paused=1, main_paused=True)
    assert worker_with(held, threads, busy=1, known_threads=2) == (1, 1, 0)


def test_h58_a_connection_of_a_worker_that_may_just_have_accepted_it_is_not_kept():
    held = HeldConnections({}, {9: 90}, queues=frozenset({5}))
    threads = ThreadReading(2, polling=1, waiting=(5,))
    assert worker_with(held, threads, known_threads=2) == (0, 1, 0)
    assert worker_with(held, threads._replace(waiting=(6,)), known_threads=2) == (0, 1, 1)


def test_h58_a_thread_that_polls_is_inside_a_request_for_all_that_the_kernel_tells():
    assert worker_with(HeldConnections({}, {9: 90}), POLLS, snapshot=False) == (0, 1, 0)


def test_h59_a_connection_that_an_offload_thread_answers_is_in_flight_and_not_kept():
    assert worker_with(HeldConnections({9: 90}, {}), PAUSED) == (0, 1, 0)


def test_h59_the_connections_of_greenlets_are_their_requests_or_others():
    held = HeldConnections({9: 90, 10: 91}, {})
    workers = WorkersRecord(known={11: KnownWorker(1, True, 1)}, asynchronous=True)
    tracked = TrackedMaster(SimpleNamespace(), master=10, workers=workers)
    reading = InstanceReading("a", "RUNNING", 10, tracked, 100.0, 10)
    reading.workers = {11: WAITS}
    reading.connections = {11: held}
    seen = interpret(reading, 100.0)[0]
    assert seen.in_flight == 2 and seen.connections == 1 and not seen.keeping_workers

"""What was concluded from a moment is concluded anew from what is observed now."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg.core.instance import Condition, UnresponsiveReason
from supervisor_zerg.uwsgi.fifo import HeldFifo
from supervisor_zerg.uwsgi.interpreter import EFFECT_S
from supervisor_zerg.uwsgi.stats import InvalidStats, parse
from supervisor_zerg.uwsgi.stats_source import RETRY_S
from supervisor_zerg.uwsgi.tracked_state import (
    FifoRecord,
    KnownWorker,
    Memory,
    QuietWorker,
    StatsRecord,
    TrackedMaster,
    WorkersRecord,
)

from .fake_kernel import STATS_SOCKET, WEB_SOCKET, FakeInstance, FakeWorld

NOW = FakeWorld().now
PIDS = st.integers(10, 20)
TIMES = st.just(-1e9) | st.floats(NOW - 100, NOW)
SINCE = st.none() | TIMES
FLAG = st.none() | st.booleans()
SNAPSHOTS = st.builds(
    lambda workers, cheap: replace_cheap(FakeInstance(10, workers).document(), cheap),
    st.dictionaries(PIDS, st.sampled_from(["waits", "paused", "busy"]), max_size=5),
    st.booleans(),
)
RECORDS = st.builds(
    lambda fifo, workers, stats, memory, attached: {
        "fifo": fifo,
        "workers": workers,
        "stats": stats,
        "memory": memory,
        "attached": attached,
    },
    st.builds(
        FifoRecord,
        held=st.none() | st.builds(HeldFifo, st.just(4), st.integers(0, 2), PIDS, PIDS, FLAG),
        held_at=TIMES,
        flag=FLAG,
        toggled_at=TIMES,
        woken_at=TIMES,
    ),
    st.builds(
        WorkersRecord,
        known=st.dictionaries(
            PIDS, st.builds(KnownWorker, st.integers(1, 4), st.booleans(), st.integers(0, 4))
        ),
        first_seen=st.dictionaries(st.tuples(PIDS, st.integers(105, 125)), TIMES),
        stopped=st.sets(PIDS),
        replaced_at=TIMES,
        listening=st.none() | st.dictionaries(st.integers(69, 72), st.just("/f/old")),
        asynchronous=st.booleans(),
        foreign=st.just(()) | st.just((99,)),
    ),
    st.builds(StatsRecord, snapshot=SNAPSHOTS, at=TIMES, flag=FLAG, flag_at=TIMES)
    | st.builds(
        StatsRecord,
        at=TIMES,
        flag=FLAG,
        flag_at=TIMES,
        error=st.text(min_size=1, max_size=3),
        retry_at=st.floats(NOW - 100, NOW + RETRY_S),
    ),
    st.builds(
        Memory,
        flag=FLAG,
        flag_at=TIMES,
        partly_paused_since=SINCE,
        accepts_since=SINCE,
        was_ready=st.booleans(),
        gone_since=SINCE,
        blocked_elsewhere=st.dictionaries(PIDS, st.integers(0, 9)),
        quiet=st.dictionaries(PIDS, st.builds(QuietWorker, st.integers(0, 9))),
    ),
    FLAG,
)


def replace_cheap(document, cheap):
    return parse(document)._replace(cheap=cheap)


@given(RECORDS, st.booleans(), st.booleans())
@settings(max_examples=400, deadline=None, derandomize=True)
def test_a_healthy_serving_instance_is_seen_as_such_within_two_observations(records, answers, full):
    world = FakeWorld(FakeInstance(answers=answers))
    world.observer.masters["a"] = TrackedMaster(world.tracked.signal_loop, 10, **records)
    world.observe(full=full)
    seen = world.observe(after=EFFECT_S + 0.01, full=full)
    assert seen.condition is Condition.SERVING and seen.accepting and seen.ready
    if full:  # else one that was started while the known ones live on is not looked for
        assert [worker.pid for worker in seen.workers] == [11, 12, 13, 14]
    assert all(worker.started and not worker.stopped for worker in seen.workers)
    assert not (seen.just_toggled or seen.partly_paused or seen.all_respawning)
    assert seen.unresponsive is None and seen.in_flight == 0


@given(RECORDS, st.booleans())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_parked_instance_is_seen_as_such_within_two_observations(records, answers):
    parked = FakeInstance(workers=dict.fromkeys((11, 12), "paused"), slot=2, answers=answers)
    world = FakeWorld(parked)
    world.observer.masters["a"] = TrackedMaster(world.tracked.signal_loop, 10, **records)
    world.observe()
    seen = world.observe(after=EFFECT_S + 0.01)
    assert seen.condition is Condition.PARKED and seen.ready and seen.fully_paused


@pytest.mark.parametrize("stale", [{}, {STATS_SOCKET: "/f/stats"}, {69: "/f/old"}])
def test_a_list_of_sockets_that_lacks_one_is_read_anew(stale):
    """It was read while the master booted, or while the list changed, and the stats are silent."""
    world = FakeWorld(FakeInstance(answers=False))
    world.tracked.workers.listening = stale
    world.observe()
    world.tracked.workers.listening = stale
    world.observe(after=1.0)
    assert world.observe(after=EFFECT_S + 0.01).condition is Condition.SERVING
    assert WEB_SOCKET in world.tracked.workers.listening


def test_a_throttled_instance_says_so_and_serves_as_soon_as_its_workers_do():
    world = FakeWorld()
    assert world.observe().condition is Condition.SERVING
    world.instance.sleeps = True
    world.instance.workers = {11: "zombie", 12: "zombie"}
    throttled = world.observe(after=0.5, full=False)
    assert throttled.unresponsive is UnresponsiveReason.THROTTLED and not throttled.accepting
    assert throttled.source == "kernel"
    world.instance.sleeps = False
    world.instance.answers = False
    world.instance.workers = dict.fromkeys((21, 22), "waits")
    seen = world.observe(after=2.0, full=False)
    assert seen.condition is Condition.SERVING and seen.unresponsive is None


def test_a_master_that_sleeps_while_it_boots_is_not_called_throttled():
    world = FakeWorld(FakeInstance(workers={}, sleeps=True))
    assert world.observe().unresponsive is UnresponsiveReason.BUSY


def test_a_master_that_waits_for_the_end_of_a_worker_is_ending():
    paused = dict.fromkeys((11, 12), "paused")
    world = FakeWorld(FakeInstance(workers=paused, slot=2))
    assert world.observe().unresponsive is None
    world.instance.awaited = 11
    ending = world.observe(after=1.0, full=False)
    assert ending.unresponsive is UnresponsiveReason.AWAITS_WORKERS and ending.is_ending
    world.instance.awaited = 99  # the command of a hook
    assert world.observe(after=1.0).unresponsive is UnresponsiveReason.BUSY


def test_a_worker_is_missing_when_its_master_has_not_replaced_it_for_a_while():
    world = FakeWorld(FakeInstance(missing=1))
    assert world.observe().missing_workers == 0
    assert world.observe(after=4.0).missing_workers == 0
    assert world.observe(after=2.0).missing_workers == 1
    world.instance.missing = 0
    assert world.observe(after=1.0).missing_workers == 0


def test_no_worker_is_missing_while_others_are_replaced():
    world = FakeWorld(FakeInstance(missing=1))
    for pid in range(20, 30):
        world.instance.workers = {11: "waits", pid: "waits"}
        assert world.observe(after=2.0).missing_workers == 0


FOREIGN = 99


def test_processes_that_the_stats_name_and_the_kernel_does_not_are_ignored_and_reported():
    world = FakeWorld(strangers=(FOREIGN,))
    world.instance.stats = replace(
        world.instance, workers={**world.instance.workers, FOREIGN: "paused", 1: "busy"}
    ).document()
    world.kernel.strangers = (FOREIGN, 1)
    seen = world.observe()
    assert [worker.pid for worker in seen.workers] == [11, 12, 13, 14]
    assert seen.condition is Condition.SERVING and seen.in_flight == 0
    assert (seen.requests, seen.partly_paused) == (4, False)
    assert world.tracked.workers.foreign == (1, 99)
    assert set(world.tracked.workers.sightings) == {11, 12, 13, 14}


def test_a_worker_that_has_just_ended_still_counts_and_one_that_never_was_does_not():
    """While the master has not noticed, a pause might hit the worker that it starts next."""
    world = FakeWorld()
    assert world.observe().steady
    world.instance.stats = replace(
        world.instance, workers={**world.instance.workers, 15: "waits"}
    ).document()
    assert not world.observe(after=0.1).steady
    seen = world.observe(after=2.0)
    assert seen.steady and world.tracked.workers.foreign == (15,)


@pytest.mark.parametrize("answer", [b"[" * 9999, b'{"pid": 1e999}', b"\0", b""])
def test_without_usable_stats_the_kernel_is_the_source(answer):
    world = FakeWorld(FakeInstance(stats=answer or b" "))
    seen = world.observe()
    assert seen.condition is Condition.BOOTING or seen.source == "kernel"
    assert world.observe(after=EFFECT_S + 0.01).condition is Condition.SERVING
    assert "not a uWSGI stats document" in world.tracked.stats_error
    with pytest.raises(InvalidStats):
        parse(answer)


# connections are read anew in each observation


def test_h59_a_parked_instance_drains_while_a_worker_holds_a_connection():
    parked = FakeInstance(workers=dict.fromkeys((11, 12), "paused"), slot=2)
    world = FakeWorld(parked)
    assert world.observe().condition is Condition.PARKED
    parked.connections = {11: {9: 90}}
    parked.offloaded = frozenset({90})
    held = world.observe(after=0.1)
    assert (held.condition, held.in_flight, held.keeping_workers) == (Condition.DRAINING, 1, ())
    parked.offloaded = frozenset()
    assert world.observe(after=0.1).keeping_workers == (11,)
    parked.connections = {}
    assert world.observe(after=0.1).condition is Condition.PARKED


def test_h59_a_socket_that_was_found_while_the_list_of_sockets_was_incomplete_is_read_again():
    parked = FakeInstance(workers=dict.fromkeys((11, 12), "paused"), slot=2)
    world = FakeWorld(parked)
    parked.connections = {11: {9: 90}}
    world.tracked.workers.other_sockets = {WEB_SOCKET, 77, 90}
    assert world.observe().in_flight == 1


def test_h58_parked_workers_without_connections_are_read_again_after_they_ran():
    parked = FakeInstance(workers=dict.fromkeys((11, 12), "paused"), slot=2)
    world = FakeWorld(parked)
    assert world.observe().condition is Condition.PARKED
    parked.connections = {11: {9: 90}}
    assert world.observe(full=False).in_flight == 0
    parked.workers[11] = "waits"
    world.observe(full=False)
    parked.workers[11] = "paused"
    assert world.observe(full=False).keeping_workers == (11,)
    parked.connections = {}
    assert world.observe(full=False).condition is Condition.PARKED


def test_h58_parked_workers_without_connections_are_read_again_after_a_command():
    parked = FakeInstance(workers=dict.fromkeys((11, 12), "paused"), slot=2)
    world = FakeWorld(parked)
    assert world.observe().condition is Condition.PARKED
    parked.connections = {11: {9: 90}}
    parked.slot = 1  # another FIFO
    assert world.observe(full=False).keeping_workers == (11,)

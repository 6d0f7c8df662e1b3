"""What is concluded from what was read of an instance, against a clock of its own."""

from types import SimpleNamespace

import pytest

from supervisor_zerg.uwsgi.fifo import HeldFifo
from supervisor_zerg.uwsgi.interpreter import RESPAWN_S, interpret
from supervisor_zerg.uwsgi.threads import ThreadReading
from supervisor_zerg.uwsgi.tracked_state import (
    FifoRecord,
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


def test_an_instance_whose_workers_are_all_newborn_again_respawns_for_a_moment(instance):
    assert instance(started=True).was_ready
    seen = instance(started=False)
    assert seen.all_respawning and not seen.is_starting and not seen.accepting
    assert instance(started=False, after=RESPAWN_S / 2).all_respawning
    late = instance(started=False, after=RESPAWN_S)
    assert not late.all_respawning, "by now another one should serve"
    assert not instance(started=True).all_respawning and instance(started=False).all_respawning

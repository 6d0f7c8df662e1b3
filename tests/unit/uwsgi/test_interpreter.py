"""What is made of what was seen of an instance: growth and renewal, against a clock of its own."""

from types import SimpleNamespace

import pytest

from supervisor_zerg.linux.procfs import HeldFifo, Threads
from supervisor_zerg.uwsgi.interpreter import RENEW_S, Interpreter
from supervisor_zerg.uwsgi.tracked_state import WorkerReading, TrackedMaster, InstanceReading

WAITS = WorkerReading(Threads(1, 0, False, True, False, [5], [], False), False)


@pytest.fixture
def instance():
    """:returns: function(born) -> Instance of one unpaused worker, as seen now; its ``now`` is the clock."""
    flood = SimpleNamespace(check=lambda pid: False)
    tracked = TrackedMaster(flood, master=10, threads={11: 1}, flag=False)

    def see(started, after=0.0):
        see.now += after
        tracked.started = {11: started}
        held = HeldFifo(3, 1, 1, 1, True)
        seen = InstanceReading("a", "RUNNING", 10, tracked, see.now, 10, held, looks={11: WAITS})
        return Interpreter(None, lambda: see.now).instance(seen)

    see.now = 100.0
    return see


def test_an_instance_that_was_never_ready_boots(instance):
    seen = instance(started=False)
    assert seen.is_starting and not (seen.was_ready or seen.all_respawning)


def test_an_instance_whose_workers_are_all_newborn_again_is_renewing_for_a_moment(instance):
    assert instance(started=True).was_ready
    seen = instance(started=False)
    assert seen.all_respawning and not seen.is_starting and not seen.accepting
    assert instance(started=False, after=RENEW_S / 2).all_respawning
    assert not instance(started=False, after=RENEW_S).all_respawning, (
        "by now another one should serve"
    )
    assert not instance(started=True).all_respawning and instance(started=False).all_respawning

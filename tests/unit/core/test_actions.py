from dataclasses import replace

from supervisor_zerg.core import errors
from supervisor_zerg.core.actions import resume, toggle
from supervisor_zerg.core.decision import ActionKind
from supervisor_zerg.core.goals import DesiredState
from supervisor_zerg.core.instance import UnresponsiveReason

from ..simulated_pair import World


def test_no_toggle_meets_a_worker_that_starts_unless_it_is_forced():
    world = World().served_by_a()
    world.masters["b"].workers[0] = replace(world.masters["b"].workers[0], started=False)
    observed = world.observed()
    b = observed.instance("b")
    decision = toggle(observed, DesiredState(), b, ActionKind.RESUME, None, "b")
    assert decision.refusal is errors.Unsteady and not decision.actions
    forced = DesiredState(force_toggle=True)
    assert toggle(observed, forced, b, ActionKind.RESUME, None, "b").actions


def test_a_resumed_instance_whose_master_is_throttled_is_waited_for():
    observed = World().served_by_a().observed()
    resumed = replace(
        observed.instance("b"), paused=False, unresponsive=UnresponsiveReason.THROTTLED
    )
    decision = resume(observed, DesiredState(), resumed)
    assert not decision.actions and decision.waiting_for.startswith("b sleeps")

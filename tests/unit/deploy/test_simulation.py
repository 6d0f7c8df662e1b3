"""The ideal pair of a dry run."""

from dataclasses import replace

import pytest

from supervisor_zerg.core.decision import Action, ActionKind
from supervisor_zerg.core.instance import Instance, Worker
from supervisor_zerg.core.pair_state import Orphan, PairState
from supervisor_zerg.deploy import simulation

from .pairs import OBSERVED, OLD, PARKED, SERVING, an_instance


def with_worker(instance, **changes):
    (worker,) = instance.workers
    return replace(instance, workers=(replace(worker, **changes),))


def the_worker(observed, program):
    (worker,) = observed.instance(program).workers
    return worker


def test_orphans_end():
    observed = replace(OBSERVED, orphans=(Orphan(1, "new"), Orphan(2, "new", busy=True)))
    observed = simulation.apply(observed, Action(ActionKind.END_ORPHAN, "new", pids=(1,)))
    assert observed.orphans == (Orphan(2, "new", busy=True),)
    assert simulation.wait(observed).orphans == (Orphan(2, "new"),)


def test_a_restarted_instance_is_another_process_that_waits_parked():
    observed = simulation.apply(OBSERVED, Action(ActionKind.RESTART, "new"))
    new = observed.instance("new")
    assert new.pid < 0
    assert new.ready and new.fully_paused
    again = simulation.start(observed, "new").instance("new")
    assert again.pid < new.pid


def test_a_program_alone_boots_with_one_worker():
    observed = PairState((Instance("old"), Instance("new")))
    assert len(simulation.start(observed, "new").instance("new").workers) == 1


def test_a_worker_ends():
    action = Action(ActionKind.END_WORKER, "new", pids=(21,))
    assert simulation.apply(OBSERVED, action).instance("new").workers == ()


@pytest.mark.parametrize("kind", [ActionKind.CONTINUE, ActionKind.THAW, ActionKind.END_FLOOD])
def test_a_signalled_worker_goes_on(kind):
    for instance, parked in ((PARKED, 1), (SERVING, 0)):
        stopped = with_worker(instance, stopped=True, in_signal_loop=True, parked=0)
        observed = simulation.apply(PairState((OLD, stopped)), Action(kind, "new", pids=(21,)))
        assert the_worker(observed, "new") == Worker(21, 1, parked)


def test_a_signal_reaches_only_its_pids():
    observed = simulation.apply(OBSERVED, Action(ActionKind.FREEZE, "new", pids=(99,)))
    assert observed == OBSERVED


def test_what_takes_time_ends():
    stopping = PairState((OLD, replace(PARKED, state="STOPPING")))
    assert simulation.wait(stopping).instance("new") == Instance("new")
    starting = an_instance("new", True, started=False)
    starting = replace(starting, state="STARTING", pending=("p2",), newly_accepting=True)
    ready = simulation.wait(PairState((OLD, starting))).instance("new")
    assert ready == replace(PARKED, was_ready=True)


def test_a_worker_that_is_stopped_or_in_a_signal_loop_does_not_go_on_by_itself():
    for changes in ({"stopped": True, "parked": 0}, {"in_signal_loop": True, "parked": 0}):
        instance = with_worker(PARKED, **changes)
        rested = simulation.wait(PairState((OLD, instance)))
        assert the_worker(rested, "new") == instance.workers[0]


def test_a_worker_that_serves_keeps_serving():
    busy = an_instance("old", False, busy=1)
    assert the_worker(simulation.wait(PairState((busy, PARKED))), "old") == Worker(11)

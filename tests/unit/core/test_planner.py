"""Single decisions of the planner that no scenario brings about by itself."""

from dataclasses import replace

from supervisor_zerg.core import errors
from supervisor_zerg.core.actions import align, end_gracefully
from supervisor_zerg.core.decision import Action, ActionKind
from supervisor_zerg.core.goals import DesiredState
from supervisor_zerg.core.instance import Condition, Instance, Slot, Worker
from supervisor_zerg.core.pair_state import Obstacle, PairState, PathKind
from supervisor_zerg.core.planner import decide

SERVING = Instance(
    "a", "RUNNING", 1, 1, Slot.RUNNING, paused=False, workers=(Worker(2),), was_ready=True
)
PARKED = Instance(
    "b",
    "RUNNING",
    3,
    3,
    Slot.SLEEPING,
    paused=True,
    workers=(Worker(4, parked=1),),
    was_ready=True,
)
A_SERVED = DesiredState(last_active="a")


def decided(a=SERVING, b=PARKED, desired=A_SERVED):
    return decide(PairState((a, b)), desired)


def test_parked_threads_that_cannot_see_that_their_master_ends_are_ended():
    threads = (Worker(4, threads=2, parked=2), Worker(5, threads=2, parked=1, busy=1))
    stopping = replace(PARKED, state="STOPPING", unresponsive="waits for workers", workers=threads)
    (action,) = decided(b=stopping).actions
    assert (action.kind, action.program, action.pids) == (ActionKind.END_WORKER, "b", (4,))


def test_nothing_is_resumed_while_it_is_unknown_whether_the_other_serves():
    unknown = replace(SERVING, paused=None)
    decision = decided(a=unknown, desired=DesiredState(last_active="b"))
    assert not decision.actions
    assert decision.waiting_for.startswith("it is unknown whether a is paused")


def test_an_async_instance_that_accepts_beside_the_one_that_serves_is_not_paused():
    asynchronous = replace(PARKED, asynchronous=True, paused=False, workers=(Worker(4),))
    decision = decided(b=asynchronous)
    assert decision.refusal is errors.AsyncInstance
    assert not decision.actions


def test_a_parked_instance_with_a_command_pending_is_waited_for():
    decision = decided(b=replace(PARKED, pending=("p",)))
    assert not decision.met
    assert decision.waiting_for == "b has not yet executed a command"


def test_an_instance_of_which_nobody_knows_whether_it_is_paused_is_waited_for():
    decision = decided(b=replace(PARKED, paused=None))
    assert not decision.met
    assert decision.waiting_for.startswith("it is unknown whether b is paused")


def test_an_old_instance_is_ended_although_a_request_is_in_it_when_the_drain_limit_has_passed():
    draining = replace(PARKED, workers=(Worker(4, busy=1),))
    desired = replace(A_SERVED, retiring="b")
    assert not decided(b=draining, desired=desired).actions
    (action,) = decided(b=draining, desired=replace(desired, drain_expired=True)).actions
    assert action.kind is ActionKind.QUIT


def test_an_instance_whose_toggle_was_executed_a_moment_ago_is_not_toggled_again():
    partly = replace(PARKED, partly_paused=True, just_toggled=True)
    decision = align(PairState((SERVING, partly)), A_SERVED, partly)
    assert not decision.actions
    assert decision.waiting_for == "the workers of b are toggled to one state"


def test_nothing_is_ended_by_a_second_command_or_while_the_other_makes_the_same_fifo():
    pending = replace(PARKED, pending=("p",))
    decision = end_gracefully(PairState((SERVING, pending)), pending, "a", "it is to end")
    assert decision.waiting_for == "b has not yet executed a command"
    moving = replace(SERVING, pending=("p2",))
    decision = end_gracefully(PairState((moving, PARKED)), PARKED, "a", "it is to end")
    assert decision.waiting_for == "a has not yet executed a command"


def test_a_directory_at_the_path_of_the_fifo_keeps_an_instance_from_being_ended():
    obstacle = Obstacle(PathKind.DIRECTORY, "/x")
    observed = PairState((SERVING, PARKED), ((Slot.SLEEPING, obstacle),))
    decision = end_gracefully(observed, PARKED, "a", "it is to end")
    assert decision.refusal is errors.Obstructed
    assert not decision.actions


def test_a_paused_instance_none_of_whose_workers_has_started_is_booting():
    assert replace(PARKED, workers=(Worker(4, started=False),)).condition is Condition.BOOTING


def test_the_serving_instance_keeps_an_old_socket_until_the_other_one_is_ready_on_the_new_one():
    detached = replace(SERVING, attached=False)
    booting = Instance("b", "STARTING", 3, 3, Slot.NEW)
    assert not decided(a=detached, b=booting).actions
    (action,) = decided(a=detached, b=replace(PARKED, attached=True)).actions
    assert (action.kind, action.program) == (ActionKind.RESTART, "a")


def test_an_action_is_named_by_its_kind_its_program_its_slot_and_its_pids():
    assert str(Action(ActionKind.PAUSE, "a", Slot.SLEEPING)) == "pause a to sleeping"
    assert str(Action(ActionKind.NUDGE, "b", pids=(4, 5))) == "nudge b pids 4 5"


def test_an_instance_that_holds_none_of_the_fifos_and_accepts_is_lost_and_is_sent_nothing():
    lost = replace(PARKED, paused=False, slot=None, workers=(Worker(4),))
    assert lost.condition is Condition.LOST
    decision = decided(b=lost)
    assert decision.refusal is errors.Lost
    assert not decision.actions

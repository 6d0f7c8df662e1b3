"""Rows of docs/scenarios.rst, replayed against the planner with simulated masters."""

from dataclasses import replace

import pytest

from supervisor_zerg.core import errors
from supervisor_zerg.core.decision import ActionKind
from supervisor_zerg.core.goals import DesiredState, OnStart
from supervisor_zerg.core.instance import Condition, Instance, Slot, UnresponsiveReason
from supervisor_zerg.core.pair_state import Obstacle, Orphan, PairState, PathKind
from supervisor_zerg.core.planner import choose_active, decide

from ..simulated_pair import Master, World, converge, kinds, roles

A_FILE = Obstacle(PathKind.REGULAR_FILE, "a regular file at /run/sleeping.fifo")
A_DIRECTORY = Obstacle(PathKind.DIRECTORY, "a directory at /run/sleeping.fifo")

A_SERVED = DesiredState(last_active="a")


def arriving(program, on_start, last="a"):
    return DesiredState(last_active=last, on_start=((program, on_start),))


@pytest.fixture(params=[1, 4], ids=["prefork", "threads"])
def world(request):
    return World(threads=request.param).served_by_a()


def test_h01_the_only_instance_serves_and_nothing_is_warm():
    world = World()
    world.start("a")
    converge(world)
    assert roles(world) == ("a", "")
    assert world.observed().warm is False


def test_h02_the_instance_that_an_operator_starts_takes_over_when_it_is_ready(world):
    world.start("b")
    assert choose_active(world.observed(), arriving("b", OnStart.PROMOTE)) == "a"
    converge(world, arriving("b", OnStart.PROMOTE))
    assert roles(world) == ("b", "a")


def test_h02_with_hooks_the_instance_is_left_to_its_own_hooks_first(world):
    world.boot("b", Slot.NEW, False, newly_accepting=True)
    decision = decide(world.observed(), arriving("b", OnStart.PROMOTE))
    assert not decision.actions and decision.poll_slowly
    converge(world, arriving("b", OnStart.PROMOTE))
    assert roles(world) == ("b", "a")


def test_h03_a_swap_resumes_the_next_instance_before_it_pauses_the_other(world):
    converge(world, DesiredState(requested="b", last_active="a"))
    assert roles(world) == ("b", "a")
    assert [v for v in kinds(world) if v != "nudge"] == ["resume", "pause"]
    assert world.actions[0].command == b"p1"


def test_h04_a_hundred_swaps_end_as_one(world):
    desired = A_SERVED
    for number in range(100):
        desired, _ = converge(world, replace(desired, requested="ba"[number % 2]))
    assert roles(world) == ("a", "b")


def test_h05_the_parked_instance_that_an_operator_restarted_takes_over_and_the_old_one_is_parked(
    world,
):
    old = world.masters["a"].pid
    world.die("b")
    world.start("b")
    converge(world, arriving("b", OnStart.PROMOTE))
    assert roles(world) == ("b", "a") and world.masters["a"].pid == old


def test_h06_the_parked_instance_takes_over_from_one_that_is_about_to_stop(world):
    world.masters["a"].state = "STOPPING"
    decision = decide(world.observed(), A_SERVED)
    assert [(m.kind, m.program) for m in decision.actions] == [(ActionKind.RESUME, "b")]
    converge(world, A_SERVED)
    assert world.observed().serving == "b"


def test_h07_when_the_serving_master_dies_the_parked_instance_serves_and_the_respawn_is_parked(
    world,
):
    world.die("a")
    desired, _ = converge(world, A_SERVED)
    assert world.observed().serving == "b"
    world.start("a")
    converge(world, replace(desired, on_start=(("a", OnStart.STANDBY),)))
    assert roles(world) == ("b", "a")


def test_h07_a_respawn_whose_hooks_took_over_is_put_back(world):
    world.boot("a", Slot.RUNNING, False)
    world.masters["b"].slot = Slot.SLEEPING
    converge(world, arriving("a", OnStart.STANDBY, last="b"))
    assert roles(world) == ("b", "a")


def test_h08_without_the_other_instance_nothing_is_warm(world):
    world.die("a")
    world.masters["a"].state = "FATAL"
    converge(world, A_SERVED)
    assert roles(world) == ("b", "") and not world.observed().warm


def test_h09_a_respawn_of_the_parked_instance_never_takes_over(world):
    world.die("b")
    world.start("b")
    converge(world, arriving("b", OnStart.STANDBY))
    assert roles(world) == ("a", "b")
    assert not [m for m in world.actions if m.kind in (ActionKind.RESUME, ActionKind.PAUSE)]


def test_h10_when_both_died_the_first_that_is_ready_serves():
    world = World()
    world.start("a")
    world.boot("b", Slot.NEW, True)
    converge(
        world,
        DesiredState(last_active="a", on_start=(("a", OnStart.STANDBY), ("b", OnStart.STANDBY))),
    )
    assert roles(world) == ("b", "a")


def test_h11_detached_instances_are_restarted_one_after_the_other(world):
    for master in world.masters.values():
        master.attached = False
    converge(world, A_SERVED)
    assert [m.program for m in world.actions if m.kind is ActionKind.RESTART] == ["b", "a"]
    assert world.observed().serving


def test_h12_after_a_restart_who_serves_is_read_from_the_masters_and_not_remembered(world):
    converge(world, DesiredState())
    assert roles(world) == ("a", "b") and world.actions == []


def test_h13_a_lost_path_is_put_back_once(world):
    world.masters["a"].fifo_in_place = False
    converge(world, A_SERVED)
    assert kinds(world) == ["relink"] and world.actions[0].command == b"\n"


def test_h14_labels_that_an_operator_inverted_are_repaired_and_no_traffic_moves(world):
    world.boot("a", Slot.RUNNING, True)
    world.boot("b", Slot.SLEEPING, False)
    converge(world, A_SERVED)
    assert roles(world) == ("b", "a")
    assert set(kinds(world)) <= {"label", "nudge", "relink"}


def test_h15_two_instances_in_one_slot_are_separated(world):
    world.boot("a", Slot.RUNNING, False, fifo_in_place=False)
    world.boot("b", Slot.RUNNING, False)
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b")


def test_h16_an_instance_stuck_in_slot_new_is_promoted(world):
    world.boot("b", Slot.NEW, False, newly_accepting=True)
    converge(world, arriving("b", OnStart.PROMOTE))
    assert roles(world) == ("b", "a")


def test_h17_when_both_accept_the_last_one_serves(world):
    world.boot("b", Slot.SLEEPING, False)
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b")


def test_h18_when_both_are_paused_the_last_one_is_resumed_unless_an_operator_holds_the_pair(world):
    world.boot("a", Slot.RUNNING, True)
    assert decide(world.observed(), DesiredState(last_active="a", hold=True)).done
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b")


def test_h19_an_instance_whose_pause_state_is_unknown_is_not_toggled(world):
    world.masters["b"].paused = None
    decision = decide(world.observed(), DesiredState(requested="b", last_active="a"))
    assert not decision.actions and "it is unknown whether b is paused" in decision.waiting_for
    world.masters["a"].paused = None
    assert not decide(world.observed(), A_SERVED).actions


def test_h20_a_swap_is_met_while_a_long_request_drains(world):
    busy = world.masters["a"].workers[0]
    world.masters["a"].workers[0] = replace(busy, busy=1)
    for _ in range(20):
        decision = decide(world.observed(), DesiredState(requested="b", last_active="a"))
        if decision.met:
            break
        for action in decision.actions:
            world.apply(action)
    assert decision.met and not decision.done
    assert world.observed().instance("a").condition is Condition.DRAINING
    converge(world, DesiredState(last_active="b"))
    assert roles(world) == ("b", "a")


def test_h21_a_threaded_instance_is_nudged_until_no_thread_may_accept():
    world = World(threads=4).served_by_a()
    converge(world, DesiredState(requested="b", last_active="a"))
    assert kinds(world).count("nudge") == 3
    assert world.observed().instance("a").fully_paused


def test_h24_a_program_that_was_removed_is_no_partner_until_it_is_back(world):
    world.masters["b"].state, world.masters["b"].pid = "ABSENT", 0
    converge(world, A_SERVED)
    assert roles(world) == ("a", "") and world.actions == []
    world.start("b")
    converge(world, arriving("b", OnStart.PROMOTE))
    assert roles(world) == ("b", "a")


def test_h25_no_digit_is_sent_towards_something_foreign(world):
    world.blocked = {Slot.SLEEPING: A_FILE}
    world.boot("b", Slot.NEW, True)
    _desired, _ = converge(world, DesiredState(requested="b", last_active="a"))
    assert world.observed().serving == "b"
    assert not [m for m in world.actions if m.slot is Slot.SLEEPING]


def test_h25_nothing_is_written_to_a_master_whose_own_path_is_a_directory(world):
    world.blocked = {Slot.SLEEPING: A_DIRECTORY}
    decision = decide(world.observed(), DesiredState(requested="b", last_active="a"))
    assert not decision.actions and decision.refusal is errors.Obstructed


def test_h25_a_swap_away_from_a_blocked_path_waits_for_a_pending_command_instead_of_being_refused(
    world,
):
    world.blocked = {Slot.RUNNING: A_FILE}
    world.masters["b"] = replace(world.masters["b"], paused=False, queue=[("p", None)])
    world.masters["b"].workers = [replace(w, parked=0) for w in world.masters["b"].workers]
    decision = decide(world.observed(), DesiredState(requested="b", last_active="a"))
    assert not decision.actions and decision.refusal is None
    assert decision.waiting_for == "b has not yet executed a command"


def test_h27_an_old_instance_that_quits_by_itself_leaves_nothing_to_do(world):
    world.die("b")
    world.orphans = []
    _, decision = converge(world, A_SERVED)
    assert decision.done and world.actions == [] and not world.observed().warm


def test_h28_a_process_that_may_not_be_observed_is_a_refusal_and_no_guess(world):
    unreadable = replace(
        world.observed().instance("b"),
        master=0,
        slot=None,
        paused=None,
        workers=(),
        unreadable="no right to read b",
    )
    observed = PairState((world.observed().instance("a"), unreadable))
    decision = decide(observed, DesiredState(requested="b", last_active="a"))
    assert (decision.refusal, decision.actions) == (errors.NoRights, ())


def unreadable(world, program, **stats):
    """An instance of which only the stats tell."""
    seen = world.observed().instance(program)
    facts = {"slot": None, "unreadable": f"no right to read {program}", **stats}
    return replace(seen, **facts)


def test_h72_an_unreadable_instance_that_boots_parked_serves_unmanaged_if_nobody_else_does():
    world = World()
    for program in ("a", "b"):
        world.boot(program, Slot.NEW, True)
    seen = PairState((unreadable(world, "a"), unreadable(world, "b")))
    (action,) = decide(seen, DesiredState(last_active="b")).actions
    assert (action.kind, action.program) == (ActionKind.RESUME_UNREAD, "a")
    assert action.pids == (world.masters["a"].pid,)
    workers = tuple(replace(w, parked=0) for w in world.masters["a"].workers)
    resumed = unreadable(world, "a", was_resumed=True, paused=False, workers=workers)
    seen = PairState((resumed, unreadable(world, "b")))
    assert seen.serving == "a" and resumed.condition is Condition.SERVING
    decision = decide(seen, DesiredState(requested="b", last_active="a"))
    assert (decision.refusal, decision.actions) == (errors.NoRights, ())


@pytest.mark.parametrize(
    "stats", [{"paused": None}, {"was_resumed": True}, {"workers": ()}, {"state": "STOPPING"}]
)
def test_h72_an_unreadable_instance_gets_no_signal_unless_it_is_known_to_be_paused(stats):
    world = World()
    world.boot("a", Slot.NEW, True)
    seen = PairState((unreadable(world, "a", **stats), Instance("b")))
    decision = decide(seen, DesiredState())
    assert (decision.refusal, decision.actions) == (errors.NoRights, ())


def test_h29_nothing_is_done_when_both_are_stopped():
    decision = decide(World().observed(), A_SERVED)
    assert decision.done and not decision.actions


def test_h30_a_hold_pauses_the_last_instance_and_a_resume_ends_it(world):
    converge(world, DesiredState(last_active="a", hold=True))
    assert world.observed().serving == ""
    converge(world, DesiredState(requested="a", last_active="a"))
    assert roles(world) == ("a", "b")


def test_h32_a_request_for_an_instance_that_boots_changes_nothing_yet(world):
    world.start("b")
    decision = decide(world.observed(), DesiredState(requested="b", last_active="a"))
    assert not decision.actions and decision.refusal is errors.Booting and not decision.met


def test_h33_a_worker_that_starts_in_a_parked_instance_changes_nothing(world):
    worker = world.masters["b"].workers[0]
    world.masters["b"].workers[0] = replace(worker, pid=999, started=False, parked=0)
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b") and world.actions == []


def test_h34_an_instance_that_is_to_end_finishes_its_requests_first_unless_the_limit_has_passed(
    world,
):
    world.masters["b"].workers = [
        replace(w, parked=w.threads - 1, busy=1) for w in world.masters["b"].workers
    ]
    retiring = DesiredState(last_active="a", retire_stop=True, retiring="b")
    assert not decide(world.observed(), retiring).actions
    assert [
        m.kind for m in decide(world.observed(), replace(retiring, drain_expired=True)).actions
    ] == [ActionKind.QUIT]
    world.wait()
    assert [m.kind for m in decide(world.observed(), retiring).actions] == [ActionKind.QUIT]


@pytest.mark.parametrize("program", ["a", "b"])
def test_h35_no_toggle_is_sent_while_a_worker_is_starting(world, program):
    starting = replace(world.masters[program].workers[0], started=False, parked=0)
    world.masters[program].workers[0] = starting
    converge(world, DesiredState(requested="b", last_active="a"))
    assert roles(world) == ("b", "a")
    assert "end flood" not in kinds(world)


def test_h36_the_worker_that_floods_is_ended_first(world):
    in_signal_loop = replace(world.masters["a"].workers[0], started=False, in_signal_loop=True)
    world.masters["a"].workers[0] = in_signal_loop
    decision = decide(world.observed(), A_SERVED)
    assert [(m.kind, m.pids) for m in decision.actions] == [
        (ActionKind.END_FLOOD, (in_signal_loop.pid,))
    ]
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b")


def test_h37_idle_orphans_are_ended_and_busy_ones_may_finish(world):
    world.orphans = [Orphan(7, "b"), Orphan(8, "b", busy=True)]
    decision = decide(world.observed(), A_SERVED)
    assert [(m.kind, m.pids) for m in decision.actions] == [(ActionKind.END_ORPHAN, (7,))]
    drain_expired = decide(world.observed(), replace(A_SERVED, drain_expired=True))
    assert drain_expired.actions[0].pids == (7, 8)


def test_h38_workers_that_are_stopped_at_boot_are_continued(world):
    world.start("b")
    world.masters["b"].workers = [replace(w, stopped=True) for w in world.masters["b"].workers]
    converge(world, arriving("b", OnStart.STANDBY))
    assert kinds(world)[0] == "continue"
    assert roles(world) == ("a", "b")


def test_h39_an_async_instance_is_ended_or_the_swap_is_refused_before_anything_moves(world):
    world.masters["a"].asynchronous = True
    refused = decide(world.observed(), DesiredState(requested="b", last_active="a"))
    assert refused.refusal is errors.AsyncInstance and not refused.actions
    converge(world, DesiredState(requested="b", last_active="a", retire_stop=True))
    assert roles(world) == ("b", "") and kinds(world)[-1] == "quit"


def test_h40_an_unresponsive_master_gets_no_command_and_others_one_at_a_time(world):
    world.masters["b"].unresponsive = UnresponsiveReason.STOPPED
    decision = decide(world.observed(), DesiredState(requested="b", last_active="a"))
    assert not decision.actions and decision.refusal is errors.Unresponsive
    world.masters["b"].unresponsive = None
    world.masters["b"].queue = [("p1", None)]
    assert not decide(world.observed(), DesiredState(requested="b", last_active="a")).actions


def test_h41_a_frozen_instance_is_resumed_and_then_thawed_and_the_other_one_is_frozen(world):
    world.masters["b"].workers = [replace(w, stopped=True) for w in world.masters["b"].workers]
    converge(world, DesiredState(requested="b", last_active="a", freeze=True))
    assert [v for v in kinds(world) if v != "nudge"] == ["resume", "thaw", "pause", "freeze"]
    assert world.observed().instance("a").frozen and roles(world) == ("b", "a")


def test_h41_without_freeze_a_frozen_instance_is_continued(world):
    world.masters["b"].workers = [replace(w, stopped=True) for w in world.masters["b"].workers]
    converge(world, A_SERVED)
    assert kinds(world) == ["continue"] and roles(world) == ("a", "b")


def test_h42_a_reload_is_a_death_and_a_boot(world):
    world.die("a")
    desired, _ = converge(world, A_SERVED)
    world.start("a", parked=False)
    converge(world, replace(desired, on_start=(("a", OnStart.STANDBY),)))
    assert roles(world) == ("b", "a")


def holding(world, program, **held):
    """Its workers hold connections."""
    master = world.masters[program]
    master.workers = [replace(w, **held) for w in master.workers]


def test_h58_a_swap_is_not_met_before_the_kept_connections_of_the_old_instance_are_closed(world):
    holding(world, "a", connections=1, kept=1)
    assert world.observed().instance("a").condition is Condition.SERVING
    converge(world, DesiredState(requested="b", last_active="a"))
    assert roles(world) == ("b", "a") and kinds(world)[2] == "close kept connections"
    assert world.observed().instance("a").condition is Condition.PARKED


def test_h58_a_connection_that_is_kept_after_its_answer_is_closed_then(world):
    holding(world, "b", busy=1, parked=world.masters["b"].workers[0].threads - 1)
    assert decide(world.observed(), A_SERVED).waiting_for == "b drains 2 requests"
    world.wait()
    holding(world, "b", connections=1, kept=1)
    converge(world, A_SERVED)
    assert kinds(world) == ["close kept connections"]


def test_h58_the_kept_connections_of_a_held_pair_are_closed(world):
    holding(world, "a", connections=1, kept=1)
    converge(world, DesiredState(hold=True))
    assert kinds(world)[:2] == ["pause", "close kept connections"]


def test_h59_an_instance_drains_while_a_connection_is_answered_that_is_no_request_any_more(world):
    holding(world, "b", connections=1)
    retiring = DesiredState(last_active="a", retire_stop=True, retiring="b")
    decision = decide(world.observed(), retiring)
    assert world.observed().instance("b").condition is Condition.DRAINING
    assert decision.met and not decision.actions and decision.poll_slowly
    quits = decide(world.observed(), replace(retiring, drain_expired=True)).actions
    assert [action.kind for action in quits] == [ActionKind.QUIT]


def cheap(world, program, **state):
    """Its workers have ended, and its master waits for a connection."""
    master = world.masters[program]
    master.workers, master.cheap = [], True
    for name, value in state.items():
        setattr(master, name, value)


def test_h69_cheap_instances_serve_are_parked_and_are_swapped(world):
    cheap(world, "a")
    cheap(world, "b")
    observed = world.observed()
    assert (observed.serving, observed.parked, observed.warm) == ("a", "b", True)
    converge(world, A_SERVED)
    assert world.actions == []
    converge(world, DesiredState(requested="b", last_active="a", freeze=True))
    assert roles(world) == ("b", "a") and kinds(world) == ["resume", "pause"]


def test_h69_the_instance_whose_health_is_being_checked_is_woken(world):
    cheap(world, "b")
    decision = decide(world.observed(), replace(A_SERVED, awake="b"))
    assert decision.met and [action.kind for action in decision.actions] == [ActionKind.WAKE]


def test_h70_cheap_instances_are_woken_to_see_whether_they_are_paused():
    world = World()
    for program in ("a", "b"):
        world.start(program)
        cheap(world, program, paused=None)
    converge(world)
    assert roles(world) == ("a", "b")
    assert kinds(world)[0] == "wake"


def test_h70_a_swap_is_not_met_before_the_other_instance_is_known_to_be_paused(world):
    cheap(world, "b", paused=None)
    decision = decide(world.observed(), A_SERVED)
    assert not decision.met and [action.kind for action in decision.actions] == [ActionKind.WAKE]


def test_workers_that_are_all_replaced_at_once_are_waited_for_and_nobody_fails_over(world):
    world.recycle("a")
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b") and world.actions == []


def test_an_instance_whose_workers_are_all_being_replaced_is_paused_before_a_swap_is_answered(
    world,
):
    world.recycle("a")
    requested = DesiredState(requested="b", last_active="a")
    world.apply(decide(world.observed(), requested).actions[0])
    decision = decide(world.observed(), requested)
    assert not decision.met and not decision.actions, "its next workers would have taken requests"
    converge(world, requested)
    assert roles(world) == ("b", "a")


def test_an_instance_that_is_retired_is_ended_once_it_has_drained(world):
    converge(world, DesiredState(last_active="a", retiring="b", retire_stop=True))
    assert kinds(world) == ["quit"] and roles(world) == ("a", "")


def test_with_both_wanted_both_accept(world):
    converge(world, DesiredState(requested="a", last_active="a", both_active=True))
    assert all(c.accepting for c in world.observed().instances)


def test_a_converged_pair_is_left_alone(world):
    decision = decide(world.observed(), A_SERVED)
    assert decision.done and decision.met and not decision.actions


# what fuzzing found


def test_an_instance_that_was_resumed_and_has_not_woken_up_gets_no_second_toggle():
    world = World().served_by_a()
    asleep = world.boot("b", Slot.SLEEPING, True)
    asleep.paused, asleep.just_toggled = False, True
    world.die("a")
    decision = decide(world.observed(), A_SERVED)
    assert not [m for m in decision.actions if m.command]
    assert "wake up" in decision.waiting_for


def test_a_resume_whose_signal_was_lost_is_signalled_again_and_not_toggled():
    world = World()
    world.boot("b", Slot.RUNNING, True).paused = False
    decision = decide(world.observed(), A_SERVED)
    assert [m.kind for m in decision.actions] == [ActionKind.THAW]
    world.apply(decision.actions[0])
    assert world.observed().serving == "b"


def test_neither_starting_nor_stopped_workers_are_nudged():
    world = World(threads=4).served_by_a()
    parked = world.masters["b"]
    parked.workers = [
        replace(parked.workers[0], parked=0, started=False),
        replace(parked.workers[1], parked=2),
    ]
    decision = decide(world.observed(), A_SERVED)
    assert [(m.kind, m.pids) for m in decision.actions] == [
        (ActionKind.NUDGE, (parked.workers[1].pid,))
    ]


def test_holding_a_pair_pauses_no_async_instance():
    world = World().served_by_a()
    world.masters["a"].asynchronous = True
    decision = decide(world.observed(), replace(A_SERVED, hold=True))
    assert decision.refusal is errors.AsyncInstance and not decision.actions


def test_no_instance_is_told_to_end_where_a_directory_would_kill_it():
    world = World().served_by_a()
    world.blocked[Slot.SLEEPING] = A_DIRECTORY
    decision = decide(world.observed(), replace(A_SERVED, retiring="b"))
    assert decision.refusal is errors.Obstructed and not decision.actions


@pytest.mark.parametrize("program", ["a", "b"])
def test_an_instance_of_which_only_some_workers_are_paused_is_made_whole(world, program):
    world.masters[program].partly_paused = True
    converge(world, A_SERVED)
    assert roles(world) == (("b", "a") if program == "a" else ("a", "b"))
    assert [m.command for m in world.actions if m.kind is ActionKind.ALIGN] == [b"p"]
    assert kinds(world)[0] == ("resume" if program == "a" else "align"), "make before break"


def test_the_only_instance_is_made_whole_too():
    world = World().served_by_a()
    world.die("b")
    world.masters["a"].partly_paused = True
    converge(world, A_SERVED)
    assert roles(world) == ("a", "")


def test_no_command_goes_to_a_master_whose_slot_another_one_is_moving_to():
    """Both would make a FIFO at one path, and the second would exit.

    See uWSGI core/fifo.c ``uwsgi_master_fifo``.
    """
    world = World().served_by_a()
    moving = world.masters["b"]
    moving.paused, moving.queue = False, [("p1", None)]
    moving.workers = [replace(w, parked=0) for w in moving.workers]
    decision = decide(world.observed(), replace(A_SERVED, requested="b"))
    assert not decision.actions and "b has not yet executed" in decision.waiting_for


def test_under_hold_a_partly_paused_instance_is_aligned_and_not_paused_as_it_is(world):
    world.masters["a"].partly_paused = True
    held = replace(A_SERVED, hold=True)
    assert [m.kind for m in decide(world.observed(), held).actions] == [ActionKind.ALIGN]
    converge(world, held)
    assert world.observed().serving == ""


def test_the_workers_get_time_to_become_the_same(world):
    world.masters["b"].partly_paused = True
    world.masters["b"].just_toggled = True
    decision = decide(world.observed(), A_SERVED)
    assert (
        not decision.actions and decision.waiting_for == "the workers of b are toggled to one state"
    )


def test_parked_workers_of_a_master_that_is_stopping_and_unresponsive_are_ended():
    world = World(threads=4).served_by_a()
    world.masters["b"].state = "STOPPING"
    assert not decide(world.observed(), A_SERVED).actions
    world.masters["b"].unresponsive = UnresponsiveReason.BUSY
    pids = tuple(w.pid for w in world.masters["b"].workers)
    assert [(m.kind, m.pids) for m in decide(world.observed(), A_SERVED).actions] == [
        (ActionKind.END_WORKER, pids)
    ]


def test_a_parked_worker_that_missed_the_stop_is_ended_when_the_stop_is_overdue(world):
    """A worker that its master starts in its respawn throttle gets no signal to end."""
    world.masters["b"].state = "STOPPING"
    overdue = replace(A_SERVED, stop_overdue=("b",))
    pids = tuple(w.pid for w in world.masters["b"].workers)
    assert not decide(world.observed(), A_SERVED).actions
    assert not decide(world.observed(), replace(A_SERVED, stop_overdue=("a",))).actions
    (action,) = decide(world.observed(), overdue).actions
    assert (action.kind, action.pids) == (ActionKind.END_WORKER, pids)
    busy = [replace(w, parked=0, busy=w.threads) for w in world.masters["b"].workers]
    world.masters["b"].workers = busy
    assert not decide(world.observed(), overdue).actions


@pytest.fixture
def ending():
    """b is parked, and was told to end by hand: Supervisor does not know."""
    world = World(threads=4).served_by_a()
    world.masters["b"].unresponsive = UnresponsiveReason.AWAITS_WORKERS
    return world


def test_parked_workers_of_a_master_that_was_told_to_end_by_hand_are_ended(ending):
    pids = tuple(w.pid for w in ending.masters["b"].workers)
    (action,) = decide(ending.observed(), A_SERVED).actions
    assert (action.kind, action.pids) == (ActionKind.END_WORKER, pids)


def test_a_prefork_worker_that_missed_such_an_end_is_ended_when_that_is_overdue(ending):
    workers = [replace(w, threads=1, parked=1) for w in ending.masters["b"].workers]
    ending.masters["b"].workers = workers
    decision = decide(ending.observed(), A_SERVED)
    assert not decision.actions and not decision.done and decision.met
    (action,) = decide(ending.observed(), replace(A_SERVED, stop_overdue=("b",))).actions
    assert (action.kind, action.pids) == (ActionKind.END_WORKER, tuple(w.pid for w in workers))


def test_an_instance_that_ends_is_not_warm_and_no_swap_or_fail_over_goes_to_it(ending):
    workers = [replace(w, threads=1, parked=1) for w in ending.masters["b"].workers]
    ending.masters["b"].workers = workers
    assert not ending.observed().warm
    decision = decide(ending.observed(), replace(A_SERVED, requested="b"))
    assert decision.refusal is errors.Unresponsive and not decision.actions
    assert "b waits for its workers to end" in decision.waiting_for
    ending.die("a")
    assert choose_active(ending.observed(), A_SERVED) == ""
    decision = decide(ending.observed(), A_SERVED)
    assert decision.refusal is errors.Unresponsive and not decision.done


def test_the_serving_instance_that_ends_serves_until_it_has_ended(ending):
    ending.masters["b"].unresponsive = None
    ending.masters["a"].unresponsive = UnresponsiveReason.AWAITS_WORKERS
    assert choose_active(ending.observed(), A_SERVED) == "a"
    assert choose_active(ending.observed(), replace(A_SERVED, requested="b")) == "b"


def test_no_worker_of_an_instance_that_ends_is_frozen(ending):
    workers = [replace(w, threads=1, parked=1) for w in ending.masters["b"].workers]
    ending.masters["b"].workers = workers
    assert not decide(ending.observed(), replace(A_SERVED, freeze=True)).actions


@pytest.mark.parametrize("a_state", ["RUNNING", "STOPPING", "STOPPED"])
def test_a_parked_instance_that_is_stopping_is_observed_until_it_has_stopped(world, a_state):
    world.masters["b"].state = "STOPPING"
    if a_state == "STOPPED":
        world.masters["a"] = Master("a", "STOPPED", slot=None)
    else:
        world.masters["a"].state = a_state
    decision = decide(world.observed(), A_SERVED)
    assert not decision.done and decision.poll_slowly
    assert decision.met is (a_state == "RUNNING")


def test_no_fail_over_happens_while_the_state_of_the_other_instance_is_unknown(world):
    world.masters["a"].paused = None
    decision = decide(world.observed(), A_SERVED)
    assert not decision.actions and "it is unknown whether a is paused" in decision.waiting_for


def test_a_swap_is_not_met_while_the_state_of_the_old_instance_is_unknown(world):
    world.masters["b"].paused = None
    decision = decide(world.observed(), replace(A_SERVED, requested="a"))
    assert not decision.actions and not decision.met
    assert "it is unknown whether b is paused" in decision.waiting_for


def test_a_swap_is_not_met_while_the_pause_of_the_old_instance_is_pending(world):
    world.masters["b"].queue = [("p2", None)]
    decision = decide(world.observed(), A_SERVED)
    assert not decision.met and decision.waiting_for == "b has not yet executed a command"


# an async instance, which accepts beside the one that serves


@pytest.fixture
def both_accept(world):
    world.boot("b", Slot.SLEEPING, False, asynchronous=True)
    return world


def test_an_async_instance_that_accepts_is_refused_where_it_may_not_be_ended(both_accept):
    decision = decide(both_accept.observed(), A_SERVED)
    assert decision.refusal is errors.AsyncInstance and not decision.actions


def test_an_async_instance_without_a_fifo_gets_no_command(both_accept):
    both_accept.masters["b"].slot = None
    decision = decide(both_accept.observed(), replace(A_SERVED, retire_stop=True))
    assert decision.refusal is errors.Lost and not decision.actions


@pytest.mark.parametrize("program, queue", [("b", "q"), ("a", "2")])
def test_an_async_instance_is_not_ended_while_a_command_is_pending(both_accept, program, queue):
    both_accept.masters[program].queue = [(queue, None)]
    decision = decide(both_accept.observed(), replace(A_SERVED, retire_stop=True))
    assert not decision.actions
    assert decision.waiting_for == f"{program} has not yet executed a command"


def test_the_only_instance_that_serves_is_not_restarted_for_a_new_socket(world):
    world.masters["a"].attached = False
    world.masters["b"].attached = None
    decision = decide(world.observed(), A_SERVED)
    assert decision.done and not decision.actions


# what a pair waits for


def test_an_instance_that_cannot_be_observed_is_the_reason_that_nobody_serves(world):
    _a, b = world.observed().instances
    unreadable = replace(b, paused=None, unreadable="no right to read b")
    decision = decide(PairState((Instance("a"), unreadable)), A_SERVED)
    assert (decision.refusal, decision.waiting_for) == (errors.NoRights, "no right to read b")


def test_a_hold_waits_for_a_worker_that_starts(world):
    starting = replace(world.masters["a"].workers[0], started=False)
    world.masters["a"].workers[0] = starting
    decision = decide(world.observed(), replace(A_SERVED, hold=True))
    assert decision.refusal is errors.Unsteady and not decision.actions


def test_a_hold_waits_for_a_command_that_is_pending(world):
    converge(world, replace(A_SERVED, hold=True))
    world.masters["a"].queue = [("p", None)]
    decision = decide(world.observed(), replace(A_SERVED, hold=True))
    assert decision.waiting_for == "a has not yet executed a command" and not decision.met


def test_a_hold_waits_for_threads_that_cannot_be_nudged(world):
    converge(world, replace(A_SERVED, hold=True))
    starting = replace(world.masters["a"].workers[0], started=False, parked=0)
    world.masters["a"].workers[0] = starting
    decision = decide(world.observed(), replace(A_SERVED, hold=True))
    assert decision.refusal is errors.Unsteady and not decision.met


def test_a_served_pair_waits_for_a_command_of_the_instance_that_serves(world):
    world.masters["a"].queue = [("1", None)]
    decision = decide(world.observed(), A_SERVED)
    assert decision.met and decision.waiting_for == "a has not yet executed a command"


def test_an_unresponsive_instance_is_not_moved_to_its_slot(world):
    world.masters["b"].slot = Slot.NEW
    world.masters["b"].unresponsive = UnresponsiveReason.BUSY
    decision = decide(world.observed(), A_SERVED)
    assert decision.met and not decision.actions
    assert decision.waiting_for == "b is busy and does not wait for commands"


def test_a_detached_instance_drains_before_it_is_restarted(world):
    world.masters["b"].attached = False
    worker = world.masters["b"].workers[0]
    world.masters["b"].workers[0] = replace(worker, parked=worker.parked - 1, busy=1)
    decision = decide(world.observed(), A_SERVED)
    assert not decision.actions and decision.waiting_for == "b drains 1 requests"
    overdue = decide(world.observed(), replace(A_SERVED, drain_expired=True))
    assert [m.kind for m in overdue.actions] == [ActionKind.RESTART]


def test_a_served_pair_waits_for_orphans_and_hooks(world):
    world.masters["b"].newly_accepting = True
    assert decide(world.observed(), A_SERVED).waiting_for == "hooks of the instances"
    world.orphans = [Orphan(7, "b", busy=True)]
    decision = decide(world.observed(), A_SERVED)
    assert decision.waiting_for == "orphaned workers finish their requests"
    assert decision.met and decision.poll_slowly and not decision.done


def test_stopped_workers_of_a_paused_instance_that_is_stopping_are_continued(world):
    world.masters["b"].state = "STOPPING"
    world.masters["b"].workers = [replace(w, stopped=True) for w in world.masters["b"].workers]
    pids = tuple(w.pid for w in world.masters["b"].workers)
    assert [(m.kind, m.pids) for m in decide(world.observed(), A_SERVED).actions] == [
        (ActionKind.CONTINUE, pids)
    ]


def test_a_paused_instance_is_not_resumed_in_place_if_its_own_path_is_blocked(world):
    """Without a digit uWSGI would put its FIFO in place of what lies there."""
    world.die("a")
    world.orphans = []
    world.masters["b"].slot = Slot.RUNNING
    world.blocked = {Slot.RUNNING: A_FILE}
    decision = decide(world.observed(), A_SERVED)
    assert decision.refusal is errors.Obstructed and not decision.actions


def test_an_instance_at_whose_path_a_directory_lies_is_not_resumed(world):
    world.die("a")
    world.blocked = {Slot.SLEEPING: A_DIRECTORY}
    decision = decide(world.observed(), A_SERVED)
    assert decision.refusal is errors.Obstructed and not decision.actions

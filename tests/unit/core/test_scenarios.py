"""Rows of histories.md, replayed against the pure core with made-up masters."""

from dataclasses import replace

import pytest

from supervisor_zerg.core.model import Arrival, Condition, Desired, Facts, Orphan, Slot, Verb
from supervisor_zerg.core.planner import choose, decide

from ..simulated_pair import World, converge, roles, verbs

A_SERVED = Desired(last="a")


def arriving(program, arrival, last="a"):
    return Desired(last=last, arrivals=((program, arrival),))


@pytest.fixture(params=[1, 4], ids=["prefork", "threads"])
def world(request):
    return World(cores=request.param).served_by_a()


def test_h01_the_only_copy_serves_and_nothing_is_warm():
    world = World()
    world.start("a")
    converge(world)
    assert roles(world) == ("a", "")
    assert world.facts().warm is False


def test_h02_the_copy_that_a_person_starts_takes_over_when_it_is_ready(world):
    world.start("b")
    assert choose(world.facts(), arriving("b", Arrival.TAKES_OVER)) == "a"
    converge(world, arriving("b", Arrival.TAKES_OVER))
    assert roles(world) == ("b", "a")


def test_h02_with_hooks_the_copy_is_left_to_its_own_hooks_first(world):
    world.boot("b", Slot.NEW, False, fresh=True)
    step = decide(world.facts(), arriving("b", Arrival.TAKES_OVER))
    assert not step.moves and step.patient
    converge(world, arriving("b", Arrival.TAKES_OVER))
    assert roles(world) == ("b", "a")


def test_h03_a_swap_resumes_the_next_copy_before_it_pauses_the_other(world):
    converge(world, Desired(wish="b", last="a"))
    assert roles(world) == ("b", "a")
    assert [v for v in verbs(world) if v != "nudge"] == ["resume", "pause"]
    assert world.moves[0].command == b"p1"


def test_h04_a_hundred_swaps_end_as_one(world):
    desired = A_SERVED
    for number in range(100):
        desired, _ = converge(world, replace(desired, wish="ba"[number % 2]))
    assert roles(world) == ("a", "b")


def test_h05_the_parked_copy_that_a_person_restarted_takes_over_and_the_old_release_is_parked(
    world,
):
    old = world.masters["a"].pid
    world.die("b")
    world.start("b")
    converge(world, arriving("b", Arrival.TAKES_OVER))
    assert roles(world) == ("b", "a") and world.masters["a"].pid == old


def test_h06_the_parked_copy_takes_over_from_one_that_is_about_to_stop(world):
    world.masters["a"].state = "STOPPING"
    step = decide(world.facts(), A_SERVED)
    assert [(m.verb, m.program) for m in step.moves] == [(Verb.RESUME, "b")]
    converge(world, A_SERVED)
    assert world.facts().serving == "b"


def test_h07_when_the_serving_master_dies_the_parked_copy_serves_and_the_respawn_is_parked(world):
    world.die("a")
    desired, _ = converge(world, A_SERVED)
    assert world.facts().serving == "b"
    world.start("a")
    converge(world, replace(desired, arrivals=(("a", Arrival.PARKS),)))
    assert roles(world) == ("b", "a")


def test_h07_a_respawn_whose_hooks_took_over_is_put_back(world):
    world.boot("a", Slot.RUNNING, False)
    world.masters["b"].slot = Slot.SLEEPING
    converge(world, arriving("a", Arrival.PARKS, last="b"))
    assert roles(world) == ("b", "a")


def test_h08_without_the_other_copy_nothing_is_warm(world):
    world.die("a")
    world.masters["a"].state = "FATAL"
    converge(world, A_SERVED)
    assert roles(world) == ("b", "") and not world.facts().warm


def test_h09_a_respawn_of_the_parked_copy_never_takes_over(world):
    world.die("b")
    world.start("b")
    converge(world, arriving("b", Arrival.PARKS))
    assert roles(world) == ("a", "b")
    assert not [m for m in world.moves if m.verb in (Verb.RESUME, Verb.PAUSE)]


def test_h10_when_both_died_the_first_that_is_ready_serves():
    world = World()
    world.start("a")
    world.boot("b", Slot.NEW, True)
    converge(world, Desired(last="a", arrivals=(("a", Arrival.PARKS), ("b", Arrival.PARKS))))
    assert roles(world) == ("b", "a")


def test_h11_detached_copies_are_restarted_one_after_the_other(world):
    for master in world.masters.values():
        master.attached = False
    converge(world, A_SERVED)
    assert [m.program for m in world.moves if m.verb is Verb.RESTART] == ["b", "a"]
    assert world.facts().serving


def test_h12_after_a_restart_who_serves_is_read_from_the_masters_and_not_remembered(world):
    converge(world, Desired())
    assert roles(world) == ("a", "b") and world.moves == []


def test_h13_a_lost_path_is_put_back_once(world):
    world.masters["a"].linked = False
    converge(world, A_SERVED)
    assert verbs(world) == ["relink"] and world.moves[0].command == b"\n"


def test_h14_labels_that_a_person_inverted_are_repaired_and_no_traffic_moves(world):
    world.boot("a", Slot.RUNNING, True)
    world.boot("b", Slot.SLEEPING, False)
    converge(world, A_SERVED)
    assert roles(world) == ("b", "a")
    assert set(verbs(world)) <= {"label", "nudge", "relink"}


def test_h15_two_copies_in_one_slot_are_told_apart(world):
    world.boot("a", Slot.RUNNING, False, linked=False)
    world.boot("b", Slot.RUNNING, False)
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b")


def test_h16_a_copy_stuck_in_slot_new_is_promoted(world):
    world.boot("b", Slot.NEW, False, fresh=True)
    converge(world, arriving("b", Arrival.TAKES_OVER))
    assert roles(world) == ("b", "a")


def test_h17_when_both_accept_the_last_one_serves(world):
    world.boot("b", Slot.SLEEPING, False)
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b")


def test_h18_when_both_are_paused_the_last_one_is_resumed_unless_a_person_holds_the_pair(world):
    world.boot("a", Slot.RUNNING, True)
    assert decide(world.facts(), Desired(last="a", held=True)).done
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b")


def test_h19_a_copy_of_which_no_witness_tells_whether_it_is_paused_is_not_toggled(world):
    world.masters["b"].paused = None
    step = decide(world.facts(), Desired(wish="b", last="a"))
    assert not step.moves and "nothing tells whether b is paused" in step.wait_for
    world.masters["a"].paused = None
    assert not decide(world.facts(), A_SERVED).moves


def test_h20_a_swap_is_met_while_a_long_request_drains(world):
    busy = world.masters["a"].workers[0]
    world.masters["a"].workers[0] = replace(busy, busy=1)
    for _ in range(20):
        step = decide(world.facts(), Desired(wish="b", last="a"))
        if step.met:
            break
        for move in step.moves:
            world.apply(move)
    assert step.met and not step.done
    assert world.facts().copy("a").condition is Condition.DRAINING
    converge(world, Desired(last="b"))
    assert roles(world) == ("b", "a")


def test_h21_a_threaded_copy_is_nudged_until_no_thread_is_loose():
    world = World(cores=4).served_by_a()
    converge(world, Desired(wish="b", last="a"))
    assert verbs(world).count("nudge") == 3
    assert world.facts().copy("a").sealed


def test_h24_a_program_that_was_removed_is_no_partner_until_it_is_back(world):
    world.masters["b"].state, world.masters["b"].pid = "ABSENT", 0
    converge(world, A_SERVED)
    assert roles(world) == ("a", "") and world.moves == []
    world.start("b")
    converge(world, arriving("b", Arrival.TAKES_OVER))
    assert roles(world) == ("b", "a")


def test_h25_no_digit_is_sent_towards_something_foreign(world):
    world.blocked = {Slot.SLEEPING: "a regular file at /run/sleeping.fifo"}
    world.boot("b", Slot.NEW, True)
    desired, _ = converge(world, Desired(wish="b", last="a"))
    assert world.facts().serving == "b"
    assert not [m for m in world.moves if m.slot is Slot.SLEEPING]


def test_h25_nothing_is_written_to_a_master_whose_own_path_is_a_directory(world):
    world.blocked = {Slot.SLEEPING: "a directory at /run/sleeping.fifo"}
    step = decide(world.facts(), Desired(wish="b", last="a"))
    assert not step.moves and step.refusal == "Obstructed"


def test_h27_an_old_copy_that_quits_by_itself_leaves_nothing_to_do(world):
    world.die("b")
    world.orphans = []
    _, step = converge(world, A_SERVED)
    assert step.done and world.moves == [] and not world.facts().warm


def test_h28_a_process_that_may_not_be_looked_at_is_a_refusal_and_no_guess(world):
    blind = replace(
        world.facts().copy("b"),
        master=0,
        slot=None,
        paused=None,
        workers=(),
        blind="no right to look at b",
    )
    facts = Facts((world.facts().copy("a"), blind))
    step = decide(facts, Desired(wish="b", last="a"))
    assert (step.refusal, step.moves) == ("NoRights", ())


def test_h29_nothing_is_done_when_both_are_stopped():
    step = decide(World().facts(), A_SERVED)
    assert step.done and not step.moves


def test_h30_a_hold_pauses_the_last_copy_and_a_resume_ends_it(world):
    converge(world, Desired(last="a", held=True))
    assert world.facts().serving == ""
    converge(world, Desired(wish="a", last="a"))
    assert roles(world) == ("a", "b")


def test_h32_a_wish_for_a_copy_that_boots_changes_nothing_yet(world):
    world.start("b")
    step = decide(world.facts(), Desired(wish="b", last="a"))
    assert not step.moves and step.refusal == "Booting" and not step.met


def test_h33_a_worker_that_is_born_in_a_parked_copy_changes_nothing(world):
    worker = world.masters["b"].workers[0]
    world.masters["b"].workers[0] = replace(worker, pid=999, born=False, parked=0)
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b") and world.moves == []


def test_h34_a_copy_that_is_to_end_finishes_its_requests_first_unless_the_limit_has_passed(world):
    world.masters["b"].workers = [
        replace(w, parked=w.cores - 1, busy=1) for w in world.masters["b"].workers
    ]
    retiring = Desired(last="a", retire_stop=True, retiring="b")
    assert not decide(world.facts(), retiring).moves
    assert [m.verb for m in decide(world.facts(), replace(retiring, overdue=True)).moves] == [
        Verb.QUIT
    ]
    world.wait()
    assert [m.verb for m in decide(world.facts(), retiring).moves] == [Verb.QUIT]


@pytest.mark.parametrize("program", ["a", "b"])
def test_h35_no_toggle_is_sent_while_a_worker_is_being_born(world, program):
    newborn = replace(world.masters[program].workers[0], born=False, parked=0)
    world.masters[program].workers[0] = newborn
    converge(world, Desired(wish="b", last="a"))
    assert roles(world) == ("b", "a")
    assert "end flood" not in verbs(world)


def test_h36_the_worker_that_floods_is_ended_first(world):
    spinning = replace(world.masters["a"].workers[0], born=False, spinning=True)
    world.masters["a"].workers[0] = spinning
    step = decide(world.facts(), A_SERVED)
    assert [(m.verb, m.pids) for m in step.moves] == [(Verb.END_FLOOD, (spinning.pid,))]
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b")


def test_h37_idle_orphans_are_ended_and_busy_ones_may_finish(world):
    world.orphans = [Orphan(7, "b"), Orphan(8, "b", busy=True)]
    step = decide(world.facts(), A_SERVED)
    assert [(m.verb, m.pids) for m in step.moves] == [(Verb.END_ORPHAN, (7,))]
    overdue = decide(world.facts(), replace(A_SERVED, overdue=True))
    assert overdue.moves[0].pids == (7, 8)


def test_h38_workers_that_are_stopped_at_boot_are_continued(world):
    world.start("b")
    world.masters["b"].workers = [replace(w, stopped=True) for w in world.masters["b"].workers]
    converge(world, arriving("b", Arrival.PARKS))
    assert verbs(world)[0] == "continue"
    assert roles(world) == ("a", "b")


def test_h39_an_async_copy_is_ended_or_the_swap_is_refused_before_anything_moves(world):
    world.masters["a"].asynchronous = True
    refused = decide(world.facts(), Desired(wish="b", last="a"))
    assert refused.refusal == "AsyncCopy" and not refused.moves
    converge(world, Desired(wish="b", last="a", retire_stop=True))
    assert roles(world) == ("b", "") and verbs(world)[-1] == "quit"


def test_h40_a_deaf_master_gets_nothing_and_one_command_at_a_time(world):
    world.masters["b"].deaf = "is stopped"
    step = decide(world.facts(), Desired(wish="b", last="a"))
    assert not step.moves and step.refusal == "Deaf"
    world.masters["b"].deaf = ""
    world.masters["b"].queue = [("p1", None)]
    assert not decide(world.facts(), Desired(wish="b", last="a")).moves


def test_h41_a_frozen_copy_is_resumed_and_then_thawed_and_the_other_one_is_frozen(world):
    world.masters["b"].workers = [replace(w, stopped=True) for w in world.masters["b"].workers]
    converge(world, Desired(wish="b", last="a", freeze=True))
    assert [v for v in verbs(world) if v != "nudge"] == ["resume", "thaw", "pause", "freeze"]
    assert world.facts().copy("a").frozen and roles(world) == ("b", "a")


def test_h41_without_freeze_a_frozen_copy_is_continued(world):
    world.masters["b"].workers = [replace(w, stopped=True) for w in world.masters["b"].workers]
    converge(world, A_SERVED)
    assert verbs(world) == ["continue"] and roles(world) == ("a", "b")


def test_h42_a_reload_is_a_death_and_a_boot(world):
    world.die("a")
    desired, _ = converge(world, A_SERVED)
    world.start("a", parked=False)
    converge(world, replace(desired, arrivals=(("a", Arrival.PARKS),)))
    assert roles(world) == ("b", "a")


def test_workers_that_are_all_replaced_at_once_are_waited_for_and_nobody_fails_over(world):
    world.recycle("a")
    converge(world, A_SERVED)
    assert roles(world) == ("a", "b") and world.moves == []


def test_a_copy_whose_workers_are_all_being_replaced_is_paused_before_a_swap_is_answered(world):
    world.recycle("a")
    wish = Desired(wish="b", last="a")
    world.apply(decide(world.facts(), wish).moves[0])
    step = decide(world.facts(), wish)
    assert not step.met and not step.moves, "its next workers would have taken requests"
    converge(world, wish)
    assert roles(world) == ("b", "a")


def test_a_copy_that_is_retired_is_ended_once_it_has_drained(world):
    converge(world, Desired(last="a", retiring="b", retire_stop=True))
    assert verbs(world) == ["quit"] and roles(world) == ("a", "")


def test_with_both_wanted_both_accept(world):
    converge(world, Desired(wish="a", last="a", both=True))
    assert all(c.accepting for c in world.facts().copies)


def test_a_settled_pair_is_left_alone(world):
    step = decide(world.facts(), A_SERVED)
    assert step.done and step.met and not step.moves


# what fuzzing found


def test_a_copy_that_was_resumed_and_has_not_woken_up_gets_no_second_toggle():
    world = World().served_by_a()
    asleep = world.boot("b", Slot.SLEEPING, True)
    asleep.paused, asleep.waking = False, True
    world.die("a")
    step = decide(world.facts(), A_SERVED)
    assert not [m for m in step.moves if m.command]
    assert "wake up" in step.wait_for


def test_a_resume_whose_signal_was_lost_is_signalled_again_and_not_toggled():
    world = World()
    world.boot("b", Slot.RUNNING, True).paused = False
    step = decide(world.facts(), A_SERVED)
    assert [m.verb for m in step.moves] == [Verb.THAW]
    world.apply(step.moves[0])
    assert world.facts().serving == "b"


def test_neither_newborn_nor_stopped_workers_are_nudged():
    world = World(cores=4).served_by_a()
    parked = world.masters["b"]
    parked.workers = [
        replace(parked.workers[0], parked=0, born=False),
        replace(parked.workers[1], parked=2),
    ]
    step = decide(world.facts(), A_SERVED)
    assert [(m.verb, m.pids) for m in step.moves] == [(Verb.NUDGE, (parked.workers[1].pid,))]


def test_holding_a_pair_pauses_no_async_copy():
    world = World().served_by_a()
    world.masters["a"].asynchronous = True
    step = decide(world.facts(), replace(A_SERVED, held=True))
    assert step.refusal == "AsyncCopy" and not step.moves


def test_no_copy_is_told_to_end_where_a_directory_would_kill_it():
    world = World().served_by_a()
    world.blocked[Slot.SLEEPING] = "a directory at /x"
    step = decide(world.facts(), replace(A_SERVED, retiring="b"))
    assert step.refusal == "Obstructed" and not step.moves


@pytest.mark.parametrize("program", ["a", "b"])
def test_a_copy_of_which_only_some_workers_are_paused_is_made_whole(world, program):
    world.masters[program].torn = True
    converge(world, A_SERVED)
    assert roles(world) == (("b", "a") if program == "a" else ("a", "b"))
    assert [m.command for m in world.moves if m.verb is Verb.ALIGN] == [b"p"]
    assert verbs(world)[0] == ("resume" if program == "a" else "align"), "make before break"


def test_the_only_copy_is_made_whole_too():
    world = World().served_by_a()
    world.die("b")
    world.masters["a"].torn = True
    converge(world, A_SERVED)
    assert roles(world) == ("a", "")


def test_no_command_goes_to_a_master_whose_slot_another_one_is_moving_to():
    """Both would make a FIFO at one path, and the second one would exit (uWSGI core/fifo.c ``uwsgi_master_fifo``)."""
    world = World().served_by_a()
    moving = world.masters["b"]
    moving.paused, moving.queue = False, [("p1", None)]
    moving.workers = [replace(w, parked=0) for w in moving.workers]
    step = decide(world.facts(), replace(A_SERVED, wish="b"))
    assert not step.moves and "b has not yet executed" in step.wait_for

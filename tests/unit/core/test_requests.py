"""What a request asks of a pair, why it is refused, and when it is answered."""

from dataclasses import replace

import pytest

from supervisor_zerg.core import errors, requests
from supervisor_zerg.core.decision import Action, ActionKind, Decision
from supervisor_zerg.core.goals import Aim
from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.core.requests import Request

PAIR = PairConfig(name="web", programs=("a", "b"))
SERVING = Instance("a", "RUNNING", 1, 1, Slot.RUNNING, paused=False, workers=(Worker(2),))
PARKED = Instance("b", "RUNNING", 3, 3, Slot.SLEEPING, paused=True, workers=(Worker(4, parked=1),))
BOTH = replace(PARKED, paused=False, workers=(Worker(4),))
STOPPED = Instance("b")
HEALTHY = PairState((SERVING, PARKED))


def request(verb="promote", program="a", **options):
    return Request("1", verb, program, "operator", options, 0.0)


def aim(verb, program, *instances, pair=PAIR, **options):
    return requests.aim(request(verb, program, **options), PairState(instances), pair)


def test_a_request_names_itself_with_its_id():
    assert str(request("promote", "b")) == "promote b (id 1)"
    assert str(request("reconcile", "")) == "reconcile (id 1)"


# the program that it is about


def test_a_swap_is_about_the_instance_that_does_not_serve():
    assert requests.target(request("swap", ""), HEALTHY, PAIR, "a") == "b"
    assert requests.target(request("promote", "a"), HEALTHY, PAIR, "a") == "a"


def test_a_swap_finds_the_instance_whose_workers_are_all_being_replaced():
    respawning = replace(SERVING, workers=(Worker(5, started=False),), all_respawning=True)
    assert requests.target(request("swap"), PairState((respawning, PARKED)), PAIR, "a") == "b"


def test_a_swap_is_refused_if_no_instance_serves():
    with pytest.raises(errors.NobodyServes, match="no instance of the pair web serves"):
        requests.target(request("swap"), PairState((Instance("a"), STOPPED)), PAIR, "a")


def test_every_request_is_refused_if_an_instance_cannot_be_observed():
    hidden = PairState((SERVING, replace(PARKED, unreadable="no right")))
    with pytest.raises(errors.NoRights, match="no right"):
        requests.target(request("promote"), hidden, PAIR, "a")


# what it makes of the pair


@pytest.mark.parametrize("verb", ["swap", "promote", "resume"])
def test_these_requests_make_the_program_serve(verb):
    assert aim(verb, "b", SERVING, PARKED) == Aim("b", hold=False, both_active=False)


def test_resume_with_both_lets_the_other_instance_go_on_serving():
    assert aim("resume", "b", SERVING, PARKED, both=True) == Aim("a", False, True)
    alone = replace(SERVING, paused=True, workers=(Worker(2, parked=1),))
    assert aim("resume", "b", alone, PARKED, both=True) == Aim("b", False, True)


def test_a_pause_lets_the_other_instance_serve_if_that_accepts_too():
    assert aim("pause", "a", SERVING, BOTH) == Aim("b", False, False)
    assert aim("pause", "b", SERVING, PARKED) is None, "it is paused already"


def test_the_last_instance_is_only_paused_by_a_hold():
    with pytest.raises(errors.LastInstance, match="a is the only instance"):
        aim("pause", "a", SERVING, PARKED)
    assert aim("pause", "a", SERVING, PARKED, hold=True) == Aim("", True, False)


def test_a_pair_that_does_not_run_is_not_held():
    with pytest.raises(errors.NotRunning):
        aim("pause", "a", Instance("a"), STOPPED, hold=True)


def test_a_hold_is_refused_if_it_would_freeze_requests():
    with pytest.raises(errors.AsyncInstance):
        aim("pause", "a", replace(SERVING, asynchronous=True), PARKED, hold=True)


def test_reconcile_changes_no_goal():
    assert aim("reconcile", "", SERVING, PARKED) is None


@pytest.mark.parametrize(
    "instance, refusal, text",
    [
        (STOPPED, errors.NotRunning, "b is STOPPED; start it with"),
        (replace(STOPPED, state="ABSENT"), errors.NotRunning, "b is ABSENT; put it into"),
        (replace(PARKED, workers=()), errors.Booting, "b boots"),
        (replace(PARKED, slot=None, was_ready=True), errors.Lost, r"\(pid 3\) holds none"),
    ],
)
def test_an_instance_that_cannot_serve_is_not_promoted(instance, refusal, text):
    with pytest.raises(refusal, match=text):
        aim("promote", "b", SERVING, instance)


def test_an_async_instance_can_only_be_swapped_out_if_it_may_be_stopped():
    serving = replace(SERVING, asynchronous=True)
    parked = replace(PARKED, was_ready=True)
    with pytest.raises(errors.AsyncInstance, match="a is asynchronous"):
        aim("promote", "b", serving, parked)
    stop = replace(PAIR, retire="stop")
    assert aim("promote", "b", serving, parked, pair=stop) == Aim("b", False, False)


# when it is answered


@pytest.mark.parametrize(
    "decision, requested, now, due, refusal",
    [
        (Decision("a", met=True), "", 1, True, None),
        (Decision("a", met=True), "b", 1, False, None),
        (
            Decision("a", refusal=errors.Booting, waiting_for="it boots"),
            "b",
            1,
            True,
            errors.Booting,
        ),
        (Decision("a", refusal=errors.Unresponsive), "b", 1, False, None),
        (Decision("a", refusal=errors.Unresponsive), "b", 11, True, errors.Unresponsive),
        (Decision("a", waiting_for="b wakes up"), "b", 11, True, errors.TimedOut),
    ],
)
def test_a_request_is_answered_when_it_is_met_final_or_late(decision, requested, now, due, refusal):
    answer, reason = requests.due(request(), decision, HEALTHY, requested, now)
    assert answer is due and type(reason) is (refusal or type(None))


def test_a_final_refusal_waits_for_what_is_still_done():
    ends = Action(ActionKind.END_ORPHAN, "a", pids=(7,))
    decision = Decision(actions=(ends,), refusal=errors.NobodyServes)
    assert requests.due(request(), decision, HEALTHY, "a", 1) == (False, None)


def test_reconcile_is_answered_when_all_that_is_left_takes_long():
    decision = Decision("", waiting_for="a boots", poll_slowly=True)
    assert requests.due(request("reconcile"), decision, HEALTHY, "", 1) == (True, None)
    assert requests.due(request("swap"), decision, HEALTHY, "", 1) == (False, None)
    assert requests.due(request("reconcile"), Decision("a", met=True), HEALTHY, "", 1)[0] is False


def test_a_command_that_is_not_executed_is_named():
    observed = PairState((SERVING, replace(PARKED, pending=("p1",))))
    _, reason = requests.due(request(), Decision("b", waiting_for="it"), observed, "b", 11)
    assert isinstance(reason, errors.Pending) and "b has not executed p1 after 10 s" in str(reason)


# with what it is answered


def test_the_reply_is_what_the_pair_is_like_now():
    draining = replace(PARKED, workers=(Worker(4, threads=2, parked=1, busy=1),))
    resumed = Action(ActionKind.RESUME, "a")
    reply = requests.reply(
        "web", request(), PairState((SERVING, draining)), [resumed], False, 0.0025
    )
    assert reply == {
        "pair": "web",
        "id": "1",
        "changed": True,
        "took_ms": 2.5,
        "serving": "a",
        "parked": "b",
        "draining": 1,
        "held": False,
    }


@pytest.mark.parametrize(
    "verb, kind, changed",
    [("promote", "nudge", False), ("promote", "label", True), ("reconcile", "nudge", True)],
)
def test_what_counts_as_a_change(verb, kind, changed):
    actions = [Action(ActionKind(kind), "a")]
    reply = requests.reply("web", request(verb), HEALTHY, actions, False, 1.0)
    assert reply["changed"] is changed and reply["parked"] == "b"


def test_the_reply_of_auto_says_who_serves():
    assert requests.auto_reply("web", True, HEALTHY, False) == {
        "pair": "web",
        "changed": True,
        "took_ms": 0.0,
        "serving": "a",
        "parked": "b",
        "auto": False,
    }

"""What is wanted of a pair, until it is reached; and when an operator who asked for it is answered."""

from dataclasses import dataclass

import pytest

from supervisor_zerg.core import errors, requests
from supervisor_zerg.core.goals import Aim, Goals
from supervisor_zerg.core.decision import Decision
from supervisor_zerg.core.goals import OnStart
from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.core.requests import Request


@dataclass
class Pair:
    auto: bool = True
    freeze: bool = False
    retire: str = "keep"


SERVING = Instance("a", "RUNNING", 1, 1, Slot.RUNNING, paused=False, workers=(Worker(2),))
PARKED = Instance("b", "RUNNING", 3, 3, Slot.SLEEPING, paused=True, workers=(Worker(4, parked=1),))
FACTS = PairState((SERVING, PARKED))


@pytest.fixture
def goals():
    return Goals(Pair(), {})


def request(verb="promote", program="a", began=0.0):
    return Request("1", verb, program, "an operator", {}, began)


def test_what_an_operator_ordered_outlives_supervisord_and_what_is_so_by_itself_is_not_kept(goals):
    assert goals.settings() == {}
    goals.set_aim(Aim("", True, False))
    goals.auto = False
    assert goals.settings() == {"held": True, "auto": False}
    again = Goals(Pair(), goals.settings())
    assert again.hold and not again.auto and not again.both_active
    assert Goals(Pair(auto=False), {"auto": True}).settings() == {"auto": True}


def test_who_is_still_on_its_way_up_follows_a_persons_last_word(goals):
    is_starting = Instance("b", "STARTING", 3, 3)
    goals.on_start = {"b": OnStart.PROMOTE}
    goals.set_aim(Aim("a", False, False))
    assert goals.promotes_on_start("b"), "the word may yet be refused"
    goals.reached("a", PairState((SERVING, is_starting)), False)
    assert goals.on_start == {"b": OnStart.STANDBY}


def test_who_was_wished_for_and_refused_does_not_take_over_later(goals):
    goals.on_start = {"b": OnStart.STANDBY}
    goals.set_aim(Aim("b", False, False))
    goals.requested = ""
    assert not goals.promotes_on_start("b")


def test_a_wish_lasts_until_it_is_reached(goals):
    goals.set_aim(Aim("a", False, False))
    assert goals.desired(False, False).requested == "a"
    assert goals.served_before("a") == ""
    goals.reached("a", FACTS, False)
    assert goals.desired(False, False).requested == "" and goals.last_active == "a"


def test_an_arrival_lasts_until_the_instance_serves_or_rests(goals):
    goals.on_start = {"a": OnStart.PROMOTE, "b": OnStart.STANDBY}
    goals.reached("a", FACTS, False)
    assert goals.on_start == {}
    goals.on_start = {"b": OnStart.PROMOTE}
    goals.reached("a", FACTS, False)
    assert goals.promotes_on_start("b"), "it has yet to take over"


@pytest.mark.parametrize("deploying, retiring", [(False, "b"), (True, "")])
def test_retire_stop_lets_go_of_who_served_before_unless_a_deploy_still_needs_it(
    deploying, retiring
):
    goals = Goals(Pair(retire="stop"), {})
    goals.last_active = "b"
    assert goals.served_before("a") == "b"
    goals.reached("a", FACTS, deploying)
    assert goals.retiring == retiring
    assert goals.served_before("b") == "a"
    goals.reached("b", FACTS, deploying)
    assert goals.retiring == ("a" if retiring else "")


@pytest.mark.parametrize(
    "decision, requested, now, due, refusal",
    [
        (Decision("a", met=True), "", 1, True, None),
        (Decision("a", met=True), "b", 1, False, None),
        (
            Decision("a", refusal=errors.Booting, waiting_for="b boots"),
            "b",
            1,
            True,
            errors.Booting,
        ),
        (Decision("a", refusal=errors.Unresponsive, waiting_for="b is busy"), "b", 1, False, None),
        (
            Decision("a", refusal=errors.Unresponsive, waiting_for="b is busy"),
            "b",
            11,
            True,
            errors.Unresponsive,
        ),
        (Decision("a", waiting_for="b wakes up"), "b", 11, True, errors.TimedOut),
    ],
)
def test_a_request_is_answered_when_it_is_met_hopeless_or_late(
    decision, requested, now, due, refusal
):
    answer, reason = requests.due(request(), decision, FACTS, requested, now)
    assert answer is due and type(reason) is (refusal or type(None))


def test_who_asked_for_nothing_but_order_need_not_wait_for_what_takes_long():
    decision = Decision("", waiting_for="a boots", poll_slowly=True)
    assert requests.due(request("reconcile"), decision, FACTS, "", 1) == (True, None)
    assert requests.due(request("swap"), decision, FACTS, "", 1) == (False, None)


def test_a_command_that_is_not_executed_is_named():
    observed = PairState((SERVING, Instance("b", "RUNNING", 3, 3, Slot.SLEEPING, pending=("p1",))))
    _, reason = requests.due(request(), Decision("b", waiting_for="it"), observed, "b", 11)
    assert isinstance(reason, errors.Pending) and "b has not executed p1" in str(reason)

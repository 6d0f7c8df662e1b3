"""What is wanted of a pair, until it is reached; and when a person who asked for it is answered."""

from dataclasses import dataclass

import pytest

from supervisor_zerg.core import answers, errors
from supervisor_zerg.core.goals import Desires
from supervisor_zerg.core.model import Arrival, Copy, Facts, Slot, Step, Worker
from supervisor_zerg.core.requests import Aim, Request


@dataclass
class Pair:
    auto: bool = True
    freeze: bool = False
    retire: str = "keep"


SERVING = Copy("a", "RUNNING", 1, 1, Slot.RUNNING, paused=False, workers=(Worker(2),))
PARKED = Copy("b", "RUNNING", 3, 3, Slot.SLEEPING, paused=True, workers=(Worker(4, parked=1),))
FACTS = Facts((SERVING, PARKED))


@pytest.fixture
def desires():
    return Desires(Pair(), {})


def request(verb="promote", program="a", began=0.0):
    return Request("1", verb, program, "a person", {}, began)


def test_what_a_person_ordered_outlives_supervisord_and_what_is_so_by_itself_is_not_kept(desires):
    assert desires.orders() == {}
    desires.aim(Aim("", True, False))
    desires.auto = False
    assert desires.orders() == {"held": True, "auto": False}
    again = Desires(Pair(), desires.orders())
    assert again.held and not again.auto and not again.both
    assert Desires(Pair(auto=False), {"auto": True}).orders() == {"auto": True}


def test_who_is_still_on_its_way_up_follows_a_persons_last_word(desires):
    boots = Copy("b", "STARTING", 3, 3)
    desires.arrivals = {"b": Arrival.TAKES_OVER}
    desires.aim(Aim("a", False, False))
    assert desires.invited("b"), "the word may yet be refused"
    desires.reached("a", Facts((SERVING, boots)), False)
    assert desires.arrivals == {"b": Arrival.PARKS}


def test_who_was_wished_for_and_refused_does_not_take_over_later(desires):
    desires.arrivals = {"b": Arrival.PARKS}
    desires.aim(Aim("b", False, False))
    desires.wish = ""
    assert not desires.invited("b")


def test_a_wish_lasts_until_it_is_reached(desires):
    desires.aim(Aim("a", False, False))
    assert desires.desired(False, False).wish == "a"
    assert desires.reached("a", FACTS, False) == "", "nobody served before"
    assert desires.desired(False, False).wish == "" and desires.last == "a"


def test_an_arrival_lasts_until_the_copy_serves_or_rests(desires):
    desires.arrivals = {"a": Arrival.TAKES_OVER, "b": Arrival.PARKS}
    desires.reached("a", FACTS, False)
    assert desires.arrivals == {}
    desires.arrivals = {"b": Arrival.TAKES_OVER}
    desires.reached("a", FACTS, False)
    assert desires.invited("b"), "it has yet to take over"


@pytest.mark.parametrize("deploying, retiring", [(False, "b"), (True, "")])
def test_retire_stop_lets_go_of_who_served_before_unless_a_deploy_still_needs_it(
    deploying, retiring
):
    desires = Desires(Pair(retire="stop"), {})
    desires.last = "b"
    assert desires.reached("a", FACTS, deploying) == "b" and desires.retiring == retiring
    assert desires.reached("b", FACTS, deploying) == "a" and desires.retiring == (
        "a" if retiring else ""
    )


@pytest.mark.parametrize(
    "step, wish, now, due, refusal",
    [
        (Step("a", met=True), "", 1, True, None),
        (Step("a", met=True), "b", 1, False, None),
        (Step("a", refusal="Booting", wait_for="b boots"), "b", 1, True, errors.Booting),
        (Step("a", refusal="Deaf", wait_for="b is busy"), "b", 1, False, None),
        (Step("a", refusal="Deaf", wait_for="b is busy"), "b", 11, True, errors.Deaf),
        (Step("a", wait_for="b wakes up"), "b", 11, True, errors.TimedOut),
    ],
)
def test_a_request_is_answered_when_it_is_met_hopeless_or_late(step, wish, now, due, refusal):
    answer, why = answers.due(request(), step, FACTS, wish, now)
    assert answer is due and type(why) is (refusal or type(None))


def test_who_asked_for_nothing_but_order_need_not_wait_for_what_takes_long():
    step = Step("", wait_for="a boots", patient=True)
    assert answers.due(request("settle"), step, FACTS, "", 1) == (True, None)
    assert answers.due(request("swap"), step, FACTS, "", 1) == (False, None)


def test_a_command_that_is_not_executed_is_named():
    facts = Facts((SERVING, Copy("b", "RUNNING", 3, 3, Slot.SLEEPING, pending=("p1",))))
    _, why = answers.due(request(), Step("b", wait_for="it"), facts, "b", 11)
    assert isinstance(why, errors.Pending) and "b has not executed p1" in str(why)

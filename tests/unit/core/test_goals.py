"""What is wanted of a pair, until it is reached."""

from dataclasses import dataclass, replace

import pytest

from supervisor_zerg.core.goals import Aim, Goals, OnStart
from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_state import PairState


@dataclass
class Pair:
    auto: bool = True
    freeze: bool = False
    retire: str = "park"
    programs: tuple = ("a", "b")


SERVING = Instance("a", "RUNNING", 1, 1, Slot.RUNNING, paused=False, workers=(Worker(2),))
PARKED = Instance("b", "RUNNING", 3, 3, Slot.SLEEPING, paused=True, workers=(Worker(4, parked=1),))
FACTS = PairState((SERVING, PARKED))


@pytest.fixture
def goals():
    return Goals(Pair(), {})


def test_what_an_operator_ordered_outlives_supervisord_and_what_is_so_by_itself_is_not_kept(goals):
    assert goals.settings() == {}
    goals.set_aim(Aim("", True, False))
    goals.auto = False
    assert goals.settings() == {"held": True, "auto": False}
    again = Goals(Pair(), goals.settings())
    assert again.hold and not again.auto and not again.both_active
    assert Goals(Pair(auto=False), {"auto": True}).settings() == {"auto": True}


def test_an_instance_that_still_starts_follows_the_last_request(goals):
    is_starting = Instance("b", "STARTING", 3, 3)
    goals.on_start = {"b": OnStart.PROMOTE}
    goals.set_aim(Aim("a", False, False))
    assert goals.promotes_on_start("b"), "the request may yet be refused"
    goals.reached("a", PairState((SERVING, is_starting)), False)
    assert goals.on_start == {"b": OnStart.STANDBY}


def test_a_refused_program_does_not_take_over_later(goals):
    goals.on_start = {"b": OnStart.STANDBY}
    goals.set_aim(Aim("b", False, False))
    goals.requested = ""
    assert not goals.promotes_on_start("b")


def test_a_request_lasts_until_it_is_reached(goals):
    goals.set_aim(Aim("a", False, False))
    assert goals.desired(False, False).requested == "a"
    assert goals.served_before("a") == ""
    goals.reached("a", FACTS, False)
    assert goals.desired(False, False).requested == "" and goals.last_active == "a"


def test_on_start_lasts_until_the_instance_serves_or_is_parked(goals):
    goals.on_start = {"a": OnStart.PROMOTE, "b": OnStart.STANDBY}
    goals.reached("a", FACTS, False)
    assert goals.on_start == {}
    goals.on_start = {"b": OnStart.PROMOTE}
    goals.reached("a", FACTS, False)
    assert goals.promotes_on_start("b"), "it has yet to take over"


@pytest.mark.parametrize("deploying, retiring", [(False, "b"), (True, "")])
def test_retire_stop_retires_the_former_instance_unless_a_deploy_still_needs_it(
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


def test_goals_are_inherited_by_the_changed_section_as_far_as_they_still_make_sense():
    old = Goals(Pair(retire="stop"), {})
    old.last_active = "a"
    old.retiring = "b"
    old.on_start = {"a": OnStart.PROMOTE, "gone": OnStart.STANDBY}
    parks = Goals(Pair(), {})
    parks.inherit(old)
    assert (parks.last_active, parks.retiring) == ("a", "")
    assert parks.on_start == {"a": OnStart.PROMOTE}
    stops = Goals(Pair(retire="stop"), {})
    stops.inherit(old)
    assert stops.retiring == "b"


def test_an_instance_that_has_just_begun_to_accept_is_still_starting(goals):
    goals.on_start = {"a": OnStart.PROMOTE}
    newly = replace(SERVING, newly_accepting=True)
    goals.reached("a", PairState((newly, PARKED)), False)
    assert goals.on_start == {"a": OnStart.PROMOTE}


def test_what_is_retired_is_forgotten_once_it_has_ended_or_serves_again():
    goals = Goals(Pair(retire="stop"), {})
    goals.last_active = "a"
    goals.retiring = "b"
    goals.reached("a", PairState((SERVING, Instance("b", "STOPPED"))), False)
    assert goals.retiring == ""
    goals.retiring = "a"
    goals.reached("a", FACTS, False)
    assert goals.retiring == ""

"""What one observation of an instance amounts to."""

from dataclasses import replace

import pytest

from supervisor_zerg.core.decision import Action, ActionKind
from supervisor_zerg.core.instance import Condition, Instance, Slot, Worker

SERVING = Instance("a", "RUNNING", 1, 1, Slot.RUNNING, paused=False, workers=(Worker(2),))
PAUSED = replace(SERVING, paused=True)
NEWBORN = Worker(2, started=False)


@pytest.mark.parametrize(
    "instance, condition",
    [
        (Instance("a"), "stopped"),
        (SERVING, "serving"),
        (replace(SERVING, workers=(NEWBORN,)), "booting"),
        (replace(SERVING, master=0, workers=()), "booting"),
        (replace(SERVING, slot=None), "lost"),
        (replace(SERVING, paused=None), "booting"),
        (replace(PAUSED, workers=(Worker(2, parked=1),)), "parked"),
        (replace(PAUSED, workers=(Worker(2, threads=2, parked=1),)), "draining"),
        (replace(PAUSED, workers=(Worker(2, busy=1),)), "draining"),
        (replace(PAUSED, workers=(NEWBORN,)), "booting"),
        (replace(PAUSED, workers=(Worker(2, stopped=True),)), "booting"),
    ],
)
def test_the_condition_of_an_instance(instance, condition):
    assert instance.condition is Condition(condition)


def test_a_slot_has_a_label():
    assert SERVING.slot_label == "running" and Instance("a").slot_label == ""


def test_a_zombie_takes_no_request():
    assert Worker(2, threads=4).may_accept == 4 and Worker(2, zombie=True).may_accept == 0


def test_a_pending_command_uses_the_slot_that_it_leaves_and_the_one_that_it_moves_to():
    assert SERVING.fifo_slots_in_use == frozenset()
    moving = replace(SERVING, pending=("p2",))
    assert moving.fifo_slots_in_use == {Slot.RUNNING, Slot.SLEEPING}


def test_an_action_is_written_as_history_shows_it():
    assert str(Action(ActionKind.RESUME, "a", Slot.RUNNING)) == "resume a to running"
    assert str(Action(ActionKind.NUDGE, "a", pids=(1, 2))) == "nudge a pids 1 2"


def test_only_actions_through_the_fifo_have_a_command():
    assert Action(ActionKind.PAUSE, "a", Slot.SLEEPING).command == b"p2"
    assert Action(ActionKind.FREEZE, "a").command == b""

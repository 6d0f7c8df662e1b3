"""What is wrong with a pair, in sentences."""

import pytest

from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.pair.state_times import StateTimes
from supervisor_zerg.pair.status import PairView, describe, problems

SERVES = Instance("a", "RUNNING", 10, 10, Slot.RUNNING, paused=False, workers=(Worker(11, 4),))
LEAKS = Instance(
    "b", "RUNNING", 20, 20, Slot.SLEEPING, paused=True, workers=(Worker(21, 4, parked=3),)
)


def told(*instances, lasts=0.0, **options):
    return list(
        problems(
            PairView(
                pair=PairConfig(programs=("a", "b"), pool="", **options),
                observed=PairState(instances),
                auto=True,
                durations={"a": lasts, "b": lasts},
            )
        )
    )


def test_a_thread_that_never_parks_is_told_after_a_while():
    assert told(SERVES, LEAKS, lasts=1.0) == []
    (problem,) = told(SERVES, LEAKS, lasts=9.0)
    assert "threads of process 21 may still take a request" in problem and "restart b" in problem


def test_both_instances_at_once_and_nobody():
    other = Instance("b", "RUNNING", 20, 20, Slot.RUNNING, paused=False, workers=(Worker(21, 4),))
    assert "both instances accept requests" in told(SERVES, other)
    assert told(Instance("a"), Instance("b")) == ["nobody serves"]


def test_a_healthy_pair_has_none():
    parked = Instance(
        "b", "RUNNING", 20, 20, Slot.SLEEPING, paused=True, workers=(Worker(21, 1, parked=1),)
    )
    assert told(SERVES, parked) == []


@pytest.mark.parametrize(
    "retire, state, problems",
    [("park", "STOPPED", 1), ("stop", "STOPPED", 0), ("stop", "EXITED", 0), ("stop", "FATAL", 1)],
)
def test_no_warm_instance_is_no_problem_where_none_is_wanted(retire, state, problems):
    assert len(told(SERVES, Instance("b", state), retire=retire)) == problems


def test_a_pair_that_could_not_be_observed_is_told_with_its_problem():
    info = describe(PairView(PairConfig(programs=("a", "b")), None))
    assert (info["serving"], info["instances"]) == ("", [])
    assert info["problems"] == ["this pair could not be observed; see supervisord's log"]


def test_since_when_an_instance_is_in_its_condition():
    times = StateTimes(now=iter([100.0, 200.0, 230.0, 300.0]).__next__)
    times.note(PairState((SERVES, Instance("b"))))
    assert (times.since("a"), times.since("b"), times.since("c")) == (100.0, 200.0, 0.0)
    times.note(PairState((SERVES, Instance("b"))))
    assert times.duration("b") == 30.0
    times.forget("b")
    assert times.since("b") == 0.0

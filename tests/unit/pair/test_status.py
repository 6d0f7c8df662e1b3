"""What is wrong with a pair, in sentences."""

from dataclasses import replace
from xmlrpc.client import dumps

import pytest

from supervisor_zerg.core.instance import Instance, Slot, UnresponsiveReason, Worker
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.pair.history import History
from supervisor_zerg.pair.state_times import StateTimes
from supervisor_zerg.pair.status import PairView, describe, problems

from ..structs import an_entry

SERVES = Instance("a", "RUNNING", 10, 10, Slot.RUNNING, paused=False, workers=(Worker(11, 4),))
LEAKS = Instance(
    "b", "RUNNING", 20, 20, Slot.SLEEPING, paused=True, workers=(Worker(21, 4, parked=3),)
)

PARKED = Instance("b", "RUNNING", 20, 20, Slot.SLEEPING, paused=True, workers=(Worker(21, 1, 1),))
HEALTHY = PairState((SERVES, PARKED))


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


def test_a_thread_that_never_parks_is_reported_after_a_while():
    assert told(SERVES, LEAKS, lasts=1.0) == []
    (problem,) = told(SERVES, LEAKS, lasts=9.0)
    assert "threads of process 21 may still take a request" in problem and "restart b" in problem


def test_both_instances_at_once_and_nobody():
    other = Instance("b", "RUNNING", 20, 20, Slot.RUNNING, paused=False, workers=(Worker(21, 4),))
    assert "both instances accept requests" in told(SERVES, other)
    assert told(Instance("a"), Instance("b")) == ["nobody serves"]


def test_a_parked_instance_that_ends_is_a_problem():
    ending = replace(PARKED, unresponsive=UnresponsiveReason.AWAITS_WORKERS)
    reason = "the master of b waits for its workers to end: it was told to end"
    assert told(SERVES, ending) == [f"no warm instance: {reason}"]


def test_a_worker_that_is_not_replaced_is_a_problem():
    (problem,) = told(SERVES, replace(PARKED, missing_workers=1))
    assert problem.startswith("b runs 1 of 2 workers") and "restart b" in problem


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


def test_a_pair_that_could_not_be_observed_is_shown_with_its_problem():
    info = describe(PairView(PairConfig(programs=("a", "b")), None))
    assert (info["serving"], info["instances"]) == ("", [])
    assert info["problems"] == ["this pair could not be observed; see supervisord's log"]


def test_a_file_that_cannot_be_written_is_a_problem_of_every_pair(tmp_path):
    history = History(str(tmp_path / "missing" / "h"), lambda sentence: None)
    history.add(an_entry())
    view = PairView(PairConfig(), HEALTHY, auto=True, store_problems=[history.problem])
    (problem,) = problems(view)
    assert problem.startswith("history cannot be written to")


def test_odd_characters_never_reach_the_wire():
    view = PairView(PairConfig(), HEALTHY, labels={"a": "\x00"}, store_problems=["\ud800"])
    dumps((describe(view),))
    assert describe(view)["instances"][0]["label"] == "\ufffd"


def test_since_when_an_instance_is_in_its_condition():
    times = StateTimes(now=iter([100.0, 200.0, 230.0, 300.0]).__next__)
    times.note(PairState((SERVES, Instance("b"))))
    assert (times.since("a"), times.since("b"), times.since("c")) == (100.0, 200.0, 0.0)
    times.note(PairState((SERVES, Instance("b"))))
    assert times.duration("b") == 30.0
    times.forget("b")
    assert times.since("b") == 0.0


def test_foreign_processes_in_the_stats_are_named():
    view = PairView(
        pair=PairConfig(programs=("a", "b"), pool=""),
        observed=PairState((SERVES, Instance("b"))),
        auto=True,
        foreign={"a": (99,)},
    )
    assert "the stats of a name foreign processes, which are ignored: 99" in list(problems(view))

"""The shrinker finds the shortest sequence that fails."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chaos.shrink import shrink
from tests.chaos.steps import Step

NAMES = st.sampled_from("abcdef")

BUSY = settings(deadline=None, suppress_health_check=list(HealthCheck))  # other work here


def steps_of(names):
    return tuple(Step(name, number) for number, name in enumerate(names))


def names_of(steps):
    return "".join(step.fault for step in steps)


def holds(needed, names):
    """Do these letters occur in this order?"""
    rest = iter(names)
    return all(letter in rest for letter in needed)


@BUSY
@given(st.lists(NAMES, max_size=30), st.lists(NAMES, min_size=1, max_size=3))
def test_it_finds_exactly_the_steps_that_are_needed(others, needed):
    steps = steps_of(others + needed)
    found = shrink(steps, lambda some: holds(needed, names_of(some)), most_runs=10**6)
    assert names_of(found) == "".join(needed)


@BUSY
@given(st.lists(NAMES, min_size=1, max_size=30), st.integers(0, 5))
def test_it_runs_no_more_often_than_it_may(names, most):
    runs = []
    found = shrink(steps_of(names), lambda some: runs.append(some) or False, most_runs=most)
    assert len(runs) <= most
    assert found == steps_of(names)


def test_a_failure_of_the_last_step_alone_takes_one_run():
    runs = []
    found = shrink(steps_of("abcdefabcdef"), lambda some: runs.append(some) or True)
    assert names_of(found) == "f"
    assert len(runs) == 1


def test_a_step_whose_follower_was_left_out_overlaps_nothing():
    steps = (Step("a", 1, True), Step("b", 2))
    assert shrink(steps, lambda some: some[0].fault == "a") == (Step("a", 1),)

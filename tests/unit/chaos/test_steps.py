"""Sequences of faults: the same seed makes the same ones, and their text brings them back."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chaos.steps import MOST_OVERLAPPING, Step, as_text, from_text, generate, groups

WEIGHTS = {"kill-worker": 3, "delete-fifo": 1, "swap": 0}

BUSY = settings(deadline=None, suppress_health_check=list(HealthCheck))  # other work here


@BUSY
@given(st.integers(0, 10**9), st.integers(0, 60))
def test_the_same_seed_makes_the_same_steps(seed, count):
    steps = generate(seed, count, WEIGHTS)
    assert steps == generate(seed, count, WEIGHTS)
    assert len(steps) == count
    assert {step.fault for step in steps} <= {"kill-worker", "delete-fifo"}


@BUSY
@given(st.integers(0, 10**9), st.integers(0, 60))
def test_text_brings_the_steps_back(seed, count):
    steps = generate(seed, count, WEIGHTS)
    assert from_text(as_text(steps)) == steps


@BUSY
@given(st.integers(0, 10**9), st.integers(0, 60))
def test_groups_hold_every_step_once_and_are_small(seed, count):
    steps = generate(seed, count, WEIGHTS)
    assert tuple(step for group in groups(steps) for step in group) == steps
    assert all(len(group) <= MOST_OVERLAPPING for group in groups(steps))
    assert all(
        [step.overlap for step in g] == [True] * (len(g) - 1) + [False] for g in groups(steps)
    )


def test_a_last_step_that_overlaps_nothing_is_closed():
    assert groups([Step("a", 1, True)]) == [(Step("a", 1),)]


@pytest.mark.parametrize("text", ["kill-worker", ":3", "a:b", "a:1;b:2"])
def test_what_is_no_step_is_refused(text):
    with pytest.raises(ValueError):
        from_text(text)

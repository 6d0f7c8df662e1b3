"""What the checks of a run say about a pair, without any process."""

import pytest

from supervisor_zerg.demo.traffic import Answer
from tests.chaos.checker import role_faults, stale

HEALTHY = {
    "serving": "pybossa",
    "parked": "pybossabak",
    "busy": {},
    "problems": [],
    "instances": [
        {"program": "pybossa", "statename": "RUNNING", "condition": "serving"},
        {"program": "pybossabak", "statename": "RUNNING", "condition": "parked"},
    ],
}


def with_condition(condition):
    instances = [HEALTHY["instances"][0], {**HEALTHY["instances"][1], "condition": condition}]
    return {**HEALTHY, "instances": instances}


def test_a_healthy_pair_has_no_fault():
    assert list(role_faults(HEALTHY)) == []


@pytest.mark.parametrize(
    "info",
    [
        {**HEALTHY, "serving": ""},
        {**HEALTHY, "busy": {"kind": "swap"}},
        {**HEALTHY, "problems": ["nobody serves"]},
        with_condition("serving"),
        with_condition("draining"),
    ],
)
def test_what_is_not_converged_is_named(info):
    assert list(role_faults(info))


def test_a_bad_release_that_is_parked_is_no_fault():
    problems = ["pybossabak holds the release 2 that was rolled back: unhealthy"]
    assert list(role_faults({**HEALTHY, "problems": problems})) == []


def test_only_answers_of_the_parked_instance_that_began_afterwards_are_stale():
    def answer(began, program):
        return Answer(began, began + 1, 200, program, 1, began, "1")

    answers = [answer(1.0, "pybossabak"), answer(3.0, "pybossa")]
    assert stale(answers, 2.0, "pybossa") == []
    assert stale([*answers, answer(2.5, "pybossabak")], 2.0, "pybossa")

"""The short form of ``make chaos``: a few faults from fixed seeds, and from CHAOS_SEED."""

import os

import pytest

from .faults import WEIGHTS
from .runner import run
from .steps import as_text, generate

FAULTS = 10
#: Seed 97 takes no path away while an instance of the dialect hooks boots: its own hooks fail then
#: (docs/uwsgi-internals.rst), which nobody outside can repair.
RUNS = [(11, "managed", "prefork"), (97, "hooks", "threads")]
if os.environ.get("CHAOS_SEED"):
    seed = int(os.environ["CHAOS_SEED"])
    RUNS += [(seed, "managed", "threads"), (seed, "hooks", "prefork")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed, dialect, app", RUNS)
def test_random_faults_under_load_leave_nothing_wrong(seed: int, dialect: str, app: str) -> None:
    steps = generate(seed, FAULTS, WEIGHTS)
    figures = run(dialect, app, steps, print)
    assert [violation.text for violation in figures.violations] == [], (
        f"to replay: make chaos DIALECT={dialect} APP={app} FAULTS={as_text(steps)}"
    )
    assert figures.requests > 20

"""PURE: the shortest sequence that still fails, found by running shorter ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from .steps import Steps, closed

Fails = Callable[[Steps], bool]


class Runs:
    """Counts runs. ``fails`` answers False once the limit is reached, so that the search ends."""

    def __init__(self, fails: Fails, most: int) -> None:
        self._fails = fails
        self._known: dict[Steps, bool] = {}
        self.left = most

    def fails(self, steps: Steps) -> bool:
        if steps not in self._known:
            if self.left <= 0:
                return False
            self.left -= 1
            self._known[steps] = self._fails(steps)
        return self._known[steps]


def shrink(steps: Steps, fails: Fails, most_runs: int = 30) -> Steps:
    """A shortest sequence found within so many runs.

    Args:
        steps: known to fail; its last step showed it.
        fails: runs a sequence.
    """
    runs = Runs(fails, most_runs)
    best = _shortest_suffix(steps, runs)
    size = max(len(best) // 2, 1)
    while len(best) > 1:
        shorter = next((some for some in _without(best, size) if runs.fails(some)), None)
        if shorter is not None:
            best = shorter
            size = min(size, max(len(best) // 2, 1))
        elif size > 1:
            size //= 2
        else:
            break
    return best


def _shortest_suffix(steps: Steps, runs: Runs) -> Steps:
    """Most faults need only the last few steps: the last 1, 2, 4, 8 ... are tried first."""
    length = 1
    while length < len(steps):
        if runs.fails(steps[-length:]):
            return steps[-length:]
        length *= 2
    return steps


def _without(steps: Steps, size: int) -> Iterator[Steps]:
    """The steps without each run of ``size`` steps, the earliest left out first."""
    for start in range(0, len(steps), size):
        rest = steps[:start] + steps[start + size :]
        if rest:
            yield closed(rest)

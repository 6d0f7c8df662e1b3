"""A row for each measurement: how often, the median, the worst, and the target. Plain text."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import NamedTuple

HEAD = f"{'':64} {'runs':>5} {'median':>12} {'worst':>12}   target"


class Target(NamedTuple):
    """The ``median`` or the ``worst`` may be this much at most, in the row's unit."""

    figure: str
    limit: float


class Row:
    """One measurement: a sample for each run, and a target if there is one."""

    def __init__(
        self,
        name: str,
        samples: Iterable[float],
        unit: str = "ms",
        target: Target | None = None,
        note: str = "",
    ) -> None:
        self.name = name
        self.samples = list(samples)
        self.unit = unit
        self.target = target
        self.note = note

    @property
    def median(self) -> float:
        """The median of all runs."""
        return statistics.median(self.samples)

    @property
    def worst(self) -> float:
        """The largest of all runs."""
        return max(self.samples)

    def verdict(self) -> str:
        """Whether the target is met."""
        if self.target is None:
            return ""
        value = self.median if self.target.figure == "median" else self.worst
        met = "met" if value <= self.target.limit else "MISSED"
        return f"{self.target.figure} <= {self.target.limit:g} {self.unit}: {met}"

    def __str__(self) -> str:
        if not self.samples:
            return f"{self.name:64} no run"
        median = figure(self.median, self.unit)
        worst = figure(self.worst, self.unit)
        remarks = "; ".join(filter(None, (self.verdict(), self.note)))
        return f"{self.name:64} {len(self.samples):5} {median:>12} {worst:>12}   {remarks}".rstrip()


def figure(value: float, unit: str) -> str:
    """A value with as many digits as matter."""
    digits = 0 if value >= 1000 else 2 if value < 10 else 1
    return f"{value:.{digits}f} {unit}"

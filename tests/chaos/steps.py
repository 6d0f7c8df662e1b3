"""PURE: sequences of faults, made from a seed or from their text."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

MOST_OVERLAPPING = 3
OVERLAPS = 0.4  # how often a fault lasts while the next one is applied


@dataclass(frozen=True)
class Step:
    """One fault. Its own seed makes its choices independent of the steps before it.

    ``overlap``: it is not undone before the next one is applied.
    As text: ``kill-worker:123`` or ``kill-worker:123+``.
    """

    fault: str
    seed: int
    overlap: bool = False

    def __str__(self) -> str:
        return f"{self.fault}:{self.seed}{'+' if self.overlap else ''}"


Steps = tuple[Step, ...]


def as_text(steps: Sequence[Step]) -> str:
    return ",".join(map(str, steps))


def from_text(text: str) -> Steps:
    """The inverse of :func:`as_text`.

    Raises:
        ValueError: the text is not a list of steps.
    """
    return tuple(_step(part.strip()) for part in text.split(",") if part.strip())


def _step(text: str) -> Step:
    fault, colon, seed = text.partition(":")
    if not fault or not colon:
        raise ValueError(f"{text!r} is not FAULT:SEED")
    return Step(fault, int(seed.rstrip("+")), seed.endswith("+"))


def generate(seed: int, count: int, weights: Mapping[str, int]) -> Steps:
    """So many steps, the same ones for the same seed. A greater weight comes more often."""
    rng = random.Random(seed)
    names = sorted(weights)
    steps: list[Step] = []
    for _ in range(count):
        fault = rng.choices(names, [weights[name] for name in names])[0]
        overlap = rng.random() < OVERLAPS and _overlapping(steps) < MOST_OVERLAPPING - 1
        steps.append(Step(fault, rng.randrange(10**6), overlap))
    return closed(steps)


def _overlapping(steps: Sequence[Step]) -> int:
    """How many steps at the end wait for the next one."""
    count = 0
    for step in reversed(steps):
        if not step.overlap:
            break
        count += 1
    return count


def closed(steps: Sequence[Step]) -> Steps:
    """The same steps; the last one waits for no other."""
    return tuple(steps[:-1]) + tuple(replace(step, overlap=False) for step in steps[-1:])


def groups(steps: Sequence[Step]) -> list[Steps]:
    """Steps that overlap, together; a check follows each group."""
    found: list[Steps] = []
    current: list[Step] = []
    for step in closed(steps):
        current.append(step)
        if not step.overlap:
            found.append(tuple(current))
            current = []
    return found

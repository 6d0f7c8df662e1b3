"""Since when each instance of a pair has been in its present condition."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from ..core.instance import Condition
from ..core.pair_state import PairState


class Since(NamedTuple):
    condition: Condition
    at: float


class StateTimes:
    """The times of one pair.

    Args:
        now: Seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._since: dict[str, Since] = {}

    def note(self, observed: PairState) -> None:
        for instance in observed.instances:
            known = self._since.get(instance.program)
            if known is None or known.condition is not instance.condition:
                self._since[instance.program] = Since(instance.condition, self._now())

    def forget(self, program: str) -> None:
        """It was started: its condition begins with the next observation."""
        self._since.pop(program, None)

    def since(self, program: str) -> float:
        """Seconds since the epoch; 0 if the program was not observed yet."""
        known = self._since.get(program)
        return known.at if known else 0.0

    def duration(self, program: str) -> float:
        """Seconds that its condition has lasted."""
        known = self._since.get(program)
        return self._now() - known.at if known else 0.0

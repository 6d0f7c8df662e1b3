"""Counts exceptions, harakiris and crashed workers of one instance since its start."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from ..uwsgi.stats import Snapshot
from .model import Counters

#: A worker that crashed or was recycled is replaced within this time (forkbomb-delay, uWSGI
#: core/master.c:1097).
REPLACED_S = 2.5


class CrashCounter:
    """Counts for one instance; a new start needs a new counter.

    Args:
        alive: tells whether a process still runs.
    """

    def __init__(self, alive: Callable[[int], bool]) -> None:
        self.alive = alive
        self._counters = Counters()
        self._known: set[int] = set()
        self._missing: list[float] = []  # when workers ended that were not replaced yet
        self._replaced = 0

    def count(self, workers: Collection[int], snapshot: Snapshot | None, now: float) -> Counters:
        """Take in an observation.

        Args:
            workers: the pids of the workers.
            snapshot: uWSGI's stats; None where they do not answer, for example while workers
                respawn too fast. Then what they said last still counts.
            now: monotonic seconds.
        """
        self._count_lost(set(workers), now)
        if snapshot is not None:
            self._counters = Counters(
                requests=snapshot.requests,
                exceptions=sum(row.exceptions for row in snapshot.workers),
                harakiris=sum(row.harakiris for row in snapshot.workers),
                server_errors=(snapshot.responses or {}).get("5xx", 0),
                known=True,
            )
        return replace(self._counters, lost=self._replaced + len(self._missing))

    def _count_lost(self, workers: set[int], now: float) -> None:
        """A worker that ended and was not replaced was no longer needed (cheaper)."""
        started = workers - self._known
        gone = {pid for pid in self._known | started if not self.alive(pid)}
        self._known = (self._known | started) - gone
        self._missing = [at for at in self._missing if now - at < REPLACED_S] + [now] * len(gone)
        back = min(len(started - gone), len(self._missing))
        self._missing = self._missing[back:]
        self._replaced += back

"""How a release bears up: what uWSGI counted in it, and how many of its workers ended."""

from dataclasses import replace

from .model import Counters

REPLACED_S = 2.5  # a worker that crashed or was recycled is replaced within that (forkbomb-delay, uWSGI core/master.c:1097)


class CrashCounter:
    """Of one instance, since its start. :param alive: tells whether a process still runs."""

    def __init__(self, alive):
        self.alive, self.counted = alive, Counters()
        self.known, self.missing, self.replaced = set(), [], 0

    def see(self, workers, snapshot, now):
        """:param workers: pids. :param snapshot: uWSGI's stats; None where they do not answer, as while workers respawn too fast.
        :returns: Counters, as last told."""
        self._count(set(workers), now)
        if snapshot is not None:
            rows = snapshot.workers
            exceptions, harakiris = (
                sum(row.exceptions for row in rows),
                sum(row.harakiris for row in rows),
            )
            self.counted = Counters(snapshot.requests, exceptions, harakiris, told=True)
        return replace(self.counted, lost=self.replaced + len(self.missing))

    def _count(self, workers, now):
        """One that ends and is not replaced was not needed any more (cheaper)."""
        started = workers - self.known
        gone = {pid for pid in self.known | started if not self.alive(pid)}
        self.known = (self.known | started) - gone
        self.missing = [at for at in self.missing if now - at < REPLACED_S] + [now] * len(gone)
        back = min(len(started - gone), len(self.missing))
        self.missing, self.replaced = self.missing[back:], self.replaced + back

"""The stats of the instances of a pair: when they are asked, and what an answer changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Union

from ..core.effects import ReadStats
from ..core.pair_config import PairConfig
from . import stats
from .observing import Observing, in_pieces
from .tracked_state import InstanceReading, StatsRecord
from .unreadable import note_unreadable
from .workers import WorkerReader

if TYPE_CHECKING:
    from .kernel import Kernel

RETRY_S = 2.0  # how long a stats server that hung or lied is not asked
ABSENT_S = 0.1  # one that does not exist (yet) costs nothing to ask
Answer = Union[bytes, OSError]


class StatsSource:
    """Asks the stats servers of a pair.

    Args:
        pair: its section.
        kernel: what the kernel shows.
        workers: takes what the stats say about workers.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        pair: PairConfig,
        kernel: Kernel,
        workers: WorkerReader,
        clock: Callable[[], float],
    ) -> None:
        self.pair = pair
        self.kernel = kernel
        self.workers = workers
        self.clock = clock

    def is_up(self, reading: InstanceReading) -> bool:
        """Return whether there is a stats server that may be asked now."""
        return bool(self._address(reading)) and self.clock() >= reading.tracked.stats.retry_at

    def _address(self, reading: InstanceReading) -> str:
        return self.pair.stats_of(reading.program)

    def ask(self, readings: list[InstanceReading], full: bool) -> Observing[bool]:
        """Ask the stats servers that are needed. Returns whether the kernel has to be read anew."""
        asked = []
        for reading in readings:
            if self._needs_stats(reading, full) and not (yield from self._is_blocked(reading)):
                asked.append(reading)
        if not asked:
            return False
        addresses = tuple(self._address(reading) for reading in asked)
        answers: dict[str, Answer] = (yield ReadStats(addresses)) or {}
        self.kernel.pacer.restart()
        news = False
        for reading in asked:
            address = self._address(reading)
            if address in answers:
                news = (yield from self._learn(reading, answers[address])) or news
        return news

    def _needs_stats(self, reading: InstanceReading, full: bool) -> bool:
        if not reading.master or reading.state == "STOPPING":
            return False
        return self.is_up(reading) and (full or not kernel_tells_all(reading))

    def _is_blocked(self, reading: InstanceReading) -> Observing[bool]:
        """Whether its master will not answer in time.

        One whose workers end too fast sleeps for seconds (``forkbomb_delay``,
        uWSGI core/master.c:1097).
        """
        if not self.kernel.threads.is_blocked(reading.master):
            return False
        yield from self._without_stats(reading, "its master sleeps", ABSENT_S)
        return True

    def _learn(self, reading: InstanceReading, answer: Answer) -> Observing[bool]:
        """Take in a stats answer. Returns whether it names other workers than those read."""
        record = reading.tracked.stats
        try:
            snapshot = yield from self._parse(reading, answer)
        except stats.InvalidStats as error:
            absent = isinstance(answer, (FileNotFoundError, ConnectionRefusedError))
            retry_s = ABSENT_S if absent else RETRY_S
            yield from self._without_stats(reading, str(error), retry_s)
            return False
        if reading.at < record.at:  # another observation has got a newer answer
            return set(reading.tracked.workers.known) != set(reading.workers)
        workers = reading.tracked.workers
        try:
            by_stats = self.workers.by_stats(reading.master, workers, snapshot)
            foreign = yield from in_pieces(by_stats, self.kernel.pacer)
        except OSError as error:
            note_unreadable(reading, error)
            return False
        note_snapshot(record, snapshot.without(foreign), reading.at)
        return set(workers.known) != set(reading.workers)

    def _parse(self, reading: InstanceReading, answer: Answer) -> Observing[stats.Snapshot]:
        """Raises InvalidStats where there is no snapshot of this master."""
        if not isinstance(answer, bytes):
            raise stats.InvalidStats(str(answer) or "no answer in time")
        pacer = self.kernel.pacer
        snapshot = yield from in_pieces(stats.read(answer, pacer), pacer)
        if snapshot.pid != reading.master:
            message = f"process {snapshot.pid} answers in place of master {reading.master}"
            raise stats.InvalidStats(message)
        return snapshot

    def _without_stats(
        self, reading: InstanceReading, reason: str, retry_s: float
    ) -> Observing[None]:
        record = reading.tracked.stats
        record.error = reason
        record.retry_at = self.clock() + retry_s
        record.snapshot = None
        try:
            pieces = self.workers.by_kernel(reading.master, reading.tracked.workers)
            yield from in_pieces(pieces, self.kernel.pacer)
        except OSError as error:
            note_unreadable(reading, error)


def note_snapshot(record: StatsRecord, snapshot: stats.Snapshot, at: float) -> None:
    """Keep a snapshot of an observation that began at a moment."""
    record.snapshot = snapshot
    record.error = ""
    record.at = at
    if snapshot.paused is not None:
        record.flag = snapshot.paused
        record.flag_at = at


def kernel_tells_all(reading: InstanceReading) -> bool:
    """The workers are the known ones, each past its start-up, and all parked, or it accepts."""
    tracked = reading.tracked
    known = tracked.workers.known
    if (tracked.snapshot and tracked.snapshot.cheap) or not known or tracked.flag is None:
        return False
    if set(reading.workers) != set(known) or not all(w.started for w in known.values()):
        return False
    threads = {pid: worker.threads for pid, worker in reading.workers.items() if worker}
    if len(threads) < len(known) or any(t.ended for t in threads.values()):
        return False
    if tracked.flag:
        return all(t.paused >= known[pid].threads for pid, t in threads.items())
    return any(not t.main_paused for t in threads.values())

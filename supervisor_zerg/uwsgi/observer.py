"""Observes one pair: what Supervisor, the kernel and uWSGI's stats say at this moment, as one
:class:`~supervisor_zerg.core.pair_state.PairState`.

The kernel is read first, then the stats: a thread that was parked at the first reading cannot be
inside a request at the second, so the two never count the same thread twice. The stats are read
only where the kernel alone cannot tell.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Callable, Optional, Protocol, Union

from .. import config
from ..core.effects import ReadStats
from ..core.instance import UnresponsiveReason
from ..core.pair_state import PairState
from ..core.pair_config import PairConfig
from . import interpreter, stats
from .environment import PairEnvironment
from .masters import MasterFinder
from .observing import Observing, in_pieces
from .signal_loop import SignalLoopDetector
from .tracked_state import InstanceReading, StatsRecord, TrackedMaster
from .workers import WorkerReader

if TYPE_CHECKING:
    from .kernel import Kernel

STATS_RETRY_S = 2.0  # a stats server that hung or lied is left alone for so long
STATS_ABSENT_S = 0.1  # one that is not there (yet) costs nothing to ask
Answer = Union[bytes, OSError]


class ProgramState(Protocol):
    """The state of a program, and the pid of its process or 0."""

    @property
    def state(self) -> str: ...

    @property
    def pid(self) -> int: ...


class ReadsPrograms(Protocol):
    """What Supervisor says of its programs (:class:`~supervisor_zerg.supervisord.programs.Programs`)."""

    def get(self, name: str) -> ProgramState: ...


class Observer:
    """Observes one pair.

    Args:
        pair: its section.
        kernel: what the kernel shows.
        programs: what Supervisor says.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        pair: PairConfig,
        kernel: Kernel,
        programs: ReadsPrograms,
        clock: Callable[[], float],
    ) -> None:
        self.pair = pair
        self.kernel = kernel
        self.programs = programs
        self.clock = clock
        self.paths = tuple(config.canonical(path) for path in pair.fifos)
        self.masters = {program: self._new_master() for program in pair.programs}
        self.finder = MasterFinder(kernel, self.paths, clock)
        self.workers = WorkerReader(kernel, clock)
        self.environment = PairEnvironment(pair, self.paths, kernel, programs, clock)

    def _new_master(self, master: int = 0) -> TrackedMaster:
        detector = SignalLoopDetector(self.kernel.processes, self.clock, signal.SIGTSTP)
        return TrackedMaster(detector, master)

    def inherit(self, old: Observer) -> None:
        """Take over what the previous observer of this pair knows: commands on their way most of
        all."""
        if self.paths == old.paths:
            for program in set(self.masters) & set(old.masters):
                self.masters[program] = old.masters.pop(program)
        self.environment.orphans.update(old.environment.orphans)

    def close(self) -> None:
        """Close the handles of commands on their way."""
        for tracked in self.masters.values():
            tracked.forget()

    def observe(self, full: bool = False, thorough: bool = False) -> Observing[PairState]:
        """Observe the pair.

        Args:
            full: ask every stats server and read everything; else only what changes within
                milliseconds.
            thorough: read also what seldom changes: foreign readers of the FIFOs, the socket of
                the pool.
        """
        self.kernel.pacer.restart()
        for _ in range(2):
            readings = []
            for program in self.pair.programs:
                readings.append((yield from self._read_instance(program, full)))
            if not (yield from self._ask_stats(readings, full)):
                break
        if thorough:
            yield from self.environment.explore(readings)
        for reading in readings:
            self._complete(reading)
        obstacles = yield from self.environment.obstacles(readings)
        orphans = yield from self.environment.living_orphans()
        return PairState(tuple(self._interpret(r) for r in readings), obstacles, orphans)

    def _interpret(self, reading: InstanceReading) -> interpreter.Instance:
        instance, memory = interpreter.interpret(reading, self.clock())
        reading.tracked.memory = memory
        return instance

    def _complete(self, reading: InstanceReading) -> None:
        """Add what is read last, because it depends on what the stats said."""
        tracked = reading.tracked
        for pid, worker in reading.workers.items():
            known = tracked.workers.known.get(pid)
            if worker is None or known is None:
                continue
            if not known.started:
                reading.signal_loops[pid] = tracked.signal_loop.check(pid)
            if tracked.snapshot is None:
                reading.cpu_ns[pid] = {
                    tid: self.kernel.threads.cpu_ns(pid, tid) for tid in worker.threads.running
                }

    # the kernel

    def _read_instance(self, program: str, full: bool) -> Observing[InstanceReading]:
        """Read what Supervisor and the kernel tell of one instance."""
        state = self.programs.get(program)
        if not state.pid:
            self._switch(program, 0)
        reading = InstanceReading(
            program, state.state, state.pid, self.masters[program], self.clock()
        )
        if not state.pid:
            return reading
        try:
            yield from self._read_master(reading, full)
            if reading.master:
                yield from self._read_workers(reading, full)
        except OSError as error:
            reading.unreadable = _unreadable(program, error)
        return reading

    def _read_master(self, reading: InstanceReading, full: bool) -> Observing[None]:
        pieces = self.finder.find(reading.pid, reading.tracked)
        reading.master, held = yield from in_pieces(pieces, self.kernel.pacer)
        self._switch(reading.program, reading.master)
        reading.tracked = self.masters[reading.program]
        reading.held, reading.unresponsive = self.finder.take(reading.tracked, held)
        if reading.master and full and reading.unresponsive is None:
            reading.unresponsive = self._unresponsive(reading)

    def _switch(self, program: str, master: int) -> None:
        tracked = self.masters[program]
        if tracked.master != master:
            self.environment.remember_orphans(program, tracked)
            tracked.forget()
            self.masters[program] = self._new_master(master)

    def _unresponsive(self, reading: InstanceReading) -> Optional[UnresponsiveReason]:
        if self.kernel.threads.is_polling(reading.master):
            return None
        process = self.kernel.processes.get(reading.master)
        if process is None:
            return UnresponsiveReason.GONE
        if process.stopped:
            return UnresponsiveReason.STOPPED
        return UnresponsiveReason.BUSY

    def _read_workers(self, reading: InstanceReading, full: bool) -> Observing[None]:
        record = reading.tracked.workers
        if self._kernel_names_workers(reading):
            pieces = self.workers.by_kernel(reading.master, record)
            yield from in_pieces(pieces, self.kernel.pacer)
        read = self.workers.read(reading.tracked, with_state=full or self.pair.freeze)
        reading.workers = yield from in_pieces(read, self.kernel.pacer)

    def _kernel_names_workers(self, reading: InstanceReading) -> bool:
        """The stats do not: they are not answered, or not now and a worker has ended."""
        tracked = reading.tracked
        if not tracked.workers.known or tracked.snapshot is None:
            return True
        stats_down = not self._stats_address(reading) or self.clock() < tracked.stats.retry_at
        return stats_down and not all(map(self.kernel.processes.alive, tracked.workers.known))

    # the stats

    def _stats_address(self, reading: InstanceReading) -> str:
        return self.pair.stats_of(reading.program)

    def _ask_stats(self, readings: list[InstanceReading], full: bool) -> Observing[bool]:
        """Ask the stats servers that are needed. Returns whether the kernel has to be read anew."""
        asked = []
        for reading in readings:
            if self._needs_stats(reading, full) and not (yield from self._is_blocked(reading)):
                asked.append(reading)
        if not asked:
            return False
        addresses = tuple(self._stats_address(reading) for reading in asked)
        answers: dict[str, Answer] = (yield ReadStats(addresses)) or {}
        self.kernel.pacer.restart()
        news = False
        for reading in asked:
            address = self._stats_address(reading)
            if address in answers:
                news = (yield from self._learn(reading, answers[address])) or news
        return news

    def _needs_stats(self, reading: InstanceReading, full: bool) -> bool:
        if not reading.master or reading.state == "STOPPING":
            return False
        if not self._stats_address(reading) or self.clock() < reading.tracked.stats.retry_at:
            return False
        return full or not kernel_tells_all(reading)

    def _is_blocked(self, reading: InstanceReading) -> Observing[bool]:
        """Its master will not answer in time.

        One whose workers end too fast sleeps for seconds (``forkbomb_delay``,
        uWSGI core/master.c:1097).
        """
        if not self.kernel.threads.is_blocked(reading.master):
            return False
        yield from self._without_stats(reading, "its master sleeps", STATS_ABSENT_S)
        return True

    def _learn(self, reading: InstanceReading, answer: Answer) -> Observing[bool]:
        """Take in a stats answer. Returns whether it names other workers than those read."""
        record = reading.tracked.stats
        pacer = self.kernel.pacer
        try:
            snapshot = yield from self._parse(reading, answer)
        except stats.InvalidStats as error:
            absent = isinstance(answer, (FileNotFoundError, ConnectionRefusedError))
            retry_s = STATS_ABSENT_S if absent else STATS_RETRY_S
            yield from self._without_stats(reading, str(error), retry_s)
            return False
        if reading.at < record.at:  # another observation has been told something newer meanwhile
            return set(reading.tracked.workers.known) != set(reading.workers)
        note_snapshot(record, snapshot, reading.at)
        workers = reading.tracked.workers
        try:
            yield from in_pieces(self.workers.by_stats(reading.master, workers, snapshot), pacer)
        except OSError as error:
            reading.unreadable = _unreadable(reading.program, error)
        return set(workers.known) != set(reading.workers)

    def _parse(self, reading: InstanceReading, answer: Answer) -> Observing[stats.Snapshot]:
        """Raises InvalidStats where there is no snapshot of this master."""
        if not isinstance(answer, bytes):
            raise stats.InvalidStats(str(answer or "no answer in time"))
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
            reading.unreadable = _unreadable(reading.program, error)


def _unreadable(program: str, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"no right to look at the process of {program} ({error})"
    return f"the process of {program} cannot be read ({error})"


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
    if tracked.snapshot and tracked.snapshot.cheap or not known or tracked.flag is None:
        return False
    if set(reading.workers) != set(known) or not all(w.started for w in known.values()):
        return False
    threads = {pid: worker.threads for pid, worker in reading.workers.items() if worker}
    if len(threads) < len(known) or any(t.ended for t in threads.values()):
        return False
    if tracked.flag:
        return all(t.paused >= known[pid].threads for pid, t in threads.items())
    return any(not t.main_paused for t in threads.values())

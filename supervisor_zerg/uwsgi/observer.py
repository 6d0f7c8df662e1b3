"""Observes one pair: what Supervisor, the kernel and uWSGI's stats say at this moment.

The result is a :class:`~supervisor_zerg.core.pair_state.PairState`.

The kernel is read first, then the stats: a thread that was parked at the first reading cannot be
inside a request at the second, so the two never count the same thread twice. The stats are read
only where the kernel alone cannot tell.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Callable, Optional

from .. import config
from ..core.instance import Instance, UnresponsiveReason
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from ..linux.pieces import at_once
from . import interpreter
from .connections import ConnectionReader
from .environment import PairEnvironment
from .masters import MasterFinder
from .observing import Observing, in_pieces
from .programs import ReadsPrograms
from .signal_loop import SignalLoopDetector
from .stats_source import StatsSource
from .tracked_state import InstanceReading, TrackedMaster
from .unreadable import UnreadableReader, note_unreadable
from .workers import WorkerReader

if TYPE_CHECKING:
    from .kernel import Kernel


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
        self.connections = ConnectionReader(pair, kernel, self.workers)
        self.stats = StatsSource(pair, kernel, self.workers, clock)
        self.unreadable = UnreadableReader(pair, kernel, clock)
        self.environment = PairEnvironment(pair, self.paths, kernel, programs, self.workers, clock)

    def _new_master(self, master: int = 0) -> TrackedMaster:
        detector = SignalLoopDetector(self.kernel.processes, self.clock, signal.SIGTSTP)
        return TrackedMaster(detector, master)

    def inherit(self, old: Observer) -> None:
        """Take over what the previous observer of this pair knows, above all pending commands."""
        if self.paths == old.paths:
            for program in set(self.masters) & set(old.masters):
                self.masters[program] = old.masters.pop(program)
        self.environment.orphans.update(old.environment.orphans)

    def close(self) -> None:
        """Close the handles of pending commands."""
        for tracked in self.masters.values():
            tracked.forget()

    def observe(self, full: bool = False, thorough: bool = False) -> Observing[PairState]:
        """Observe the pair.

        Args:
            full: ask every stats server and read everything; else only what changes within
                milliseconds.
            thorough: read also what seldom changes: foreign readers of the FIFOs, the socket of
                the pool; and the connections of an instance that is not paused.
        """
        self.kernel.pacer.restart()
        for _ in range(2):
            readings = []
            for program in self.pair.programs:
                readings.append((yield from self._read_instance(program, full)))
            if not (yield from self.stats.ask(readings, full)):
                break
        if thorough:
            yield from self.environment.explore(readings)
        for reading in readings:
            always = thorough or (full and bool(reading.tracked.flag))
            yield from self._read_connections(reading, always)
            yield from in_pieces(self.workers.complete(reading), self.kernel.pacer)
        obstacles = yield from self.environment.obstacles(readings)
        orphans = yield from self.environment.living_orphans()
        instances = []
        for reading in readings:
            instances.append((yield from self._interpret(reading)))
        return PairState(tuple(instances), obstacles, orphans)

    def _interpret(self, reading: InstanceReading) -> Observing[Instance]:
        if reading.forbidden:
            return (yield from self.unreadable.read(reading))
        instance, memory = interpreter.interpret(reading, self.clock())
        reading.tracked.memory = memory
        return instance

    def unreachable_at(self, program: str) -> str:
        """Connect to each socket that both instances serve. Returns where that fails, or ''."""
        lists = {
            each: at_once(self.workers.listening(tracked.master, tracked.workers))
            for each, tracked in self.masters.items()
            if tracked.master
        }
        shared = set.intersection(*map(set, lists.values())) if len(lists) == 2 else set()
        for name in sorted(lists[program][inode] for inode in shared):
            connections = self.kernel.sockets.begin_connection(name)
            for connection in connections:
                connection.close()
            if not connections:
                return f"{name} refuses"
        return ""

    # the kernel

    def _read_instance(self, program: str, full: bool) -> Observing[InstanceReading]:
        """Read what Supervisor and the kernel tell of one instance."""
        state = self.programs.get(program)
        if not state.pid:
            yield from self._switch(program, 0)
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
            note_unreadable(reading, error)
        return reading

    def _read_master(self, reading: InstanceReading, full: bool) -> Observing[None]:
        pieces = self.finder.find(reading.pid, reading.tracked)
        reading.master, held = yield from in_pieces(pieces, self.kernel.pacer)
        yield from self._switch(reading.program, reading.master)
        reading.tracked = self.masters[reading.program]
        reading.held, reading.unresponsive = self.finder.take(reading.tracked, held)
        if reading.master and reading.unresponsive is None:
            reading.unresponsive = self._unresponsive(reading, full)

    def _switch(self, program: str, master: int) -> Observing[None]:
        """A program has another master, or none (0) any more."""
        tracked = self.masters[program]
        if tracked.master != master:
            tracked.forget()
            self.masters[program] = self._new_master(master)
            orphans = self.environment.remember_orphans(program, tracked)
            yield from in_pieces(orphans, self.kernel.pacer)

    def _unresponsive(self, reading: InstanceReading, full: bool) -> Optional[UnresponsiveReason]:
        """Why the master takes no command now; whether it is stopped or busy only if ``full``."""
        threads = self.kernel.threads
        tracked = reading.tracked
        if threads.is_polling(reading.master):
            return None
        if tracked.memory.was_ready and threads.is_sleeping(reading.master):
            return UnresponsiveReason.THROTTLED
        if threads.awaited(reading.master) in tracked.workers.known:
            return UnresponsiveReason.AWAITS_WORKERS
        if not full:
            return None
        process = self.kernel.processes.get(reading.master)
        if process is None:
            return UnresponsiveReason.GONE
        if process.stopped:
            return UnresponsiveReason.STOPPED
        return UnresponsiveReason.BUSY

    def _read_workers(self, reading: InstanceReading, full: bool) -> Observing[None]:
        record = reading.tracked.workers
        if (yield from self._kernel_names_workers(reading)):
            pieces = self.workers.by_kernel(reading.master, record)
            yield from in_pieces(pieces, self.kernel.pacer)
        read = self.workers.read(reading.tracked, with_state=full or self.pair.freeze)
        reading.workers = yield from in_pieces(read, self.kernel.pacer)

    def _read_connections(self, reading: InstanceReading, always: bool) -> Observing[None]:
        """Read them last: since the stats were read, a request can only have ended."""
        try:
            yield from in_pieces(self.connections.read(reading, always), self.kernel.pacer)
        except OSError as error:
            note_unreadable(reading, error)

    def _kernel_names_workers(self, reading: InstanceReading) -> Observing[bool]:
        """Whether the stats do not: they are of no use, or not asked though a worker has ended."""
        tracked = reading.tracked
        if not tracked.workers.known or tracked.snapshot is None:
            return True
        if self.stats.is_up(reading):
            return False
        alive = self.workers.all_alive(tracked.workers)
        return not (yield from in_pieces(alive, self.kernel.pacer))

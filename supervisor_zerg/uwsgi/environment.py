"""What surrounds a pair: what lies at the paths of its slots, orphans, the socket of its pool."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Callable, NamedTuple

from ..core.instance import Slot
from ..core.pair_config import PairConfig
from ..core.pair_state import Obstacle, Orphan, PathKind
from ..linux.pieces import Pieces
from ..linux.signals import Sighting
from .fifo import Identity
from .observing import Observing, in_pieces
from .programs import ReadsPrograms
from .signal_loop import SignalLoopDetector
from .tracked_state import InstanceReading, TrackedMaster
from .workers import WorkerReader

if TYPE_CHECKING:
    from .kernel import Kernel

FOREIGN_S = 120.0  # how often the reader of a FIFO that no instance holds is looked up


class KnownOrphan(NamedTuple):
    """A worker that outlived its master, as it was seen before."""

    program: str
    sighting: Sighting
    threads: int


class PairEnvironment:
    """Observes what surrounds one pair.

    Args:
        pair: its section.
        paths: of the FIFOs, canonical, in slot order.
        kernel: what the kernel shows.
        programs: what Supervisor says.
        workers: reads the sockets of a master.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        pair: PairConfig,
        paths: tuple[str, ...],
        kernel: Kernel,
        programs: ReadsPrograms,
        workers: WorkerReader,
        clock: Callable[[], float],
    ) -> None:
        self.pair = pair
        self.paths = paths
        self.kernel = kernel
        self.workers = workers
        self.programs = programs
        self.clock = clock
        self.sigpipe = SignalLoopDetector(kernel.processes, clock, signal.SIGPIPE)
        self.orphans: dict[int, KnownOrphan] = {}
        self._ended: list[tuple[str, TrackedMaster]] = []  # masters whose group is yet to be read
        #: FIFO that no instance holds -> (pid of its reader or 0, when that was looked up)
        self._readers: dict[Identity, tuple[int, float]] = {}

    def explore(self, readings: list[InstanceReading]) -> Observing[None]:
        """Read what seldom changes."""
        try:
            yield from self._find_foreign_readers(readings)
            yield from in_pieces(self._check_pool(readings), self.kernel.pacer)
        except OSError:
            pass  # a process went away, or hides: the reading of the instances says so

    # the paths of the slots

    def obstacles(
        self, readings: list[InstanceReading]
    ) -> Observing[tuple[tuple[Slot, Obstacle], ...]]:
        """Read what lies at the slots' paths that uWSGI would replace, or exit at."""
        held = {r.held.slot for r in readings if r.held and r.held.fifo_in_place}
        found = []
        for slot in Slot:
            path = self.paths[slot]
            kind = self.kernel.fifos.path_kind(path)
            if kind not in (PathKind.ABSENT, PathKind.FIFO):
                found.append((slot, Obstacle(kind, f"{kind.value} at {path}")))
            elif slot not in held:
                reader = yield from self._foreign_reader(path)
                if reader:
                    text = f"a FIFO that process {reader} reads at {path}"
                    found.append((slot, Obstacle(PathKind.FOREIGN_FIFO, text)))
        return tuple(found)

    def _foreign_reader(self, path: str) -> Observing[int]:
        """Read the known process that reads a FIFO and is no instance's master, or 0."""
        fifo = self.kernel.fifos.identity(path)
        if fifo is None or fifo not in self._readers:
            return 0
        pid = self._readers[fifo][0]
        reads = yield from in_pieces(self.kernel.fifos.reads(pid, fifo), self.kernel.pacer)
        return pid if reads else 0

    def _find_foreign_readers(self, readings: list[InstanceReading]) -> Observing[None]:
        now = self.clock()
        held = {(r.held.dev, r.held.ino) for r in readings if r.held}
        lying = set()
        for path in self.paths:
            fifo = self.kernel.fifos.identity(path)
            is_fifo = self.kernel.fifos.path_kind(path) is PathKind.FIFO
            if fifo and is_fifo and fifo.inode not in held:
                lying.add(fifo)
        self._readers = {
            fifo: found
            for fifo, found in self._readers.items()
            if fifo in lying and now - found[1] < FOREIGN_S
        }
        for fifo in lying - set(self._readers):
            is_new = self.kernel.fifos.is_new(fifo)
            pid = yield from in_pieces(self.kernel.fifos.reader(fifo), self.kernel.pacer)
            if pid or not is_new:  # who made it may open it only now
                self._readers[fifo] = (pid, now)

    # orphans

    def remember_orphans(self, program: str, tracked: TrackedMaster) -> Pieces[None]:
        """A master is gone: its workers that live on are orphans."""
        for pid, sighting in tracked.workers.sightings.items():
            if self.kernel.pacer.due():
                yield
            process = self.kernel.processes.get(pid)
            if process and process.alive and process.ppid != tracked.master:
                threads = tracked.workers.known[pid].threads
                self.orphans[pid] = KnownOrphan(program, sighting, threads)
        if tracked.workers.sightings:
            self._ended.append((program, tracked))

    def _find_unseen(self, program: str, tracked: TrackedMaster) -> Observing[None]:
        """Remember the workers that a master made after its last observation.

        They are in its process group (Supervisor makes one for each program, supervisor/process.py
        ``_spawn_as_child``), and are otherwise like the workers that were seen.
        """
        like = {seen._replace(pid=0, start=0) for seen in tracked.workers.sightings.values()}
        threads = max((worker.threads for worker in tracked.workers.known.values()), default=1)
        pieces = self.kernel.processes.in_group(tracked.master)
        members = yield from in_pieces(pieces, self.kernel.pacer)
        for member in members:
            sighting = self.kernel.signals.sight(member.pid)
            is_orphan = member.pid != tracked.master and member.ppid != tracked.master
            if is_orphan and sighting and sighting._replace(pid=0, start=0) in like:
                self.orphans.setdefault(member.pid, KnownOrphan(program, sighting, threads))

    def living_orphans(self) -> Observing[tuple[Orphan, ...]]:
        """Read which orphans live on, and whether a request is still in flight in them."""
        for ended in list(self._ended):  # an observation may be given up: the next one goes on
            yield from self._find_unseen(*ended)
            if ended in self._ended:
                self._ended.remove(ended)
        living = []
        for pid, orphan in list(self.orphans.items()):
            if self.kernel.signals.sight(pid) != orphan.sighting:
                self.orphans.pop(pid, None)
                continue
            idle = yield from in_pieces(self._is_idle(pid, orphan.threads), self.kernel.pacer)
            living.append(Orphan(pid, orphan.program, busy=not idle))
        return tuple(living)

    def _is_idle(self, pid: int, threads: int) -> Pieces[bool]:
        """Nothing is in flight in it.

        It is parked; or it logs to a pipe that supervisord has closed, and gets a SIGPIPE for that,
        and logs the SIGPIPE, without end (uWSGI without ``ignore-sigpipe``).
        """
        try:
            reading = yield from self.kernel.threads.read(pid)
            return reading.paused >= threads or bool(self.sigpipe.check(pid))
        except OSError:
            return False

    # the pool

    def _check_pool(self, readings: list[InstanceReading]) -> Pieces[None]:
        """Note whether each instance holds the pool's socket: a restarted pool makes a new one."""
        offered = yield from self._offered()
        if offered is None:
            return
        for reading in readings:
            record = reading.tracked.workers
            if not reading.master or reading.unreadable:
                continue
            listening = yield from self.workers.listening(reading.master, record)
            shared = {inode: name for inode, name in listening.items() if name in offered}
            if shared:
                attached = all(offered[name] == inode for inode, name in shared.items())
                reading.tracked.attached = attached

    def _offered(self) -> Pieces[dict[str, int] | None]:
        """Path -> inode of the sockets that the pool listens on; None where nothing tells."""
        pool = self.programs.get(self.pair.pool) if self.pair.pool else None
        if pool is None or pool.state != "RUNNING":
            return None
        offered: dict[str, int] = {}
        children = yield from self.kernel.processes.children(pool.pid)
        for pid in [pool.pid, *children]:
            try:
                offered.update((yield from self.kernel.sockets.offered(pid)))
            except PermissionError:
                return None
        return offered

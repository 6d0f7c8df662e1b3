"""The workers of a master: which there are, and where their threads are.

Stats name counts, the kernel names processes: a worker is what the kernel shows below the master,
whatever the stats say.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Callable

from ..linux.pieces import Pieces
from .stats import Row, Snapshot
from .tracked_state import InstanceReading, KnownWorker, TrackedMaster, WorkerReading, WorkersRecord

if TYPE_CHECKING:
    from .kernel import Kernel

THREADS_S = 0.5  # for so long after it accepts, a threaded worker may lack threads
#: A child of the master that watches no socket for so long is a mule, a spooler or a cron job.
NOT_A_WORKER_S = 5.0
#: For so long the stats may name a worker that has ended: the master has not noticed yet.
ENDED_S = 1.0
LISTENING_S = 0.2  # a list of sockets that shows no worker is read again after that
FOREIGN_LIMIT = 8  # status names at most so many foreign processes


class WorkerReader:
    """Reads the workers of a master, and keeps its :class:`WorkersRecord`.

    Args:
        kernel: what it shows.
        clock: monotonic seconds.
    """

    def __init__(self, kernel: Kernel, clock: Callable[[], float]) -> None:
        self.kernel = kernel
        self.clock = clock

    def by_kernel(self, master: int, record: WorkersRecord) -> Pieces[None]:
        """Regard the children of the master that watch its listening sockets as its workers.

        A child that watches none was just forked, or is no worker. The workers of a master that is
        gone are kept: they may be orphans.

        Raises:
            PermissionError: no right to read the process.
            TooLarge: there are too many of them, or they hold too many files.
        """
        if not self.kernel.processes.alive(master):
            return
        listening = yield from self.listening(master, record)
        served = yield from self.kernel.threads.served(master, listening)
        known = {}
        children = yield from self.kernel.processes.children(master)
        for pid in children:
            worker = yield from self._child(pid, served, record)
            if worker:
                known[pid] = worker
        record.cheap = bool(listening) and not served and not known
        record.foreign = ()
        yield from self._replace(record, known, children)
        # The master may have opened its sockets since, and the kernel's list may lack one that
        # changes while it is read.
        doubtful = not any(worker.started for worker in known.values())
        if doubtful and self.clock() - record.listening_at > LISTENING_S:
            record.listening = None

    def listening(self, master: int, record: WorkersRecord) -> Pieces[dict[int, str]]:
        """Read the listening sockets of the master, once: inode -> address."""
        if record.listening is None:
            record.listening = yield from self.kernel.sockets.listening(master)
            record.listening_at = self.clock()
        return record.listening

    def _child(
        self, pid: int, served: frozenset[int], record: WorkersRecord
    ) -> Pieces[KnownWorker | None]:
        queues = yield from self.kernel.threads.queues(pid, served)
        process = self.kernel.processes.get(pid)
        if process is None:
            return None
        old = self._age(pid, record) >= NOT_A_WORKER_S
        if old and not queues and not process.stopped:
            return None
        return KnownWorker(max(len(queues), 1), started=bool(queues), queues=queues)

    def by_stats(self, master: int, record: WorkersRecord, snapshot: Snapshot) -> Pieces[set[int]]:
        """Take what the stats say about the workers that the kernel shows below the master.

        Returns:
            The processes that the stats name and the kernel does not.

        Raises:
            TooLarge: the master has too many children.
        """
        children = set((yield from self.kernel.processes.children(master)))
        known = {}
        foreign = set()
        greenlets = False
        for row in snapshot.workers:
            if row.pid in children or self._may_be_worker(row.pid, master, record):
                lacks_threads = self._lacks_threads(row)
                starts = lacks_threads and self._age(row.pid, record) < THREADS_S
                greenlets = greenlets or (lacks_threads and not starts)
                known[row.pid] = _worker(row, record.known.get(row.pid), starts)
            else:
                foreign.add(row.pid)
            if self.kernel.pacer.due():
                yield
        record.asynchronous = greenlets
        record.cheap = snapshot.cheap and not snapshot.workers
        record.foreign = tuple(sorted(foreign)[:FOREIGN_LIMIT])
        named = children.union(row.pid for row in snapshot.workers)
        yield from self._replace(record, known, named)
        return foreign

    def _may_be_worker(self, pid: int, master: int, record: WorkersRecord) -> bool:
        """It is below the master, or was a moment ago and has ended."""
        if self.kernel.processes.get(pid) is None:
            return self._age(pid, record) < ENDED_S
        return self.kernel.signals.descends(pid, master)

    def _lacks_threads(self, row: Row) -> bool:
        """It has more cores than threads: these are greenlets.

        For counting, such a worker is one thread (the one that accepts). A threaded worker starts
        its threads only after it is called accepting, so for a moment it looks the same; it is not
        past its start-up before that.
        """
        if row.threads < 2 or not row.accepting:
            return False
        process = self.kernel.processes.get(row.pid)
        return process is not None and process.threads < row.threads

    def _age(self, pid: int, record: WorkersRecord) -> float:
        """For how many seconds a process is known; one that has ended counts from its end."""
        process = self.kernel.processes.get(pid)
        now = self.clock()
        return now - record.first_seen.setdefault((pid, process.start if process else 0), now)

    def _replace(
        self, record: WorkersRecord, known: dict[int, KnownWorker], named: Collection[int]
    ) -> Pieces[None]:
        """Keep the workers. ``named``: all processes that a source named, workers or not."""
        if record.known and set(known) - set(record.known):
            record.replaced_at = self.clock()
        record.known = known
        record.stopped &= set(known)
        record.confirmed &= set(known)
        record.first_seen = {key: at for key, at in record.first_seen.items() if key[0] in named}
        sightings = {}
        for pid in known:
            sighting = record.sightings.get(pid) or self.kernel.signals.sight(pid)
            if sighting:
                sightings[pid] = sighting
            if self.kernel.pacer.due():
                yield
        record.sightings = sightings

    def read(
        self, tracked: TrackedMaster, with_state: bool
    ) -> Pieces[dict[int, WorkerReading | None]]:
        """Read every known worker; None for one that is gone.

        Args:
            with_state: read also whether it is stopped, which costs as much as all the rest, and
            only an operator or the plugin changes it.
        """
        readings = {}
        for pid, known in list(tracked.workers.known.items()):
            threads = yield from self.kernel.threads.read(pid, main_only=known.threads == 1)
            if with_state or pid in tracked.workers.stopped:
                self._note_state(pid, tracked)
            stopped = pid in tracked.workers.stopped
            readings[pid] = WorkerReading(threads, stopped) if threads.total else None
            if self.kernel.pacer.due():
                yield
        return readings

    def all_alive(self, record: WorkersRecord) -> Pieces[bool]:
        """Read whether every known worker is alive."""
        for pid in list(record.known):
            if not self.kernel.processes.alive(pid):
                return False
            if self.kernel.pacer.due():
                yield
        return True

    def complete(self, reading: InstanceReading) -> Pieces[None]:
        """Add what is read last, because it depends on what the stats said."""
        tracked = reading.tracked
        for pid, worker in reading.workers.items():
            known = tracked.workers.known.get(pid)
            if worker is None or known is None:
                continue
            if not known.started:
                reading.signal_loops[pid] = tracked.signal_loop.check(pid)
                if self.kernel.pacer.due():
                    yield
            if tracked.snapshot is None and worker.threads.running:
                cpu_ns = reading.cpu_ns.setdefault(pid, {})
                for tid in worker.threads.running:
                    cpu_ns[tid] = self.kernel.threads.cpu_ns(pid, tid)
                    if self.kernel.pacer.due():
                        yield

    def _note_state(self, pid: int, tracked: TrackedMaster) -> None:
        """Note whether a worker is stopped; during its start-up, also its name and user."""
        record = tracked.workers
        process = self.kernel.processes.get(pid)
        if process and process.stopped:
            record.stopped.add(pid)
        else:
            record.stopped.discard(pid)
        before = record.sightings.get(pid)
        if process is None or before is None or process.start != before.start:
            return
        if (process.session, process.command) != (before.session, before.command):
            self._sight_again(pid, tracked)
        elif tracked.workers.known[pid].started and pid not in record.confirmed:
            record.confirmed.add(pid)
            self._sight_again(pid, tracked)

    def _sight_again(self, pid: int, tracked: TrackedMaster) -> None:
        sighting = self.kernel.signals.sight(pid)
        if sighting and self.kernel.signals.descends(pid, tracked.master):
            tracked.workers.sightings[pid] = sighting


def _worker(row: Row, before: KnownWorker | None, starts: bool) -> KnownWorker:
    """A worker as the stats tell it."""
    threads = row.threads or (before.threads if before else 1)
    queues = before.queues if before else frozenset()
    return KnownWorker(threads, row.accepting and not starts, row.busy, queues)

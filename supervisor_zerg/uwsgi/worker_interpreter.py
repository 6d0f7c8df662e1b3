"""PURE: what was read of the workers of an instance -> what each of them is doing."""

from __future__ import annotations

from ..core.instance import Worker
from .tracked_state import (
    NOT_READ,
    InstanceReading,
    KnownWorker,
    Memory,
    QuietWorker,
    WorkerReading,
)

ACCEPT_NS = 1_000_000  # more than a thread runs between its wait and the request that it accepts
NOT_QUIET = QuietWorker()


def interpret_workers(
    reading: InstanceReading, memory: Memory, flag: bool | None
) -> tuple[tuple[Worker, ...], dict[int, int], dict[int, QuietWorker]]:
    """Return the workers, and the ``blocked_elsewhere`` and ``quiet`` of the next memory."""
    if not reading.workers:
        return (), memory.blocked_elsewhere, memory.quiet
    workers = []
    away: dict[int, int] = {}
    quiet: dict[int, QuietWorker] = {}
    for pid, known in reading.tracked.workers.known.items():
        seen = reading.workers.get(pid, NOT_READ)
        if seen is None or seen is NOT_READ:
            workers.append(Worker(pid, known.threads, started=False, zombie=seen is None))
            continue
        quiet[pid] = _quiet(reading, pid, known, seen, memory.quiet.get(pid, NOT_QUIET), flag)
        away[pid] = memory.blocked_elsewhere.get(pid, 0) + 1 if seen.threads.main_away else 0
        busy = known.busy
        if not (reading.tracked.snapshot or reading.tracked.workers.asynchronous):
            busy = _busy_by_kernel(known, seen, quiet[pid], reading.cpu_ns.get(pid, {}))
        if busy:
            away[pid] = 0
        workers.append(_worker(reading, pid, known, seen, busy, away[pid] > 1, flag))
    return tuple(workers), away, quiet


def _worker(
    reading: InstanceReading,
    pid: int,
    known: KnownWorker,
    seen: WorkerReading,
    busy: int,
    away: bool,
    flag: bool | None,
) -> Worker:
    """A worker with ``busy`` requests, of which the main thread is blocked elsewhere or not."""
    caught = reading.signal_loops.get(pid)
    if not known.started and caught is False:
        return _starting(pid, known, seen)
    if reading.tracked.workers.asynchronous:
        threads = 1
        parked = int(bool(flag) and not busy)
        held = reading.connections.get(pid)
        total = len(held.watched) + len(held.others) if held else 0
        connections = max(0, total - busy)
        kept = 0
        away = False
    else:
        threads = known.threads
        parked = min(seen.threads.paused, threads)
        busy = min(busy, threads - parked)
        connections, kept = _connections(reading, pid, parked, busy)
        away = away and threads == 1 and not (parked or busy)
    return Worker(
        pid,
        threads,
        parked,
        busy,
        blocked_elsewhere=int(away),
        started=known.started,
        stopped=seen.stopped,
        in_signal_loop=bool(caught),
        zombie=seen.threads.ended,
        connections=connections,
        kept=kept,
    )


def _connections(reading: InstanceReading, pid: int, parked: int, busy: int) -> tuple[int, int]:
    """Open connections of a worker without a request, and how many of those wait for a next one.

    While a request is in the worker, nothing tells which connection is its own.
    """
    held = reading.connections.get(pid)
    seen = reading.workers[pid]
    if held is None or seen is None:
        return 0, 0
    others = max(0, len(held.others) - busy)
    known = reading.tracked.workers.known[pid]
    is_idle = parked >= known.threads or (not busy and reading.tracked.snapshot is not None)
    kept = others if is_idle and held.may_be_closed(known, seen.threads) else 0
    return len(held.watched) + others, kept


def _starting(pid: int, known: KnownWorker, seen: WorkerReading) -> Worker:
    return Worker(
        pid,
        known.threads,
        blocked_elsewhere=known.threads,
        started=False,
        stopped=seen.stopped,
        zombie=seen.threads.ended,
    )


def _quiet(
    reading: InstanceReading,
    pid: int,
    known: KnownWorker,
    seen: WorkerReading,
    before: QuietWorker,
    flag: bool | None,
) -> QuietWorker:
    """How long no thread of a paused worker has been waiting for a request."""
    if reading.tracked.snapshot or not flag or known.queues.intersection(seen.threads.waiting):
        return NOT_QUIET
    cpu_ns = reading.cpu_ns.get(pid, {})
    first = {tid: before.cpu_ns.get(tid, ns) for tid, ns in cpu_ns.items()}
    return QuietWorker(before.times + 1, first)


def _busy_by_kernel(
    known: KnownWorker, seen: WorkerReading, quiet: QuietWorker, cpu_ns: dict[int, int | None]
) -> int:
    """Requests in a worker without stats.

    In a paused worker whose threads neither wait for a request nor are about to, two observations
    in a row, the ones that are not parked are inside requests. A thread that waits for the accept
    mutex needs one that waits in epoll; one that runs, or waits for a processor, may be just about
    to accept until it has run for longer than that takes.
    """
    if quiet.times < 2:
        return 0
    unclear = [
        tid
        for tid, first in quiet.cpu_ns.items()
        if first is not None and (cpu_ns.get(tid) or 0) - first < ACCEPT_NS
    ]
    return max(0, known.threads - seen.threads.paused - len(unclear))

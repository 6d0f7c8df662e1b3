"""PURE: what was read of an instance and is known about it -> what it is now.

The conclusions are which threads of an instance are parked, which are inside a request and which
may yet take one. What is concluded from a moment is concluded anew each time.
"""

from __future__ import annotations

from dataclasses import replace

from ..core.instance import Instance, Slot, Worker
from .threads import ThreadReading
from .tracked_state import (
    NOT_READ,
    InstanceReading,
    KnownWorker,
    Memory,
    QuietWorker,
    TrackedMaster,
    WorkerReading,
)

#: For so long after a toggle, threads that have not been scheduled yet prove nothing.
EFFECT_S = 0.25
#: For so long after a resume, a thread that is still parked may just not have been scheduled.
WAKE_S = 0.05
#: An instance that accepts in slot new may still run its own hooks: spinningfifo retries each
#: second.
HOOKS_S = 2.5
#: An instance of which a worker was replaced within so long may lose the next one at any moment.
RECYCLING_S = 60.0
#: For so long an instance may be without any worker before another one serves in its place.
RESPAWN_S = 1.0
ACCEPT_NS = 1_000_000  # more than a thread runs between its wait and the request that it accepts
NOT_QUIET = QuietWorker()


def interpret(reading: InstanceReading, now: float) -> tuple[Instance, Memory]:
    """Return what an instance is, and what is to be remembered of it.

    Args:
        reading: what was read of it.
        now: monotonic seconds.
    """
    tracked = reading.tracked
    memory = _with_flag(reading, tracked.memory, now)
    flag = tracked.flag_given(memory)
    workers, away, quiet = _workers(reading, memory, flag)
    instance = Instance(
        program=reading.program,
        state=reading.state,
        pid=reading.pid,
        master=reading.master,
        slot=Slot(reading.held.slot) if reading.held else None,
        fifo_in_place=reading.held.fifo_in_place if reading.held else True,
        paused=flag,
        workers=workers,
        pending=tracked.pending,
        unresponsive=reading.unresponsive,
        keeps_connections=tracked.workers.keeps_connections,
        asynchronous=tracked.workers.asynchronous,
        attached=tracked.attached,
        just_toggled=now - tracked.fifo.moved_at < WAKE_S,
        partly_paused=_is_partly_paused(tracked, memory, now),
        unreadable=reading.unreadable,
        source=_source(reading),
        requests=tracked.snapshot.requests if tracked.snapshot else 0,
    )
    memory = _next_memory(memory, instance, away, quiet, now)
    return _with_past(instance, tracked, memory, now), memory


def _next_memory(
    memory: Memory,
    instance: Instance,
    blocked_elsewhere: dict[int, int],
    quiet: dict[int, QuietWorker],
    now: float,
) -> Memory:
    return Memory(
        flag=memory.flag,
        flag_at=memory.flag_at,
        partly_paused_since=memory.partly_paused_since,
        was_ready=memory.was_ready or instance.ready,
        accepts_since=_since(memory.accepts_since, instance.accepting, now),
        gone_since=_since(memory.gone_since, _is_gone(instance, memory), now),
        blocked_elsewhere=blocked_elsewhere,
        quiet=quiet,
    )


def _since(since: float | None, holds: bool, now: float) -> float | None:
    """Since when something holds; None: it does not."""
    if not holds:
        return None
    return now if since is None else since


def _is_gone(instance: Instance, memory: Memory) -> bool:
    """It has no worker any more.

    Workers that started together may end together, by max-requests most of all, and are replaced
    within milliseconds.
    """
    served = memory.was_ready and instance.reachable and instance.paused is False
    return served and not any(w.started and not w.zombie for w in instance.workers)


def _with_past(instance: Instance, tracked: TrackedMaster, memory: Memory, now: float) -> Instance:
    """The instance with what the moment alone does not show."""
    gone_since, accepts_since = memory.gone_since, memory.accepts_since
    newly = accepts_since is not None and now - accepts_since < HOOKS_S
    return replace(
        instance,
        was_ready=memory.was_ready,
        recycling=memory.was_ready and now - tracked.workers.replaced_at < RECYCLING_S,
        all_respawning=gone_since is not None and now - gone_since < RESPAWN_S,
        newly_accepting=newly and instance.slot is Slot.NEW,
    )


def _source(reading: InstanceReading) -> str:
    if reading.unreadable or not reading.master:
        return ""
    return "kernel, stats" if reading.tracked.snapshot else "kernel"


# uWSGI's suspended flag


def _with_flag(reading: InstanceReading, memory: Memory, now: float) -> Memory:
    """The flag as the threads show it, unless a toggle or the stats have just shown it."""
    tracked = reading.tracked
    if now - tracked.fifo.moved_at <= EFFECT_S or now - tracked.stats.flag_at <= EFFECT_S:
        return memory
    votes = {
        worker.threads.main_paused
        for pid, worker in reading.workers.items()
        if worker and _votes(worker.threads) and _is_started(tracked, pid)
    }
    partly_paused_since = _since(memory.partly_paused_since, len(votes) > 1, now)
    if len(votes) == 1:
        return replace(
            memory, partly_paused_since=partly_paused_since, flag=votes.pop(), flag_at=now
        )
    return (
        memory
        if partly_paused_since == memory.partly_paused_since
        else replace(memory, partly_paused_since=partly_paused_since)
    )


def _votes(threads: ThreadReading) -> bool:
    return threads.main_paused or threads.main_waits


def _is_started(tracked: TrackedMaster, pid: int) -> bool:
    known = tracked.workers.known.get(pid)
    return known is not None and known.started


def _is_partly_paused(tracked: TrackedMaster, memory: Memory, now: float) -> bool:
    """Some workers have the flag and some have not.

    Each has its own, and a flood that was ended may have set but some of them
    (uWSGI core/master.c ``suspend_resume_them_all``).
    """
    if tracked.snapshot:
        return tracked.snapshot.partly_paused and tracked.stats.at > tracked.fifo.moved_at
    return memory.partly_paused_since is not None and now - memory.partly_paused_since > EFFECT_S


# workers


def _workers(
    reading: InstanceReading, memory: Memory, flag: bool | None
) -> tuple[tuple[Worker, ...], dict[int, int], dict[int, QuietWorker]]:
    """The workers, and the ``blocked_elsewhere`` and ``quiet`` of the next memory."""
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
    """The open connections of a worker that belong to no request in it, and how many of those only
    wait for a next request.

    With a request in the worker nothing tells which connection is whose.
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

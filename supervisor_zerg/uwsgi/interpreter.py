"""PURE: what was read of an instance and is known about it -> what it is now.

The conclusions are which threads of an instance are parked, which are inside a request and which
may yet take one. Each observation is interpreted anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..core.instance import Instance, Slot
from .threads import ThreadReading
from .tracked_state import InstanceReading, Memory, QuietWorker, TrackedMaster
from .worker_interpreter import interpret_workers

#: For so long after a toggle, threads that have not been scheduled yet prove nothing.
EFFECT_S = 0.25
#: For so long after a resume, a thread that is still parked may just not have been scheduled.
WAKE_S = 0.05
#: An instance that accepts in slot new may still run its own hooks: spinningfifo retries each
#: second.
HOOKS_S = 2.5
#: An instance of which a worker was replaced within so long may lose the next one at any moment.
RECYCLING_S = 60.0
#: For so long an instance may be without any worker before another one serves in its place. One
#: that becomes cheap sleeps for 1 s after it has ended its last worker (core/master_checks.c:154).
RESPAWN_S = 1.5
#: A master starts a worker in place of one that has ended within this time, unless it is ending.
REPLACED_S = 5.0


def interpret(reading: InstanceReading, now: float) -> tuple[Instance, Memory]:
    """Return what an instance is, and what is to be remembered of it.

    Args:
        reading: what was read of it.
        now: monotonic seconds.
    """
    tracked = reading.tracked
    memory = _with_flag(reading, tracked.memory, now)
    flag = tracked.flag_given(memory)
    workers, away, quiet = interpret_workers(reading, memory, flag)
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
        cheap=tracked.workers.cheap and not workers and bool(reading.master),
        keeps_connections=tracked.workers.keeps_connections,
        asynchronous=tracked.workers.asynchronous,
        attached=tracked.attached,
        just_toggled=now - tracked.fifo.moved_at < WAKE_S,
        partly_paused=_is_partly_paused(tracked, memory, now),
        unreadable=reading.unreadable,
        source=_source(reading),
        requests=tracked.snapshot.requests if tracked.snapshot else 0,
        was_ready=memory.was_ready,
        recycling=_is_recycling(tracked, memory, now),
    )
    missing = tracked.snapshot.missing if tracked.snapshot else 0
    memory = _next_memory(memory, instance, away, quiet, missing, now)
    return _with_past(instance, tracked, memory, now), memory


def _next_memory(
    memory: Memory,
    instance: Instance,
    blocked_elsewhere: dict[int, int],
    quiet: dict[int, QuietWorker],
    missing: int,
    now: float,
) -> Memory:
    return Memory(
        flag=memory.flag,
        flag_at=memory.flag_at,
        partly_paused_since=memory.partly_paused_since,
        was_ready=memory.was_ready or instance.ready,
        accepts_since=_since(memory.accepts_since, instance.accepting, now),
        gone_since=_since(memory.gone_since, _is_gone(instance, memory), now),
        missing_since=_since(memory.missing_since, missing > 0, now),
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
    served = served and not instance.cheap
    return served and not any(w.started and not w.zombie for w in instance.workers)


def _is_recycling(tracked: TrackedMaster, memory: Memory, now: float) -> bool:
    return memory.was_ready and now - tracked.workers.replaced_at < RECYCLING_S


def _with_past(instance: Instance, tracked: TrackedMaster, memory: Memory, now: float) -> Instance:
    """The instance with what the moment alone does not show."""
    gone_since, accepts_since = memory.gone_since, memory.accepts_since
    changed_at = max(memory.missing_since or now, tracked.workers.replaced_at)
    lacks = tracked.snapshot is not None and now - changed_at > REPLACED_S
    newly = accepts_since is not None and now - accepts_since < HOOKS_S
    past: dict[str, Any] = {
        "was_ready": memory.was_ready,
        "recycling": _is_recycling(tracked, memory, now),
        "all_respawning": gone_since is not None and now - gone_since < RESPAWN_S,
        "missing_workers": tracked.snapshot.missing if tracked.snapshot and lacks else 0,
        "newly_accepting": newly and instance.slot is Slot.NEW,
    }
    # Mostly nothing differs, and a copy costs as much as the rest of this module.
    differs = any(getattr(instance, field) != value for field, value in past.items())
    return replace(instance, **past) if differs else instance


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

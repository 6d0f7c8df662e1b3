"""An ideal pair, on which the planner and a deploy run without any process.

Every command is executed at once, every request ends, every boot, hook and health check
succeeds. Pure. A :class:`~supervisor_zerg.core.pair_state.PairState` is the whole pair;
processes that the simulation starts have negative pids.
"""

from __future__ import annotations

from dataclasses import replace

from ..core.decision import Action, ActionKind
from ..core.instance import Instance, Slot, Worker
from ..core.pair_state import PairState


def apply(observed: PairState, action: Action) -> PairState:
    """The pair after an action of the planner."""
    if action.kind is ActionKind.END_ORPHAN:
        left = tuple(orphan for orphan in observed.orphans if orphan.pid not in action.pids)
        return replace(observed, orphans=left)
    if action.kind is ActionKind.QUIT:
        return stop(observed, action.program)
    if action.kind is ActionKind.RESTART:
        return start(observed, action.program)
    instance = observed.instance(action.program)
    if action.command:
        return _make_fifo(observed, _command(instance, action))
    workers = (_signal(worker, action, bool(instance.paused)) for worker in instance.workers)
    return _with(observed, replace(instance, workers=tuple(w for w in workers if w is not None)))


def start(observed: PairState, program: str) -> PairState:
    """The pair after a program was started and has booted, paused, like the other instance."""
    other = observed.other(program)
    pid = _unused_pid(observed)
    shapes = other.workers or (Worker(0),)
    workers = tuple(
        Worker(pid - 1 - number, worker.threads, parked=worker.threads)
        for number, worker in enumerate(shapes)
    )
    instance = Instance(
        program,
        "RUNNING",
        pid,
        pid,
        Slot.NEW,
        paused=True,
        workers=workers,
        was_ready=True,
        asynchronous=other.asynchronous,
        attached=True,
    )
    return _make_fifo(observed, instance)


def stop(observed: PairState, program: str) -> PairState:
    """The pair after a program has ended."""
    return _with(observed, Instance(program))


def wait(observed: PairState) -> PairState:
    """The pair after everything that takes time has ended."""
    instances = tuple(_rested(instance) for instance in observed.instances)
    orphans = tuple(replace(orphan, busy=False) for orphan in observed.orphans)
    return replace(observed, instances=instances, orphans=orphans)


def _with(observed: PairState, changed: Instance) -> PairState:
    instances = tuple(
        changed if instance.program == changed.program else instance
        for instance in observed.instances
    )
    return replace(observed, instances=instances)


def _make_fifo(observed: PairState, changed: Instance) -> PairState:
    """After a start or a command the master makes its FIFO at the path of its slot."""
    other = observed.other(changed.program)
    if other.slot is changed.slot:
        observed = _with(observed, replace(other, fifo_in_place=False))
    return _with(observed, replace(changed, fifo_in_place=True))


def _command(instance: Instance, action: Action) -> Instance:
    if b"p" in action.command:
        paused = not instance.paused
        workers = tuple(_toggled(worker, paused) for worker in instance.workers)
        instance = replace(instance, paused=paused, partly_paused=False, workers=workers)
    return instance if action.slot is None else replace(instance, slot=action.slot)


def _toggled(worker: Worker, paused: bool) -> Worker:
    """A pause reaches one waiting thread; the others need nudges."""
    if worker.stopped:
        return worker
    idle = min(1, worker.threads - worker.busy)
    return replace(worker, parked=max(worker.parked, idle) if paused else 0)


def _signal(worker: Worker, action: Action, paused: bool) -> Worker | None:
    if worker.pid not in action.pids:
        return worker
    if action.kind is ActionKind.END_WORKER:
        return None
    if action.kind is ActionKind.NUDGE:
        return replace(worker, parked=min(worker.threads - worker.busy, worker.parked + 1))
    if action.kind is ActionKind.FREEZE:
        return replace(worker, stopped=True)
    # CONTINUE, THAW, END_FLOOD
    parked = worker.threads - worker.busy if paused else 0
    return replace(worker, stopped=False, started=True, in_signal_loop=False, parked=parked)


def _rested(instance: Instance) -> Instance:
    if instance.state == "STOPPING":
        return Instance(instance.program)
    return replace(
        instance,
        state="RUNNING" if instance.pid else instance.state,
        workers=tuple(_idle(w, bool(instance.paused)) for w in instance.workers if not w.zombie),
        pending=(),
        unresponsive=None,
        just_toggled=False,
        was_ready=instance.was_ready or bool(instance.pid),
        recycling=False,
        all_respawning=False,
        newly_accepting=False,
    )


def _idle(worker: Worker, paused: bool) -> Worker:
    """A worker without requests. A thread that was not waiting enters the pause by itself."""
    if worker.stopped or worker.in_signal_loop:
        return worker
    returned = worker.busy + worker.blocked_elsewhere if worker.started else worker.threads
    parked = min(worker.threads, worker.parked + returned) if paused else worker.parked
    return replace(worker, started=True, busy=0, blocked_elsewhere=0, parked=parked)


def _unused_pid(observed: PairState) -> int:
    used = [worker.pid for instance in observed.instances for worker in instance.workers]
    return min(0, *used, *(instance.pid for instance in observed.instances)) - 1

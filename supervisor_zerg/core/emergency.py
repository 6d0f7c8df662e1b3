"""What must be repaired in a pair before anything else about it can be trusted. Pure."""

from __future__ import annotations

from .actions import align, do
from .decision import Action, ActionKind, Decision
from .goals import DesiredState
from .instance import Instance
from .pair_state import PairState


def emergency(observed: PairState, desired: DesiredState) -> Decision | None:
    """Return what must be repaired first, if anything."""
    for instance in observed.instances:
        decision = _end_flood(instance)
        if decision:
            return decision
    for instance in observed.instances:
        decision = _continue_stopped(instance)
        if decision:
            return decision
    for instance in observed.instances:
        decision = _thaw(instance)
        if decision:
            return decision
    for instance in observed.instances:
        if _must_be_aligned(observed, desired, instance):
            return align(observed, desired, instance)
        decision = _help_to_stop(desired, instance)
        if decision:
            return decision
    return None


def _end_flood(instance: Instance) -> Decision | None:
    pids = tuple(w.pid for w in instance.workers if w.in_signal_loop)
    if not pids:
        return None
    reason = "a pause hit a starting worker: endless PAUSE/resuming flood"
    return do("", Action(ActionKind.END_FLOOD, instance.program, pids=pids, reason=reason))


def _continue_stopped(instance: Instance) -> Decision | None:
    if not (instance.up and instance.stuck and not instance.pending):
        return None
    reason = "stopped outside the pause: it would never get ready"
    pids = instance.stopped_pids
    return do("", Action(ActionKind.CONTINUE, instance.program, pids=pids, reason=reason))


def _thaw(instance: Instance) -> Decision | None:
    pids = tuple(w.pid for w in instance.workers if w.stopped and w.started)
    if not (pids and instance.up and instance.paused is False and not instance.pending):
        return None
    reason = "resumed while its workers were stopped"
    return do("", Action(ActionKind.THAW, instance.program, pids=pids, reason=reason))


def _must_be_aligned(observed: PairState, desired: DesiredState, instance: Instance) -> bool:
    can_be_aligned = instance.ready and not (instance.asynchronous or instance.unresponsive)
    if not (instance.partly_paused and can_be_aligned):
        return False
    # It may go on serving until the other instance accepts; under hold neither is to serve.
    other = observed.other(instance.program)
    other_could_serve = other.ready and not other.accepting and not other.partly_paused
    return desired.hold or not (instance.accepting and other_could_serve)


def _help_to_stop(desired: DesiredState, instance: Instance) -> Decision | None:
    """A paused instance cannot end while its workers are stopped or parked.

    Parked threads never see that their master ends, and a worker that the master starts in its
    respawn throttle gets no signal to end.
    """
    if not ((instance.is_stopping or instance.is_ending) and instance.paused):
        return None
    if instance.stopped_pids:
        pids = instance.stopped_pids
        action = Action(ActionKind.CONTINUE, instance.program, pids=pids, reason="it is to stop")
        return do("", action)
    overdue = instance.program in desired.stop_overdue
    ended = tuple(
        w.pid
        for w in instance.workers
        if w.parked == w.threads and not w.zombie and (overdue or w.threads > 1)
    )
    if not (ended and (overdue or instance.unresponsive)):
        return None
    reason = "its master is ending, and no parked thread sees that"
    return do("", Action(ActionKind.END_WORKER, instance.program, pids=ended, reason=reason))

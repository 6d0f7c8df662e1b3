"""Observed and desired state of a pair -> the next actions. Pure: no clock, no I/O, no Supervisor.

Read :func:`decide` from top to bottom. Each rule returns a Decision or leaves the pair to the next
rule. A decision holds one action wherever two could collide; the pair is observed again after each.

Every decision keeps these rules (tests/unit/core/test_planner_properties.py):

* The only instance that accepts requests is never paused, unless an operator holds the pair.
* ``p`` is sent only if the master is waiting for commands, its pause flag is known, no worker is
  starting, and no earlier command is pending.
* No digit is sent while another command of the pair is pending, nor towards a path at which uWSGI
  would exit.
* An asynchronous instance is never paused.
"""

from __future__ import annotations

from . import errors
from .actions import (
    asynchronous,
    close_kept,
    do,
    end_gracefully,
    end_orphans,
    labelling,
    not_executed,
    not_ready,
    nudge,
    pause_state_unknown,
    resume,
    serve_unmanaged,
    toggle,
    unresponsive,
    unsteady,
    wake,
)
from .decision import Action, ActionKind, Decision
from .emergency import emergency
from .goals import DesiredState, OnStart
from .instance import Instance, Slot
from .pair_state import PairState


def decide(observed: PairState, desired: DesiredState) -> Decision:
    """Return what to do next for a pair."""
    return emergency(observed, desired) or _roles(observed, desired)


# who serves


def choose_active(observed: PairState, desired: DesiredState) -> str:
    """Return the program that is to serve; empty if none can, or none may."""
    able = [i for i in observed.instances if _is_able(i, desired)]
    able = [i for i in able if not i.partly_paused] or able
    if not able or desired.hold:
        return ""
    if desired.requested in [i.program for i in able]:
        return desired.requested
    starts = {i.program: desired.on_start_of(i.program) for i in able}
    for instance in able:
        if starts[instance.program] is OnStart.PROMOTE and not instance.newly_accepting:
            return instance.program
    accepting = [i for i in able if i.accepting]
    present = [i for i in able if starts[i.program] is None]
    pool = [i for i in present if i.accepting] or [
        i for i in present if i.program == desired.last_active
    ]
    return _preferred(pool or accepting or able, desired)


def _is_able(instance: Instance, desired: DesiredState) -> bool:
    """It serves, or could at once. One that serves stays able while a worker is replaced."""
    if instance.ready:
        return instance.accepting or not instance.is_ending
    if not (instance.reachable and instance.paused is not None and instance.workers):
        return False
    may_be_forced = desired.force_toggle and not instance.stuck
    return instance.accepting or instance.all_respawning or may_be_forced


def _preferred(instances: list[Instance], desired: DesiredState) -> str:
    """The one that served last, else the one in slot ``running``, else the first of the section."""
    for instance in instances:
        if instance.program == desired.last_active:
            return instance.program
    for instance in instances:
        if instance.slot is Slot.RUNNING:
            return instance.program
    return instances[0].program


# one serves, the other one is parked


def _roles(observed: PairState, desired: DesiredState) -> Decision:
    goal = choose_active(observed, desired)
    if desired.hold:
        return _hold(observed, desired)
    if not goal:
        return _nobody_can_serve(observed)
    new = observed.instance(goal)
    old = observed.other(goal)
    if new.accepting and desired.requested == old.program and old.up:
        return not_ready(goal, old)
    if not new.accepting:
        if _pause_state_unknown(old) and not desired.requested and not desired.force_toggle:
            return pause_state_unknown(goal, old)
        if _cannot_retreat(desired, old):
            return asynchronous(goal, old)
        return resume(observed, desired, new)
    if old.up and not desired.both_active:
        decision = _retreat(observed, desired, new, old)
        if decision:
            return decision
    if desired.both_active and old.ready and old.paused:
        return toggle(observed, desired, old, ActionKind.RESUME, None, goal)
    return _finish_roles(observed, desired, new, old)


def _pause_state_unknown(instance: Instance) -> bool:
    return instance.up and instance.paused is None and instance.steady


def _nobody_can_serve(observed: PairState) -> Decision:
    unreadable = [i for i in observed.instances if i.unreadable]
    if unreadable:
        return serve_unmanaged(unreadable) if not observed.serving else not_ready("", unreadable[0])
    up = [i for i in observed.instances if i.up]
    if up:
        return not_ready("", up[0])
    return Decision(
        done=not (observed.orphans or _parked_and_stopping(observed)),
        refusal=errors.NobodyServes,
        waiting_for="no instance runs",
        poll_slowly=True,
        actions=end_orphans(observed, drain_expired=False),
    )


def _hold(observed: PairState, desired: DesiredState) -> Decision:
    """An operator keeps requests waiting: pause what accepts, change nothing else."""
    for instance in observed.instances:
        if instance.accepting and instance.up:
            if instance.asynchronous:
                return asynchronous("", instance)
            if not instance.ready:
                return unsteady("", instance)
            return toggle(observed, desired, instance, ActionKind.PAUSE, None, "")
        if instance.pending:
            return not_executed("", instance)
        if instance.paused and instance.keeping_workers and instance.up:
            return close_kept("", instance)
        if instance.unpaused_workers and instance.up:
            return nudge("", instance)
        if instance.paused and instance.up and not instance.fully_paused:
            return unsteady("", instance)
    return Decision(met=True, done=True)


def _cannot_retreat(desired: DesiredState, old: Instance) -> bool:
    must_retreat = old.up and old.accepting and not desired.both_active
    return must_retreat and old.asynchronous and not desired.retire_stop


def _retreat(
    observed: PairState, desired: DesiredState, new: Instance, old: Instance
) -> Decision | None:
    """Make the old instance take no more requests. None: it takes none already."""
    goal = new.program
    if old.accepting:
        return _park(observed, desired, new, old)
    if old.pending:
        return not_executed(goal, old)
    if old.paused and old.keeping_workers:
        return close_kept(goal, old)
    if old.unpaused_workers:
        return nudge(goal, old)
    next_workers_would_accept = old.paused is False and old.was_ready
    if (old.paused and not old.fully_paused) or next_workers_would_accept:
        return unsteady(goal, old)
    if old.paused is None and (old.workers or old.cheap):
        return pause_state_unknown(goal, old)
    return None


def _park(observed: PairState, desired: DesiredState, new: Instance, old: Instance) -> Decision:
    """Pause the old instance, or end it if it cannot be paused. Both accept requests."""
    goal = new.program
    newly_accepting = [i.program for i in (new, old) if i.newly_accepting]
    if newly_accepting:
        waiting_for = f"{newly_accepting[0]}'s own hooks may still move the slots"
        return Decision(goal, waiting_for=waiting_for, poll_slowly=True)
    if _cannot_retreat(desired, old):
        return asynchronous(goal, old)
    if not old.reachable:
        return not_ready(goal, old)
    if old.asynchronous:
        return end_gracefully(observed, old, goal, "an async instance cannot be parked")
    if not old.ready:
        return unsteady(goal, old)
    slot = None
    if old.slot is not Slot.SLEEPING and not observed.obstacle(Slot.SLEEPING):
        slot = Slot.SLEEPING
    return toggle(observed, desired, old, ActionKind.PAUSE, slot, goal)


def _finish_roles(
    observed: PairState, desired: DesiredState, new: Instance, old: Instance
) -> Decision:
    """Only the goal takes requests: see to slots, FIFOs, orphans and the old instance."""
    goal = new.program
    if new.pending or old.pending:
        return not_executed(goal, new if new.pending else old, met=not old.pending)
    slots = [(new, Slot.RUNNING)]
    if old.ready and old.paused:
        slots.append((old, Slot.SLEEPING))
    for instance, slot in slots:
        action = labelling(observed, instance, slot, is_goal=instance is new)
        if action and instance.unresponsive:
            return Decision(goal, met=True, waiting_for=unresponsive(instance))
        if action:
            return do(goal, action, met=True)
    ended = end_orphans(observed, desired.drain_expired)
    if ended:
        return do(goal, *ended, met=True)
    return _manage_old_instance(observed, desired, new, old) or _done(observed, goal)


def _manage_old_instance(
    observed: PairState, desired: DesiredState, new: Instance, old: Instance
) -> Decision | None:
    """The old instance is paused or down: restart it, end it, freeze it or let it be."""
    goal = new.program
    is_retiring = desired.retiring == old.program and old.up
    detached = [i for i in (old, new) if i.attached is False and i.up]
    if detached:
        instance = detached[0]
        if instance is old and old.in_flight and not desired.drain_expired:
            return _drains(goal, old)
        if instance is old or not old.up or (old.attached and old.ready):
            reason = "the pool has a new socket, and it still holds the old one"
            return do(goal, Action(ActionKind.RESTART, instance.program, reason=reason), met=True)
    if old.up and old.paused and old.in_flight and not (is_retiring and desired.drain_expired):
        return _drains(goal, old)
    if is_retiring and old.ready and not desired.both_active:
        return end_gracefully(observed, old, goal, "it is to end, and has drained", met=True)
    action = _freeze_or_continue(desired, old)
    if action:
        return do(goal, action, met=True)
    for instance in (new, old):
        if instance.cheap and instance.program == desired.awake:
            return wake(goal, instance, "its health is to be checked", met=True)
    return None


def _freeze_or_continue(desired: DesiredState, old: Instance) -> Action | None:
    if not old.ready or old.cheap or old.is_ending:
        return None
    if desired.freeze:
        if not (old.paused and old.fully_paused) or old.frozen:
            return None
        pids = tuple(w.pid for w in old.workers)
        return Action(ActionKind.FREEZE, old.program, pids=pids, reason="freeze = true")
    if not old.stopped_pids:
        return None
    return Action(ActionKind.CONTINUE, old.program, pids=old.stopped_pids, reason="freeze = false")


def _done(observed: PairState, goal: str) -> Decision:
    """Nothing is to be done; wait for what changes by itself."""
    booting = [i.program for i in observed.instances if i.up and not i.ready]
    if observed.orphans:
        waiting_for = "orphaned workers finish their requests"
    elif any(i.newly_accepting for i in observed.instances):
        waiting_for = "hooks of the instances"
    elif booting:
        waiting_for = f"{' and '.join(booting)} boots"
    elif _parked_and_stopping(observed):
        waiting_for = f"{' and '.join(_parked_and_stopping(observed))} stops"
    else:
        return Decision(goal, met=True, done=True)
    return Decision(goal, met=True, waiting_for=waiting_for, poll_slowly=True)


def _parked_and_stopping(observed: PairState) -> list[str]:
    """Programs whose parked workers may not see that their master ends: emergency.py helps."""
    return [
        i.program
        for i in observed.instances
        if (i.is_stopping or i.is_ending) and i.paused and i.workers
    ]


def _drains(goal: str, old: Instance) -> Decision:
    """A connection that is kept after its answer is to be closed before it is used again."""
    waiting_for = f"{old.program} drains {old.in_flight} requests"
    slowly = not old.keeps_connections
    return Decision(goal, met=True, waiting_for=waiting_for, poll_slowly=slowly)

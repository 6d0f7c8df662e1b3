"""PURE: facts + desired -> the next moves. The only room that decides. No clock, no I/O, no Supervisor.

Read :func:`decide` from top to bottom: each rule either answers with a :class:`~supervisor_zerg.core.Step` or leaves the
pair to the next one. A step makes one move at a time where two could collide, and *reconcile* looks again after each.

What holds for every answer (tests/unit/test_decide_properties.py):

* the only instance that accepts is never paused, unless an operator holds the pair;
* ``p`` goes only to a master that waits for commands, whose flag is known, with no worker in the making, nothing pending;
* no digit goes to a master while another command of the pair is pending, nor towards a path that uWSGI would die of;
* an async instance is never paused.
"""

from . import errors
from .actions import (
    align,
    burials,
    do,
    end,
    frozen_by_pause,
    labelling,
    nudge,
    resume,
    toggle,
    unclear,
    unexecuted,
    unsteady,
)
from .decision import Action, ActionKind, Decision
from .goals import OnStart
from .instance import Slot


def choose_active(observed, desired):
    """The program that is to serve, or ''."""
    able = [c for c in observed.instances if _able(c, desired)]
    able = [c for c in able if not c.partly_paused] or able
    if not able or desired.hold:
        return ""
    names = [c.program for c in able]
    if desired.requested in names:
        return desired.requested
    invited = [
        c
        for c in able
        if desired.on_start_of(c.program) is OnStart.PROMOTE and not c.newly_accepting
    ]
    if invited:
        return invited[0].program
    accepting = [c for c in able if c.accepting]
    settled = [c for c in accepting if desired.on_start_of(c.program) is None]
    pool = settled or [
        c
        for c in able
        if desired.on_start_of(c.program) is None and c.program == desired.last_active
    ]
    return _preferred(pool or accepting or able, desired)


def _able(instance, desired):
    """It serves, or could in an instant. One that serves stays able while a worker of it is being recycled."""
    known = instance.reachable and instance.paused is not None and bool(instance.workers)
    return (
        instance.ready
        or known
        and (
            instance.accepting
            or instance.all_respawning
            or desired.force_toggle
            and not instance.stuck
        )
    )


def _preferred(instances, desired):
    """Where the facts leave a choice: who served last, then who holds ``running``, then the order of the section."""
    for instance in instances:
        if instance.program == desired.last_active:
            return instance.program
    for instance in instances:
        if instance.slot is Slot.RUNNING:
            return instance.program
    return instances[0].program


def decide(observed, desired):
    """The next step for a pair."""
    return _emergency(observed, desired) or _roles(observed, desired)


def _emergency(observed, desired):
    """What must be mended before anything else can be trusted."""
    for instance in observed.instances:
        in_signal_loop = tuple(w.pid for w in instance.workers if w.in_signal_loop)
        if in_signal_loop:
            reason = "a pause hit a newborn worker: endless PAUSE/resuming flood"
            return do(
                "",
                Action(ActionKind.END_FLOOD, instance.program, pids=in_signal_loop, reason=reason),
            )
    for instance in observed.instances:
        if instance.up and instance.stuck and not instance.pending:
            reason = "stopped outside the pause: it would never get ready"
            return do(
                "",
                Action(
                    ActionKind.CONTINUE, instance.program, pids=instance.stopped_pids, reason=reason
                ),
            )
    for instance in observed.instances:
        frozen = tuple(w.pid for w in instance.workers if w.stopped and w.started)
        if instance.up and instance.paused is False and frozen and not instance.pending:
            return do(
                "",
                Action(
                    ActionKind.THAW,
                    instance.program,
                    pids=frozen,
                    reason="resumed while its workers were stopped",
                ),
            )
    for instance in observed.instances:
        if (
            instance.partly_paused
            and instance.ready
            and not (instance.asynchronous or instance.unresponsive)
            and not _needed(observed, desired, instance)
        ):
            return align(observed, desired, instance)
        if instance.is_stopping and instance.paused and instance.stopped_pids:
            return do(
                "",
                Action(
                    ActionKind.CONTINUE,
                    instance.program,
                    pids=instance.stopped_pids,
                    reason="it is to stop",
                ),
            )
        ended = tuple(w.pid for w in instance.workers if w.parked == w.threads > 1 and not w.zombie)
        if instance.is_stopping and instance.paused and instance.unresponsive and ended:
            reason = "parked threads never see that the master ends"
            return do(
                "", Action(ActionKind.END_WORKER, instance.program, pids=ended, reason=reason)
            )
    return None


def _needed(observed, desired, instance):
    """It accepts, and the other one, which could, does not yet. Nobody is needed under hold."""
    other = observed.other(instance.program)
    could_serve = other.ready and not other.accepting and not other.partly_paused
    return instance.accepting and could_serve and not desired.hold


def _roles(observed, desired):
    goal = choose_active(observed, desired)
    if desired.hold:
        return _hold(observed, desired)
    if not goal:
        return _nobody(observed)
    new, old = observed.instance(goal), observed.other(goal)
    if (
        desired.requested not in ("", goal)
        and new.accepting
        and observed.instance(desired.requested).up
    ):
        return _not_ready(goal, observed.instance(desired.requested))
    if not new.accepting and _mute(old) and not desired.requested and not desired.force_toggle:
        return unclear(goal, old)
    if not new.accepting:
        if _cannot_retreat(desired, old):
            return frozen_by_pause(goal, old)
        return resume(observed, desired, new)
    if old.up and not desired.both_active:
        decision = _retreat(observed, desired, new, old)
        if decision:
            return decision
    if desired.both_active and old.ready and old.paused:
        return toggle(observed, desired, old, ActionKind.RESUME, None, goal)
    return _tidy(observed, desired, new, old)


def _mute(instance):
    """It runs, but no source tells whether it is paused."""
    return instance.up and instance.paused is None and instance.steady


def _not_ready(goal, instance):
    """Why an instance that is wished for cannot serve yet; somebody else does."""
    if instance.unreadable:
        return Decision(
            goal, refusal=errors.NoRights, waiting_for=instance.unreadable, poll_slowly=True
        )
    if instance.is_starting:
        return Decision(
            goal, refusal=errors.Booting, waiting_for=f"{instance.program} boots", poll_slowly=True
        )
    if instance.slot is None:
        return Decision(
            goal,
            refusal=errors.Lost,
            waiting_for=f"{instance.program} holds none of the FIFOs",
            poll_slowly=True,
        )
    if instance.paused is None:
        return unclear(goal, instance)
    return unsteady(goal, instance)


def _nobody(observed):
    for instance in observed.instances:
        if instance.unreadable:
            return Decision(
                refusal=errors.NoRights, waiting_for=instance.unreadable, poll_slowly=True
            )
    coming = [c for c in observed.instances if c.up]
    if not coming:
        return Decision(
            done=not observed.orphans,
            refusal=errors.NobodyServes,
            waiting_for="no instance runs",
            poll_slowly=True,
            actions=burials(observed, False),
        )
    return _not_ready("", coming[0])


def _hold(observed, desired):
    """An operator keeps requests waiting: pause whoever accepts, change nothing else."""
    for instance in observed.instances:
        if instance.accepting and instance.up:
            if instance.asynchronous:
                return frozen_by_pause("", instance)
            if not instance.ready:
                return unsteady("", instance)
            return toggle(observed, desired, instance, ActionKind.PAUSE, None, "")
        if instance.pending:
            return unexecuted("", instance)
        if instance.unpaused_workers and instance.up:
            return nudge("", instance)
        if instance.paused and instance.up and not instance.fully_paused:
            return unsteady("", instance)
    return Decision(met=True, done=True)


def _cannot_retreat(desired, old):
    return (
        old.up
        and old.accepting
        and old.asynchronous
        and not desired.retire_stop
        and not desired.both_active
    )


def _retreat(observed, desired, new, old):
    """The other instance must take nothing more. None: it takes nothing already, or is not ours to move now."""
    goal = new.program
    if old.accepting:
        if new.newly_accepting or old.newly_accepting:
            return Decision(
                goal,
                waiting_for=f"{(new if new.newly_accepting else old).program}'s own hooks may still move the slots",
                poll_slowly=True,
            )
        if _cannot_retreat(desired, old):
            return frozen_by_pause(goal, old)
        if old.asynchronous:
            return end(observed, old, goal, "an async instance cannot be parked")
        if not old.ready:
            return unsteady(goal, old)
        slot = (
            Slot.SLEEPING
            if old.slot is not Slot.SLEEPING and not observed.obstacle(Slot.SLEEPING)
            else None
        )
        return toggle(observed, desired, old, ActionKind.PAUSE, slot, goal)
    if old.pending:
        return unexecuted(goal, old)
    if old.unpaused_workers:
        return nudge(goal, old)
    if (
        old.paused and not old.fully_paused or old.paused is False and old.was_ready
    ):  # its next workers would accept
        return unsteady(goal, old)
    if old.paused is None and old.workers:
        return unclear(goal, old)
    return None


def _tidy(observed, desired, new, old):
    """Users are served by the goal and by nobody else: labels, paths, orphans, and what becomes of the old instance."""
    goal = new.program
    if new.pending or old.pending:
        return unexecuted(goal, new if new.pending else old, met=not old.pending)
    labels = [(new, Slot.RUNNING)] + ([(old, Slot.SLEEPING)] if old.ready and old.paused else [])
    for instance, slot in labels:
        action = labelling(observed, instance, slot, instance is new)
        if action and instance.unresponsive:
            return Decision(
                goal, met=True, waiting_for=f"{instance.program} {instance.unresponsive.value}"
            )
        if action:
            return do(goal, action, met=True)
    buried = burials(observed, desired.drain_expired)
    if buried:
        return Decision(goal, buried, met=True)
    return _afterlife(observed, desired, new, old)


def _afterlife(observed, desired, new, old):
    """The old instance is parked or on its way there."""
    goal = new.program
    stop_it = desired.retiring == old.program and old.up
    if detached := [c for c in (old, new) if c.attached is False and c.up]:
        instance = detached[0]
        if instance is old and old.in_flight and not desired.drain_expired:
            return _drains(goal, old)
        if instance is old or not old.up or (old.attached and old.ready):
            reason = "the pool has a new socket, and it still holds the old one"
            return do(goal, Action(ActionKind.RESTART, instance.program, reason=reason), met=True)
    if old.up and old.paused and old.in_flight:
        if not (stop_it and desired.drain_expired):
            return _drains(goal, old)
    if stop_it and old.ready and not desired.both_active:
        return end(observed, old, goal, "it is to end, and has drained", met=True)
    if desired.freeze and old.ready and old.paused and old.fully_paused and not old.frozen:
        pids = tuple(w.pid for w in old.workers)
        return do(
            goal,
            Action(ActionKind.FREEZE, old.program, pids=pids, reason="freeze = true"),
            met=True,
        )
    if not desired.freeze and old.ready and old.stopped_pids:
        return do(
            goal,
            Action(
                ActionKind.CONTINUE, old.program, pids=old.stopped_pids, reason="freeze = false"
            ),
            met=True,
        )
    if observed.orphans:
        return Decision(
            goal, met=True, waiting_for="orphaned workers finish their requests", poll_slowly=True
        )
    if new.newly_accepting or old.newly_accepting:
        return Decision(goal, met=True, waiting_for="hooks of the instances", poll_slowly=True)
    coming = [c.program for c in observed.instances if c.up and not c.ready]
    if coming:
        return Decision(
            goal, met=True, waiting_for=f"{' and '.join(coming)} boots", poll_slowly=True
        )
    return Decision(goal, met=True, done=True)


def _drains(goal, old):
    return Decision(
        goal,
        met=True,
        waiting_for="%s drains %d requests" % (old.program, old.in_flight),
        poll_slowly=True,
    )

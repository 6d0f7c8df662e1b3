"""PURE: each command with what must hold before it may be sent. decide.py says what should happen; here it is said how it is done
without harm, or what has to be waited for first. Everything answers with a Step, but for the moves that may be left out.
"""

from . import errors
from .decision import Action, ActionKind, Decision
from .instance import Slot
from .pair_state import PathKind


def do(goal, *actions, met=False):
    return Decision(goal, tuple(actions), met=met)


# commands


def toggle(observed, desired, instance, kind, slot, goal):
    """Send ``p``, the one command that must never be sent twice, too early, or to the wrong state."""
    if instance.pending:
        return unexecuted(goal, instance)
    if instance.unresponsive:
        return Decision(
            goal,
            refusal=errors.Unresponsive,
            waiting_for=f"{instance.program} {instance.unresponsive.value}",
        )
    if _deadly(observed, instance):
        return _obstructed(observed, instance, goal)
    if not instance.steady and not desired.force_toggle:
        return unsteady(goal, instance)
    pending = [c for c in observed.instances if c.pending]
    if slot is not None and pending:
        if observed.obstacle(instance.slot):
            return unexecuted(goal, pending[0])  # soon the slot can be sent along, and must be
        slot = None
    if slot is None and observed.obstacle(
        instance.slot
    ):  # uWSGI would put its FIFO in the place of it
        return _obstructed(observed, instance, goal)
    if _crowded(observed, instance):
        return unexecuted(goal, observed.other(instance.program))
    return do(goal, Action(kind, instance.program, slot))


def resume(observed, desired, new):
    """Make before break: the next instance accepts before anything is done to the one that serves."""
    if new.paused is False:
        return _wake(new)
    slot = (
        Slot.RUNNING
        if new.slot is not Slot.RUNNING and not observed.obstacle(Slot.RUNNING)
        else None
    )
    return toggle(observed, desired, new, ActionKind.RESUME, slot, new.program)


def align(observed, desired, instance):
    """Some of its workers are paused and some are not. One ``p`` makes them the same, be it for a moment the wrong way: then the
    next look sends another."""
    if instance.just_toggled:
        return Decision(
            instance.program, waiting_for=f"the workers of {instance.program} become the same"
        )
    return toggle(observed, desired, instance, ActionKind.ALIGN, None, "")


def end(observed, instance, goal, reason, met=False):
    """Tell it to end gracefully."""
    if instance.pending:
        return unexecuted(goal, instance, met)
    if _deadly(observed, instance):
        return _obstructed(observed, instance, goal, met)
    if _crowded(observed, instance):
        return unexecuted(goal, observed.other(instance.program), met)
    return do(goal, Action(ActionKind.QUIT, instance.program, reason=reason), met=met)


def labelling(observed, instance, slot, owner):
    """The move that brings an instance's FIFO to where it should lie, or None. A path is put back for the instance that serves, and for
    the other one where it takes the path from nobody."""
    if instance.newly_accepting or not instance.ready or observed.obstacle(instance.slot):
        return None
    if instance.slot is not slot and not observed.obstacle(slot):
        return Action(
            ActionKind.LABEL, instance.program, slot, reason=f"it is in slot {instance.slot.label}"
        )
    if not instance.fifo_in_place and (
        owner or not any(c.slot is instance.slot for c in observed.instances if c is not instance)
    ):
        return Action(
            ActionKind.RELINK,
            instance.program,
            reason="the path of its FIFO is gone or is another's",
        )
    return None


def _crowded(observed, instance):
    """After any command the master makes its FIFO anew, and dies if another one has just done so at the same path."""
    return instance.slot in observed.other(instance.program).fifo_slots_in_use


def _deadly(observed, instance):
    """After any command the master makes its FIFO anew, and dies where it cannot."""
    obstacle = observed.obstacle(instance.slot)
    return obstacle is not None and obstacle.kind is PathKind.DIRECTORY


# signals


def nudge(goal, instance):
    return do(
        goal,
        Action(
            ActionKind.NUDGE,
            instance.program,
            pids=instance.unpaused_workers,
            reason="threads still wait for a request",
        ),
    )


def _wake(instance):
    """It was resumed, and nobody accepts yet. Another ``p`` would pause it again."""
    asleep = tuple(w.pid for w in instance.workers if w.started and not w.zombie and w.parked)
    if instance.just_toggled or instance.pending or not asleep:
        return Decision(instance.program, waiting_for=f"the workers of {instance.program} wake up")
    return do(
        instance.program,
        Action(ActionKind.THAW, instance.program, pids=asleep, reason="resumed, but they sleep on"),
    )


def burials(observed, drain_expired):
    """The move that ends orphans, if there are any that have finished or may not finish."""
    pids = tuple(o.pid for o in observed.orphans if drain_expired or not o.busy)
    return (
        (
            Action(
                ActionKind.END_ORPHAN,
                observed.orphans[0].program,
                pids=pids,
                reason="their master is gone",
            ),
        )
        if pids
        else ()
    )


# what has to be waited for


def unexecuted(goal, instance, met=False):
    return Decision(goal, met=met, waiting_for=f"{instance.program} has not yet executed a command")


def unsteady(goal, instance):
    return Decision(
        goal,
        refusal=errors.Unsteady,
        waiting_for=f"a worker of {instance.program} is just being born",
    )


def unclear(goal, instance):
    return Decision(
        goal,
        waiting_for=f"nothing tells whether {instance.program} is paused: all its workers are busy",
    )


def frozen_by_pause(goal, instance):
    words = f"{instance.program} is asynchronous: a pause would freeze its requests"
    return Decision(goal, refusal=errors.AsyncInstance, waiting_for=words, poll_slowly=True)


def _obstructed(observed, instance, goal, met=False):
    words = (
        f"{observed.obstacle(instance.slot).text} lies at the path of slot {instance.slot.label}"
    )
    return Decision(goal, refusal=errors.Obstructed, met=met, waiting_for=words, poll_slowly=True)

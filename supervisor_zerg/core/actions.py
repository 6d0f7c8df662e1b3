"""Each action with its preconditions. Pure.

planner.py says what should happen; this module says how that is done without harm, or what has to
be waited for first.
"""

from __future__ import annotations

from . import errors
from .decision import Action, ActionKind, Decision
from .goals import DesiredState
from .instance import Instance, Slot, UnresponsiveReason
from .pair_state import PairState, PathKind


def do(goal: str, *actions: Action, met: bool = False) -> Decision:
    return Decision(goal, actions, met=met)


# commands


def toggle(
    observed: PairState,
    desired: DesiredState,
    instance: Instance,
    kind: ActionKind,
    slot: Slot | None,
    goal: str,
) -> Decision:
    """Send ``p``: it must never be sent twice, too early, or to the wrong state."""
    if instance.pending:
        return not_executed(goal, instance)
    if instance.unresponsive:
        return Decision(goal, refusal=errors.Unresponsive, waiting_for=unresponsive(instance))
    if _master_would_exit(observed, instance):
        return _obstructed(observed, instance, goal)
    if not instance.steady and not desired.force_toggle:
        return unsteady(goal, instance)
    pending = [i for i in observed.instances if i.pending]
    if slot is not None and pending:
        if observed.obstacle(instance.slot):
            return not_executed(goal, pending[0])  # then the slot can be sent along, and must be
        slot = None
    if slot is None and observed.obstacle(instance.slot):
        return _obstructed(observed, instance, goal)  # uWSGI would replace it by its FIFO
    if _fifo_path_contended(observed, instance):
        return not_executed(goal, observed.other(instance.program))
    return do(goal, Action(kind, instance.program, slot))


def resume(observed: PairState, desired: DesiredState, new: Instance) -> Decision:
    """Make before break: the goal accepts before anything is done to the other instance."""
    if new.paused is False:
        return _wake_up(new)
    slot = None
    if new.slot is not Slot.RUNNING and not observed.obstacle(Slot.RUNNING):
        slot = Slot.RUNNING
    return toggle(observed, desired, new, ActionKind.RESUME, slot, new.program)


def serve_unmanaged(unreadable: list[Instance]) -> Decision:
    """Let an instance serve that boots parked and whose process may not be read.

    Its master toggles the pause at a SIGTSTP as it does at a ``p``. The stats show that it is
    paused and that no worker is starting.
    """
    for instance in unreadable:
        if (
            instance.slot is None
            and instance.paused
            and instance.steady
            and instance.up
            and not instance.was_resumed
        ):
            pids = (instance.master,)
            reason = "nobody would serve: it cannot be managed"
            return do(
                "", Action(ActionKind.RESUME_UNREAD, instance.program, pids=pids, reason=reason)
            )
    return not_ready("", unreadable[0])


def align(observed: PairState, desired: DesiredState, instance: Instance) -> Decision:
    """Toggle a partly paused instance: one ``p`` makes its workers the same.

    They may all be in the wrong state then; the next decision toggles them again.
    """
    if instance.just_toggled:
        return Decision(
            instance.program,
            waiting_for=f"the workers of {instance.program} are toggled to one state",
        )
    return toggle(observed, desired, instance, ActionKind.ALIGN, None, "")


def end_gracefully(
    observed: PairState, instance: Instance, goal: str, reason: str, met: bool = False
) -> Decision:
    """Send ``q``: the master ends when its workers have finished their requests."""
    if instance.pending:
        return not_executed(goal, instance, met)
    if _master_would_exit(observed, instance):
        return _obstructed(observed, instance, goal, met)
    if _fifo_path_contended(observed, instance):
        return not_executed(goal, observed.other(instance.program), met)
    return do(goal, Action(ActionKind.QUIT, instance.program, reason=reason), met=met)


def labelling(observed: PairState, instance: Instance, slot: Slot, is_goal: bool) -> Action | None:
    """Return the action that brings an instance's FIFO to its slot, or None.

    A FIFO is put back in place for the goal, and for the other instance if the path is unused.
    """
    if instance.newly_accepting or not instance.ready or observed.obstacle(instance.slot):
        return None
    if instance.slot is not slot and not observed.obstacle(slot):
        reason = f"it is in slot {instance.slot_label}"
        return Action(ActionKind.LABEL, instance.program, slot, reason=reason)
    is_shared = observed.other(instance.program).slot is instance.slot
    if not instance.fifo_in_place and (is_goal or not is_shared):
        reason = "its FIFO is not at the path of its slot"
        return Action(ActionKind.RELINK, instance.program, reason=reason)
    return None


def _fifo_path_contended(observed: PairState, instance: Instance) -> bool:
    """After any command the master remakes its FIFO.

    It exits if another process has just made one at the same path.
    """
    return instance.slot in observed.other(instance.program).fifo_slots_in_use


def _master_would_exit(observed: PairState, instance: Instance) -> bool:
    """After any command the master remakes its FIFO. It exits if it cannot."""
    obstacle = observed.obstacle(instance.slot)
    return obstacle is not None and obstacle.kind is PathKind.DIRECTORY


# signals


def nudge(goal: str, instance: Instance) -> Decision:
    reason = "threads still wait for a request"
    pids = instance.unpaused_workers
    return do(goal, Action(ActionKind.NUDGE, instance.program, pids=pids, reason=reason))


def close_kept(goal: str, instance: Instance) -> Decision:
    reason = "nobody would answer the next request on them"
    pids = instance.keeping_workers
    return do(goal, Action(ActionKind.CLOSE, instance.program, pids=pids, reason=reason))


def _wake_up(instance: Instance) -> Decision:
    """It was resumed, and does not accept yet. Another ``p`` would pause it again."""
    if instance.unresponsive is UnresponsiveReason.THROTTLED:
        return Decision(instance.program, waiting_for=unresponsive(instance))
    asleep = tuple(w.pid for w in instance.workers if w.started and not w.zombie and w.parked)
    if instance.just_toggled or instance.pending or not asleep:
        return Decision(instance.program, waiting_for=f"the workers of {instance.program} wake up")
    reason = "resumed, but its workers still sleep"
    action = Action(ActionKind.THAW, instance.program, pids=asleep, reason=reason)
    return do(instance.program, action)


def end_orphans(observed: PairState, drain_expired: bool) -> tuple[Action, ...]:
    """Return the action that ends the orphans which have finished or may not finish, if any."""
    pids = tuple(o.pid for o in observed.orphans if drain_expired or not o.busy)
    if not pids:
        return ()
    program = observed.orphans[0].program
    return (Action(ActionKind.END_ORPHAN, program, pids=pids, reason="their master is gone"),)


# what has to be waited for


def unresponsive(instance: Instance) -> str:
    reason = instance.unresponsive
    return f"{instance.program} {reason.value if reason else 'waits for commands'}"


def not_executed(goal: str, instance: Instance, met: bool = False) -> Decision:
    return Decision(goal, met=met, waiting_for=f"{instance.program} has not yet executed a command")


def unsteady(goal: str, instance: Instance) -> Decision:
    waiting_for = f"a worker of {instance.program} is starting"
    return Decision(goal, refusal=errors.Unsteady, waiting_for=waiting_for)


def wake(goal: str, instance: Instance, reason: str, met: bool = False) -> Decision:
    return do(goal, Action(ActionKind.WAKE, instance.program, reason=reason), met=met)


def pause_state_unknown(goal: str, instance: Instance) -> Decision:
    if instance.cheap:
        return wake(goal, instance, "without workers nothing tells whether it is paused")
    waiting_for = f"it is unknown whether {instance.program} is paused: all its workers are busy"
    return Decision(goal, waiting_for=waiting_for)


def asynchronous(goal: str, instance: Instance) -> Decision:
    waiting_for = f"{instance.program} is asynchronous: a pause would freeze its requests"
    return Decision(goal, refusal=errors.AsyncInstance, waiting_for=waiting_for, poll_slowly=True)


def not_ready(goal: str, instance: Instance) -> Decision:
    """Say why an instance cannot be commanded, or cannot serve."""
    if instance.unreadable:
        return Decision(
            goal, refusal=errors.NoRights, waiting_for=instance.unreadable, poll_slowly=True
        )
    if instance.is_ending:
        return Decision(goal, refusal=errors.Unresponsive, waiting_for=unresponsive(instance))
    if instance.is_starting:
        waiting_for = f"{instance.program} boots"
        return Decision(goal, refusal=errors.Booting, waiting_for=waiting_for, poll_slowly=True)
    if instance.slot is None:
        waiting_for = f"{instance.program} holds none of the FIFOs"
        return Decision(goal, refusal=errors.Lost, waiting_for=waiting_for, poll_slowly=True)
    if instance.paused is None:
        return pause_state_unknown(goal, instance)
    return unsteady(goal, instance)


def _obstructed(observed: PairState, instance: Instance, goal: str, met: bool = False) -> Decision:
    obstacle = observed.obstacle(instance.slot)
    what = obstacle.text if obstacle else "something"
    return Decision(
        goal,
        refusal=errors.Obstructed,
        met=met,
        waiting_for=f"{what} lies at the path of slot {instance.slot_label}",
        poll_slowly=True,
    )

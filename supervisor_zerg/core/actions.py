"""PURE: each command with what must hold before it may be sent. decide.py says what should happen; here it is said how it is done
without harm, or what has to be waited for first. Everything answers with a Step, but for the moves that may be left out.
"""

from .model import Move, Slot, Step, Verb


def do(goal, *moves, met=False):
    return Step(goal, tuple(moves), met=met)


# commands


def toggle(facts, desired, copy, verb, slot, goal):
    """Send ``p``, the one command that must never be sent twice, too early, or to the wrong state."""
    if copy.pending:
        return unexecuted(goal, copy)
    if copy.deaf:
        return Step(goal, refusal="Deaf", wait_for=f"{copy.program} {copy.deaf}")
    if _deadly(facts, copy):
        return _obstructed(facts, copy, goal)
    if not copy.steady and not desired.desperate:
        return unsteady(goal, copy)
    if slot is not None and any(c.pending for c in facts.copies):
        slot = None
    if slot is None and facts.obstacle(copy.slot):  # uWSGI would put its FIFO in the place of it
        return _obstructed(facts, copy, goal)
    if _crowded(facts, copy):
        return unexecuted(goal, facts.other(copy.program))
    return do(goal, Move(verb, copy.program, slot))


def resume(facts, desired, new):
    """Make before break: the next copy accepts before anything is done to the one that serves."""
    if new.paused is False:
        return _wake(new)
    slot = (
        Slot.RUNNING if new.slot is not Slot.RUNNING and not facts.obstacle(Slot.RUNNING) else None
    )
    return toggle(facts, desired, new, Verb.RESUME, slot, new.program)


def align(facts, desired, copy):
    """Some of its workers are paused and some are not. One ``p`` makes them the same, be it for a moment the wrong way: then the
    next look sends another."""
    if copy.waking:
        return Step(copy.program, wait_for=f"the workers of {copy.program} become the same")
    return toggle(facts, desired, copy, Verb.ALIGN, None, "")


def end(facts, copy, goal, why, met=False):
    """Tell it to end gracefully."""
    if copy.pending:
        return unexecuted(goal, copy, met)
    if _deadly(facts, copy):
        return _obstructed(facts, copy, goal, met)
    if _crowded(facts, copy):
        return unexecuted(goal, facts.other(copy.program), met)
    return do(goal, Move(Verb.QUIT, copy.program, why=why), met=met)


def labelling(facts, copy, slot, owner):
    """The move that brings a copy's FIFO to where it should lie, or None. A path is put back for the copy that serves, and for
    the other one where it takes the path from nobody."""
    if copy.fresh or not copy.ready or facts.obstacle(copy.slot):
        return None
    if copy.slot is not slot and not facts.obstacle(slot):
        return Move(Verb.LABEL, copy.program, slot, why=f"it is in slot {copy.slot.label}")
    if not copy.linked and (
        owner or not any(c.slot is copy.slot for c in facts.copies if c is not copy)
    ):
        return Move(Verb.RELINK, copy.program, why="the path of its FIFO is gone or is another's")
    return None


def _crowded(facts, copy):
    """After any command the master makes its FIFO anew, and dies if another one has just done so at the same path."""
    return copy.slot in facts.other(copy.program).heading


def _deadly(facts, copy):
    """After any command the master makes its FIFO anew, and dies where it cannot."""
    return facts.obstacle(copy.slot).startswith("a directory")


# signals


def nudge(goal, copy):
    return do(
        goal,
        Move(Verb.NUDGE, copy.program, pids=copy.leaks, why="threads still wait for a request"),
    )


def _wake(copy):
    """It was resumed, and nobody accepts yet. Another ``p`` would pause it again."""
    asleep = tuple(w.pid for w in copy.workers if w.born and not w.zombie and w.parked)
    if copy.waking or copy.pending or not asleep:
        return Step(copy.program, wait_for=f"the workers of {copy.program} wake up")
    return do(
        copy.program, Move(Verb.THAW, copy.program, pids=asleep, why="resumed, but they sleep on")
    )


def burials(facts, overdue):
    """The move that ends orphans, if there are any that have finished or may not finish."""
    pids = tuple(o.pid for o in facts.orphans if overdue or not o.busy)
    return (
        (Move(Verb.END_ORPHAN, facts.orphans[0].program, pids=pids, why="their master is gone"),)
        if pids
        else ()
    )


# what has to be waited for


def unexecuted(goal, copy, met=False):
    return Step(goal, met=met, wait_for=f"{copy.program} has not yet executed a command")


def unsteady(goal, copy):
    return Step(goal, refusal="Unsteady", wait_for=f"a worker of {copy.program} is just being born")


def unclear(goal, copy):
    return Step(
        goal, wait_for=f"nothing tells whether {copy.program} is paused: all its workers are busy"
    )


def frozen_by_pause(goal, copy):
    words = f"{copy.program} is asynchronous: a pause would freeze its requests"
    return Step(goal, refusal="AsyncCopy", wait_for=words, patient=True)


def _obstructed(facts, copy, goal, met=False):
    words = f"{facts.obstacle(copy.slot)} lies at the path of slot {copy.slot.label}"
    return Step(goal, refusal="Obstructed", met=met, wait_for=words, patient=True)

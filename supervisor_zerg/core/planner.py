"""PURE: facts + desired -> the next moves. The only room that decides. No clock, no I/O, no Supervisor.

Read :func:`decide` from top to bottom: each rule either answers with a :class:`~supervisor_zerg.core.model.Step` or leaves the
pair to the next one. A step makes one move at a time where two could collide, and *settle* looks again after each.

What holds for every answer (tests/unit/test_decide_properties.py):

* the only copy that accepts is never paused, unless a person holds the pair;
* ``p`` goes only to a master that waits for commands, whose flag is known, with no worker in the making, nothing pending;
* no digit goes to a master while another command of the pair is pending, nor towards a path that uWSGI would die of;
* an async copy is never paused.
"""

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
from .model import Arrival, Move, Slot, Step, Verb


def choose(facts, desired):
    """The program that is to serve, or ''."""
    able = [c for c in facts.copies if _able(c, desired)]
    able = [c for c in able if not c.torn] or able
    if not able or desired.held:
        return ""
    names = [c.program for c in able]
    if desired.wish in names:
        return desired.wish
    invited = [c for c in able if desired.arrival(c.program) is Arrival.TAKES_OVER and not c.fresh]
    if invited:
        return invited[0].program
    accepting = [c for c in able if c.accepting]
    settled = [c for c in accepting if desired.arrival(c.program) is None]
    pool = settled or [
        c for c in able if desired.arrival(c.program) is None and c.program == desired.last
    ]
    return _preferred(pool or accepting or able, desired)


def _able(copy, desired):
    """It serves, or could in an instant. One that serves stays able while a worker of it is being recycled."""
    known = copy.reachable and copy.paused is not None and bool(copy.workers)
    return (
        copy.ready
        or known
        and (copy.accepting or copy.renewing or desired.desperate and not copy.stuck)
    )


def _preferred(copies, desired):
    """Where the facts leave a choice: who served last, then who holds ``running``, then the order of the section."""
    for copy in copies:
        if copy.program == desired.last:
            return copy.program
    for copy in copies:
        if copy.slot is Slot.RUNNING:
            return copy.program
    return copies[0].program


def decide(facts, desired):
    """The next step for a pair."""
    return _emergency(facts, desired) or _roles(facts, desired)


def _emergency(facts, desired):
    """What must be mended before anything else can be trusted."""
    for copy in facts.copies:
        spinning = tuple(w.pid for w in copy.workers if w.spinning)
        if spinning:
            why = "a pause hit a newborn worker: endless PAUSE/resuming flood"
            return do("", Move(Verb.END_FLOOD, copy.program, pids=spinning, why=why))
    for copy in facts.copies:
        if copy.up and copy.stuck and not copy.pending:
            why = "stopped outside the pause: it would never get ready"
            return do("", Move(Verb.CONTINUE, copy.program, pids=copy.stopped_pids, why=why))
    for copy in facts.copies:
        frozen = tuple(w.pid for w in copy.workers if w.stopped and w.born)
        if copy.up and copy.paused is False and frozen and not copy.pending:
            return do(
                "",
                Move(
                    Verb.THAW,
                    copy.program,
                    pids=frozen,
                    why="resumed while its workers were stopped",
                ),
            )
    for copy in facts.copies:
        if (
            copy.torn
            and copy.ready
            and not (copy.asynchronous or copy.deaf)
            and not _needed(facts, copy)
        ):
            return align(facts, desired, copy)
        if copy.leaving and copy.paused and copy.stopped_pids:
            return do(
                "", Move(Verb.CONTINUE, copy.program, pids=copy.stopped_pids, why="it is to stop")
            )
        ended = tuple(w.pid for w in copy.workers if w.parked == w.cores > 1 and not w.zombie)
        if copy.leaving and copy.paused and copy.deaf and ended:
            why = "parked threads never see that the master ends"
            return do("", Move(Verb.END_WORKER, copy.program, pids=ended, why=why))
    return None


def _needed(facts, copy):
    """It accepts, and the other one, which could, does not yet."""
    other = facts.other(copy.program)
    return copy.accepting and other.ready and not other.accepting and not other.torn


def _roles(facts, desired):
    goal = choose(facts, desired)
    if desired.held:
        return _hold(facts, desired)
    if not goal:
        return _nobody(facts)
    new, old = facts.copy(goal), facts.other(goal)
    if desired.wish not in ("", goal) and new.accepting and facts.copy(desired.wish).up:
        return _not_ready(goal, facts.copy(desired.wish))
    if not new.accepting and _mute(old) and not desired.wish and not desired.desperate:
        return unclear(goal, old)
    if not new.accepting:
        if _cannot_retreat(desired, old):
            return frozen_by_pause(goal, old)
        return resume(facts, desired, new)
    if old.up and not desired.both:
        step = _retreat(facts, desired, new, old)
        if step:
            return step
    if desired.both and old.ready and old.paused:
        return toggle(facts, desired, old, Verb.RESUME, None, goal)
    return _tidy(facts, desired, new, old)


def _mute(copy):
    """It runs, but no witness tells whether it is paused."""
    return copy.up and copy.paused is None and copy.steady


def _not_ready(goal, copy):
    """Why a copy that is wished for cannot serve yet; somebody else does."""
    if copy.blind:
        return Step(goal, refusal="NoRights", wait_for=copy.blind, patient=True)
    if copy.boots:
        return Step(goal, refusal="Booting", wait_for=f"{copy.program} boots", patient=True)
    if copy.slot is None:
        return Step(
            goal, refusal="Lost", wait_for=f"{copy.program} holds none of the FIFOs", patient=True
        )
    if copy.paused is None:
        return unclear(goal, copy)
    return unsteady(goal, copy)


def _nobody(facts):
    for copy in facts.copies:
        if copy.blind:
            return Step(refusal="NoRights", wait_for=copy.blind, patient=True)
    coming = [c for c in facts.copies if c.up]
    if not coming:
        return Step(
            done=not facts.orphans,
            refusal="NobodyServes",
            wait_for="no copy runs",
            patient=True,
            moves=burials(facts, False),
        )
    return _not_ready("", coming[0])


def _hold(facts, desired):
    """A person keeps requests waiting: pause whoever accepts, change nothing else."""
    for copy in facts.copies:
        if copy.accepting and copy.up:
            if copy.asynchronous:
                return frozen_by_pause("", copy)
            if not copy.ready:
                return unsteady("", copy)
            return toggle(facts, desired, copy, Verb.PAUSE, None, "")
        if copy.pending:
            return unexecuted("", copy)
        if copy.leaks and copy.up:
            return nudge("", copy)
        if copy.paused and copy.up and not copy.sealed:
            return unsteady("", copy)
    return Step(met=True, done=True)


def _cannot_retreat(desired, old):
    return (
        old.up
        and old.accepting
        and old.asynchronous
        and not desired.retire_stop
        and not desired.both
    )


def _retreat(facts, desired, new, old):
    """The other copy must take nothing more. None: it takes nothing already, or is not ours to move now."""
    goal = new.program
    if old.accepting:
        if new.fresh or old.fresh:
            return Step(
                goal,
                wait_for=f"{(new if new.fresh else old).program}'s own hooks may still move the slots",
                patient=True,
            )
        if _cannot_retreat(desired, old):
            return frozen_by_pause(goal, old)
        if old.asynchronous:
            return end(facts, old, goal, "an async copy cannot be parked")
        if not old.ready:
            return unsteady(goal, old)
        slot = (
            Slot.SLEEPING
            if old.slot is not Slot.SLEEPING and not facts.obstacle(Slot.SLEEPING)
            else None
        )
        return toggle(facts, desired, old, Verb.PAUSE, slot, goal)
    if old.pending:
        return unexecuted(goal, old)
    if old.leaks:
        return nudge(goal, old)
    if (
        old.paused and not old.sealed or old.paused is False and old.grown
    ):  # its next workers would accept
        return unsteady(goal, old)
    if old.paused is None and old.workers:
        return unclear(goal, old)
    return None


def _tidy(facts, desired, new, old):
    """Users are served by the goal and by nobody else: labels, paths, orphans, and what becomes of the old copy."""
    goal = new.program
    if new.pending or old.pending:
        return unexecuted(goal, new if new.pending else old, met=not old.pending)
    labels = [(new, Slot.RUNNING)] + ([(old, Slot.SLEEPING)] if old.ready and old.paused else [])
    for copy, slot in labels:
        move = labelling(facts, copy, slot, copy is new)
        if move and copy.deaf:
            return Step(goal, met=True, wait_for=f"{copy.program} {copy.deaf}")
        if move:
            return do(goal, move, met=True)
    buried = burials(facts, desired.overdue)
    if buried:
        return Step(goal, buried, met=True)
    return _afterlife(facts, desired, new, old)


def _afterlife(facts, desired, new, old):
    """The old copy is parked or on its way there."""
    goal = new.program
    stop_it = desired.retiring == old.program and old.up
    if detached := [c for c in (old, new) if c.attached is False and c.up]:
        copy = detached[0]
        if copy is old and old.in_flight and not desired.overdue:
            return _drains(goal, old)
        if copy is old or not old.up or (old.attached and old.ready):
            why = "the pool has a new socket, and it still holds the old one"
            return do(goal, Move(Verb.RESTART, copy.program, why=why), met=True)
    if old.up and old.paused and old.in_flight:
        if not (stop_it and desired.overdue):
            return _drains(goal, old)
    if stop_it and old.ready and not desired.both:
        return end(facts, old, goal, "it is to end, and has drained", met=True)
    if desired.freeze and old.ready and old.paused and old.sealed and not old.frozen:
        pids = tuple(w.pid for w in old.workers)
        return do(goal, Move(Verb.FREEZE, old.program, pids=pids, why="freeze = true"), met=True)
    if not desired.freeze and old.ready and old.stopped_pids:
        return do(
            goal,
            Move(Verb.CONTINUE, old.program, pids=old.stopped_pids, why="freeze = false"),
            met=True,
        )
    if facts.orphans:
        return Step(goal, met=True, wait_for="orphaned workers finish their requests", patient=True)
    if new.fresh or old.fresh:
        return Step(goal, met=True, wait_for="hooks of the copies", patient=True)
    coming = [c.program for c in facts.copies if c.up and not c.ready]
    if coming:
        return Step(goal, met=True, wait_for=f"{' and '.join(coming)} boots", patient=True)
    return Step(goal, met=True, done=True)


def _drains(goal, old):
    return Step(
        goal,
        met=True,
        wait_for="%s drains %d requests" % (old.program, old.in_flight),
        patient=True,
    )

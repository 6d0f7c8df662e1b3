"""What a dry run tells: every step of a deploy in words, with the bytes that will be written. PURE: as decide.py and advance.py will
have it, from what is so now.
"""

from dataclasses import replace

from ..core.model import Facts, Slot
from .state_machine import CUT_S


def rehearse(pair, plans, facts):
    """:returns: the steps of the plans, one after the other, each as a sentence."""
    for plan in plans:
        yield from _steps(pair, plan, facts)
        facts = _afterwards(plan, facts)


def _afterwards(plan, facts):
    """The copies as such a plan will leave them. Which process the new one is nobody knows yet."""
    new, old = facts.copy(plan.target), facts.copy(plan.old)
    idle = tuple(replace(w, parked=w.cores, busy=0) for w in old.workers)
    new = replace(new, state="RUNNING", master=0, slot=Slot.RUNNING, paused=False)
    return Facts((new, replace(old, slot=Slot.SLEEPING, paused=True, workers=idle)), facts.blocked)


def _steps(pair, plan, facts):
    target, old = facts.copy(plan.target), facts.copy(plan.old)
    for hook in plan.before:
        yield f"run {hook}: {getattr(pair, hook)}"
    if target.pid:
        yield from _end(pair, plan, target)
    yield f"start {plan.target}, and wait until it is loaded, {plan.boot_timeout:.0f} s at most"
    if plan.check_parked:
        yield (
            "ask %s until %d answers in a row are good (not where it accepts by itself, as by hooks.ini)"
            % (pair.health_of(plan.target), plan.count)
        )
    yield (
        f"write '{_toggle(facts, Slot.RUNNING)}' to {pair.fifos[Slot.NEW]}, which the new master reads (nothing where it accepts by itself): it accepts"
    )
    yield from _retreat(pair, facts, old)
    yield _watch(pair, plan)
    yield _in_trouble(pair, plan, facts, old)
    if plan.after:
        yield f"run {plan.after}: {getattr(pair, plan.after)}"
    if pair.retire == "stop" and not old.asynchronous:
        yield f"write 'q' to {_parked_at(pair, facts)} once none of its requests is in flight: {plan.old} ends (retire = stop)"


def _end(pair, plan, target):
    now = "" if plan.follows else " (now %d)" % target.in_flight
    yield f"wait until no request of {plan.target} is in flight{now}, {plan.drain_timeout:.0f} s at most"
    late = f"what is in flight then is cut {CUT_S:.0f} s later"
    if target.ready and not target.accepting:
        yield f"write 'q' to {pair.fifos[target.slot]} ({_who(target)}): it ends, by its stop signal if not within 1 s; {late}"
    else:
        yield f"send its stop signal to {plan.target} ({_who(target)}); {late}"


def _who(copy):
    return "pid %d" % copy.master if copy.master else "the master that was started"


def _toggle(facts, slot):
    """A slot whose path is taken by something else is not gone to."""
    return "p" if facts.obstacle(slot) else "p%d" % slot


def _parked_at(pair, facts):
    return pair.fifos[Slot.RUNNING if facts.obstacle(Slot.SLEEPING) else Slot.SLEEPING]


def _retreat(pair, facts, old):
    fifo = pair.fifos[Slot.RUNNING if old.slot is None else old.slot]
    if old.asynchronous:
        yield f"write 'q' to {fifo} ({_who(old)}): it finishes its requests and ends"
        return
    command = "p" if old.slot is Slot.SLEEPING else _toggle(facts, Slot.SLEEPING)
    nudges = (
        ", and nudge its threads until none waits for a request"
        if any(w.cores > 1 for w in old.workers)
        else ""
    )
    yield f"write '{command}' to {fifo} ({_who(old)}){nudges}: it is parked"


def _watch(pair, plan):
    asked = ""
    if plan.check_serving:
        before = (
            ""
            if plan.check_parked
            else ", which tells the copies not apart and so cannot be asked before"
        )
        asked = ", until the last %d answers of %s are good%s" % (
            plan.count,
            pair.health_of(plan.target),
            before,
        )
    if not plan.bake and plan.check_parked:
        asked = ""
    return f"watch {plan.target} for {plan.bake:.0f} s{asked}"


def _in_trouble(pair, plan, facts, old):
    if old.asynchronous:
        return f"in trouble there is no way back: {plan.old} has ended"
    back, away = _toggle(facts, Slot.RUNNING), _toggle(facts, Slot.SLEEPING)
    words = "in trouble write '%s' to %s and then '%s' to %s: %s serves again"
    return words % (back, _parked_at(pair, facts), away, pair.fifos[Slot.RUNNING], plan.old)

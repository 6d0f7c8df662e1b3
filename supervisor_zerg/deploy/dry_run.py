"""What a dry run tells: every step of a deploy in words, with the bytes that will be written. PURE: as decide.py and advance.py will
have it, from what is so now.
"""

from dataclasses import replace

from .state_machine import CUT_S
from ..core.model import Facts, Slot


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
        yield "run %s: %s" % (hook, getattr(pair, hook))
    if target.pid:
        yield from _end(pair, plan, target)
    yield "start %s, and wait until it is loaded, %.0f s at most" % (plan.target, plan.boot_timeout)
    if plan.check_parked:
        yield "ask %s until %d answers in a row are good (not where it accepts by itself, as by hooks.ini)" % (
            pair.health_of(plan.target), plan.count)  # fmt: skip
    yield "write '%s' to %s, which the new master reads (nothing where it accepts by itself): it accepts" % (
        _toggle(facts, Slot.RUNNING), pair.fifos[Slot.NEW])  # fmt: skip
    yield from _retreat(pair, facts, old)
    yield _watch(pair, plan)
    yield _in_trouble(pair, plan, facts, old)
    if plan.after:
        yield "run %s: %s" % (plan.after, getattr(pair, plan.after))
    if pair.retire == "stop" and not old.asynchronous:
        yield "write 'q' to %s once none of its requests is in flight: %s ends (retire = stop)" % (_parked_at(pair, facts), plan.old)


def _end(pair, plan, target):
    now = "" if plan.follows else " (now %d)" % target.in_flight
    yield "wait until no request of %s is in flight%s, %.0f s at most" % (plan.target, now, plan.drain_timeout)
    late = "what is in flight then is cut %.0f s later" % CUT_S
    if target.ready and not target.accepting:
        yield "write 'q' to %s (%s): it ends, by its stop signal if not within 1 s; %s" % (pair.fifos[target.slot], _who(target), late)
    else:
        yield "send its stop signal to %s (%s); %s" % (plan.target, _who(target), late)


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
        yield "write 'q' to %s (%s): it finishes its requests and ends" % (fifo, _who(old))
        return
    command = "p" if old.slot is Slot.SLEEPING else _toggle(facts, Slot.SLEEPING)
    nudges = ", and nudge its threads until none waits for a request" if any(w.cores > 1 for w in old.workers) else ""
    yield "write '%s' to %s (%s)%s: it is parked" % (command, fifo, _who(old), nudges)


def _watch(pair, plan):
    asked = ""
    if plan.check_serving:
        before = "" if plan.check_parked else ", which tells the copies not apart and so cannot be asked before"
        asked = ", until the last %d answers of %s are good%s" % (plan.count, pair.health_of(plan.target), before)
    if not plan.bake and plan.check_parked:
        asked = ""
    return "watch %s for %.0f s%s" % (plan.target, plan.bake, asked)


def _in_trouble(pair, plan, facts, old):
    if old.asynchronous:
        return "in trouble there is no way back: %s has ended" % plan.old
    back, away = _toggle(facts, Slot.RUNNING), _toggle(facts, Slot.SLEEPING)
    words = "in trouble write '%s' to %s and then '%s' to %s: %s serves again"
    return words % (back, _parked_at(pair, facts), away, pair.fifos[Slot.RUNNING], plan.old)

"""What a dry run tells: every step of a deploy in words, with the bytes that will be written. PURE: as decide.py and advance.py will
have it, from what is so now.
"""

from dataclasses import replace

from ..core.instance import Slot
from ..core.pair_state import PairState
from .state_machine import CUT_S


def rehearse(pair, plans, observed):
    """:returns: the steps of the plans, one after the other, each as a sentence."""
    for plan in plans:
        yield from _steps(pair, plan, observed)
        observed = _afterwards(plan, observed)


def _afterwards(plan, observed):
    """The instances as such a plan will leave them. Which process the new one is nobody knows yet."""
    new, old = observed.instance(plan.target), observed.instance(plan.old)
    idle = tuple(replace(w, parked=w.threads, busy=0) for w in old.workers)
    new = replace(new, state="RUNNING", master=0, slot=Slot.RUNNING, paused=False)
    return PairState(
        (new, replace(old, slot=Slot.SLEEPING, paused=True, workers=idle)), observed.blocked
    )


def _steps(pair, plan, observed):
    target, old = observed.instance(plan.target), observed.instance(plan.old)
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
        f"write '{_toggle(observed, Slot.RUNNING)}' to {pair.fifos[Slot.NEW]}, which the new master reads (nothing where it accepts by itself): it accepts"
    )
    yield from _retreat(pair, observed, old)
    yield _watch(pair, plan)
    yield _in_trouble(pair, plan, observed, old)
    if plan.after:
        yield f"run {plan.after}: {getattr(pair, plan.after)}"
    if pair.retire == "stop" and not old.asynchronous:
        yield f"write 'q' to {_parked_at(pair, observed)} once none of its requests is in flight: {plan.old} ends (retire = stop)"


def _end(pair, plan, target):
    now = "" if plan.continues_previous else " (now %d)" % target.in_flight
    yield f"wait until no request of {plan.target} is in flight{now}, {plan.drain_timeout:.0f} s at most"
    late = f"what is in flight then is cut {CUT_S:.0f} s later"
    if target.ready and not target.accepting:
        yield f"write 'q' to {pair.fifos[target.slot]} ({_who(target)}): it ends, by its stop signal if not within 1 s; {late}"
    else:
        yield f"send its stop signal to {plan.target} ({_who(target)}); {late}"


def _who(instance):
    return "pid %d" % instance.master if instance.master else "the master that was started"


def _toggle(observed, slot):
    """A slot whose path is taken by something else is not gone to."""
    return "p" if observed.obstacle(slot) else "p%d" % slot


def _parked_at(pair, observed):
    return pair.fifos[Slot.RUNNING if observed.obstacle(Slot.SLEEPING) else Slot.SLEEPING]


def _retreat(pair, observed, old):
    fifo = pair.fifos[Slot.RUNNING if old.slot is None else old.slot]
    if old.asynchronous:
        yield f"write 'q' to {fifo} ({_who(old)}): it finishes its requests and ends"
        return
    command = "p" if old.slot is Slot.SLEEPING else _toggle(observed, Slot.SLEEPING)
    nudges = (
        ", and nudge its threads until none waits for a request"
        if any(w.threads > 1 for w in old.workers)
        else ""
    )
    yield f"write '{command}' to {fifo} ({_who(old)}){nudges}: it is parked"


def _watch(pair, plan):
    asked = ""
    if plan.check_serving:
        before = (
            ""
            if plan.check_parked
            else ", which tells the instances not apart and so cannot be asked before"
        )
        asked = ", until the last %d answers of %s are good%s" % (
            plan.count,
            pair.health_of(plan.target),
            before,
        )
    if not plan.bake and plan.check_parked:
        asked = ""
    return f"watch {plan.target} for {plan.bake:.0f} s{asked}"


def _in_trouble(pair, plan, observed, old):
    if old.asynchronous:
        return f"in trouble there is no way back: {plan.old} has ended"
    back, blocked_elsewhere = _toggle(observed, Slot.RUNNING), _toggle(observed, Slot.SLEEPING)
    words = "in trouble write '%s' to %s and then '%s' to %s: %s serves again"
    return words % (
        back,
        _parked_at(pair, observed),
        blocked_elsewhere,
        pair.fifos[Slot.RUNNING],
        plan.old,
    )

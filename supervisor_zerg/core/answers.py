"""When an operator's request is answered, and with what. PURE."""

from . import errors
from .decision import ActionKind
from .instance import Condition

MOVE_LIMIT_S = 10.0  # a request that is not met by then is answered with what stands in the way
TRAFFIC = (ActionKind.RESUME, ActionKind.PAUSE, ActionKind.QUIT, ActionKind.LABEL)
HOPELESS = (
    errors.AsyncInstance,
    errors.NoRights,
    errors.Booting,
    errors.Lost,
    errors.Obstructed,
    errors.NobodyServes,
)


def due(request, decision, observed, requested, now):
    """Is it time? :returns: (answer now, the refusal or None). :param wish: what is still wished for, or ''."""
    if decision.met and not requested and request.verb != "reconcile":
        return True, None
    if decision.refusal in HOPELESS and not decision.actions:
        return True, decision.refusal(decision.waiting_for)
    if request.verb == "reconcile" and (
        decision.done or decision.poll_slowly and not decision.actions
    ):
        return True, None
    if now - request.began > MOVE_LIMIT_S:
        return True, _why_late(decision, observed)
    return False, None


def _why_late(decision, observed):
    for instance in observed.instances:
        if instance.pending:
            return errors.Pending(
                "{} has not executed {} after {:.0f} s".format(
                    instance.program, " ".join(instance.pending), MOVE_LIMIT_S
                )
            )
    kind = decision.refusal or errors.TimedOut
    return kind(f"{decision.waiting_for or 'the pair did not converge'} for {MOVE_LIMIT_S:.0f} s")


def reply(pair, request, observed, actions, held, now):
    """The struct: what the pair is like now, and how long it took. :param moves: that were made for it."""
    return {
        "pair": pair,
        "id": request.id,
        "changed": any(request.verb == "reconcile" or action.kind in TRAFFIC for action in actions),
        "took_ms": round((now - request.began) * 1000, 3),
        "serving": observed.serving,
        "parked": observed.parked
        or next((c.program for c in observed.instances if c.condition is Condition.DRAINING), ""),
        "draining": sum(c.in_flight for c in observed.instances if c.paused),
        "held": held,
    }

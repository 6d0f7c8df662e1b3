"""When a person's request is answered, and with what. PURE."""

from . import errors
from .model import Condition, Verb

MOVE_LIMIT_S = 10.0  # a request that is not met by then is answered with what stands in the way
TRAFFIC = (Verb.RESUME, Verb.PAUSE, Verb.QUIT, Verb.LABEL)
HOPELESS = ("AsyncCopy", "NoRights", "Booting", "Lost", "Obstructed", "NobodyServes")


def due(request, step, facts, wish, now):
    """Is it time? :returns: (answer now, the refusal or None). :param wish: what is still wished for, or ''."""
    if step.met and not wish and request.verb != "settle":
        return True, None
    if step.refusal in HOPELESS and not step.moves:
        return True, errors.BY_NAME[step.refusal](step.wait_for)
    if request.verb == "settle" and (step.done or step.patient and not step.moves):
        return True, None
    if now - request.began > MOVE_LIMIT_S:
        return True, _why_late(step, facts)
    return False, None


def _why_late(step, facts):
    for copy in facts.copies:
        if copy.pending:
            return errors.Pending(
                "{} has not executed {} after {:.0f} s".format(
                    copy.program, " ".join(copy.pending), MOVE_LIMIT_S
                )
            )
    kind = errors.BY_NAME.get(step.refusal, errors.TimedOut)
    return kind(f"{step.wait_for or 'the pair did not converge'} for {MOVE_LIMIT_S:.0f} s")


def reply(pair, request, facts, moves, held, now):
    """The struct: what the pair is like now, and how long it took. :param moves: that were made for it."""
    return {
        "pair": pair,
        "id": request.id,
        "changed": any(request.verb == "settle" or move.verb in TRAFFIC for move in moves),
        "took_ms": round((now - request.began) * 1000, 3),
        "serving": facts.serving,
        "parked": facts.parked
        or next((c.program for c in facts.copies if c.condition is Condition.DRAINING), ""),
        "draining": sum(c.in_flight for c in facts.copies if c.paused),
        "held": held,
    }

"""What an operator or a deploy may ask of a pair, and when and how that is answered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional

from . import errors
from .decision import Action, ActionKind, Decision
from .goals import Aim
from .instance import Condition, Instance
from .pair_config import PairConfig
from .pair_state import PairState
from .replies import AutoReply, OperationReply

REQUEST_LIMIT_S = 10.0  # a request that is not met by then fails with what stands in the way
TRAFFIC_ACTIONS = (ActionKind.RESUME, ActionKind.PAUSE, ActionKind.QUIT, ActionKind.LABEL)

#: Refusals that no waiting can change.
FINAL_REFUSALS = (
    errors.AsyncInstance,
    errors.NoRights,
    errors.Booting,
    errors.Lost,
    errors.Obstructed,
    errors.NobodyServes,
)

#: What to do about a program that does not run, where the answer is not to start it.
START_HINTS = {
    "ABSENT": "put it into supervisord's configuration and run 'supervisorctl update'",
    "STOPPING": "ask again when it has stopped, or start it then",
}


class Request:
    """What was asked for, until it is answered.

    Args:
        began: Seconds of the monotonic clock.
    """

    def __init__(
        self,
        ident: str,
        verb: str,
        program: str,
        by: str,
        options: Mapping[str, Any],
        began: float,
    ) -> None:
        self.id = ident
        self.verb = verb
        self.program = program
        self.by = by
        self.options = options
        self.began = began

    def __str__(self) -> str:
        return f"{self.verb} {self.program}".strip() + f" (id {self.id})"


# what a request means


def target(request: Request, observed: PairState, pair: PairConfig, last_active: str) -> str:
    """Return the program that the request is about: for a swap, the one that does not serve.

    Raises:
        ZergError: An instance cannot be observed, or there is nothing to swap.
    """
    for instance in observed.instances:
        if instance.unreadable:
            raise errors.NoRights(instance.unreadable)
    if request.verb != "swap":
        return request.program
    respawning = [i.program for i in observed.instances if i.all_respawning]
    serving = observed.serving or (last_active if last_active in respawning else "")
    if not serving:
        raise errors.NobodyServes(
            f"no instance of the pair {pair.name} serves",
            "use 'zerg resume PROGRAM' or 'zerg promote PROGRAM'",
        )
    return observed.other(serving).program


def aim(request: Request, observed: PairState, pair: PairConfig) -> Optional[Aim]:
    """Return what the request makes of the pair; None if it changes no goal.

    Raises:
        ZergError: The request cannot be fulfilled.
    """
    return AIMS[request.verb](request, observed, pair)


def _promote(request: Request, observed: PairState, pair: PairConfig) -> Aim:
    _require_able(observed.instance(request.program), observed, pair)
    return Aim(request.program, hold=False, both_active=False)


def _resume(request: Request, observed: PairState, pair: PairConfig) -> Aim:
    _require_able(observed.instance(request.program), observed, pair)
    both = bool(request.options.get("both", False))
    serving = observed.serving if both else ""
    return Aim(serving or request.program, hold=False, both_active=both)


def _pause(request: Request, observed: PairState, pair: PairConfig) -> Optional[Aim]:
    instance = observed.instance(request.program)
    other = observed.other(request.program)
    if request.options.get("hold") and (instance.up or other.up):
        return _hold(observed)
    _require_started(instance)
    if not instance.accepting:
        return None
    if not other.accepting:
        raise errors.LastInstance(
            f"{instance.program} is the only instance of the pair {pair.name} that accepts requests"
        )
    return Aim(other.program, hold=False, both_active=False)


def _hold(observed: PairState) -> Aim:
    for instance in observed.instances:
        if instance.asynchronous and instance.accepting:
            raise _asynchronous(instance)
    return Aim("", hold=True, both_active=False)


def _reconcile(request: Request, observed: PairState, pair: PairConfig) -> None:
    return None


def _require_started(instance: Instance) -> None:
    if not instance.up:
        raise errors.NotRunning(
            f"{instance.program} is {instance.state}", START_HINTS.get(instance.state)
        )
    if instance.is_starting:
        raise errors.Booting(f"{instance.program} boots")


def _require_able(instance: Instance, observed: PairState, pair: PairConfig) -> None:
    """The instance can serve, and the other one can be parked or ended."""
    _require_started(instance)
    if instance.slot is None:
        raise errors.Lost(
            f"the master of {instance.program} (pid {instance.master}) holds none of the FIFOs"
        )
    other = observed.other(instance.program)
    if other.asynchronous and other.accepting and pair.retire != "stop":
        raise _asynchronous(other)


def _asynchronous(instance: Instance) -> errors.AsyncInstance:
    return errors.AsyncInstance(
        f"{instance.program} is asynchronous: a pause would freeze its requests"
    )


AIMS: Mapping[str, Callable[[Request, PairState, PairConfig], Optional[Aim]]] = {
    "swap": _promote,
    "promote": _promote,
    "resume": _resume,
    "pause": _pause,
    "reconcile": _reconcile,
}


# when a request is answered, and with what


def due(
    request: Request, decision: Decision, observed: PairState, requested: str, now: float
) -> tuple[bool, Optional[errors.ZergError]]:
    """Return whether to answer now, and the refusal if it is one.

    Args:
        requested: The program that is still to serve; empty once that is reached.
    """
    is_reconcile = request.verb == "reconcile"
    if not is_reconcile and decision.met and not requested:
        return True, None
    if decision.refusal in FINAL_REFUSALS and not decision.actions:
        return True, decision.refusal(decision.waiting_for)
    if is_reconcile and (decision.done or (decision.poll_slowly and not decision.actions)):
        return True, None
    if now - request.began > REQUEST_LIMIT_S:
        return True, _reason_for_delay(decision, observed)
    return False, None


def _reason_for_delay(decision: Decision, observed: PairState) -> errors.ZergError:
    for instance in observed.instances:
        if instance.pending:
            commands = " ".join(instance.pending)
            return errors.Pending(
                f"{instance.program} has not executed {commands} after {REQUEST_LIMIT_S:.0f} s"
            )
    kind = decision.refusal or errors.TimedOut
    return kind(
        f"{decision.waiting_for or 'the pair did not converge'} for {REQUEST_LIMIT_S:.0f} s"
    )


def reply(
    pair: str,
    request: Request,
    observed: PairState,
    actions: Iterable[Action],
    held: bool,
    now: float,
) -> OperationReply:
    """Return what the pair is like now, and how long that took. ``actions`` were done for it."""
    draining = (i.program for i in observed.instances if i.condition is Condition.DRAINING)
    return {
        "pair": pair,
        "id": request.id,
        "changed": any(
            request.verb == "reconcile" or action.kind in TRAFFIC_ACTIONS for action in actions
        ),
        "took_ms": round((now - request.began) * 1000, 3),
        "serving": observed.serving,
        "parked": observed.parked or next(draining, ""),
        "draining": sum(i.in_flight for i in observed.instances if i.paused),
        "held": held,
    }


def auto_reply(pair: str, changed: bool, observed: PairState, auto: bool) -> AutoReply:
    """Return the reply of ``setAuto``."""
    return {
        "pair": pair,
        "changed": changed,
        "took_ms": 0.0,
        "serving": observed.serving,
        "parked": observed.parked,
        "auto": auto,
    }

"""The actions of the web page as one table: label, when a button is offered, and what it does.

To add a button, append it to ACTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from ..core.reply import Reply
from ..core.text import format_auto, format_deploy, format_operation
from ..deploy.plan import read_options
from ..deploy.start import start_deploy

if TYPE_CHECKING:
    from ..pair.controller import PairController

PAIR = "pair"
PROGRAM = "program"
SERVING = "serving"
CAN_SERVE = (SERVING, "parked", "draining")  # conditions of an instance that can be promoted
PLAIN_DEPLOY = read_options({"wait": False})  # the page shows its progress

Struct = Mapping[str, Any]
Outcome = Callable[[], Optional[str]]
"""Returns what came of an action as a sentence, or None while it is in progress."""


# what an action does


def _outcome(reply: Reply[Any], format_reply: Callable[[Any], Iterator[str]]) -> Outcome:
    def sentence() -> str | None:
        if reply.error is not None:
            return str(reply.error)
        return None if reply.value is None else next(format_reply(reply.value))

    return sentence


def _request(verb: str, **options: bool) -> Callable[[PairController, str], Outcome]:
    """Do what the XML-RPC method of that name does."""

    def run(controller: PairController, program: str) -> Outcome:
        reply = controller.ask(verb, program, **options).reply
        return _outcome(reply, format_operation)

    return run


def _deploy(controller: PairController, program: str) -> Outcome:
    reply = start_deploy(controller.services, controller, controller.deploys, PLAIN_DEPLOY)
    return _outcome(reply, format_deploy)


def _abort(controller: PairController, program: str) -> Outcome:
    return _outcome(controller.deploys.abort("operator"), format_deploy)


def _hold(controller: PairController, program: str) -> Outcome:
    program = controller.serving or controller.pair.programs[0]
    return _request("pause", hold=True)(controller, program)


def _set_auto(on: bool) -> Callable[[PairController, str], Outcome]:
    def run(controller: PairController, program: str) -> Outcome:
        controller.require_ready()
        reply = controller.set_auto(on)
        return lambda: next(format_auto(reply))

    return run


# when an action is offered: what would be refused is not


def _is_deploying(info: Struct) -> bool:
    return bool(info["busy"]) and info["busy"]["kind"] == "deploy"


def _may_swap(info: Struct, instance: Struct) -> bool:
    ready = all(one["condition"] in CAN_SERVE for one in info["instances"])
    return bool(info["serving"]) and ready and not _is_deploying(info)


def _may_deploy(info: Struct, instance: Struct) -> bool:
    spare = any(
        one["statename"] != "ABSENT" and one["program"] != info["serving"]
        for one in info["instances"]
    )
    return spare and not _is_deploying(info)


def _may_abort(info: Struct, instance: Struct) -> bool:
    return _is_deploying(info)


def _may_reconcile(info: Struct, instance: Struct) -> bool:
    return not _is_deploying(info)


def _may_hold(info: Struct, instance: Struct) -> bool:
    return bool(info["serving"]) and not _is_deploying(info)


def _is_auto_off(info: Struct, instance: Struct) -> bool:
    return not info["auto"]


def _is_auto_on(info: Struct, instance: Struct) -> bool:
    return bool(info["auto"])


def _can_change(info: Struct, instance: Struct) -> bool:
    return instance["condition"] in CAN_SERVE and not _is_deploying(info)


def _do_both_serve(info: Struct) -> bool:
    return all(one["condition"] == SERVING for one in info["instances"])


def _may_promote(info: Struct, instance: Struct) -> bool:
    serves_alone = instance["condition"] == SERVING and not _do_both_serve(info)
    return _can_change(info, instance) and not serves_alone


def _may_pause(info: Struct, instance: Struct) -> bool:
    return _can_change(info, instance) and _do_both_serve(info)


@dataclass(frozen=True)
class PageAction:
    """A button.

    Attributes:
        name: The last part of its URL.
        does: An explanation.
        run: Begins the action on a pair, or on one of its programs.
        is_offered: Says from the info structs of the pair and of the instance whether the button
            is shown; the second one is empty for an action on a pair.
        takes: What it acts on, PAIR or PROGRAM.
        question: What must be confirmed first; ``%s`` is the name of the pair.
    """

    name: str
    label: str
    does: str
    run: Callable[[PairController, str], Outcome]
    is_offered: Callable[[Struct, Struct], bool]
    takes: str = PAIR
    question: str = ""


ACTIONS = (
    PageAction(
        "swap",
        "Swap",
        "Let the other instance serve, and park the one that serves",
        _request("swap"),
        _may_swap,
    ),
    PageAction(
        "deploy",
        "Deploy",
        "Serve the code that is now on disk; return to the old release if it is bad",
        _deploy,
        _may_deploy,
        question="The instance of the pair %s that does not serve will be restarted with the code "
        "that is now on disk, checked, promoted and watched. Deploy it?",
    ),
    PageAction(
        "abort",
        "Abort",
        "End the running deploy, and stay on the old release",
        _abort,
        _may_abort,
    ),
    PageAction(
        "reconcile",
        "Reconcile",
        "Observe the pair and correct what is not as it should be",
        _request("reconcile"),
        _may_reconcile,
    ),
    PageAction(
        "hold",
        "Hold",
        "Let nobody serve: requests wait until an operator resumes",
        _hold,
        _may_hold,
        question="Nobody of the pair %s will serve: requests wait in the queue of the socket until "
        "an operator resumes, and what does not fit into the queue is turned away. Hold it?",
    ),
    PageAction("auto-on", "Auto on", "React to events by itself", _set_auto(True), _is_auto_off),
    PageAction(
        "auto-off", "Auto off", "Only do what an operator asks for", _set_auto(False), _is_auto_on
    ),
    PageAction(
        "promote",
        "Promote",
        "Make this instance the serving one",
        _request("promote"),
        _may_promote,
        PROGRAM,
    ),
    PageAction(
        "pause",
        "Pause",
        "Pause this instance; the last one that accepts is not paused",
        _request("pause", hold=False),
        _may_pause,
        PROGRAM,
    ),
    PageAction(
        "resume",
        "Resume",
        "Let this instance serve, and end a hold",
        _request("resume", both=False),
        _may_promote,
        PROGRAM,
    ),
)
BY_NAME = {action.name: action for action in ACTIONS}


def offered(info: Struct) -> list[str]:
    """The names of the buttons of a pair that are shown; none if it is misconfigured."""
    return _offered(PAIR, info, {}) if info["instances"] else []


def offered_for(info: Struct, instance: Struct) -> list[str]:
    """The same for one of its instances."""
    return _offered(PROGRAM, info, instance)


def _offered(takes: str, info: Struct, instance: Struct) -> list[str]:
    return [
        action.name
        for action in ACTIONS
        if action.takes == takes and action.is_offered(info, instance)
    ]

"""The commands that change a pair: deploy, swap and what belongs to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.exit_status import OUTCOMES, ExitStatus
from ..core.text import format_auto, format_deploy, format_operation
from .command import EXITS, Answer, Command, Invocation, Session, format_reply
from .follow import follow

ROLES = (
    "Who serves and who is parked now, how many requests still drain, whether the pair is held, "
    "and the duration; 'nothing to do' if it was so already."
)


def _format_deploy(reply: Any, now: float) -> Iterable[str]:
    return format_deploy(reply)


def _format_operation(reply: Any, now: float) -> Iterable[str]:
    return format_operation(reply)


def _format_auto(reply: Any, now: float) -> Iterable[str]:
    return format_auto(reply)


# deploy


def _pair_and_options(zerg: Any, invocation: Invocation) -> tuple[str, dict[str, Any]]:
    """The arguments of the RPC method. A single word that names no pair is a release."""
    options = {
        name.replace("-", "_"): value
        for name, value in invocation.options.items()
        if name not in ("json", "no-wait")
    }
    pair = invocation.arguments["PAIR"]
    release = invocation.arguments["RELEASE"]
    if pair and not release and pair not in [info["pair"] for info in zerg.getAllPairInfo()]:
        pair, release = "", pair
    return pair, {**options, "wait": False, **({"release": release} if release else {})}


def _begin_deploy(zerg: Any, invocation: Invocation) -> Any:
    return zerg.deploy(*_pair_and_options(zerg, invocation))


def _begin_rollback(zerg: Any, invocation: Invocation) -> Any:
    return zerg.rollback(*_pair_and_options(zerg, invocation))


def _begin_restart(zerg: Any, invocation: Invocation) -> Any:
    options = {
        name.replace("-", "_"): value
        for name, value in invocation.options.items()
        if name not in ("json", "no-wait")
    }
    return zerg.restart(invocation.arguments["PAIR"], {**options, "wait": False})


def _run_deploy(session: Session, invocation: Invocation) -> Answer:
    """Begin a deploy and follow it: the RPC is never waited for, so that progress can be shown."""
    begin = invocation.command.call
    deploy = session.ask(lambda zerg: begin(zerg, invocation))
    if "no-wait" not in invocation.options:
        deploy = follow(session, deploy, quiet=invocation.json)
    return Answer(OUTCOMES.get(deploy["outcome"], 0), format_reply(invocation, deploy))


DEPLOY = Command(
    name="deploy",
    summary="Serve a release, or the code on disk; return to the old release if it is bad.",
    does="Restarts the instance that does not serve: with RELEASE, if the pair has a folder "
    "'releases', else with the code that is now on disk. Once it has "
    "booted and, if the pair has 'health', has answered well while parked, it is promoted; the old "
    "instance stays warm. During the bake time the new release is watched: if it ends, fails its "
    "health check, or its workers crash or raise too many exceptions, the old instance serves "
    "again at once. No other operation changes the pair meanwhile. Ctrl-C leaves the deploy "
    "running; 'zerg abort' ends it.",
    prints="What the deploy waits for and the time so far: a live line on a terminal, otherwise a "
    "line for each step. At the end the outcome and its reason.",
    when="Each time that there is a new release. A single word that names no pair is a release. "
    "With --force also a release that is known to be bad is deployed. --dry-run shows each step "
    "and each byte without doing anything. --bake 0 ends the deploy at the promotion. A label is "
    "one word. Use "
    "--backup-first if the first program of the pair is to serve at the end: the other program is "
    "restarted first, with the code as it is, then the command 'update' of the pair runs, then the "
    "first program is restarted with the new code.",
    example="$ {zerg} deploy --label v2.1\npybossa: deployed v2.1 in 13.2 s, pybossa serves",
    takes=("[PAIR]", "[RELEASE]"),
    options=(
        "--bake SECONDS",
        "--timeout SECONDS",
        "--label TEXT",
        "--force",
        "--no-wait",
        "--dry-run",
        "--backup-first",
        "--json",
    ),
    exits={
        0: "deployed; with --no-wait: begun; with --dry-run: printed",
        ExitStatus.USAGE: EXITS[ExitStatus.USAGE],
        ExitStatus.REFUSED: "refused: nothing was changed, and the pair serves",
        ExitStatus.FAILED: "failed before the promotion: users are on the old release",
        ExitStatus.NOBODY_SERVES: "nobody serves",
        ExitStatus.ROLLED_BACK: "rolled back: users were on the new release for a while",
        ExitStatus.UNREACHABLE: EXITS[ExitStatus.UNREACHABLE],
        ExitStatus.NOT_ROLLED_BACK: "not rolled back: the release is bad, and the old one could "
        "not serve again",
        ExitStatus.FORGOTTEN: "supervisord was restarted meanwhile and does not know how the "
        "deploy ended",
    },
    call=_begin_deploy,
    format=_format_deploy,
    run=_run_deploy,
)

ROLLBACK = Command(
    name="rollback",
    summary="Return to the release that served before, or to RELEASE.",
    does="If the parked instance has that release in memory, it is promoted at once. Otherwise the "
    "release is booted, checked and promoted like a deploy. The release that served is marked as "
    "bad, and with 'after_rollback = rebuild' its instance is booted again from the release that "
    "serves now. Needs 'releases' in the section of the pair.",
    prints="As deploy.",
    when="When users have trouble with a release. Another rollback returns to the release before.",
    example="$ {zerg} rollback\npybossa: rolled back to v2.0 in 0.1 s, pybossabak serves",
    takes=("[PAIR]", "[RELEASE]"),
    options=(
        "--bake SECONDS",
        "--timeout SECONDS",
        "--force",
        "--no-wait",
        "--dry-run",
        "--json",
    ),
    exits={**DEPLOY.exits, 0: "the earlier release serves; with --no-wait: begun"},
    call=_begin_rollback,
    format=_format_deploy,
    run=_run_deploy,
)

RESTART = Command(
    name="restart",
    summary="Restart both programs of a pair, one after the other, without a gap.",
    does="Restarts the program that does not serve, checks it and promotes it, then does the same "
    "with the other one: the program that serves now serves again at the end, and both have the "
    "code on disk (with 'releases': the release that serves now). Settings of the programs that "
    "'supervisorctl reread' has read are taken in; 'supervisorctl update' would stop both at once. "
    "A program that fails is handled as in a deploy. No other operation changes the pair "
    "meanwhile.",
    prints="As deploy.",
    when="For what only a start takes in: changed settings of the programs, a changed ini, a new "
    "uWSGI or Python. Afterwards 'supervisorctl update' has nothing left to do for the pair.",
    example="$ {zerg} restart\npybossa: restarted in 26.4 s, pybossa serves",
    takes=("[PAIR]",),
    options=(
        "--bake SECONDS",
        "--timeout SECONDS",
        "--no-wait",
        "--dry-run",
        "--json",
    ),
    exits={
        **DEPLOY.exits,
        0: "both were restarted; with --no-wait: begun; with --dry-run: printed",
    },
    call=_begin_restart,
    format=_format_deploy,
    run=_run_deploy,
)

ABORT = Command(
    name="abort",
    summary="End the running deploy, and stay on the old release.",
    does="Before the promotion the new instance is stopped; after it the old instance is promoted "
    "again. A running hook is ended.",
    prints="How the deploy ended.",
    when="When you know that the release is bad and its checks do not.",
    example="$ {zerg} abort\n"
    "pybossa: rolled back after 4.1 s, pybossa serves: aborted by an operator",
    takes=("[PAIR]",),
    call=lambda zerg, invocation: zerg.abort(invocation.arguments["PAIR"]),
    format=_format_deploy,
)

# roles

SWAP = Command(
    name="swap",
    summary="Let the other instance serve, and park the one that serves.",
    does="The parked instance accepts first, then the serving one is paused, so that no request "
    "fails. Returns when the old instance takes no new request; it still finishes those that it "
    "has begun (it drains). If two operators swap at the same time, one is refused.",
    prints=ROLES,
    when="To return to the version before a deploy, and forward again.",
    example="$ {zerg} swap\npybossa: pybossabak serves, pybossa parked (2.4 ms)",
    takes=("[PAIR]",),
    call=lambda zerg, invocation: zerg.swap(invocation.arguments["PAIR"]),
    format=_format_operation,
)

PROMOTE = Command(
    name="promote",
    summary="Make this program the serving one of its pair.",
    does="Like swap, but names the instance that is to serve. If it serves already, nothing "
    "changes. Ends a hold.",
    prints=ROLES,
    when="In scripts, and when several operators work at the same time. Promote is idempotent; a "
    "second swap undoes the first.",
    example="$ {zerg} promote pybossa\n"
    "pybossa: nothing to do, pybossa serves, pybossabak parked (0.4 ms)",
    takes=("PROGRAM",),
    call=lambda zerg, invocation: zerg.promote(invocation.arguments["PROGRAM"]),
    format=_format_operation,
)

PAUSE = Command(
    name="pause",
    summary="Pause a program that need not serve; with --hold let nobody serve.",
    does="The program takes no new request and finishes those that it has. The last instance that "
    "accepts is not paused (use swap), unless --hold is given: then nobody of the pair serves, "
    "whichever of its programs you name, and requests wait in the queue of the socket until an "
    "operator resumes. The length of that queue is limited ('listen' of uWSGI): what does not fit "
    "is turned away.",
    prints=ROLES,
    when="After resume --both. With --hold to let users wait, instead of failing, for the second "
    "that a database migration takes.",
    example="$ {zerg} pause pybossa --hold\n"
    "pybossa: nobody serves, pybossa parked, held by an operator: requests wait until 'zerg resume "
    "PROGRAM' (1.6 ms)",
    takes=("PROGRAM",),
    options=("--hold", "--json"),
    call=lambda zerg, invocation: zerg.pause(
        invocation.arguments["PROGRAM"], "hold" in invocation.options
    ),
    format=_format_operation,
)

RESUME = Command(
    name="resume",
    summary="Let a program accept requests, and end a hold.",
    does="The program serves and the other instance is parked. With --both the other one keeps "
    "accepting as well, until the next swap or promote.",
    prints=ROLES,
    when="After pause --hold. With --both to have the capacity of two instances for a while, if "
    "both run the same version.",
    example="$ {zerg} resume pybossa\npybossa: pybossa serves, pybossabak parked (1.8 ms)",
    takes=("PROGRAM",),
    options=("--both", "--json"),
    call=lambda zerg, invocation: zerg.resume(
        invocation.arguments["PROGRAM"], "both" in invocation.options
    ),
    format=_format_operation,
)

AUTO = Command(
    name="auto",
    summary="Let a pair react by itself, or only to an operator.",
    does="With auto on, a pair fails over if its serving instance dies, parks an instance that "
    "comes back, and repairs what was changed by hand. With auto off, it only does what an "
    "operator asks for. The setting survives a restart of supervisord.",
    prints="Whether auto is on now.",
    when="Off before you write to the FIFOs by hand; on again afterwards.",
    example="$ {zerg} auto off\npybossa: auto off",
    takes=("on|off", "[PAIR]"),
    call=lambda zerg, invocation: zerg.setAuto(
        invocation.arguments["PAIR"], invocation.arguments["on|off"] == "on"
    ),
    format=_format_auto,
)

RECONCILE = Command(
    name="reconcile",
    summary="Observe a pair and correct what is not as it should be.",
    does="Afterwards one instance serves and one is parked, each in its slot with its FIFO in "
    "place. Who serves changes only if it must.",
    prints=ROLES,
    when="After manual commands (echo into a FIFO, signals), or while auto is off. With auto on "
    "this happens by itself.",
    example="$ {zerg} reconcile\n"
    "pybossa: nothing to do, pybossa serves, pybossabak parked (0.9 ms)",
    takes=("[PAIR]",),
    call=lambda zerg, invocation: zerg.reconcile(invocation.arguments["PAIR"]),
    format=_format_operation,
)

COMMANDS = (DEPLOY, ROLLBACK, RESTART, SWAP, PROMOTE, ABORT, PAUSE, RESUME, AUTO, RECONCILE)

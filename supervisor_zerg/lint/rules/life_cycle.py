"""Rules about how an instance boots parked, is stopped, and says that it is ready. Pure."""

from __future__ import annotations

import signal

from ..config_model import Hook, Pair, Program
from ..rule import ERROR, WARNING, Hits, rule

SHARED_IMPORTS = ("shared-py-import", "shared-pyimport", "shared-python-import", "shared-import")
SUSPEND = "suspend_resume_them_all"
BRUTAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
TOKEN = "<!--XSUPERVISOR:"
COMPANION = "shared-py-import of companion.py, see 'zergctl companion'"
GRACEFUL = "stopsignal = TERM, with hook-master-start = unix_signal:15 gracefully_kill_them_all"


def _suspending(program: Program, phase: str) -> list[Hook]:
    return [hook for hook in program.hooks if hook.phase == phase and SUSPEND in hook.argument]


@rule(
    "boot-lazy",
    ERROR,
    summary="boots parked by ``hook-post-app``, with ``lazy-apps``",
    reason="with lazy-apps the hook runs in each worker and toggles the pause each time: the"
    " instance serves before it is promoted",
    fix=COMPANION,
)
def boot_lazy(pair: Pair, program: Program) -> Hits:
    lazy = program.flag("lazy-apps", "lazy")
    for hook in _suspending(program, "post-app") if lazy else ():
        yield hook, f"hook-post-app boots the instance parked, with {lazy.name if lazy else ''}"


@rule(
    "boot-stopped",
    WARNING,
    summary="boots parked by ``hook-master-start``",
    reason="in the process group that supervisord creates, the signal stops the workers: 14 of 15"
    " boots ended with workers in state T",
    fix=COMPANION,
)
def boot_stopped(pair: Pair, program: Program) -> Hits:
    for hook in _suspending(program, "master-start"):
        yield hook, "hook-master-start boots the instance parked"


@rule(
    "boot-crash",
    ERROR,
    summary="boots parked by ``hook-as-user``",
    reason="suspend_resume_them_all in hook-as-user crashes uWSGI",
    fix=COMPANION,
)
def boot_crash(pair: Pair, program: Program) -> Hits:
    for hook in _suspending(program, "as-user"):
        yield hook, "hook-as-user boots the instance parked"


@rule(
    "boot-parked",
    ERROR,
    summary="hooks take over in an instance that boots parked (no ``ZERG_BOOT=serving``)",
    reason="the hooks pause the serving instance and label this one as running, although it is"
    " parked: nobody serves until the plugin repairs it",
    fix="env = ZERG_BOOT=serving, as in hooks.ini; or no hooks that change slots (managed.ini)",
)
def boot_parked(pair: Pair, program: Program) -> Hits:
    imports = [option for option in program.all(*SHARED_IMPORTS) if "companion" in option.value]
    takes_over = any(hook.fifo for hook in program.hooks if hook.phase.startswith("accepting"))
    if imports and takes_over and program.variable("ZERG_BOOT") != "serving":
        yield imports[0], f"{program.name} boots parked, and its hooks take over"


@rule(
    "sigterm",
    ERROR,
    summary="SIGTERM is not mapped to a graceful end",
    reason="in zerg mode SIGTERM is a reload: the instance exits with 1 and cuts its requests"
    " (uWSGI issue 854)",
    fix="hook-master-start = unix_signal:15 gracefully_kill_them_all",
)
def sigterm(pair: Pair, program: Program) -> Hits:
    handled = program.ends_gracefully or program.flag("die-on-term")
    if program.known and program.stop_signal == signal.SIGTERM and not handled:
        yield program.home, "SIGTERM, the instance's stop signal, is not mapped to anything"


@rule(
    "brutal-stop",
    WARNING,
    summary="stopped by SIGINT, SIGQUIT, SIGKILL or by ``die-on-term``",
    reason="requests are cut: 10 of 7,258 and 27 of 10,464 under load in 6 stops; SIGKILL leaves"
    " parked workers behind",
    fix=GRACEFUL,
)
def brutal_stop(pair: Pair, program: Program) -> Hits:
    stop = program.stop_signal
    brutal = stop in BRUTAL or (stop == signal.SIGTERM and program.flag("die-on-term"))
    if stop and brutal and not program.ends_gracefully:
        place = program.section.at("stopsignal")
        yield place, f"{program.name} is stopped brutally, by {stop.name}"


@rule(
    "stop-reloads",
    ERROR,
    summary="``stopsignal = HUP``",
    reason="SIGHUP reloads: in zerg mode the instance exits with 1 (uWSGI issue 854)",
    fix=GRACEFUL,
)
def stop_reloads(pair: Pair, program: Program) -> Hits:
    if program.stop_signal == signal.SIGHUP and not program.ends_gracefully:
        yield program.section.at("stopsignal"), "stopsignal = HUP is a reload"


@rule(
    "stop-nothing",
    ERROR,
    summary="``stopsignal`` is SIGUSR1 or SIGUSR2, which end nothing",
    reason="uWSGI does not end: Supervisor waits for stopwaitsecs (4 of 4 s), then kills it, which"
    " cuts requests",
    fix=GRACEFUL,
)
def stop_nothing(pair: Pair, program: Program) -> Hits:
    stop = program.stop_signal
    if stop in (signal.SIGUSR1, signal.SIGUSR2) and not program.ends_gracefully:
        name = stop.name[len("SIG") :]
        yield program.section.at("stopsignal"), f"stopsignal = {name} ends nothing"


def _ready(program: Program) -> list[Hook]:
    return [hook for hook in program.hooks if hook.action == "print" and TOKEN in hook.argument]


@rule(
    "ready-print",
    WARNING,
    summary="the print that says that the instance is ready has no ``!``",
    reason="before uWSGI runs the hook it logs it, tokens included, and Supervisor takes that for"
    " the message",
    fix="!print:<!--XSUPERVISOR:BEGIN-->zerg ready<!--XSUPERVISOR:END-->",
)
def ready_print(pair: Pair, program: Program) -> Hits:
    for hook in _ready(program):
        if not hook.silent:
            yield hook, "the ready print has no '!' before it"


@rule(
    "ready-capture",
    WARNING,
    summary="the program does not capture the ready print",
    reason="uWSGI prints to stderr, and Supervisor looks for the message only in captured stdout:"
    " it never sends the event",
    fix="redirect_stderr = true and stdout_capture_maxbytes = 8KB",
)
def ready_capture(pair: Pair, program: Program) -> Hits:
    missing = []
    if not program.on("redirect_stderr"):
        missing.append("redirect_stderr = true")
    if program.section.get("stdout_capture_maxbytes", "0").strip() == "0":
        missing.append("stdout_capture_maxbytes = 8KB")
    if missing and _ready(program):
        message = f"the instance prints that it is ready, and {program.name} lacks"
        yield program.section, f"{message} {' and '.join(missing)}"


RULES = (
    boot_lazy,
    boot_stopped,
    boot_crash,
    boot_parked,
    sigterm,
    brutal_stop,
    stop_reloads,
    stop_nothing,
    ready_print,
    ready_capture,
)

"""The traps in the hooks of an instance's ini: what they write into FIFOs, how they boot and end it, what they print. Pure."""

import re

from ..config_model import SHELL
from ..rule import ERROR, NOTE, WARNING, Rule

SHARED_IMPORTS = ("shared-py-import", "shared-pyimport", "shared-python-import", "shared-import")
SUSPEND = "suspend_resume_them_all"
BRUTAL = ("INT", "QUIT", "KILL")
TOKEN = "<!--XSUPERVISOR:"


def _writes(program, pattern):
    for hook in program.hooks:
        if hook.fifo and re.search(pattern, hook.fifo[1]):
            yield hook, f"{hook.action} writes '{hook.fifo[1]}' to {hook.fifo[0]}"


def own_writefifo(pair, program):
    own = program.all("master-fifo")[:1]
    for hook in program.hooks:
        if (
            own
            and hook.fifo
            and hook.action != "spinningfifo"
            and pair.real(hook.fifo[0]) == pair.real(own[0].value)
        ):
            yield hook, f"{hook.action} to the instance's own FIFO {own[0].value}"


def if_variable(pair, program):
    for option in program.options:
        if option.name.startswith("if-") and re.search(r"[$%]\((?!_\))", option.value):
            yield option, f"{option.name} = {option.value}"


def hook_brutal(pair, program):
    return _writes(program, "Q")


def hook_quit(pair, program):
    return _writes(program, "q")


def hook_digit_p(pair, program):
    for hook, message in _writes(program, "p"):
        if re.search("[0-9]", hook.fifo[1].rpartition("p")[0]):
            yield hook, message


def hook_reload(pair, program):
    return _writes(program, "[rR]")


def hook_blocks(pair, program):
    for hook in program.hooks:
        if hook.phase == "touch" and hook.action in SHELL:
            yield hook, f"hook-touch runs {hook.action}:{hook.argument}"


def autorestart_quit(pair, program):
    again = program.section.get("autorestart", "unexpected").strip().lower() in (
        "true",
        "on",
        "yes",
        "1",
    )
    quitting = [hook for hook, _ in _writes(program, "[qQ]")]
    if again and quitting:
        yield (
            program.section.at("autorestart"),
            "autorestart = true, and the hooks end the other instance",
        )


def _suspending(program, phase):
    return [hook for hook in program.hooks if hook.phase == phase and SUSPEND in hook.argument]


def boot_lazy(pair, program):
    lazy = program.flag("lazy-apps", "lazy")
    for hook in _suspending(program, "post-app") if lazy else ():
        yield hook, f"hook-post-app boots the instance parked, with {lazy.name}"


def boot_stopped(pair, program):
    for hook in _suspending(program, "master-start"):
        yield hook, "hook-master-start boots the instance parked"


def boot_crash(pair, program):
    for hook in _suspending(program, "as-user"):
        yield hook, "hook-as-user boots the instance parked"


def boot_parked(pair, program):
    imports = [option for option in program.all(*SHARED_IMPORTS) if "companion" in option.value]
    moving = any(hook.fifo for hook in program.hooks if hook.phase.startswith("accepting"))
    if imports and moving and program.variable("ZERG_BOOT") != "serving":
        yield imports[0], f"{program.name} boots parked, and its hooks take over"


def sigterm(pair, program):
    if (
        program.known
        and program.signal == "TERM"
        and not program.ends_gracefully
        and not program.flag("die-on-term")
    ):
        yield program.home, "SIGTERM, the instance's stop signal, is not mapped to anything"


def brutal_stop(pair, program):
    killed_requests = (
        program.signal in BRUTAL or program.signal == "TERM" and program.flag("die-on-term")
    )
    if killed_requests and not program.ends_gracefully:
        yield (
            program.section.at("stopsignal"),
            f"{program.name} is stopped brutally, by SIG{program.signal}",
        )


def stop_reloads(pair, program):
    if program.signal == "HUP" and not program.ends_gracefully:
        yield program.section.at("stopsignal"), "stopsignal = HUP is a reload"


def stop_nothing(pair, program):
    if program.signal.startswith("USR") and not program.ends_gracefully:
        yield program.section.at("stopsignal"), f"stopsignal = {program.signal} ends nothing"


def ready_print(pair, program):
    for hook in _ready(program):
        if not hook.silent:
            yield hook, "the ready print has no '!' before it"


def _ready(program):
    return [hook for hook in program.hooks if hook.action == "print" and TOKEN in hook.argument]


def ready_capture(pair, program):
    section, hooks = program.section, _ready(program)
    missing = [] if program.on("redirect_stderr") else ["redirect_stderr = true"]
    missing += (
        []
        if section.get("stdout_capture_maxbytes", "0").strip() != "0"
        else ["stdout_capture_maxbytes = 8KB"]
    )
    if hooks and missing:
        yield (
            section,
            f"the instance prints that it is ready, and {program.name} lacks {' and '.join(missing)}",
        )


RULES = (
    Rule(
        "own-writefifo",
        ERROR,
        own_writefifo,
        "writefifo gives up silently when the master has not made its FIFO yet (issue 1486): 5 of 20 boots with "
        "8 processes were stuck in slot new",
        "spinningfifo in place of writefifo; it retries",
    ),
    Rule(
        "if-variable",
        ERROR,
        if_variable,
        "uWSGI looks at an if-... before it expands variables, so it looks for a file of that very name: with if-exists the hooks within "
        "never run, and both instances accept",
        "the path in full; or no if-exists, and a FIFO that is made by hook-asap (hooks.ini)",
    ),
    Rule(
        "hook-brutal",
        ERROR,
        hook_brutal,
        "Q cuts requests, and after a roll-back by hand the labels are inverted, so that it hits the instance that serves",
        "no Q in a hook: let the plugin, or an operator, end an instance",
    ),
    Rule(
        "hook-quit",
        WARNING,
        hook_quit,
        "the old instance ends, so there is no warm one to swap back to or to fail over to",
        "park it ('p2') in place of ending it, or set 'retire = stop' and leave it to the plugin",
    ),
    Rule(
        "hook-digit-p",
        ERROR,
        hook_digit_p,
        "a pause right after a digit can hit a worker that is being born, which floods the log and burns a core for ever: 10 of 80",
        "write the p first ('p2')",
    ),
    Rule(
        "hook-reload",
        ERROR,
        hook_reload,
        "in zerg mode a reload is broken: the instance dies with status 1 (issue 854)",
        "'supervisorctl restart PROGRAM' of the parked instance is the reload",
    ),
    Rule(
        "hook-blocks",
        NOTE,
        hook_blocks,
        "the master executes no command meanwhile: a pause came 3.4 s late behind a sleep of 3 s",
        "run it somewhere else, or keep it short",
    ),
    Rule(
        "autorestart-quit",
        WARNING,
        autorestart_quit,
        "the exit status after q and Q is 0: Supervisor starts the instance again with the new code, it takes over, the old release is lost",
        "autorestart = unexpected",
    ),
    Rule(
        "boot-lazy",
        ERROR,
        boot_lazy,
        "with lazy-apps the hook runs in each worker and toggles each time: the instance leaks, it serves before it was promoted",
        "shared-py-import of companion.py, see 'zergctl companion'",
    ),
    Rule(
        "boot-stopped",
        WARNING,
        boot_stopped,
        "in the process group that supervisord makes the signal stops the workers: 14 of 15 boots ended with workers in state T",
        "shared-py-import of companion.py, see 'zergctl companion'",
    ),
    Rule(
        "boot-crash",
        ERROR,
        boot_crash,
        "suspend_resume_them_all in hook-as-user crashes uWSGI",
        "shared-py-import of companion.py, see 'zergctl companion'",
    ),
    Rule(
        "boot-parked",
        ERROR,
        boot_parked,
        "the hooks pause the instance that serves and label this one as running, though it is parked: nobody serves until the plugin mends it",
        "env = ZERG_BOOT=serving, as in hooks.ini; or no hooks that move slots (managed.ini)",
    ),
    Rule(
        "sigterm",
        ERROR,
        sigterm,
        "in zerg mode SIGTERM is a reload: the instance dies with status 1 and cuts its requests (issue 854)",
        "hook-master-start = unix_signal:15 gracefully_kill_them_all",
    ),
    Rule(
        "brutal-stop",
        WARNING,
        brutal_stop,
        "requests are cut: 10 of 7,258 and 27 of 10,464 under load in 6 stops; SIGKILL leaves parked workers behind",
        "stopsignal = TERM, with hook-master-start = unix_signal:15 gracefully_kill_them_all",
    ),
    Rule(
        "stop-reloads",
        ERROR,
        stop_reloads,
        "SIGHUP reloads: in zerg mode the instance dies with status 1 (issue 854)",
        "stopsignal = TERM, with hook-master-start = unix_signal:15 gracefully_kill_them_all",
    ),
    Rule(
        "stop-nothing",
        ERROR,
        stop_nothing,
        "uWSGI does not end at it: Supervisor waits for stopwaitsecs (4 of 4 s), then kills it, which cuts requests",
        "stopsignal = TERM, with hook-master-start = unix_signal:15 gracefully_kill_them_all",
    ),
    Rule(
        "ready-print",
        WARNING,
        ready_print,
        "uWSGI logs the hook itself, tokens and all, before it runs: Supervisor takes that for the message",
        "!print:<!--XSUPERVISOR:BEGIN-->zerg ready<!--XSUPERVISOR:END-->",
    ),
    Rule(
        "ready-capture",
        WARNING,
        ready_capture,
        "uWSGI prints to stderr, and Supervisor looks for the message in captured stdout only: it is never sent",
        "redirect_stderr = true and stdout_capture_maxbytes = 8KB",
    ),
)

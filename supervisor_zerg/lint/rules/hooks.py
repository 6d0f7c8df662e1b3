"""Rules about the hooks of an instance's ini that write to FIFOs. Pure."""

from __future__ import annotations

import re

from ..config_model import SHELL, Hook, Pair, Program
from ..rule import ERROR, NOTE, WARNING, Hits, rule

VARIABLE = re.compile(r"[$%]\((?!_\))")


def writes(program: Program, pattern: str) -> list[tuple[Hook, str]]:
    """The hooks that write such a command to a FIFO, each with a message."""
    return [
        (hook, f"{hook.action} writes '{hook.fifo[1]}' to {hook.fifo[0]}")
        for hook in program.hooks
        if hook.fifo and re.search(pattern, hook.fifo[1])
    ]


@rule(
    "own-writefifo",
    ERROR,
    summary="``writefifo`` to the instance's own FIFO",
    reason="writefifo silently gives up if the master has not created its FIFO yet (uWSGI issue"
    " 1486): 5 of 20 boots with 8 processes stayed in slot new",
    fix="use spinningfifo instead of writefifo; it retries",
)
def own_writefifo(pair: Pair, program: Program) -> Hits:
    fifos = program.all("master-fifo")
    for hook in program.hooks if fifos else ():
        own = hook.fifo and pair.real(hook.fifo[0]) == pair.real(fifos[0].value)
        if own and hook.action != "spinningfifo":
            yield hook, f"{hook.action} to the instance's own FIFO {fifos[0].value}"


@rule(
    "if-variable",
    ERROR,
    summary="``if-exists`` and the like with a variable, which uWSGI does not expand there",
    reason="uWSGI tests an if-... before it expands variables, so it looks for a file of that very"
    " name: hooks inside if-exists never run, and both instances accept",
    fix="write the path in full, or create the FIFO with hook-asap and leave out if-exists"
    " (hooks.ini)",
)
def if_variable(pair: Pair, program: Program) -> Hits:
    for option in program.options:
        if option.name.startswith("if-") and VARIABLE.search(option.value):
            yield option, f"{option.name} = {option.value}"


@rule(
    "hook-brutal",
    ERROR,
    summary="``Q`` in a hook, by ``writefifo`` or by ``echo`` (as in the next rows)",
    reason="Q cuts requests; after a manual roll-back the slots are inverted, and Q hits the"
    " serving instance",
    fix="no Q in a hook: leave it to the plugin, or to an operator, to end an instance",
)
def hook_brutal(pair: Pair, program: Program) -> Hits:
    yield from writes(program, "Q")


@rule(
    "hook-quit",
    WARNING,
    summary="``q`` in a hook",
    reason="the old instance ends, so there is none to swap back to or to fail over to",
    fix="park it ('p2') instead of ending it, or set 'retire = stop' and leave it to the plugin",
)
def hook_quit(pair: Pair, program: Program) -> Hits:
    yield from writes(program, "q")


@rule(
    "hook-digit-p",
    ERROR,
    summary="a digit before ``p`` in a hook, such as ``2p``",
    reason="a pause directly after a digit can hit a worker that is just starting, which then"
    " floods the log and uses a whole core forever: 10 of 80",
    fix="write the p first ('p2')",
)
def hook_digit_p(pair: Pair, program: Program) -> Hits:
    yield from writes(program, "[0-9].*p")


@rule(
    "hook-reload",
    ERROR,
    summary="``r`` in a hook",
    reason="a reload is broken in zerg mode: the instance exits with 1 (uWSGI issue 854)",
    fix="'supervisorctl restart PROGRAM' of the parked instance does the same",
)
def hook_reload(pair: Pair, program: Program) -> Hits:
    yield from writes(program, "[rR]")


@rule(
    "hook-blocks",
    NOTE,
    summary="``hook-touch`` runs a command",
    reason="the master executes no command meanwhile: a pause came 3.4 s late behind a 3 s sleep",
    fix="run it elsewhere, or keep it short",
)
def hook_blocks(pair: Pair, program: Program) -> Hits:
    for hook in program.hooks:
        if hook.phase == "touch" and hook.action in SHELL:
            yield hook, f"hook-touch runs {hook.action}:{hook.argument}"


@rule(
    "autorestart-quit",
    WARNING,
    summary="``autorestart = true`` with hooks that end an instance",
    reason="the exit status after q and Q is 0: Supervisor starts the instance again with the new"
    " code, it takes over, and the old release is lost",
    fix="autorestart = unexpected",
)
def autorestart_quit(pair: Pair, program: Program) -> Hits:
    if program.on("autorestart") and writes(program, "[qQ]"):
        place = program.section.at("autorestart")
        yield place, "autorestart = true, and the hooks end the other instance"


RULES = (
    own_writefifo,
    if_variable,
    hook_brutal,
    hook_quit,
    hook_digit_p,
    hook_reload,
    hook_blocks,
    autorestart_quit,
)

"""The table of all commands, in the order in which an operator meets them."""

from __future__ import annotations

import difflib

from ..core.exit_status import ExitStatus
from . import change_commands, inspect_commands, setup_commands
from .command import EXITS, Answer, Command, Invocation, Session, UsageError
from .help import explain, overview

__all__ = ["COMMANDS", "EXITS", "TABLE", "Command", "find"]


def _run_help(session: Session, invocation: Invocation) -> Answer:
    name = invocation.arguments["COMMAND"]
    lines = explain(find(name), session.prefix) if name else overview(TABLE, session.prefix)
    return Answer(0, list(lines))


HELP = Command(
    name="help",
    summary="Explain a command, or list the commands.",
    does="Needs no supervisord.",
    prints="What the command does, what it prints, when to use it, its exit status, an example.",
    when="When in doubt.",
    example="$ {zerg} help swap",
    takes=("[COMMAND]",),
    options=(),
    exits={0: "explained", ExitStatus.USAGE: "there is no such command"},
    run=_run_help,
)

TABLE: tuple[Command, ...] = (
    *setup_commands.BEFORE,
    *inspect_commands.PRESENT,
    *change_commands.COMMANDS,
    *inspect_commands.PAST,
    *setup_commands.AFTER,
    HELP,
)
COMMANDS = {command.name: command for command in TABLE}


def find(name: str) -> Command:
    """The command of that name.

    Raises:
        UsageError: there is none; the sentence names the nearest one.
    """
    if name in COMMANDS:
        return COMMANDS[name]
    near = difflib.get_close_matches(name, COMMANDS, 1)
    guess = f", did you mean {near[0]!r}?" if near else ""
    raise UsageError(f"there is no command {name!r}{guess}; 'zerg help' lists them")

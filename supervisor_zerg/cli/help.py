"""The texts of ``zerg help``, made from the table of the commands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .command import EXITS, Command

WIDTH = 78


def overview(commands: Sequence[Command], prefix: str) -> Iterator[str]:
    """The lines of the list of commands. ``prefix`` is what an operator types before a command."""
    forms = [" ".join((command.name, *command.takes)) for command in commands]
    width = max(map(len, forms))
    yield "Two instances of a uWSGI application share a socket: one serves, one is parked."
    yield from ("", f"{prefix} COMMAND", "")
    for form, command in zip(forms, commands):
        yield f"  {form:{width}}  {command.summary}"
    yield ""
    yield "PAIR may be omitted if there is only one. --json prints the reply as one document."
    yield f"'{prefix} help COMMAND' explains a command. Errors go to stderr. Exit status:"
    yield from _exits(EXITS)


def explain(command: Command, prefix: str) -> Iterator[str]:
    """The lines about one command."""
    usage = f"{prefix} {command.usage}"
    yield from textwrap.wrap(usage, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    yield ""
    yield from _prose(f"{command.summary} {command.does}", "")
    yield from ("", "Prints", *_prose(command.prints))
    yield from ("", "When to use it", *_prose(command.when))
    yield from ("", "Exit status", *_exits(command.exits))
    yield from ("", "Example")
    yield from (f"  {line}" for line in command.example.replace("{zerg}", prefix).splitlines())


def _prose(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _exits(exits: Mapping[int, str]) -> Iterable[str]:
    return [f"  {int(status)}  {meaning}" for status, meaning in exits.items()]

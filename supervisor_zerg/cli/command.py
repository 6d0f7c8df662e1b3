"""What a command of ``zergctl`` is: its texts, its arguments, how it asks and what it prints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TextIO

from ..core.exit_status import ExitStatus

EXITS: Mapping[int, str] = {
    0: "done, or it was so already",
    ExitStatus.USAGE: "invalid arguments, or an unknown or misconfigured pair or program",
    ExitStatus.REFUSED: "refused or failed; the pair serves",
    ExitStatus.NOBODY_SERVES: "refused or failed; nobody serves",
    ExitStatus.UNREACHABLE: "supervisord or its plugin cannot be reached, or the password is wrong",
}


class UsageError(Exception):
    """Invalid arguments. ``str()`` of it is a sentence for the operator."""


class Answer(NamedTuple):
    """What a command ends with: its exit status and the lines for stdout."""

    status: int
    lines: Sequence[str] = ()


class Session(Protocol):
    """What a command runs with."""

    prefix: str
    """What an operator types before a command, such as ``supervisorctl zerg``."""

    @property
    def options(self) -> Any:
        """Supervisor's ``ClientOptions``."""

    @property
    def stdout(self) -> TextIO: ...

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """Call a function with the proxy of the namespace ``zerg``, and return its result."""

    def supervisord_pid(self) -> int:
        """The pid of the supervisord that this command talks to."""


@dataclass(frozen=True)
class Invocation:
    """A command as it was typed.

    ``arguments`` are named as in the table (an omitted one is empty), ``options`` without dashes.
    """

    command: Command
    arguments: Mapping[str, str]
    options: Mapping[str, Any]

    @property
    def json(self) -> bool:
        return "json" in self.options


def ask_and_print(session: Session, invocation: Invocation) -> Answer:
    """Run a command that is one call of an XML-RPC method."""
    command = invocation.command
    reply = session.ask(lambda zerg: command.call(zerg, invocation))
    return Answer(command.status(reply), format_reply(invocation, reply))


def format_reply(invocation: Invocation, reply: Any) -> list[str]:
    """The lines of a reply, or the reply itself as JSON."""
    if invocation.json:
        return json.dumps(reply, indent=2, sort_keys=True).splitlines()
    return list(invocation.command.format(reply, time.time()))


def _calls_nothing(zerg: Any, invocation: Invocation) -> Any:
    raise NotImplementedError(f"{invocation.command.name} is not a call of an RPC method")


def _prints_nothing(reply: Any, now: float) -> Iterable[str]:
    return ()


def succeeded(reply: Any) -> int:
    """The exit status of a reply that is no refusal."""
    return 0


@dataclass(frozen=True)
class Command:
    """One command. To add one, append it to the tuple of its module.

    ``takes`` are words such as ``PROGRAM``, ``[PAIR]`` (may be omitted) and ``on|off`` (one of
    these). A command that asks supervisord has ``call``, which calls the RPC method, ``format``,
    which yields the lines of the reply (its second argument is the time in seconds since the
    epoch), and perhaps ``status``. Any other command has a ``run`` of its own.
    """

    name: str
    summary: str
    does: str
    prints: str
    when: str
    example: str
    takes: tuple[str, ...] = ()
    options: tuple[str, ...] = ("--json",)
    exits: Mapping[int, str] = field(default_factory=lambda: EXITS)
    call: Callable[[Any, Invocation], Any] = _calls_nothing
    format: Callable[[Any, float], Iterable[str]] = _prints_nothing
    status: Callable[[Any], int] = succeeded
    run: Callable[[Session, Invocation], Answer] = ask_and_print

    @property
    def usage(self) -> str:
        return " ".join((self.name, *self.takes, *(f"[{option}]" for option in self.options)))

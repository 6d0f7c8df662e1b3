"""What a rule and a finding of ``zerg check`` are, and rules that only test for an option. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from .uwsgi_options import options_of

if TYPE_CHECKING:
    from .config_model import Pair, Program
    from .uwsgi_ini import Place

ERROR = "error"
WARNING = "warning"
NOTE = "note"

Hits = Iterator["tuple[Place, str]"]
Find = Callable[..., Iterable["tuple[Place, str]"]]


@dataclass(frozen=True)
class Finding:
    """One fault at one place: what is wrong, the reason why it matters, and how to fix it."""

    id: str
    severity: str
    file: str
    line: int
    pair: str
    message: str
    reason: str
    fix: str


@dataclass(frozen=True)
class Rule:
    """One check.

    ``find`` takes a ConfigModel, a Pair, or a Pair and a Program, and yields a place and a message
    for each fault in it. ``summary`` is the line about the rule in the documentation.
    """

    id: str
    severity: str
    find: Find
    summary: str
    reason: str
    fix: str


def rule(id: str, severity: str, *, summary: str, reason: str, fix: str) -> Callable[[Find], Rule]:
    """Make a Rule of the function below."""

    def make(find: Find) -> Rule:
        return Rule(id, severity, find, summary, reason, fix)

    return make


def present(*names: str) -> Find:
    """Find a switch that is on, or an option that is given."""

    def find(pair: Pair, program: Program) -> Hits:
        for option in program.all(*names):
            if option.on and option is program.last(option.name):
                yield option, f"{option.name} = {option.value}"

    return find


def present_topic(topic: str) -> Find:
    """Find every option with a topic (uwsgi_options.py) that is on."""

    def find(pair: Pair, program: Program) -> Hits:
        yield from present(*options_of(topic))(pair, program)

    return find


def absent(*names: str) -> Find:
    """Find a program without a switch. Finds nothing where not every option could be read."""

    def find(pair: Pair, program: Program) -> Hits:
        if program.known and not program.flag(*names):
            yield program.home, f"{names[0]} is missing"

    return find

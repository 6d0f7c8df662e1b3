"""What a rule and a finding of ``zerg check`` are, and rules that only ask whether an option is there. Pure."""

from dataclasses import dataclass
from typing import Callable

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True)
class Finding:
    """One trap at one place. ``why`` it hurts, as measured; how to ``mend`` it."""

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
    """``find`` yields (Place, what) for each trap in a subject: a Blueprint, a Pair, or a (Pair, Program)."""

    id: str
    severity: str
    find: Callable
    reason: str
    fix: str


def present(*names):
    """A switch that is on, or an option that is given."""

    def find(pair, program):
        for option in filter(None, map(program.flag, names)):
            yield option, f"{option.name} = {option.value}"

    return find


def absent(*names):
    """A switch that is not on. Silent where not all could be read."""

    def find(pair, program):
        if program.known and not program.flag(*names):
            yield program.home, f"{names[0]} is missing"

    return find

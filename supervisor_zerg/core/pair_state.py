"""A pair as observed at one moment: its instances and what lies around them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property
from typing import Optional

from .instance import Condition, Instance, Slot


class PathKind(enum.Enum):
    """What lies at the path of a slot. The value is how a message calls it."""

    ABSENT = "nothing"
    FIFO = "a FIFO"
    DIRECTORY = "a directory"
    SYMLINK = "a symbolic link"
    REGULAR_FILE = "a regular file"
    OTHER = "a socket or device"
    UNREADABLE = "something unreadable"
    FOREIGN_FIFO = "a FIFO that another process reads"


@dataclass(frozen=True)
class Obstacle:
    """What lies at the path of a slot and does not belong there: uWSGI would replace it, or exit."""

    kind: PathKind
    text: str  # for messages: what lies where


@dataclass(frozen=True)
class Orphan:
    """A worker that outlived its master. It serves nothing new, but a parked one would live for ever."""

    pid: int
    program: str
    busy: bool = False  # a request is still in flight in it


@dataclass(frozen=True)
class PairState:
    """A pair at one moment."""

    instances: tuple[Instance, ...]
    blocked: tuple[tuple[Slot, Obstacle], ...] = ()
    orphans: tuple[Orphan, ...] = ()

    def instance(self, program):
        return next(c for c in self.instances if c.program == program)

    def other(self, program):
        return next(c for c in self.instances if c.program != program)

    def obstacle(self, slot: Optional[Slot]) -> Optional[Obstacle]:
        return next((obstacle for blocked, obstacle in self.blocked if blocked is slot), None)

    @cached_property
    def serving(self):
        """The program that serves: the one that accepts and, where both do, the one that holds ``running``."""
        accepting = [c for c in self.instances if c.accepting and c.slot is not None]
        accepting.sort(key=lambda c: (not c.up, c.slot is not Slot.RUNNING))
        return accepting[0].program if accepting else ""

    @property
    def parked(self):
        return next((c.program for c in self.instances if c.condition is Condition.PARKED), "")

    @property
    def warm(self):
        """A second instance could take over in an instant."""
        serving = self.serving
        return any(c.ready and c.program != serving for c in self.instances) if serving else False

"""A pair as observed at one moment: its instances and what surrounds them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property

from .instance import Condition, Instance, Slot


class PathKind(enum.Enum):
    """What lies at the path of a slot. The value is its name in messages."""

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
    """What occupies the path of a slot: uWSGI would replace it, or exit because it cannot."""

    kind: PathKind
    text: str  # for messages: what lies where


@dataclass(frozen=True)
class Orphan:
    """A worker that outlived its master.

    It takes no requests; a parked one would never end by itself.
    """

    pid: int
    program: str
    busy: bool = False  # a request is still in flight in it


@dataclass(frozen=True)
class PairState:
    """A pair at one moment."""

    instances: tuple[Instance, ...]
    blocked: tuple[tuple[Slot, Obstacle], ...] = ()
    orphans: tuple[Orphan, ...] = ()

    def instance(self, program: str) -> Instance:
        return next(i for i in self.instances if i.program == program)

    def other(self, program: str) -> Instance:
        return next(i for i in self.instances if i.program != program)

    def obstacle(self, slot: Slot | None) -> Obstacle | None:
        return next((obstacle for blocked, obstacle in self.blocked if blocked is slot), None)

    @cached_property
    def serving(self) -> str:
        """The program that accepts requests; if both do, the one in slot ``running``."""
        accepting = [
            i for i in self.instances if i.accepting and (i.slot is not None or i.unreadable)
        ]
        accepting.sort(key=lambda i: (not i.up, i.slot is not Slot.RUNNING))
        return accepting[0].program if accepting else ""

    @property
    def parked(self) -> str:
        return next((i.program for i in self.instances if i.condition is Condition.PARKED), "")

    @property
    def warm(self) -> bool:
        """Whether a second instance could take over at once."""
        serving = self.serving
        return bool(serving) and any(
            i.ready and not i.is_ending and i.program != serving for i in self.instances
        )

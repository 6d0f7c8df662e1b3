"""What the planner answers: a decision and its actions."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional

from .errors import ZergError
from .instance import Slot


class ActionKind(enum.Enum):
    """Everything that is ever done to a pair."""

    RESUME = "resume"
    PAUSE = "pause"
    ALIGN = "align"  # a pause or a resume, whichever it is: all workers of a torn instance are the same afterwards
    LABEL = "label"  # move to a slot
    RELINK = "relink"  # make the master put its FIFO's path back
    NUDGE = "nudge"  # wake waiting threads, so that they see the pause
    CONTINUE = "continue"  # SIGCONT
    THAW = "thaw"  # SIGCONT to workers that were stopped inside the pause, and the resume's signal once more
    FREEZE = "freeze"  # SIGSTOP the workers of a parked instance
    END_FLOOD = "end flood"
    END_ORPHAN = "end orphan"
    END_WORKER = "end worker"  # a parked worker of a master that is ending would keep it waiting
    QUIT = "quit"  # graceful end, Supervisor sees a stop
    RESTART = "restart"


@dataclass(frozen=True)
class Action:
    kind: ActionKind
    program: str
    slot: Optional[Slot] = None
    pids: tuple[int, ...] = ()
    reason: str = ""

    @property
    def command(self):
        """The bytes for the master FIFO, empty for a move that is made by signals. ``p`` comes before the digit: the other
        order gives the master time to fork between the two (uWSGI core/master.c runs one byte a round)."""
        digit = b"" if self.slot is None else b"%d" % self.slot
        return {
            ActionKind.RESUME: b"p" + digit,
            ActionKind.PAUSE: b"p" + digit,
            ActionKind.ALIGN: b"p",
            ActionKind.LABEL: digit,
            ActionKind.RELINK: b"\n",
            ActionKind.QUIT: b"q",
        }.get(self.kind, b"")

    def __str__(self):
        bits = [self.kind.value, self.program]
        if self.slot is not None:
            bits.append(f"to {self.slot.label}")
        if self.pids:
            bits.append(f"pids {' '.join(map(str, self.pids))}")
        return " ".join(bits)


@dataclass(frozen=True)
class Decision:
    """What *decide* answers: what to do now, and how far the pair is."""

    goal: str = ""  # the program that is to serve; empty: nobody can, or nobody may
    actions: tuple[Action, ...] = ()
    met: bool = False  # the goal serves and nobody else takes requests: an operator may be told so
    done: bool = False  # nothing is left to do
    waiting_for: str = ""  # what stands in the way, in words
    poll_slowly: bool = (
        False  # that will take long: look again in tenths of a second, not of a millisecond
    )
    refusal: Optional[type[ZergError]] = None  # the error to answer with when waiting cannot help

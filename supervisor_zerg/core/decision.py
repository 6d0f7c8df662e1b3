"""What the planner returns: a decision, and the actions that carry it out."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .errors import ZergError
from .instance import Slot


class ActionKind(enum.Enum):
    """Everything that is ever done to a pair."""

    # commands, through the master FIFO
    RESUME = "resume"
    PAUSE = "pause"
    ALIGN = "align"  # toggle a partly paused instance: then its workers are all paused or all not
    LABEL = "label"  # move to a slot
    RELINK = "relink"  # make the master put its FIFO back in place
    QUIT = "quit"  # graceful end; Supervisor sees a stop

    # signals
    NUDGE = "nudge"  # wake waiting threads, so that they see the pause
    CLOSE = "close kept connections"  # of paused workers: a next request would get no answer
    CONTINUE = "continue"  # SIGCONT
    THAW = "thaw"  # SIGCONT to workers stopped inside the pause, and the resume's signal again
    RESUME_UNREAD = "resume by signal"  # SIGTSTP to a master whose FIFO cannot be read
    FREEZE = "freeze"  # SIGSTOP the workers of a parked instance
    END_FLOOD = "end flood"
    END_ORPHAN = "end orphan"
    END_WORKER = "end worker"  # a parked worker of a master that is ending keeps it waiting

    # through the served socket
    WAKE = "wake"  # connect: a cheap instance starts workers

    # through Supervisor
    RESTART = "restart"


@dataclass(frozen=True)
class Action:
    """One step, such as a pause or a move to a slot."""

    kind: ActionKind
    program: str
    slot: Slot | None = None
    pids: tuple[int, ...] = ()
    reason: str = ""

    @property
    def command(self) -> bytes:
        """The bytes for the master FIFO; empty for an action that sends none.

        ``p`` comes before the digit: the other order gives the master time to fork between the two
        (uWSGI core/master.c runs one byte a round).
        """
        digit = b"" if self.slot is None else b"%d" % self.slot
        commands = {
            ActionKind.RESUME: b"p" + digit,
            ActionKind.PAUSE: b"p" + digit,
            ActionKind.ALIGN: b"p",
            ActionKind.LABEL: digit,
            ActionKind.RELINK: b"\n",
            ActionKind.QUIT: b"q",
        }
        return commands.get(self.kind, b"")

    def __str__(self) -> str:
        parts = [self.kind.value, self.program]
        if self.slot is not None:
            parts.append(f"to {self.slot.label}")
        if self.pids:
            parts.append(f"pids {' '.join(map(str, self.pids))}")
        return " ".join(parts)


@dataclass(frozen=True)
class Decision:
    """What to do now, and how close the pair is to its desired state."""

    goal: str = ""  # the program that is to serve; empty: none can, or none may
    actions: tuple[Action, ...] = ()
    met: bool = False  # the goal serves and the other instance takes no requests
    done: bool = False  # nothing is left to do
    waiting_for: str = ""  # a clause for messages
    poll_slowly: bool = False  # the wait is long: observe again in tenths of a second, not in ms
    refusal: type[ZergError] | None = None  # what a request fails with if this lasts

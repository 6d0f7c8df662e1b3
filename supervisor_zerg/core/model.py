"""The words of supervisor_zerg as plain, frozen values. No I/O, no clock, no Supervisor.

A *pair* is two programs that share one listening socket; a *instance* is one of them and its uWSGI master; a *slot* is one of
the three master FIFOs. Everything that is known about a pair at one moment is a :class:`Facts`; what an operator or an event
wants of it is a :class:`Desired`; what is done about the difference is a :class:`Move`.
"""

import enum
from dataclasses import dataclass
from functools import cached_property
from typing import Optional

from .errors import ZergError


class Slot(enum.IntEnum):
    """The number is the digit that moves a uWSGI master there (uWSGI core/fifo.c)."""

    NEW = 0
    RUNNING = 1
    SLEEPING = 2

    @property
    def label(self):
        return self.name.lower()


class Condition(enum.Enum):
    """What an instance is doing, in one word."""

    SERVING = "serving"  # its threads accept requests
    PARKED = "parked"  # paused: no thread can take another request, none is in flight
    DRAINING = "draining"  # paused, but requests are still in flight or a thread may yet take one
    BOOTING = "booting"  # started, not yet able to serve
    STOPPED = "stopped"  # no process
    LOST = "lost"  # a process, but no FIFO through which it could be commanded


class OnStart(enum.Enum):
    """What becomes of an instance that is on its way up."""

    PROMOTE = "takes over"  # an operator started it
    STANDBY = "parks"  # Supervisor started it


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


class UnresponsiveReason(enum.Enum):
    """Why a master executes no command now. The value completes "the master ..." in a message."""

    STOPPED = "is stopped (state T): it takes no command before somebody sends it SIGCONT"
    BUSY = "is busy and does not wait for commands"
    GONE = "is gone"
    REMAKING_FIFO = "is just making its FIFO anew"


@dataclass(frozen=True)
class Worker:
    """One uWSGI worker process. Threads are counted, not named: uWSGI does not say which thread is which core."""

    pid: int
    threads: int = 1  # threads that take requests
    parked: int = 0  # of those, seen waiting in uWSGI's pause
    busy: int = 0  # of those, inside a request
    blocked_elsewhere: int = 0  # of those, in something else, such as their start-up or a hook of the ini: they see the pause when they come back
    started: bool = True  # past its start-up: a pause reaches it as a pause
    stopped: bool = False  # state T: SIGSTOPped
    in_signal_loop: bool = False  # caught in the endless PAUSE/resuming flood
    zombie: bool = False

    @property
    def may_accept(self):
        """Threads that may still take a request: neither parked nor inside one nor away."""
        return (
            0
            if self.zombie
            else max(0, self.threads - self.parked - self.busy - self.blocked_elsewhere)
        )


@dataclass(frozen=True)
class Instance:
    """One program of a pair and its uWSGI master, as seen at one moment."""

    program: str
    state: str = "STOPPED"  # Supervisor's statename
    pid: int = 0  # Supervisor's child
    master: int = 0  # the uWSGI master: the child itself or a process below it
    slot: Optional[Slot] = None
    fifo_in_place: bool = True  # the FIFO it reads is the one that lies at the slot's path
    paused: Optional[bool] = None  # uWSGI's suspended flag; None: no source could tell
    workers: tuple[Worker, ...] = ()
    pending: tuple[str, ...] = ()  # commands written but not known to be executed
    unresponsive: Optional[UnresponsiveReason] = None  # None: the master waits for commands
    just_toggled: bool = (
        False  # a toggle was executed a moment ago: where its threads are proves nothing yet
    )
    partly_paused: bool = False  # some of its workers are paused and some are not
    was_ready: bool = False  # this master was ready once, so it does not boot any more
    recycling: bool = (
        False  # its workers are recycled: one may end at any moment, and another be born
    )
    all_respawning: bool = False  # all its workers are being born again, since a moment only: it will accept in the next
    newly_accepting: bool = (
        False  # it accepts since a moment only and its own hooks may still move slots
    )
    asynchronous: bool = False  # gevent and the like: a pause would freeze its requests
    attached: Optional[bool] = None  # holds the pool's present socket; None: nobody could tell
    unreadable: str = ""  # why its process cannot be looked at
    source: str = ""
    requests: int = 0

    @property
    def up(self):
        return bool(self.pid) and self.state in ("STARTING", "RUNNING")

    @property
    def reachable(self):
        """It can be looked at and commanded."""
        return self.up and bool(self.master) and self.slot is not None and not self.unreadable

    @property
    def is_stopping(self):
        return bool(self.pid) and self.state == "STOPPING"

    @cached_property
    def fifo_slots_in_use(self):
        """The slots at whose paths its master may be making a FIFO just now."""
        digits = [int(c) for command in self.pending for c in command if c in "012"]
        return {self.slot, *map(Slot, digits)} if self.pending else set()

    @cached_property
    def in_flight(self):
        return sum(w.busy for w in self.workers)

    @cached_property
    def steady(self):
        """Every worker can take a pause as a pause (a newborn one would start a flood)."""
        return bool(self.workers) and all(
            w.started and not w.zombie and not w.in_signal_loop for w in self.workers
        )

    @cached_property
    def stopped_pids(self):
        return tuple(w.pid for w in self.workers if w.stopped)

    @cached_property
    def frozen(self):
        """Parked with its workers stopped, every one of them inside the pause."""
        return bool(self.workers) and all(w.stopped and w.parked == w.threads for w in self.workers)

    @cached_property
    def stuck(self):
        """Some worker is stopped outside the pause: it will never get ready or finish by itself."""
        return any(w.stopped and w.parked < w.threads for w in self.workers)

    @property
    def is_starting(self):
        """It is on its way up: nothing that is asked of it would come true soon."""
        return (
            not self.master
            or self.stuck
            or not self.was_ready
            and not any(w.started for w in self.workers)
        )

    @cached_property
    def ready(self):
        """It could serve in an instant, or does."""
        return self.reachable and self.steady and not self.stuck and self.paused is not None

    @cached_property
    def accepting(self):
        """At least one thread takes requests."""
        return self.paused is False and any(
            w.started and not (w.stopped or w.zombie) and w.parked < w.threads for w in self.workers
        )

    @cached_property
    def fully_paused(self):
        """Paused, and no thread can take another request."""
        return self.paused is True and not any(w.may_accept for w in self.workers)

    @cached_property
    def unpaused_workers(self):
        """Workers of a paused instance that have a thread which may still take a request, and that a signal would tell so."""
        return (
            tuple(w.pid for w in self.workers if w.may_accept and w.started and not w.stopped)
            if self.paused
            else ()
        )

    @cached_property
    def condition(self):
        if not self.pid:
            return Condition.STOPPED
        if self.paused is False and self.workers and self.master:
            return (
                Condition.SERVING if self.slot is not None and self.accepting else self._unclear()
            )
        if self.paused is True and self.slot is not None:
            if (self.stuck or not any(w.started for w in self.workers)) and not self.in_flight:
                return Condition.BOOTING
            return (
                Condition.PARKED if self.fully_paused and not self.in_flight else Condition.DRAINING
            )
        return self._unclear()

    def _unclear(self):
        has_workers = any(w.started for w in self.workers)
        return Condition.LOST if has_workers and self.slot is None else Condition.BOOTING


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


@dataclass(frozen=True)
class DesiredState:
    """What a pair should be. Nothing in it is a fact; everything in it was asked for by an operator, an event or the file."""

    requested: str = ""  # the program an operator or an event wants to serve, until that is reached
    last_active: str = ""  # the program that served last: it wins where the facts leave a choice
    hold: bool = False  # an operator keeps requests waiting: nobody is to accept
    both_active: bool = False  # an operator wants both to accept
    on_start: tuple[tuple[str, OnStart], ...] = ()
    freeze: bool = False
    retire_stop: bool = False
    retiring: str = ""  # the program that is to be stopped once it has drained (retire = stop)
    force_toggle: bool = (
        False  # nobody serves and patience is over: take the risk of a flood, which can be mended
    )
    drain_expired: bool = False  # the drain limit has passed

    def on_start_of(self, program):
        return dict(self.on_start).get(program)


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

"""One instance of a pair, as observed at one moment."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property
from typing import Optional


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

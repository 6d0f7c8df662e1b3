"""One instance of a pair: a program and its uWSGI master, as observed at one moment."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property


class Slot(enum.IntEnum):
    """One of the three master FIFOs. The number is the digit that moves a master there.

    See uWSGI core/fifo.c.
    """

    NEW = 0
    RUNNING = 1
    SLEEPING = 2

    @property
    def label(self) -> str:
        return self.name.lower()


class Condition(enum.Enum):
    """What an instance is doing, in one word."""

    SERVING = "serving"  # its threads accept requests
    PARKED = "parked"  # paused: no thread can take a request, none is in flight
    DRAINING = "draining"  # paused, but requests are in flight or a thread may yet take one
    BOOTING = "booting"  # started, not yet able to serve
    STOPPED = "stopped"  # no process
    LOST = "lost"  # a process, but no FIFO through which it could be commanded


class UnresponsiveReason(enum.Enum):
    """Why a master executes no command now. The value follows the program's name in messages."""

    STOPPED = "is stopped (state T): it takes no command before somebody sends it SIGCONT"
    BUSY = "is busy and does not wait for commands"
    GONE = "is gone"
    AWAITS_WORKERS = "waits for its workers to end: it was told to end"
    REMAKING_FIFO = "is making its FIFO anew"
    THROTTLED = "sleeps: its workers end too fast (forkbomb-delay), or it becomes cheap (idle)"


@dataclass(frozen=True)
class Worker:
    """One uWSGI worker process.

    Threads are counted, not named: uWSGI does not report which thread is which core.
    """

    pid: int
    threads: int = 1  # threads that take requests
    parked: int = 0  # of those, waiting in uWSGI's pause
    busy: int = 0  # of those, inside a request
    blocked_elsewhere: int = 0  # of those, in start-up or a hook: they pause when they return
    connections: int = 0  # accepted and open, and no request of a thread: kept, or offloaded
    kept: int = 0  # of those, idle: only a next request may come on them
    started: bool = True  # past its start-up: a pause reaches it as a pause
    stopped: bool = False  # state T: SIGSTOPped
    in_signal_loop: bool = False  # in the endless PAUSE/resuming flood
    zombie: bool = False

    @property
    def may_accept(self) -> int:
        """How many threads may still take a request."""
        elsewhere = self.parked + self.busy + self.blocked_elsewhere
        return 0 if self.zombie else max(0, self.threads - elsewhere)


@dataclass(frozen=True)
class Instance:
    """One program of a pair and its uWSGI master, as observed at one moment.

    Six fields are about the recent past, which the moment alone does not show. They are read by:

    =================  =============================================================
    was_ready          is_starting; planner: an instance that retreats or is recycled may accept
    just_toggled       actions: no second toggle or signal before the first shows
    recycling          uwsgi/execute.py: toggle while the workers stand still
    all_respawning     planner: it may go on serving; requests: a swap swaps it
    missing_workers    status
    newly_accepting    planner, goals: no roles while its own hooks may move slots
    =================  =============================================================
    """

    program: str
    state: str = "STOPPED"  # Supervisor's statename
    pid: int = 0  # Supervisor's child
    master: int = 0  # the uWSGI master: the child itself or a process below it
    slot: Slot | None = None
    fifo_in_place: bool = True  # the FIFO that it reads lies at the slot's path
    paused: bool | None = None  # uWSGI's suspended flag; None: unknown
    workers: tuple[Worker, ...] = ()
    pending: tuple[str, ...] = ()  # commands sent and not known to be executed
    unresponsive: UnresponsiveReason | None = None  # None: the master waits for commands
    just_toggled: bool = False  # a toggle was executed so recently that threads may not show it
    partly_paused: bool = False  # some of its workers are paused and some are not
    was_ready: bool = False  # this master was ready once, so it does not boot any more
    recycling: bool = False  # workers are replaced: one may end, and another start, at any moment
    all_respawning: bool = False  # it has had no started worker for a moment: one will accept next
    missing_workers: int = 0  # that its master does not replace
    newly_accepting: bool = False  # it has just begun to accept: its hooks may still move slots
    keeps_connections: bool = False  # it was seen to keep a connection for a next request
    cheap: bool = False  # its master has no worker, and starts some with the next connection
    asynchronous: bool = False  # gevent and the like: a pause would freeze its requests
    attached: bool | None = None  # holds the pool's present socket; None: unknown
    unreadable: str = ""  # why its process cannot be read; then the stats alone tell of it
    was_resumed: bool = False  # it is unreadable, and its master got the signal of a resume
    source: str = ""  # where the observation comes from
    requests: int = 0

    @property
    def up(self) -> bool:
        return bool(self.pid) and self.state in ("STARTING", "RUNNING")

    @property
    def reachable(self) -> bool:
        """It can be observed and commanded."""
        return self.up and bool(self.master) and self.slot is not None and not self.unreadable

    @property
    def slot_label(self) -> str:
        return self.slot.label if self.slot is not None else ""

    @property
    def is_stopping(self) -> bool:
        return bool(self.pid) and self.state == "STOPPING"

    @property
    def is_ending(self) -> bool:
        """Its master waits for its workers to end, without a stop by Supervisor."""
        return self.up and self.unresponsive is UnresponsiveReason.AWAITS_WORKERS

    @cached_property
    def fifo_slots_in_use(self) -> frozenset[Slot | None]:
        """The slots at whose paths its master may be making a FIFO just now."""
        digits = [int(c) for command in self.pending for c in command if c in "012"]
        return frozenset((self.slot, *map(Slot, digits)) if self.pending else ())

    @cached_property
    def in_flight(self) -> int:
        """Requests in threads, and other connections on which somebody may wait for an answer."""
        return sum(w.busy for w in self.workers) + self.connections

    @cached_property
    def connections(self) -> int:
        """Open connections that are no request of a thread. A graceful end cuts them."""
        return sum(w.connections for w in self.workers)

    @cached_property
    def keeping_workers(self) -> tuple[int, ...]:
        """Workers that keep idle connections, on which nobody is answered once they are parked."""
        return tuple(w.pid for w in self.workers if w.kept)

    @cached_property
    def steady(self) -> bool:
        """Every worker would take a pause as a pause; one that starts would begin a flood."""
        return (self.cheap or bool(self.workers)) and all(
            w.started and not w.zombie and not w.in_signal_loop for w in self.workers
        )

    @cached_property
    def stopped_pids(self) -> tuple[int, ...]:
        return tuple(w.pid for w in self.workers if w.stopped)

    @cached_property
    def frozen(self) -> bool:
        """Every worker is stopped inside the pause."""
        return bool(self.workers) and all(w.stopped and w.parked == w.threads for w in self.workers)

    @cached_property
    def stuck(self) -> bool:
        """Some worker is stopped outside the pause: it never gets ready or ends by itself."""
        return any(w.stopped and w.parked < w.threads for w in self.workers)

    @property
    def is_starting(self) -> bool:
        """It boots: nothing that is asked of it can happen soon."""
        return (
            not self.master
            or self.stuck
            or not (self.was_ready or self.cheap or any(w.started for w in self.workers))
        )

    @cached_property
    def ready(self) -> bool:
        """It serves, or could at once."""
        return self.reachable and self.steady and not self.stuck and self.paused is not None

    @cached_property
    def accepting(self) -> bool:
        """At least one thread takes requests, or is started by the next one."""
        return self.paused is False and (self.cheap or any(map(_takes_requests, self.workers)))

    @cached_property
    def fully_paused(self) -> bool:
        """Paused, and no thread can take another request."""
        return self.paused is True and not any(w.may_accept for w in self.workers)

    @cached_property
    def unpaused_workers(self) -> tuple[int, ...]:
        """Workers of a paused instance that may still take a request and react to a signal."""
        if not self.paused:
            return ()
        return tuple(w.pid for w in self.workers if w.may_accept and w.started and not w.stopped)

    @cached_property
    def condition(self) -> Condition:
        if not self.pid:
            return Condition.STOPPED
        is_known = self.slot is not None or bool(self.unreadable)
        if self.paused and is_known:
            return self._condition_when_paused()
        if self.accepting and self.master and is_known:
            return Condition.SERVING
        if not is_known and any(w.started for w in self.workers):
            return Condition.LOST
        return Condition.BOOTING

    def _condition_when_paused(self) -> Condition:
        if self.in_flight:
            return Condition.DRAINING
        if self.stuck or not (self.cheap or any(w.started for w in self.workers)):
            return Condition.BOOTING
        return Condition.PARKED if self.fully_paused else Condition.DRAINING


def _takes_requests(worker: Worker) -> bool:
    is_alive = worker.started and not (worker.stopped or worker.zombie)
    return is_alive and worker.parked < worker.threads

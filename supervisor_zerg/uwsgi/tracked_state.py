"""What is kept about a master between observations, and what one observation brings together.

Each record has one writer. Only what cannot be looked up is kept, or what is verified before use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..core.instance import UnresponsiveReason
from ..linux.signals import Sighting
from .fifo import FifoCommand, HeldFifo
from .signal_loop import SignalLoopDetector
from .stats import Snapshot
from .threads import ThreadReading

LONG_AGO = -1e9  # monotonic seconds


@dataclass
class FifoRecord:
    """The FIFO of a master, and what was written to it. Written by masters.py and execute.py.

    Attributes:
        commands: sent, and not known to be executed.
        flag: uWSGI's suspended flag after the last toggle; None: it has to be observed.
        toggled_at: when a toggle was last seen executed.
        woken_at: when parked workers last got the signal of a resume once more.
    """

    held: HeldFifo | None = None
    held_at: float = LONG_AGO
    commands: list[FifoCommand] = field(default_factory=list)
    flag: bool | None = None
    toggled_at: float = LONG_AGO
    woken_at: float = LONG_AGO

    @property
    def moved_at(self) -> float:
        """When the threads of the workers last had a reason to change their place."""
        return max(self.toggled_at, self.woken_at)

    def note_executed(self, held: HeldFifo | None, now: float) -> None:
        """Drop the commands that the master has executed. A toggle turns the flag."""
        for command in [c for c in self.commands if c.executed(held)]:
            self.commands.remove(command)
            if command.toggles:
                self.flag = command.expects
                self.toggled_at = now


@dataclass(frozen=True)
class KnownWorker:
    """One worker, as the last source that named it tells.

    Attributes:
        threads: that take requests.
        started: it is past its start-up.
        busy: requests inside, where the stats tell.
        queues: descriptors of the epolls in which it waits for requests, where the kernel tells.
    """

    threads: int
    started: bool
    busy: int = 0
    queues: frozenset[int] = frozenset()


class HeldConnections(NamedTuple):
    """The open connections of one worker: descriptor -> inode.

    Attributes:
        watched: some epoll watches them, so an offload thread or a greenlet has them.
        others: a thread has them: for the request in it, or for a next one.
        queues: descriptors of the epolls in which threads wait for new connections.
    """

    watched: dict[int, int]
    others: dict[int, int]
    queues: frozenset[int] = frozenset()

    def may_be_closed(self, known: KnownWorker, threads: ThreadReading) -> bool:
        """Whether the others are kept, given that no request is in the worker.

        All its threads are parked; or one waits for a next request, and as it has uWSGI's lock for
        accepting meanwhile (uWSGI core/loop.c), no other one has just accepted a connection.
        """
        if threads.paused >= known.threads:
            return True
        return threads.polling > 0 and self.queues.isdisjoint(threads.waiting)


class ParkedWorkers(NamedTuple):
    """Workers that were parked, the FIFO of their master, and its last toggle that is known."""

    pids: frozenset[int]
    held: HeldFifo | None
    moved_at: float


@dataclass
class WorkersRecord:
    """The workers of a master. Written by workers.py.

    Attributes:
        sightings: of workers, while the kernel showed them below the master.
        first_seen: when a child, identified by pid and start time, was first seen.
        confirmed: those that were sighted once they were past their start-up.
        stopped: those that were last seen in state T.
        replaced_at: when a worker that was not there before was last named.
        listening: inode -> address of the listening sockets of the master, as they were read at
            ``listening_at``; None: they have to be read.
        cheap: the master has no workers, and watches the served sockets itself.
        woken_at: when it was last made to start workers. Written by execute.py.
        foreign: processes that the stats name and that the kernel does not show below the master.
        connections: of workers that hold any, at the last reading. Written by connections.py.
        keeps_connections: a worker was seen to keep one for a next request.
        other_sockets: inodes of sockets of workers that are no open connections.
        unconnected: the workers, if they were parked and held no connection at the last reading.
    """

    known: dict[int, KnownWorker] = field(default_factory=dict)
    sightings: dict[int, Sighting] = field(default_factory=dict)
    first_seen: dict[tuple[int, int], float] = field(default_factory=dict)
    confirmed: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)
    replaced_at: float = LONG_AGO
    listening: dict[int, str] | None = None
    listening_at: float = LONG_AGO
    cheap: bool = False
    woken_at: float = LONG_AGO
    asynchronous: bool = False
    foreign: tuple[int, ...] = ()
    connections: dict[int, HeldConnections] = field(default_factory=dict)
    keeps_connections: bool = False
    other_sockets: set[int] = field(default_factory=set)
    unconnected: ParkedWorkers | None = None


@dataclass
class StatsRecord:
    """The stats of a master. Written by observer.py.

    Attributes:
        snapshot: the latest, while the stats server answers.
        at: when that observation began.
        flag: uWSGI's suspended flag, as last shown at ``flag_at``.
        error: why there is no snapshot.
        retry_at: not asked before that.
    """

    snapshot: Snapshot | None = None
    at: float = LONG_AGO
    flag: bool | None = None
    flag_at: float = LONG_AGO
    error: str = ""
    retry_at: float = LONG_AGO


@dataclass(frozen=True)
class QuietWorker:
    """A worker of which no thread was waiting for a request, in ``times`` observations in a row."""

    times: int = 0
    cpu_ns: dict[int, int | None] = field(default_factory=dict)  # thread -> when first seen so


@dataclass(frozen=True)
class Memory:
    """What the interpreter concluded, for its next conclusions. It returns a new one each time.

    Attributes:
        flag: uWSGI's suspended flag, as the threads showed it at ``flag_at``.
        partly_paused_since: since when some main threads are parked and others wait for requests.
        was_ready: it could serve once.
        gone_since: since when it has no worker that is past its start-up.
        missing_since: since when its stats name a worker that has no process.
        blocked_elsewhere: worker -> observations in a row in which its thread was.
        quiet: worker -> see there.
    """

    flag: bool | None = None
    flag_at: float = LONG_AGO
    partly_paused_since: float | None = None
    accepts_since: float | None = None
    was_ready: bool = False
    gone_since: float | None = None
    missing_since: float | None = None
    blocked_elsewhere: dict[int, int] = field(default_factory=dict)
    quiet: dict[int, QuietWorker] = field(default_factory=dict)


@dataclass
class TrackedMaster:
    """Everything that is kept about one master.

    Attributes:
        attached: it holds the present socket of the pool; None: nothing tells. Written by
            environment.py.
    """

    signal_loop: SignalLoopDetector
    master: int = 0
    fifo: FifoRecord = field(default_factory=FifoRecord)
    workers: WorkersRecord = field(default_factory=WorkersRecord)
    stats: StatsRecord = field(default_factory=StatsRecord)
    memory: Memory = field(default_factory=Memory)
    attached: bool | None = None

    @property
    def flag(self) -> bool | None:
        """uWSGI's suspended flag, as the newest source shows it."""
        return self.flag_given(self.memory)

    def flag_given(self, memory: Memory) -> bool | None:
        """The same with what the interpreter is about to remember."""
        sources = (
            (memory.flag_at, memory.flag),
            (self.stats.flag_at, self.stats.flag),
            (self.fifo.toggled_at, self.fifo.flag),
        )
        return max(sources, key=lambda source: source[0])[1]

    @property
    def pending(self) -> tuple[str, ...]:
        """The commands that are not known to be executed."""
        return tuple(command.command for command in self.fifo.commands)

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest stats, while they are answered."""
        return self.stats.snapshot

    @property
    def stats_error(self) -> str:
        """Why the stats are of no use; empty when they are."""
        return self.stats.error

    def forget(self) -> None:
        """Close the handles of pending commands."""
        for command in self.fifo.commands:
            command.close()


@dataclass(frozen=True)
class WorkerReading:
    """One worker, as the kernel shows it."""

    threads: ThreadReading = field(default_factory=ThreadReading)
    stopped: bool = False


NOT_READ = WorkerReading()  # a worker that was named after the reading


@dataclass
class InstanceReading:
    """One instance, as Supervisor and the kernel show it.

    Two observations may be under way at once, so each keeps to its own ``tracked``: the program may
    have got another master while the stats were awaited.

    Attributes:
        at: before the stats were asked. An answer may be older than a toggle that another
            observation has seen executed.
        unreadable: why its process cannot be read; empty when it can.
        forbidden: supervisord has no right to read it.
        workers: pid -> reading; None: the process is gone.
        signal_loops: worker that is not past its start-up -> whether it is caught in a signal loop.
        cpu_ns: worker -> its running threads -> nanoseconds that each has run.
        connections: worker -> what it holds, where that was read.
    """

    program: str
    state: str
    pid: int
    tracked: TrackedMaster
    at: float = 0.0
    master: int = 0
    held: HeldFifo | None = None
    unresponsive: UnresponsiveReason | None = None
    unreadable: str = ""
    forbidden: bool = False
    workers: dict[int, WorkerReading | None] = field(default_factory=dict)
    signal_loops: dict[int, bool | None] = field(default_factory=dict)
    cpu_ns: dict[int, dict[int, int | None]] = field(default_factory=dict)
    connections: dict[int, HeldConnections] = field(default_factory=dict)

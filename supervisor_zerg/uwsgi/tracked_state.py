"""What is kept about a master between looks, and what one look brings together. Plain values; observe.py fills them."""

from dataclasses import dataclass, field
from typing import Optional

from ..core.instance import UnresponsiveReason
from .stats import Snapshot


@dataclass
class TrackedMaster:
    """What is kept about one master between looks: only what cannot be looked up, or is checked before it is believed."""

    flood: object  # surroundings.Trap: newborn workers that are caught in a flood
    master: int = 0
    fd: Optional[int] = None
    held: Optional[tuple] = None
    held_at: float = -1e9
    threads: dict[int, int] = field(default_factory=dict)  # worker pid -> threads, as last told
    started: dict[int, bool] = field(default_factory=dict)
    busy: dict[int, int] = field(default_factory=dict)
    stopped: dict[int, bool] = field(default_factory=dict)
    flag: Optional[bool] = None
    toggled_at: float = -1e9
    torn_since: Optional[float] = None  # some main threads are parked and some wait for requests
    accepts_since: Optional[float] = None
    was_ready: bool = False  # it was seen ready
    pids: frozenset = frozenset()  # of the workers, as last told
    replaced_at: float = -1e9  # a worker that was not there before was told of
    gone_since: Optional[float] = None  # it has no worker that is past its start-up
    listening: Optional[dict] = None
    asynchronous: bool = False
    attached: Optional[bool] = None
    stats_retry_at: float = -1e9
    stats_error: str = ""
    snapshot: Optional[Snapshot] = None
    stats_at: float = -1e9
    queues: dict[int, set] = field(
        default_factory=dict
    )  # worker pid -> epolls that watch the served socket
    blocked_elsewhere: dict[int, int] = field(
        default_factory=dict
    )  # looks in a row in which its thread was blocked elsewhere
    quiet: dict[int, tuple] = field(
        default_factory=dict
    )  # looks in a row in which no thread waited there, ns that they ran
    first_seen: dict[int, float] = field(default_factory=dict)
    commands: list = field(default_factory=list)

    def forget(self):
        for command in self.commands:
            command.close()

    def pending(self):
        """Commands that are not known to be executed."""
        return tuple(c.command for c in self.commands)


@dataclass(frozen=True)
class WorkerReading:
    """One worker, as the kernel shows it."""

    threads: tuple
    stopped: bool


NOT_READ = WorkerReading((), False)  # a worker that was heard of after the look


@dataclass
class InstanceReading:
    """One instance, as Supervisor and the kernel show it. Two looks may be under way at once, so each keeps to its own memo: the
    program may have got another master while the stats were awaited."""

    program: str
    state: str
    pid: int
    tracked: TrackedMaster
    at: float = 0.0  # before the stats were asked: an answer may be older than a toggle that another look has seen executed
    master: int = 0
    held: Optional[tuple] = None
    unresponsive: Optional[UnresponsiveReason] = None
    unreadable: str = ""
    looks: dict = field(default_factory=dict)

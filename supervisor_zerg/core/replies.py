"""The structs of the RPC namespace. Only what XML-RPC can carry: no None, no 64-bit integers."""

from __future__ import annotations

from typing import TypedDict


class InstanceInfo(TypedDict):
    """One instance in the reply of ``getPairInfo``."""

    program: str
    pid: int
    master: int
    statename: str  # Supervisor's
    slot: str  # new, running, sleeping, or empty
    condition: str
    in_flight: int
    workers: int
    threads: int
    accepting_threads: int
    frozen: bool
    cheap: bool  # it has no workers; the next connection starts some
    requests: float  # since the start of the instance
    responses: dict[
        str, float
    ]  # of those, by class of statuses: 3xx, 4xx, 5xx; empty if not counted
    source: str
    label: str
    release: str  # empty without releases
    since: float  # since when it has been in its condition, in seconds since the epoch


class BusyInfo(TypedDict, total=False):
    """The operation in progress; empty if there is none."""

    kind: str
    program: str
    id: str
    by: str
    since: float  # how long it has been running, in seconds


class DeployInfo(TypedDict, total=False):
    """A deploy; empty if there was none."""

    id: str
    kind: str  # deploy, rollback or rebuild
    pair: str
    target: str
    pid: int
    old: str
    label: str
    release: str
    by: str
    at: float  # seconds since the epoch
    elapsed: float  # seconds
    phase: str
    waiting_for: str
    steps: list[str]  # of a dry run
    outcome: str  # empty while it runs
    changed: bool
    reason: str
    killed_requests: int
    serving: str


class PairInfo(TypedDict):
    """The reply of ``getPairInfo``."""

    pair: str
    serving: str
    parked: str
    warm: bool
    held: bool
    auto: bool
    retire: str
    busy: BusyInfo
    deploy: DeployInfo
    pool: str
    problems: list[str]
    instances: list[InstanceInfo]


class _OperationReply(TypedDict):
    pair: str
    id: str
    changed: bool
    took_ms: float
    serving: str
    parked: str  # or the program that still drains
    draining: int  # requests in flight in paused instances
    held: bool


class OperationReply(_OperationReply, total=False):
    """The reply of ``swap``, ``promote``, ``pause``, ``resume`` and ``reconcile``."""

    pending: bool  # it was asked not to wait, and is not finished


class AutoReply(TypedDict):
    """The reply of ``setAuto``."""

    pair: str
    changed: bool
    took_ms: float
    serving: str
    parked: str
    auto: bool


class _HistoryEntry(TypedDict):
    at: float  # seconds since the epoch
    pair: str
    id: str
    kind: str
    program: str
    by: str
    outcome: str
    reason: str
    actions: list[str]
    took_ms: float
    serving: str
    failover: bool


class HistoryEntry(_HistoryEntry, total=False):
    """One entry of the history."""

    label: str  # of a deploy
    release: str  # where the pair has releases
    killed_requests: int  # of a deploy, or where an operation cut any

"""A deploy as plain, frozen values: its plan, state, observation, actions and outcome.

Pure. What comes next is decided in :mod:`~supervisor_zerg.deploy.state_machine`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Any

from ..core.instance import Instance


class Phase(enum.Enum):
    """Where a deploy is. The value completes the sentence "PROGRAM ..."."""

    PREPARING = "runs a hook"
    DRAINING = "drains"
    STOPPING = "stops"
    BOOTING = "boots"
    CHECKING = "is checked"
    PROMOTING = "is promoted"
    BAKING = "bakes"
    RETURNING = "is rolled back"
    FINISHING = "runs after_deploy"
    ENDED = "has ended"


class Outcome(enum.Enum):
    """How a deploy ended. The value is what clients see."""

    DEPLOYED = "deployed"
    REFUSED = "refused"  # nothing was changed
    FAILED = "failed"  # users stayed on the old release
    ROLLED_BACK = "rolled back"  # users were on the new release for a while
    NOT_BACK = "not rolled back"  # the release is bad, and the old one has ended
    NOBODY = "nobody serves"


class DeployAction(enum.Enum):
    """What the state machine may do."""

    RUN_HOOK = "run hook"
    END_HOOK = "end hook"  # the one that runs; its result is reported as usual
    LINK = "link"  # let the link of the target name the release; it is stopped
    STOP = "stop"
    KILL = "kill"  # the target was told to stop, and its requests exceed the limit
    START = "start"
    CHECK = "check"  # ask for the health of the target until the deploy ends
    PROMOTE = "promote"
    RETURN = "return"  # promote the old instance again
    START_OLD = "start old"  # its process has ended: boot it again from its own release


#: The target was started, and users are not on it yet.
BEFORE_TRAFFIC = (Phase.BOOTING, Phase.CHECKING, Phase.PROMOTING)
#: The target runs the new release.
STARTED = (*BEFORE_TRAFFIC, Phase.BAKING)
#: An instance that was told to end through its FIFO gets its stop signal after this time.
PATIENCE_S = 1.0
OLD_GONE = "%s, which had the old release, has ended, so there is none to go back to"


@dataclass(frozen=True)
class Plan:
    """One restart of one program, with its release or the code on disk. Times in seconds."""

    target: str
    old: str
    before: tuple[str, ...] = ()  # hooks to run first, in order
    after: str = ""  # the hook to run last
    release: str = ""  # what the target is to boot; empty: the code on disk
    old_release: str = ""  # what the other instance has; empty: the code on disk
    warm: bool = False  # the target has the release in memory: it is only promoted
    standby: bool = False  # the target is not promoted: it is to be the warm instance
    boots: bool = True  # False: only its link is changed, once it has stopped
    continues_previous: bool = False  # an earlier plan has already changed something
    takes_settings: bool = False  # the target starts with the settings that supervisord has read
    check_parked: bool = False  # ask for the health before the promotion ...
    check_serving: bool = False  # ... and after it
    count: int = 3  # good answers in a row to be promoted, bad ones to be rolled back
    bake: float = 10.0
    max_exceptions: float = 0.05  # per request
    max_5xx: float = 0.02  # per request ...
    min_responses: int = 20  # ... of at least so many
    drain_timeout: float = 60.0
    boot_timeout: float = 300.0
    check_timeout: float = 60.0  # for the whole check of a parked instance
    silence: float = 8.0  # how long an answer to the health check counts


@dataclass(frozen=True)
class Counters:
    """What was counted in an instance since its start."""

    requests: int = 0
    exceptions: int = 0
    harakiris: int = 0
    lost: int = 0  # workers that ended and were (or may yet be) replaced: crashed or recycled
    server_errors: int = 0  # responses with a status 5xx; 0 where uWSGI does not count them
    known: bool = False  # the first three are; without them ``lost`` cannot be judged


@dataclass(frozen=True)
class HookResult:
    """How the last hook ended."""

    ok: bool | None = None  # None: it still runs
    message: str = ""


@dataclass(frozen=True)
class HealthStreak:
    """The answers of the health check since the phase began."""

    good: int = 0  # good answers in a row
    bad: int = 0  # bad answers in a row
    message: str = ""  # of the last answer
    silent: float = 0.0  # seconds since the last answer


@dataclass(frozen=True)
class Promotion:
    """How far the promotion is that was requested last."""

    done: bool = False  # it was done, whatever has happened since
    refusal: str = ""  # why it was refused
    transient: bool = False  # it was refused, and may succeed when it is requested again


@dataclass(frozen=True)
class DeployObservation:
    """What is known at one moment."""

    target: Instance
    old: Instance
    serving: str
    now: float
    ended: str = ""  # how the target ended since it was started
    unlinked: str = ""  # why the link could not name the release; the target was not started
    unreachable: str = ""  # why nobody can connect to the target, which serves
    resumed: bool = False  # the target was resumed, so it may have had requests
    orphans: bool = False  # workers of the target live on without a master
    counters: Counters = Counters()  # of the target
    hook: HookResult = HookResult()
    health: HealthStreak = HealthStreak()
    promotion: Promotion = Promotion()
    abort: str = ""  # who wants to end the deploy


@dataclass(frozen=True)
class DeployState:
    """Where a deploy is, and what it has to remember."""

    plan: Plan
    phase: Phase
    since: float  # when the phase began
    hooks: tuple[str, ...] = ()  # hooks still to run before the rest, the running one first
    target_restarted: bool = False  # the target no longer has what it had before
    release_started: bool = False  # the target was started with the release
    had_traffic: bool = False  # users may have been on the new release ...
    had_traffic_since: float = 0.0  # ... since then
    old_pid: int = 0  # the process of the old release
    old_gone: bool = False  # that process ended; its program boots its release or what is on disk
    asked_back: bool = False  # the old instance was requested to serve again
    asked_again: bool = False  # its process ended after the first request
    old_started: bool = False  # the old program was started again, to go back to it
    checked: bool = False  # the health was good before the promotion
    drain_expired: bool = False  # the drain limit passed with requests in flight
    unparkable: bool = False  # it could not be parked again, so it was stopped
    #: In flight when the target was killed; and connections, which a graceful end cuts as well.
    killed_requests: int = 0
    outcome: Outcome | None = None
    reason: str = ""

    def enter(self, phase: Phase, now: float, **changes: Any) -> DeployState:
        """The state at the beginning of another phase."""
        return replace(self, phase=phase, since=now, **changes)

    @property
    def no_way_back(self) -> bool:
        """The old process has ended, and nothing can boot its release again."""
        return self.old_gone and not self.plan.old_release

    @property
    def hook(self) -> str:
        """The hook that the present phase runs, or an empty string."""
        if self.phase is Phase.PREPARING:
            return self.hooks[0]
        return self.plan.after if self.phase is Phase.FINISHING else ""

    def waiting_for(self) -> str:
        """What the deploy is doing now, for people."""
        if self.hook:
            return f"hook {self.hook}"
        sentence = f"{self.plan.target} {self.phase.value}"
        if self.no_way_back and self.phase in STARTED:
            sentence += f", and {self.plan.old}, which had the old release, has ended"
        return sentence


def ends_through_fifo(instance: Instance, last_active: str) -> bool:
    """Whether an instance can be ended through its FIFO, 1 s faster than by its stop signal.

    Args:
        last_active: the program that served last.
    """
    return instance.ready and instance.fully_paused and instance.program != last_active


#: A state and what is to be done in it.
Step = tuple[DeployState, tuple[DeployAction, ...]]

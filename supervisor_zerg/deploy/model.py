"""The words of a deploy as plain, frozen values: what was planned, where it is, what is seen of it, what may be ordered, how it
ends. What comes next is for advance.py.
"""

import enum
from dataclasses import dataclass
from typing import Optional

from ..core.instance import Instance


class Phase(enum.Enum):
    """Where a release is. The value is what an operator is told."""

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
    DEPLOYED = "deployed"
    REFUSED = "refused"  # nothing was changed
    FAILED = "failed"  # users are still on the old release, and were all the time
    ROLLED_BACK = "rolled back"  # users were on the new release for a while
    NOT_BACK = "not rolled back"  # it was bad, and there is no way back: users are on it, or on what is on disk
    NOBODY = "nobody serves"


class DeployAction(enum.Enum):
    """What advance orders."""

    RUN_HOOK = "run hook"
    END_HOOK = "end hook"  # the one that runs; how it ended is told as ever
    STOP = "stop"
    KILL = "kill"  # the target was told to stop and has requests that would last too long
    START = "start"
    CHECK = (
        "check"  # begin to ask for the health of the target, and go on until the release has ended
    )
    PROMOTE = "promote"
    RETURN = "return"  # promote the old instance again


UNSEEN = (Phase.BOOTING, Phase.CHECKING, Phase.PROMOTING)
STARTED = UNSEEN + (Phase.BAKING,)


@dataclass(frozen=True)
class Plan:
    """What was asked for. Times in seconds."""

    target: str
    old: str
    before: tuple[str, ...] = ()  # hooks to run first, in order
    after: str = ""  # the hook to run last
    continues_previous: bool = (
        False  # another plan was carried out before it, so something was changed already
    )
    check_parked: bool = False  # health is asked before the promotion ...
    check_serving: bool = False  # ... and after it
    count: int = (
        3  # so many good answers in a row to be promoted, so many bad ones to be rolled back
    )
    bake: float = 10.0
    max_exceptions: float = 0.05  # a request
    drain_timeout: float = 60.0
    boot_timeout: float = 300.0
    check_timeout: float = 60.0  # the whole check of a parked instance
    silence: float = 8.0  # an answer to the health check is believed for so long


@dataclass(frozen=True)
class Counters:
    """What was counted in an instance since its start."""

    requests: int = 0
    exceptions: int = 0
    harakiris: int = 0
    lost: int = 0  # workers that ended and were replaced, or ended a moment ago: they crashed or were recycled
    told: bool = False  # its stats server told the first three; else nothing says whether ``lost`` is few or many


@dataclass(frozen=True)
class DeployObservation:
    """What is known at one moment."""

    target: Instance
    old: Instance
    serving: str
    now: float
    ended: str = ""  # the target ended since it was started: how
    hook: Optional[bool] = None  # how the hook ended that was run last; None: it runs
    hook_words: str = ""
    good: int = 0  # good answers of the health check in a row, since the phase began
    bad: int = 0
    health_words: str = ""
    silent: float = 0.0  # seconds since the last answer
    promotion: str = ""  # why the promotion was refused
    transient: bool = False  # and may well be done when asked for again
    promoted: bool = False  # the promotion was done, whatever has happened since
    let_in: bool = False  # the target was resumed, so it may have had requests
    counters: Counters = Counters()  # of the target
    orphans: bool = False  # workers of the target live on without a master
    abort: str = ""  # who wants to end it


@dataclass(frozen=True)
class DeployState:
    plan: Plan
    phase: Phase
    since: float  # when the phase began
    target_restarted: bool = (
        False  # the target was stopped or started: it holds no longer what it did
    )
    had_traffic: bool = False  # users may have been on the new release ...
    had_traffic_since: float = 0.0  # ... since then
    old_pid: int = 0  # the process of the old release
    old_gone: bool = False  # it ended: what its program runs now was loaded from what is on disk
    checked: bool = False  # its health was found good before the promotion
    drain_expired: bool = False  # the drain limit passed with requests in flight
    hooks: tuple[str, ...] = ()  # still to run
    unparkable: bool = False  # it was to be parked again, and had to be stopped
    killed_requests: int = 0  # requests that were in flight when the target was killed
    outcome: Optional[Outcome] = None
    reason: str = ""

    def waiting_for(self):
        """What the release is about now, in words."""
        if self.phase in (Phase.PREPARING, Phase.FINISHING):
            return f"hook {self.hooks[0] if self.phase is Phase.PREPARING else self.plan.after}"
        alone = self.old_gone and self.phase in STARTED
        without = f", and {self.plan.old}, which had the old release, has ended" if alone else ""
        return f"{self.plan.target} {self.phase.value}{without}"

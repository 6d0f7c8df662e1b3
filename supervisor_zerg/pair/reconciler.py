"""The reconcile loop: observe, plan, act, until nothing is left to do.

It is the only path: the same loop repairs a pair and swaps it. The loop is a generator that yields
:class:`~supervisor_zerg.core.effects.ReadStats` or :class:`~supervisor_zerg.core.effects.Sleep` and
never blocks; supervisord/task.py drives it, a test drives it with a clock of its own.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional, Protocol, Union

from ..core.causes import Cause
from ..core.decision import Action, ActionKind, Decision
from ..core.effects import ReadStats, Sleep
from ..core.goals import DesiredState
from ..core.instance import Instance
from ..core.pair_state import PairState
from ..core.planner import decide
from ..uwsgi.execute import execute
from ..uwsgi.observer import Observer

BRISK_S = 0.0003  # between two observations while the effect of an action is awaited
PATIENT_S = 0.05  # between two observations while an instance boots, drains or runs its hooks
SLOWER = 1.3  # each observation in vain makes the next pause longer, up to PATIENT_S
BRISK_OBSERVATIONS = 40
FULL_EVERY = 15  # one of so many observations in vain uses every source
OTHERS_S = 0.1  # a hand-written `echo 1p > ...; echo 2p > ...` is not interrupted
FORCE_AFTER_S = 1.0  # nobody serves for so long: toggle although a worker is starting

Reconciling = Generator[Union[ReadStats, Sleep], Any, None]


@dataclass
class ReconcileRun:
    """One run of the loop.

    Attributes:
        cause: Why it runs; becomes the `by` of the history entry.
        began: Monotonic seconds.
        urgent: Users would notice a delay: short observations, no wait for scripts of an operator.
        routine: Nothing happened, the pair is only checked.
        acted_at: When the last action was planned, or `began`.
    """

    cause: Cause
    began: float
    urgent: bool = False
    routine: bool = False
    acted_at: float = 0.0

    def __post_init__(self) -> None:
        self.acted_at = self.began


class ObserveOptions(NamedTuple):
    """How closely to observe: with every source, and also what seldom changes."""

    full: bool
    thorough: bool


class ReconcileTarget(Protocol):
    """What the loop asks of the controller of the pair."""

    def observe_options(self, run: ReconcileRun) -> ObserveOptions: ...

    def request_is_new(self) -> bool:
        """Whether a request came that no observation has been used for yet."""

    def on_observe(self, ours: bool) -> None:
        """An observation begins. `ours`: we have given commands since the last one."""

    def take_foreign_changes(self, run: ReconcileRun) -> bool:
        """Whether somebody else gave commands since the last observation, and may go on."""

    def on_observed(self, observed: PairState) -> None: ...

    def desired(self, force_toggle: bool) -> DesiredState: ...

    def on_decision(self, run: ReconcileRun, decision: Decision) -> None: ...

    def goes_on(self, run: ReconcileRun, decision: Decision) -> bool:
        """Whether the decision is to be carried out, and the loop to go on."""

    def restart(self, instance: Instance) -> None: ...

    def expect_stop(self, program: str) -> None:
        """The program was told to end, though Supervisor has sent no signal."""

    def on_action_done(self, action: Action, killed_requests: int = 0) -> None: ...

    def on_action_failed(self, action: Action, error: OSError) -> None: ...


def reconcile(observer: Observer, run: ReconcileRun, target: ReconcileTarget) -> Reconciling:
    """Converge. Ends when nothing is left to do, or when the target says so."""
    previous: list[Action] = []
    vain = 0
    acting = False
    nobody_since: Optional[float] = None
    full, thorough = target.observe_options(run)
    while True:
        target.on_observe(ours=acting)
        observed = yield from observer.observe(full and not target.request_is_new(), thorough)
        thorough = False
        if not acting and target.take_foreign_changes(run):
            acting = True
            yield Sleep(OTHERS_S)
            continue
        nobody_since = None if observed.serving else (nobody_since or observer.clock())
        forced = nobody_since is not None and observer.clock() - nobody_since > FORCE_AFTER_S
        target.on_observed(observed)
        decision = decide(observed, target.desired(forced))
        target.on_decision(run, decision)
        if not target.goes_on(run, decision):
            return
        done = [action for action in decision.actions if _act(observer, observed, action, target)]
        acting = bool(done) or any(instance.pending for instance in observed.instances)
        if done and done != previous:
            previous = done
            vain = 0
            full = False
            yield Sleep(BRISK_S)
            continue
        if target.request_is_new():  # it came during the observation
            yield Sleep(0)
            continue
        vain += 1  # nothing was done, or the same action again
        full = decision.poll_slowly or vain % FULL_EVERY == 0
        yield Sleep(_pause(decision, vain))


def _pause(decision: Decision, vain: int) -> float:
    if decision.poll_slowly:
        return PATIENT_S
    return min(PATIENT_S, BRISK_S * SLOWER ** max(0, vain - BRISK_OBSERVATIONS))


def _act(observer: Observer, observed: PairState, action: Action, target: ReconcileTarget) -> bool:
    """Carry out one action. Returns False if it was not done: the loop observes again."""
    killed_requests = 0
    if action.kind is ActionKind.RESTART:
        target.restart(observed.instance(action.program))
    else:
        result = execute(observer, observed, action)
        if result.error is not None:
            target.on_action_failed(action, result.error)
        if not result.done:
            return False
        killed_requests = result.killed_requests
        if action.kind is ActionKind.QUIT:
            target.expect_stop(action.program)
            killed_requests = observed.instance(action.program).connections
    target.on_action_done(action, killed_requests)
    return True

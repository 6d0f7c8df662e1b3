"""What the reconcile loop of one pair needs to know, and what follows from its observations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Optional, Protocol

from ..core.decision import Action, Decision
from ..core.goals import DesiredState, Goals, OnStart
from ..core.instance import Condition, Instance
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from ..deploy.registry import DeployRegistry
from ..deploy.releases import Releases
from ..jobs.services import Services
from ..uwsgi.fifo import FifoChanges
from ..uwsgi.observer import Observer
from .reconciler import ObserveOptions, ReconcileRun
from .recorder import HistoryRecorder
from .request_handler import Outcome, RequestHandler
from .settings import OperatorSettings
from .state_times import StateTimes

STOP_OVERDUE_S = 2.0  # a parked instance stops within 1.1 s
CLOSELY_S = 30.0  # an idle pair is observed with every source this often


@dataclass(frozen=True)
class PairParts:
    """What the controller of a pair is made of."""

    pair: PairConfig
    services: Services
    observer: Observer
    goals: Goals
    requests: RequestHandler
    recorder: HistoryRecorder
    deploys: DeployRegistry
    settings: OperatorSettings
    releases: Releases


class RunOwner(Protocol):
    """What the handler asks of the controller of the pair."""

    def active(self) -> bool:
        """Whether anything may be done to the pair now."""

    def answer(self, outcome: Outcome) -> None:
        """End the request that is under way."""

    def save_settings(self) -> None: ...

    def process_ended(self, program: str, pid: int) -> None:
        """A process that was watched is gone."""

    def follow_up(self) -> None:
        """Check the pair again in a while."""


class RunHandler:
    """Implements :class:`~supervisor_zerg.pair.reconciler.ReconcileTarget`.

    Attributes:
        observed: The latest observation of a run.
        decision: What was decided on it.
        ended_by_itself: Programs that ended, not by a stop, since the goal was last reached.
    """

    def __init__(self, parts: PairParts, owner: RunOwner) -> None:
        self.pair = parts.pair
        self.services = parts.services
        self.clock = parts.services.loop.clock
        self.goals = parts.goals
        self.requests = parts.requests
        self.recorder = parts.recorder
        self.deploys = parts.deploys
        self.releases = parts.releases
        self.owner = owner
        self.observer = parts.observer
        self.fifo_changes = FifoChanges(parts.services.kernel.fifos, parts.observer.paths)
        self.state_times = StateTimes()
        self.observed: Optional[PairState] = None
        self.decision: Optional[Decision] = None
        self.ended_by_itself: set[str] = set()
        self._observing_since = 0.0
        self._closely_at = -1e9
        self._draining_since: Optional[float] = None
        self._stopping_since: dict[str, float] = {}

    @property
    def serving(self) -> str:
        return self.observed.serving if self.observed else ""

    # observe

    def observe_options(self, run: ReconcileRun) -> ObserveOptions:
        """How closely to observe: briefly while somebody waits.

        For a routine check of an idle pair the kernel is enough until CLOSELY_S have passed.
        """
        if self.requests.request is not None or run.urgent:
            return ObserveOptions(False, False)
        now = self.clock()
        if run.routine and now - self._closely_at < CLOSELY_S:
            return ObserveOptions(False, False)
        self._closely_at = now
        return ObserveOptions(True, True)

    def request_is_new(self) -> bool:
        return self.requests.is_new()

    def on_observe(self, ours: bool) -> None:
        self._observing_since = self.clock()
        if ours:
            self.fifo_changes.ours()

    def take_foreign_changes(self, run: ReconcileRun) -> bool:
        """Leave an operator's script alone between two commands, unless somebody waits for us."""
        return self.fifo_changes.take() and self.requests.request is None and not run.urgent

    def on_observed(self, observed: PairState) -> None:
        self.observed = observed
        self.state_times.note(observed)
        self.watch_processes()
        draining = any(i.condition is Condition.DRAINING for i in observed.instances)
        if draining or observed.orphans:
            self._draining_since = self._draining_since or self.clock()
        else:
            self._draining_since = None
        self._stopping_since = {
            i.program: self._stopping_since.get(i.program, self.clock())
            for i in observed.instances
            if i.is_stopping or i.is_ending
        }
        self._check_request(observed)

    def _check_request(self, observed: PairState) -> None:
        checked = self.requests.check(observed, self._observing_since, self.goals.last_active)
        if isinstance(checked, Outcome):
            self.owner.answer(checked)
        elif checked is not None:
            self.goals.set_aim(checked)
            self.owner.save_settings()

    # plan

    def desired(self, force_toggle: bool) -> DesiredState:
        since = self._draining_since
        expired = since is not None and self.clock() - since > self.pair.drain_timeout
        overdue = self.clock() - STOP_OVERDUE_S
        return replace(
            self.goals.desired(force_toggle, expired),
            freeze=self.pair.freeze and not self.deploys.is_booting,
            awake=self.deploys.checked_program,
            stop_overdue=tuple(p for p, at in self._stopping_since.items() if at < overdue),
        )

    def on_decision(self, run: ReconcileRun, decision: Decision) -> None:
        observed = self.observed
        assert observed is not None
        self.decision = decision
        if decision.actions:
            run.acted_at = self.clock()
        if decision.met:
            self._on_goal_reached(run, observed, decision)
            self.services.loop.call_soon(self.deploys.wake)
        outcome = self.requests.outcome(decision, observed, self.goals.requested)
        if outcome is not None:
            self.owner.answer(outcome)
        self.requests.on_decision(decision)
        if self.requests.request is None and decision.poll_slowly and not decision.actions:
            self.recorder.finish("waiting", decision.waiting_for, self.serving, run.cause)

    def goes_on(self, run: ReconcileRun, decision: Decision) -> bool:
        """Gives up until the next event if nothing happens for longer than a boot may take."""
        if not self.owner.active():
            return False
        if self.requests.request is not None:
            return True
        limit = max(self.pair.boot_timeout, self.pair.drain_timeout + 1.0)
        return not decision.done and self.clock() - run.acted_at <= limit

    def _on_goal_reached(self, run: ReconcileRun, observed: PairState, decision: Decision) -> None:
        """A fail-over: another instance serves because the one that did ended by itself."""
        if decision.goal and self.releases.note_serving(decision.goal):
            self.owner.save_settings()
        ordered = self.goals.promotes_on_start(decision.goal)
        was = self.goals.served_before(decision.goal)
        self.goals.reached(decision.goal, observed, self.deploys.running is not None)
        asked = self.requests.request is not None or ordered
        if was and was in self.ended_by_itself and not asked:
            self.recorder.on_failover(was, decision.goal, run.cause)
        elif was:
            self.recorder.on_promotion(was, decision.goal, run.cause)
        self.ended_by_itself.clear()

    # act

    def restart(self, instance: Instance) -> None:
        """Stop an instance so that it attaches to the pool's new socket, and start it again."""
        other = next(p for p in self.pair.programs if p != instance.program)
        alone = self.observer.masters[other].attached is False or instance.accepting
        on_start = OnStart.PROMOTE if alone else OnStart.STANDBY

        def restarted() -> None:
            self.goals.on_start[instance.program] = on_start

        self.services.programs.restart(instance.program, restarted)

    def expect_stop(self, program: str) -> None:
        self.services.programs.expect_stop(program)

    def on_action_done(self, action: Action, killed_requests: int = 0) -> None:
        self._log("action done", action, reason=action.reason)
        self.recorder.on_action_done(action, killed_requests)
        self.deploys.on_action_done(action)
        if b"p" in action.command:
            self.owner.follow_up()

    def on_action_failed(self, action: Action, error: OSError) -> None:
        self._log("action failed", action, error=str(error))

    def _log(self, sentence: str, action: Action, **fields: Any) -> None:
        self.services.log("debug", sentence, pair=self.pair.name, action=str(action), **fields)

    # between runs

    def watch_processes(self) -> None:
        """Watch the process of each program, and a master below a wrapper."""
        loop = self.services.loop
        for program, tracked in self.observer.masters.items():
            pids = {self.services.programs.get(program).pid, tracked.master} - {0}
            for pid in pids - loop.watched():
                loop.watch(pid, partial(self.owner.process_ended, program))

    def on_run_ended(self) -> None:
        self._draining_since = None

    def fifos_changed(self) -> bool:
        """Whether somebody else gave commands since the last observation."""
        return self.fifo_changes.pending()

    def note_observed(self, observed: PairState) -> None:
        """Take in an observation that was made for somebody else."""
        self.state_times.note(observed)
        if self.observed is None:
            self.observed = observed

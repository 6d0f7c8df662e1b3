"""Runs a deploy: observes the pair, asks the state machine what comes next, and has it done.

A client that disconnects ends nothing. A supervisord that is reloaded forgets the deploy; the
pair then makes one instance serve and one be parked, as after any other failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..core.decision import Action, ActionKind
from ..core.pair_state import PairState
from ..core.replies import DeployInfo
from ..core.reply import Reply
from ..jobs.services import Services
from ..supervisord import events
from ..supervisord.timer import Timer
from .executor import DEPLOY, REBUILD, ROLLBACK, DeployExecutor, DeployRequest
from .model import STARTED, DeployAction, DeployState, Outcome, Phase
from .state_machine import advance, begin
from .target import DeployTarget

#: Between two observations while an instance drains, stops, boots or is promoted.
BRISK_S = 0.05
#: Between two observations in the other phases. Events cause one at once.
CALM_S = 0.25
CALM_PHASES = (Phase.CHECKING, Phase.BAKING, Phase.PREPARING, Phase.FINISHING)
BUG = "a bug of supervisor_zerg, please report it: supervisord's log has the details"
EVENTS: dict[Outcome | None, type[events.ZergEvent]] = {
    Outcome.DEPLOYED: events.Deployed,
    Outcome.ROLLED_BACK: events.RolledBack,
    Outcome.FAILED: events.DeployFailed,
    Outcome.NOT_BACK: events.DeployFailed,
    Outcome.NOBODY: events.DeployFailed,
}


class DeployRunner:
    """One deploy, from its first step to its end.

    Args:
        observed: the observation on which the plans are based.
        reply: gets the struct when the deploy has ended.
        on_end: called with this deploy when it has ended.
    """

    def __init__(
        self,
        services: Services,
        target: DeployTarget,
        request: DeployRequest,
        observed: PairState,
        reply: Reply[DeployInfo],
        on_end: Callable[[DeployRunner], object],
    ) -> None:
        self.services = services
        self.loop = services.loop
        self.target = target
        self.request = request
        self.observed = observed  # the latest observation
        self.reply = reply
        self.on_end = on_end
        self.executor = DeployExecutor(services, target, request, self.observe)
        self.closed = False
        self.began = self.loop.clock()
        self.at = time.time()
        self.took: float | None = None
        self.aborted_by = ""
        self.steps: list[str] = []
        self._plans = list(request.plans)
        self._killed_before = 0  # by the plans that have been carried out
        self.state: DeployState = begin(self._plans[0], self.began)[0]
        self._observing = False
        self._timer: Timer | None = None

    def __str__(self) -> str:
        return self.request.name(self.state.plan)

    @property
    def over(self) -> bool:
        return self.state.phase is Phase.ENDED and not self._plans

    @property
    def elapsed(self) -> float:
        """Seconds since it began, or that it took."""
        return self.loop.clock() - self.began if self.took is None else self.took

    def start(self) -> None:
        self._begin_plan()

    def _begin_plan(self) -> None:
        self.executor.forget()
        state, actions = begin(self._plans.pop(0), self.loop.clock())
        self._enter_phase(state)
        self._take(state, actions)
        self.observe()

    # what happens meanwhile

    def on_program_ended(self, program: str, statename: str) -> None:
        """A program of the pair has ended, by itself or by a stop."""
        if program == self.state.plan.target and self.state.phase in STARTED:
            self.executor.process.on_end(statename)
        self.observe()

    def on_action_done(self, action: Action) -> None:
        """An action was carried out on the pair."""
        if action.kind is ActionKind.RESUME and action.program == self.state.plan.target:
            self.executor.process.resumed = True

    def abort(self, by: str) -> None:
        """End on the old release."""
        self.aborted_by = by
        self.observe()

    def supersede(self) -> None:
        """Another deploy begins, which stops what this one still had to stop."""
        self.executor.superseded = True

    def close(self) -> None:
        """supervisord ends, or the pair is removed: do nothing any more."""
        self.closed = True
        self._cancel_timer()
        self.executor.close()

    # the loop

    def observe(self) -> None:
        """Observe now, unless that is under way. While supervisord ends, nothing is done."""
        if self._observing or self.closed or self.over or not self.services.programs.running():
            return
        self._observing = True
        self._cancel_timer()
        self.executor.promotion.poll()
        self.loop.task(self.target.observe(), self._on_observed).start()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _on_observed(self, observed: PairState | None) -> None:
        self._observing = False
        if self.closed:
            return
        try:
            if observed is not None and self.services.programs.running():
                self.observed = observed
                self._advance()
        except Exception:  # the loop's guard logs it; the pair must not stay busy forever
            self._plans = []
            self.state = replace(self.state, phase=Phase.ENDED, outcome=Outcome.FAILED, reason=BUG)
            self._end()
            raise
        if not self.over:
            pause = CALM_S if self.state.phase in CALM_PHASES else BRISK_S
            self._timer = self.loop.call_later(pause, self.observe)

    def _advance(self) -> None:
        while not self.over:
            before = self.state
            observation = self.executor.observation(before, self.observed, self.aborted_by)
            state, actions = advance(before, observation)
            if state is before and not actions:
                return
            if state.phase is not before.phase:
                self._enter_phase(state)
            self._take(state, actions)
            if state.phase is Phase.ENDED:
                self._end()
                return

    def _enter_phase(self, state: DeployState) -> None:
        self.steps.append(f"+{self.loop.clock() - self.began:.1f}s {state.waiting_for()}")
        self.executor.jobs.forget_answers()

    def _take(self, state: DeployState, actions: tuple[DeployAction, ...]) -> None:
        self.state = state
        for action in actions:
            self.executor.perform(action, state, self.observed)

    # the end

    def _end(self) -> None:
        outcome = self.state.outcome
        if outcome is Outcome.DEPLOYED and self._plans:
            self._killed_before += self.state.killed_requests
            self._begin_plan()
            return
        self.executor.forget()
        self._plans = []
        self.took = self.loop.clock() - self.began
        self._announce()
        self._note_release()
        if self._went_back:
            self._run_rollback_hook()
        self.on_end(self)
        self.reply.set(self.info())

    @property
    def promoted(self) -> bool:
        """It has ended, and its target serves in the place of the old instance."""
        return self.state.outcome is Outcome.DEPLOYED and not self.state.plan.standby

    @property
    def _went_back(self) -> bool:
        """Users are on an earlier release: the deploy was bad, or an operator wanted it."""
        outcome = self.state.outcome
        rollback = self.request.kind == ROLLBACK and outcome is Outcome.DEPLOYED
        return rollback or (outcome is Outcome.ROLLED_BACK and self.request.kind != REBUILD)

    def _note_release(self) -> None:
        request = self.request
        releases = self.target.releases
        if not releases.on or request.kind == REBUILD:
            return
        releases.note_end(self.state, request.id, request.by, bool(self.aborted_by))
        if request.kind == ROLLBACK and self.state.outcome is Outcome.DEPLOYED:
            releases.note_rolled_back(self.state.plan.old_release, request.id, request.by)

    def _run_rollback_hook(self) -> None:
        plan = self.state.plan
        if self.request.kind == ROLLBACK and self.state.outcome is Outcome.DEPLOYED:
            reason = f"rolled back by {self.request.by}"
            self.executor.run_rollback_hook(self.state, reason, plan.release)
        else:
            self.executor.run_rollback_hook(self.state, self.state.reason, plan.old_release)

    def _announce(self) -> None:
        kind = events.RolledBack if self._went_back else EVENTS.get(self.state.outcome)
        if kind is None or self.request.kind == REBUILD:
            return
        release = self.state.plan.release
        events.announce(
            kind,
            self.state.reason,
            pair=self.target.pair.name,
            id=self.request.id,
            target=self.state.plan.target,
            serving=self.observed.serving,
            **({"release": release} if release else {}),
        )

    # reports

    def info(self) -> DeployInfo:
        """The deploy struct of the RPC interface."""
        state = self.state
        return {
            "id": self.request.id,
            "kind": self.request.kind,
            "pair": self.target.pair.name,
            "target": state.plan.target,
            "pid": self.observed.instance(state.plan.target).pid,
            "old": state.plan.old,
            "label": self.request.label,
            "release": state.plan.release,
            "by": self.request.by,
            "at": self.at,
            "elapsed": round(self.elapsed, 3),
            "phase": state.phase.name.lower(),
            "waiting_for": "" if self.over else state.waiting_for(),
            "steps": list(self.steps),
            "outcome": self._outcome if self.over else "",
            "changed": state.outcome is not Outcome.REFUSED,
            "reason": state.reason,
            "killed_requests": self._killed_before + state.killed_requests,
            "serving": self.observed.serving,
        }

    @property
    def _outcome(self) -> str:
        """What clients see; only a deploy ends as deployed."""
        outcome = self.state.outcome
        if outcome is Outcome.DEPLOYED and self.request.kind != DEPLOY:
            return "done"
        return outcome.value if outcome else ""

    def history_entry(self) -> dict[str, Any]:
        """The entry of the history, once the deploy is over; its id is that of the deploy."""
        info = self.info()
        return {
            "id": info["id"],
            "kind": info["kind"],
            "program": info["target"],
            "by": info["by"],
            "outcome": info["outcome"],
            "reason": info["reason"],
            "serving": info["serving"],
            "label": info["label"],
            "killed_requests": info["killed_requests"],
            **({"release": info["release"]} if info["release"] else {}),
            "actions": info["steps"],
            "took_ms": info["elapsed"] * 1000,
            "failover": False,
        }

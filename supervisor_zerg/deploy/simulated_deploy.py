"""A deploy on an ideal pair: the state machine and the planner as they are, without any process.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..core import errors
from ..core.decision import Action, Decision
from ..core.goals import Aim, DesiredState, Goals, OnStart
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from ..core.planner import decide
from . import simulation
from .model import (
    BEFORE_TRAFFIC,
    Counters,
    DeployAction,
    DeployObservation,
    DeployState,
    HealthStreak,
    HookResult,
    Outcome,
    Phase,
    Plan,
    Promotion,
    ends_through_fifo,
)
from .state_machine import advance, begin


@dataclass(frozen=True)
class StopSignal:
    """Supervisor sends a program its stop signal."""

    program: str


@dataclass(frozen=True)
class Event:
    """Something that the deploy does, and what the pair was like before."""

    state: DeployState
    observed: PairState
    action: Action | DeployAction | StopSignal | None  # None: the phase begins


class SimulatedDeploy:
    """Carries out one plan, step by step.

    Args:
        observed: the pair to begin with.
    """

    def __init__(self, pair: PairConfig, plan: Plan, observed: PairState) -> None:
        self.plan = plan
        self.observed = observed
        self.now = 0.0
        self.failing = False  # what the release does from now on is bad
        self.goals = Goals(pair, {})
        self.goals.last_active = observed.serving
        # Both accept only if an operator wants it: else the pair would be parking one of them.
        self.goals.both_active = all(instance.accepting for instance in observed.instances)
        self.promotion = Promotion()
        self._retires = pair.retire == "stop"
        self._requested = False
        self._at_rest = False
        self.state, self._first_actions = begin(plan, self.now)
        # A hook or a health check succeeds at once; nothing has to be killed.
        self._perform: dict[DeployAction, Callable[[], list[Event]]] = {
            DeployAction.STOP: self._stop,
            DeployAction.START: self._start,
            DeployAction.PROMOTE: self._promote,
            DeployAction.RETURN: self._return,
            DeployAction.START_OLD: self._start_old,
        }

    @property
    def over(self) -> bool:
        return self.state.phase is Phase.ENDED and self._at_rest

    def begin(self) -> list[Event]:
        return self._take(self.state, self._first_actions)

    def step(self) -> list[Event]:
        """What happens next; nothing, if only time passes."""
        desired = self._desired()
        decision = decide(self.observed, desired)
        if decision.met:
            self.goals.reached(decision.goal, self.observed, self.state.phase is not Phase.ENDED)
        if decision.actions:
            self._at_rest = False
            return [self._apply(action) for action in decision.actions]
        self.promotion = self._answer(decision)
        before = self.state
        state, actions = advance(before, self._observation())
        if state is not before or actions:
            return self._take(state, actions, state.phase is not before.phase)
        return self._pass_time()

    def _desired(self) -> DesiredState:
        desired = self.goals.desired(False, False)
        awake = self.state.phase in BEFORE_TRAFFIC  # as the pair does (DeployRegistry.is_booting)
        return replace(desired, freeze=False) if awake else desired

    def _apply(self, action: Action) -> Event:
        event = Event(self.state, self.observed, action)
        self.observed = simulation.apply(self.observed, action)
        return event

    def _answer(self, decision: Decision) -> Promotion:
        """The answer to the promotion that was requested last."""
        if not self._requested:
            return Promotion()
        if decision.met and not self.goals.requested:
            return Promotion(done=True)
        if not self._at_rest:
            return Promotion()
        error = decision.refusal or errors.TimedOut
        return Promotion(refusal=str(error(decision.waiting_for)))

    def _observation(self) -> DeployObservation:
        """A release that fails is one whose requests take too long."""
        return DeployObservation(
            target=self.observed.instance(self.plan.target),
            old=self.observed.instance(self.plan.old),
            serving=self.observed.serving,
            now=self.now,
            counters=Counters(harakiris=int(self.failing), known=True),
            hook=HookResult(ok=True),
            health=HealthStreak(good=self.plan.count),
            promotion=self.promotion,
        )

    def _take(
        self, state: DeployState, actions: tuple[DeployAction, ...], begins: bool = True
    ) -> list[Event]:
        self.state = state
        self._at_rest = False
        events = [Event(state, self.observed, None)] if begins else []
        for action in actions:
            events.append(Event(state, self.observed, action))
            if action in self._perform:
                events += self._perform[action]()
        if state.phase is Phase.ENDED and state.outcome is Outcome.DEPLOYED and self._retires:
            self.goals.retiring = self.plan.old
        return events

    def _pass_time(self) -> list[Event]:
        """Requests end and so on. If nothing changes by itself, some limit is reached next."""
        rested = simulation.wait(self.observed)
        self._at_rest = rested == self.observed
        self.observed = rested
        if self._at_rest and self.state.phase is Phase.STOPPING:
            return self._send_stop_signal()  # it could not be ended through its FIFO
        if self._at_rest:
            plan = self.plan
            self.now += max(plan.bake, plan.drain_timeout, plan.boot_timeout) + 1.0
        return []

    # actions

    def _stop(self) -> list[Event]:
        instance = self.observed.instance(self.plan.target)
        if not ends_through_fifo(instance, self.goals.last_active):
            return self._send_stop_signal()
        self.goals.retiring = instance.program
        return []

    def _send_stop_signal(self) -> list[Event]:
        event = Event(self.state, self.observed, StopSignal(self.plan.target))
        self.observed = simulation.stop(self.observed, self.plan.target)
        return [event]

    def _start(self) -> list[Event]:
        self.goals.retiring = ""
        self.goals.on_start[self.plan.target] = OnStart.STANDBY
        self.observed = simulation.start(self.observed, self.plan.target)
        return []

    def _start_old(self) -> list[Event]:
        self.goals.retiring = ""
        self.goals.on_start[self.plan.old] = OnStart.STANDBY
        self.observed = simulation.start(self.observed, self.plan.old)
        return []

    def _promote(self) -> list[Event]:
        return self._request(self.plan.target)

    def _return(self) -> list[Event]:
        return self._request(self.plan.old)

    def _request(self, program: str) -> list[Event]:
        self.goals.set_aim(Aim(program, hold=False, both_active=False))
        self._requested = True
        return []

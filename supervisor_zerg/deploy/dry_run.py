"""What a deploy would do: each hook, each byte, and what follows if the release fails.

The planner and the state machine run on an ideal pair
(:mod:`~supervisor_zerg.deploy.simulation`); this module puts what they do into sentences. Pure.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

from ..core.decision import Action, ActionKind
from ..core.instance import Instance
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from .model import PATIENCE_S, DeployAction, Outcome, Phase, Plan
from .simulated_deploy import Event, SimulatedDeploy, StopSignal
from .state_machine import CUT_S

#: More steps than any deploy takes.
MANY_STEPS = 500
BY_ITSELF = "not if it accepts by itself, as with hooks.ini"


def dry_run(pair: PairConfig, plans: Sequence[Plan], observed: PairState) -> list[str]:
    """The steps of a deploy, each as a sentence for people."""
    steps: list[str] = []
    for plan in plans:
        deploy = SimulatedDeploy(pair, plan, observed)
        for sentence in _sentences(pair, deploy):
            if sentence not in steps[-1:]:  # the same signal to the next thread
                steps.append(sentence)
        if deploy.state.outcome is not Outcome.DEPLOYED:
            break
        observed = deploy.observed
    return steps


def _sentences(pair: PairConfig, deploy: SimulatedDeploy) -> Iterator[str]:
    """What a deploy does from where it is to its end."""
    describe = _Sentences(pair, deploy.plan)
    events = [] if deploy.failing else deploy.begin()
    for _ in range(MANY_STEPS):
        for event in events:
            yield from describe.event(event)
            if event.action is None and event.state.phase is Phase.BAKING:
                yield from _failure(pair, deploy)
        if deploy.over:
            yield from describe.end(deploy)
            return
        events = deploy.step()
    yield f"the steps after that cannot be simulated: {deploy.state.waiting_for()}"


def _failure(pair: PairConfig, deploy: SimulatedDeploy) -> Iterator[str]:
    """What follows if the release turns out to be bad while it is watched."""
    failing = copy.deepcopy(deploy)
    failing.failing = True
    for sentence in _sentences(pair, failing):
        yield f"if {deploy.plan.target} fails: {sentence}"


class _Sentences:
    """Describes the events of one plan."""

    def __init__(self, pair: PairConfig, plan: Plan) -> None:
        self.pair = pair
        self.plan = plan

    def event(self, event: Event) -> Iterator[str]:
        action = event.action
        if isinstance(action, Action):
            yield self._action(event, action)
        elif isinstance(action, DeployAction):
            yield from self._order(event, action)
        elif isinstance(action, StopSignal):
            instance = event.observed.instance(action.program)
            yield f"send {action.program} its stop signal ({_who(instance)})"
        else:
            yield from self._phase(event)

    def end(self, deploy: SimulatedDeploy) -> Iterator[str]:
        """How the deploy ended, if not with the new release."""
        state = deploy.state
        if state.outcome is Outcome.ROLLED_BACK:
            yield f"{self.plan.old} serves again"
            if self.pair.on_rollback:
                yield f"run on_rollback: {self.pair.on_rollback}"
            if self.plan.old_release and self.pair.after_rollback == "rebuild":
                yield f"boot {self.plan.target} again, from the release {self.plan.old_release}"
        elif deploy.failing:
            yield f"there is no way back: {self.plan.old} has ended"
        elif state.outcome not in (None, Outcome.DEPLOYED):
            yield f"the deploy ends here, {state.outcome.value}: {state.reason}"

    # the state machine

    def _phase(self, event: Event) -> Iterator[str]:
        plan = self.plan
        target = event.observed.instance(plan.target)
        if event.state.phase is Phase.DRAINING and target.pid:
            now = "" if plan.continues_previous else f" (now {target.in_flight})"
            yield (
                f"wait until no request of {plan.target} is in flight{now},"
                f" {plan.drain_timeout:.0f} s at most;"
                f" requests that last {CUT_S:.0f} s longer are killed"
            )
        if event.state.phase is Phase.BAKING:
            yield f"watch {plan.target} for {plan.bake:.0f} s{self._health_in_bake()}"

    def _order(self, event: Event, order: DeployAction) -> Iterator[str]:
        plan = self.plan
        if order is DeployAction.RUN_HOOK:
            hook = event.state.hook
            yield f"run {hook}: {self.pair.hooks[hook]}"
        if order is DeployAction.LINK:
            yield f"let the link of {plan.target} name the release {plan.release}"
        if order is DeployAction.START_OLD:
            yield f"start {plan.old} again, from its own release {plan.old_release}"
        if order is DeployAction.START:
            limit = f"{plan.boot_timeout:.0f} s at most"
            yield f"start {plan.target}, and wait until it is ready, {limit}"
        if order is DeployAction.CHECK and event.state.phase is Phase.CHECKING:
            yield (
                f"wait until {self._good_answers()}, {plan.check_timeout:.0f} s at most"
                f" ({BY_ITSELF})"
            )

    def _good_answers(self) -> str:
        address = self.pair.health_of(self.plan.target)
        return f"the last {self.plan.count} answers of {address} are good"

    def _health_in_bake(self) -> str:
        if not self.plan.check_serving:
            return ""
        if not self.plan.check_parked:
            reason = "which does not tell the instances apart, so it is not asked earlier"
            return f", and until {self._good_answers()} ({reason})"
        if not self.plan.bake:
            return ""  # the answers before the promotion suffice
        return f", and until {self._good_answers()}"

    # the planner

    def _action(self, event: Event, action: Action) -> str:
        instance = event.observed.instance(action.program)
        if action.command and instance.slot is not None:
            command = action.command.decode().replace("\n", "\\n")
            fifo = self.pair.fifos[instance.slot]
            effect = self._effect(event, action)
            return f"write '{command}' to {fifo} ({_who(instance)}): {effect}"
        if action.kind is ActionKind.NUDGE:
            return f"signal the threads of {action.program} until none waits for a request"
        reason = f" ({action.reason})" if action.reason else ""
        return f"{action.kind.value} {action.program}{reason}"

    def _effect(self, event: Event, action: Action) -> str:
        program = action.program
        by_itself = program == self.plan.target and event.state.phase is Phase.PROMOTING
        if action.kind is ActionKind.RESUME:
            return f"{program} accepts requests" + (f" ({BY_ITSELF})" if by_itself else "")
        if action.kind is ActionKind.PAUSE:
            return f"{program} is parked"
        if action.kind is ActionKind.QUIT:
            return self._quit(event, program)
        if action.slot is not None:
            return f"{program} moves to the slot {action.slot.label}"
        return f"{action.kind.value} ({action.reason})"

    def _quit(self, event: Event, program: str) -> str:
        if event.state.phase is Phase.STOPPING:
            return f"{program} ends; if not within {PATIENCE_S:.0f} s, it gets its stop signal"
        retired = " (retire = stop)" if event.state.phase is Phase.ENDED else ""
        return f"{program} finishes its requests and ends{retired}"


def _who(instance: Instance) -> str:
    """The pid of a process that the simulation started is not known."""
    pid = instance.master or instance.pid
    return f"pid {pid}" if pid > 0 else "the new master"

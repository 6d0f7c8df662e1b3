"""Carries out the actions of the state machine, and keeps what its sources report.

What can block (hooks, health checks) is done by the listener
(:mod:`~supervisor_zerg.deploy.jobs`); what moves a slot is requested of the pair
(:class:`~supervisor_zerg.deploy.target.DeployTarget`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..core.causes import Cause, CauseKind
from ..core.instance import Instance
from ..core.pair_state import PairState
from ..jobs.hooks import run_hook
from ..jobs.services import Services
from ..linux.releases import shown
from .jobs import DeployJobs
from .model import (
    STARTED,
    Counters,
    DeployAction,
    DeployObservation,
    DeployState,
    Phase,
    Plan,
)
from .promotion import PromotionRequest
from .stopper import Stopper
from .target import DeployTarget
from .target_process import TargetProcess

#: A recycled worker is replaced within this time: an earlier observation would miss a worker.
RECYCLED_S = 0.05


#: The kinds of what a deploy's state machine does. A rebuild boots the spare after a roll-back.
DEPLOY = "deploy"
ROLLBACK = "rollback"
REBUILD = "rebuild"
RESTART = "restart"


@dataclass(frozen=True)
class DeployRequest:
    """What was asked for. Each plan begins when the one before it has been deployed."""

    id: str
    plans: tuple[Plan, ...]
    label: str
    by: str
    kind: str = DEPLOY

    def name(self, plan: Plan) -> str:
        """How history and refusals call the deploy while it carries out a plan."""
        return f"{self.kind} {plan.target} (id {self.id})"


class DeployExecutor:
    """Acts for one deploy.

    Args:
        wake: called when there is something new to observe.
    """

    def __init__(
        self,
        services: Services,
        target: DeployTarget,
        request: DeployRequest,
        wake: Callable[[], object],
    ) -> None:
        self.services = services
        self.target = target
        self.request = request
        self.wake = wake
        self.jobs = DeployJobs(services, target.pair, wake)
        self.stopper = Stopper(services, target)
        self.promotion = PromotionRequest(target)
        self.process = TargetProcess(services.kernel.processes.alive)
        self.superseded = False  # by another deploy
        self._watched: set[int] = set()  # workers
        self._unreachable: str | None = None  # None: not asked yet
        self._actions: dict[DeployAction, Callable[[DeployState, PairState], None]] = {
            DeployAction.RUN_HOOK: self._run_hook,
            DeployAction.END_HOOK: self._end_hook,
            DeployAction.LINK: self._link,
            DeployAction.STOP: self._stop,
            DeployAction.KILL: self._kill,
            DeployAction.START: self._start,
            DeployAction.CHECK: self._check,
            DeployAction.PROMOTE: self._promote,
            DeployAction.RETURN: self._return,
            DeployAction.START_OLD: self._start_old,
        }

    def forget(self) -> None:
        """Another plan begins, or none."""
        self.jobs.end()
        self.promotion.withdraw()
        self.process.forget()
        self._unreachable = None
        self._unwatch()

    def close(self) -> None:
        """supervisord ends, or the pair is removed."""
        self.jobs.end()
        self._unwatch()

    def _unwatch(self) -> None:
        for pid in self._watched:
            self.services.loop.unwatch(pid)
        self._watched = set()

    def perform(self, action: DeployAction, state: DeployState, observed: PairState) -> None:
        self._actions[action](state, observed)

    def run_rollback_hook(self, state: DeployState, reason: str, release: str) -> None:
        """`release`: what serves again."""
        environment = self._environment(state)
        environment.update({"ZERG_REASON": reason, "ZERG_RELEASE": release})
        pair = self.target.pair
        run_hook(self.services, pair, self.target.serving, "on_rollback", environment)

    # what is known

    def observation(
        self, state: DeployState, observed: PairState, aborted_by: str
    ) -> DeployObservation:
        """The observation of the pair together with what the other sources know."""
        plan = state.plan
        target = observed.instance(plan.target)
        now = self.services.loop.clock()
        if target.cheap and state.phase in (Phase.CHECKING, Phase.BAKING):
            self.jobs.forget_answers()  # it has no workers: the pair wakes it
            self.target.schedule(Cause(CauseKind.DEPLOY_CHECKS, plan.target))
        if (
            target.pid
            and state.phase in STARTED
            and not self.services.kernel.processes.alive(target.pid)
        ):
            self.process.on_end("EXITED")  # Supervisor has not noticed yet
        return DeployObservation(
            target=target,
            old=observed.instance(plan.old),
            serving=observed.serving,
            now=now,
            ended=self.process.ended,
            unlinked=self.process.unlinked,
            unreachable=self._reach(state, target),
            resumed=self.process.resumed,
            orphans=any(orphan.program == plan.target for orphan in observed.orphans),
            counters=self._count(state, target, now),
            hook=self.jobs.hook,
            health=self.jobs.health,
            promotion=self.promotion.state,
            abort=aborted_by,
        )

    def _reach(self, state: DeployState, target: Instance) -> str:
        """Why nobody can connect to the target, which is asked once, when it serves."""
        if self._unreachable is None and state.phase is Phase.BAKING and target.accepting:
            self._unreachable = self.target.unreachable(target.program)
        return self._unreachable or ""

    def _count(self, state: DeployState, target: Instance, now: float) -> Counters:
        pids = {worker.pid for worker in target.workers if not worker.zombie}
        loop = self.services.loop
        if state.phase in (Phase.PROMOTING, Phase.BAKING):
            for pid in pids - loop.watched():
                self._watched.add(pid)
                loop.watch(pid, lambda pid: self._on_worker_ended(target.program, pid))
        return self.process.crashes.count(pids, self.target.snapshot(target.program), now)

    def _on_worker_ended(self, program: str, pid: int) -> None:
        """It may have been the last one that takes requests."""

        def check() -> None:
            self.target.schedule(Cause(CauseKind.WORKER_ENDED, program, str(pid)))
            self.wake()

        self.services.loop.call_later(RECYCLED_S, check)

    # actions

    def _environment(self, state: DeployState) -> dict[str, str]:
        return {
            "ZERG_ID": self.request.id,
            "ZERG_TARGET": state.plan.target,
            "ZERG_OLD": state.plan.old,
            "ZERG_LABEL": self.request.label,
            "ZERG_RELEASE": state.plan.release,
        }

    def _run_hook(self, state: DeployState, observed: PairState) -> None:
        self.jobs.run_hook(state.hook, self.target.serving, self._environment(state))

    def _end_hook(self, state: DeployState, observed: PairState) -> None:
        self.jobs.end()

    def _stop(self, state: DeployState, observed: PairState) -> None:
        self.jobs.end()
        instance = observed.instance(state.plan.target)
        starts = self.process.starts

        def superseded() -> bool:
            restarted = self.superseded or self.process.starts != starts
            return restarted or self.target.is_started_by_others(instance.program)

        self.stopper.stop(instance, state.had_traffic, superseded)

    def _kill(self, state: DeployState, observed: PairState) -> None:
        instance = observed.instance(state.plan.target)
        self.stopper.kill(instance)
        self.services.log(
            "warn",
            "killed an instance with requests in flight",
            pair=self.target.pair.name,
            program=instance.program,
            count=state.killed_requests,
        )

    def _link(self, state: DeployState, observed: PairState) -> None:
        plan = state.plan
        self.process.forget()
        try:
            self.target.releases.point(plan.target, plan.release, trying=not plan.standby)
            self.target.save_settings()
        except OSError as error:
            reason = f"the link of {plan.target} cannot name {plan.release}: {shown(str(error))}"
            self.process.unlinked = reason
            self.services.log("warn", "link unchanged", program=plan.target, reason=reason)

    def _start(self, state: DeployState, observed: PairState) -> None:
        if state.plan.takes_settings:
            self.services.programs.take_settings(state.plan.target)
        if not self.process.unlinked:
            self.process.on_start(self.target.start_parked(state.plan.target))

    def _start_old(self, state: DeployState, observed: PairState) -> None:
        self.jobs.end()
        self.target.start_parked(state.plan.old)

    def _check(self, state: DeployState, observed: PairState) -> None:
        environment = {**self._environment(state), "ZERG_PHASE": state.phase.name.lower()}
        self.jobs.check(state.plan.target, environment)

    def _promote(self, state: DeployState, observed: PairState) -> None:
        self.promotion.request(state.plan.target, self.request.name(state.plan))

    def _return(self, state: DeployState, observed: PairState) -> None:
        self.jobs.end()
        self.promotion.request(state.plan.old, self.request.name(state.plan))

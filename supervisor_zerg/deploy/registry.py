"""The deploys of one pair: the one that runs, the last few, and the labels of the releases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import errors
from ..core.decision import Action
from ..core.pair_state import PairState
from ..core.replies import DeployInfo
from ..core.reply import Reply
from ..jobs.services import Services
from .executor import REBUILD, DeployRequest
from .model import BEFORE_TRAFFIC, Phase
from .runner import DeployRunner
from .target import DeployTarget

REMEMBERED = 10
Labels = dict[str, list[Any]]


class DeployRegistry:
    """Knows the deploys of a pair and passes on what happens to the one that runs.

    Args:
        labels: program -> [pid, when that process was started, the label of its release].
        on_ended: called with each deploy when it has ended. `running` is None and `labels` is up
            to date by then.
    """

    def __init__(
        self,
        services: Services,
        target: DeployTarget,
        labels: Labels,
        on_ended: Callable[[DeployRunner], object],
    ) -> None:
        self.services = services
        self.target = target
        self.labels = labels
        self.on_ended = on_ended
        self.running: DeployRunner | None = None
        self.recent: list[DeployRunner] = []  # without rebuilds
        self._newest: DeployRunner | None = None

    def begin(
        self, request: DeployRequest, observed: PairState, reply: Reply[DeployInfo]
    ) -> DeployRunner:
        """Begin a deploy. The reply gets its struct when it has ended.

        Raises:
            ZergError: something else is under way.
        """
        self.target.require_idle()
        deploy = DeployRunner(self.services, self.target, request, observed, reply, self._ended)
        if self._newest is not None:
            self._newest.supersede()
        self._newest = deploy
        self.running = deploy
        if request.kind != REBUILD:
            self.recent = [*self.recent[1 - REMEMBERED :], deploy]
        deploy.start()
        return deploy

    def end_rebuild(self) -> None:
        """Give up a rebuild of the spare, since a deploy will boot the spare anyway."""
        rebuild = self.running
        if rebuild is None or rebuild.request.kind != REBUILD:
            return
        rebuild.close()
        rebuild.executor.forget()
        self.running = None
        self.services.log("info", "rebuild overtaken by a deploy", pair=self.target.pair.name)

    @property
    def last(self) -> DeployRunner | None:
        return self.recent[-1] if self.recent else None

    @property
    def is_booting(self) -> bool:
        """The target was started and is not promoted yet.

        It must answer the health check, so it must not be frozen.
        """
        running = self.running
        return (
            running is not None
            and running.state.phase in BEFORE_TRAFFIC
            and not running.state.plan.standby
        )

    @property
    def checked_program(self) -> str:
        """The program whose health is being checked: it needs workers to answer."""
        if self.running is None or not self.running.target.pair.health:
            return ""
        state = self.running.state
        checked = state.phase in (Phase.CHECKING, Phase.BAKING)
        return state.plan.target if checked else ""

    def require_idle(self) -> None:
        """Refuse what must not happen during a deploy.

        Raises:
            Busy: a deploy is under way.
        """
        if self.running is not None:
            raise errors.Busy(
                f"{self.running} by {self.running.request.by} is under way since"
                f" {self.running.elapsed:.1f} s for the pair {self.target.pair.name}",
                "ask again when it has ended; 'zerg abort' ends it on the old release",
            )

    def abort(self, by: str) -> Reply[DeployInfo]:
        """End the deploy that runs, on the old release. The reply is its struct at its end.

        Raises:
            NoDeploy: none is under way.
        """
        if self.running is None:
            raise errors.NoDeploy(f"no deploy of the pair {self.target.pair.name} is under way")
        reply = self.running.reply
        self.running.abort(by)
        return reply

    # what happens to the pair

    def wake(self) -> None:
        """Something happened that the deploy may wait for."""
        if self.running is not None:
            self.running.observe()

    def on_action_done(self, action: Action) -> None:
        if self.running is not None:
            self.running.on_action_done(action)

    def on_program_ended(self, program: str, state: str) -> None:
        if self.running is not None:
            self.running.on_program_ended(program, state)

    def close(self) -> None:
        if self.running is not None:
            self.running.close()

    def _ended(self, deploy: DeployRunner) -> None:
        self.running = None
        info = deploy.info()
        if info["pid"] and info["label"]:
            self.labels[info["target"]] = [
                info["pid"],
                self._started_at(info["pid"]),
                info["label"],
            ]
        self.on_ended(deploy)

    # questions

    def label_of(self, program: str, pid: int) -> str:
        """The label of the release in a process; empty once the program was started again."""
        *process, label = self.labels.get(program, [""])
        return str(label) if process == [pid, self._started_at(pid)] else ""

    def _started_at(self, pid: int) -> int:
        """When a process was started: its pid may be used again."""
        process = self.services.kernel.processes.get(pid)
        return process.start if process else 0

    def info(self, ident: str = "") -> DeployInfo:
        """The struct of the deploy with that id.

        Without an id: of the one that runs, or of the last one; empty if there was none.

        Raises:
            ForgottenDeploy: supervisord does not remember it.
        """
        known = [deploy for deploy in self.recent if ident in ("", deploy.request.id)]
        if ident and not known:
            raise errors.ForgottenDeploy(
                f"supervisord does not remember the deploy {ident} of the pair"
                f" {self.target.pair.name}"
            )
        return known[-1].info() if known else {}

"""The controller of one pair.

It turns requests and events into goals, runs the reconcile loop until they are reached, and
answers. What is known about a pair and not observed is kept here, or in its parts.
"""

from __future__ import annotations

from typing import Any, Optional, Protocol

from ..core import errors, requests
from ..core.causes import Cause, CauseKind
from ..core.goals import Goals, OnStart
from ..core.instance import Instance
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from ..core.replies import AutoReply, OperationReply
from ..core.reply import Reply
from ..core.requests import Request
from ..deploy.model import ends_through_fifo
from ..deploy.rebuild import begin_rebuild
from ..deploy.registry import DeployRegistry
from ..deploy.releases import Releases
from ..deploy.runner import DeployRunner
from ..deploy.target import Observing
from ..jobs.services import Services
from ..uwsgi.observer import Observer
from ..uwsgi.stats import Snapshot
from .events import PairEvents
from .reconciler import ReconcileRun, Reconciling, reconcile
from .recorder import HistoryRecorder
from .request_handler import Outcome, PendingRequest, RequestHandler
from .run_handler import PairParts, RunHandler
from .scheduler import RunScheduler
from .settings import OperatorSettings
from .status import PairView
from .view import pair_view

OPERATOR = "operator"


class PairOwner(Protocol):
    """What the controller of a pair asks of the registry of pairs."""

    def on_idle(self) -> None:
        """A request or a deploy is over."""

    def process_ended(self, program: str, pid: int) -> None:
        """A process that was watched is gone. Its pair may have another controller by now."""


class PairController:
    """Implements DeployTarget for the deploys of the pair, and RunOwner for its runs.

    Attributes:
        parts: What the controller is made of; the parts do not know the controller.
    """

    def __init__(
        self,
        pair: PairConfig,
        services: Services,
        settings: OperatorSettings,
        owner: PairOwner,
    ) -> None:
        self.pair = pair
        self.services = services
        self.loop = services.loop
        self.settings = settings
        self.owner = owner
        stored = settings.get(pair.name)
        self.releases = Releases(pair, stored.get("releases"))
        self.goals = Goals(pair, stored)
        self.requests = RequestHandler(pair, services)
        self.recorder = HistoryRecorder(pair, services, self.releases)
        self.observer = Observer(pair, services.kernel, services.programs, self.loop.clock)
        self.deploys = DeployRegistry(
            services, self, stored.get("labels", {}), self._on_deploy_ended
        )
        self.parts = PairParts(
            pair=pair,
            services=services,
            observer=self.observer,
            goals=self.goals,
            requests=self.requests,
            recorder=self.recorder,
            deploys=self.deploys,
            settings=settings,
            releases=self.releases,
        )
        self.handler = RunHandler(self.parts, self)
        self.events = PairEvents(self.parts, self.handler, self)
        self.runs = RunScheduler(self.loop, self._reconcile, self._on_run_ended)
        self.closed = False

    def inherit(self, old: PairController) -> None:
        """Take over what cannot be observed from the same pair under its former section."""
        self.observer.inherit(old.observer)
        self.goals.inherit(old.goals)
        self.deploys.recent = old.deploys.recent
        self.releases.records = old.releases.records
        self.handler.state_times = old.handler.state_times

    def close(self) -> None:
        """Do nothing any more, whatever still calls: a timer, a pidfd, an event."""
        self.closed = True
        self.runs.close()
        self.deploys.close()
        self.observer.close()

    @property
    def observed(self) -> Optional[PairState]:
        return self.handler.observed

    @property
    def serving(self) -> str:
        return self.handler.serving

    @property
    def busy(self) -> bool:
        return self.requests.request is not None or self.deploys.running is not None

    def active(self) -> bool:
        """Whether anything may be done to this pair now."""
        wanted = self.goals.auto or self.busy or self.requests.follow_up_pending
        usable = not self.closed and not self.pair.blocking
        return usable and wanted and self.services.programs.running()

    # requests

    def ask(self, verb: str, program: str = "", **options: Any) -> PendingRequest:
        """Accept a request of an operator.

        Raises:
            ZergError: It cannot be accepted: busy, misconfigured, shutting down.
        """
        self.require_idle()
        return self._accept(verb, program, OPERATOR, options)

    def _accept(self, verb: str, program: str, by: str, options: dict[str, Any]) -> PendingRequest:
        pending = self.requests.accept(verb, program, by, options, self.goals)
        self._finish_entry("overtaken", f"by {pending.request}")
        self.runs.schedule_request(Cause(CauseKind.REQUEST, program, verb))
        return pending

    def require_ready(self) -> None:
        """Raise ZergError if the pair can take no request at all."""
        if self.closed:
            raise errors.ZergError(
                f"the section of the pair {self.pair.name} was just changed", "ask again"
            )
        self.requests.require_ready()

    def require_idle(self) -> None:
        self.require_ready()
        self.deploys.require_idle()
        self.requests.require_idle()

    def answer(self, outcome: Outcome) -> None:
        pending = self.requests.finish(outcome)
        refusal = outcome.refusal
        if refusal is None:
            pending.reply.set(self.reply_to(pending.request))
            self._finish_entry("done", "", pending.request)
        else:  # it must not come true later: a hold least of all
            self.goals.set_aim(pending.previous)
            self.save_settings()
            pending.reply.fail(refusal)
            self._finish_entry("refused", str(refusal), pending.request)
        self.owner.on_idle()

    def reply_to(self, request: Request) -> OperationReply:
        """What the pair is like now, as the answer to a request."""
        return requests.reply(
            self.pair.name,
            request,
            self.observed or PairState(()),
            self.recorder.actions,
            self.goals.hold,
            self.loop.clock(),
        )

    def set_auto(self, on: bool) -> AutoReply:
        """Switch auto on or off."""
        changed = self.goals.auto is not on
        if changed:
            self.goals.auto = on
            self.save_settings()
            self.recorder.write_auto(on, OPERATOR, self.serving)
        if changed and on:
            self.schedule(Cause(CauseKind.AUTO_ON))
        return requests.auto_reply(self.pair.name, changed, self.observed or PairState(()), on)

    # what a deploy asks: deploy/target.py

    def observe(self, thorough: bool = False) -> Observing:
        return self.observer.observe(full=True, thorough=thorough)

    def snapshot(self, program: str) -> Optional[Snapshot]:
        return self.observer.masters[program].snapshot

    def unreachable(self, program: str) -> str:
        return self.observer.unreachable_at(program)

    def promote(self, program: str, by: str) -> Reply[OperationReply]:
        try:
            self.require_ready()
            self.requests.require_idle()
        except errors.ZergError as refusal:
            reply = self.services.new_reply()
            reply.fail(refusal)
            return reply
        return self._accept("promote", program, by, {}).reply

    def withdraw(self, reply: Optional[Reply[OperationReply]]) -> None:
        pending = self.requests.pending
        if pending is not None and pending.reply is reply:
            self.answer(Outcome(errors.Busy(f"{pending.request} was withdrawn")))

    def start_parked(self, program: str) -> bool:
        self.goals.retiring = ""
        started = self.services.programs.spawn(program)
        self.goals.on_start[program] = OnStart.STANDBY
        self.schedule(Cause(CauseKind.DEPLOY_STARTS, program))
        return started

    def stop_parked(self, instance: Instance) -> bool:
        if not ends_through_fifo(instance, self.goals.last_active):
            return False
        self.goals.retiring = instance.program
        self.schedule(Cause(CauseKind.DEPLOY_STOPS, instance.program))
        return True

    def is_started_by_others(self, program: str) -> bool:
        return self.goals.promotes_on_start(program)

    def _on_deploy_ended(self, deploy: DeployRunner) -> None:
        plan = deploy.state.plan
        self.save_settings()  # the label, and what became of the release
        if deploy.promoted and self.pair.retire == "stop":
            self.goals.retiring = plan.old
            self.requests.expect_follow_up()
        self.recorder.write(deploy.history_entry())
        self.owner.on_idle()
        self.schedule(Cause(CauseKind.DEPLOY_ENDED, plan.target))
        self.loop.call_soon(lambda: begin_rebuild(self.services, self, self.deploys, deploy))

    # runs

    def schedule(self, cause: Cause, urgent: bool = False, routine: bool = False) -> None:
        """Reconcile now. See :meth:`RunScheduler.schedule`."""
        if self.active():
            self.runs.schedule(cause, urgent, routine, keep_cause=bool(self.recorder.actions))

    def process_ended(self, program: str, pid: int) -> None:
        self.owner.process_ended(program, pid)

    @property
    def idle(self) -> bool:
        return self.runs.idle

    def follow_up(self) -> None:
        self.runs.follow_up(self.schedule)

    def _reconcile(self, run: ReconcileRun) -> Reconciling:
        return reconcile(self.observer, run, self.handler)

    def _on_run_ended(self) -> None:
        self.requests.on_run_ended()
        if self.requests.request is not None:
            self.answer(Outcome(self._why_unfinished()))
        self._finish_entry("reconciled")
        self.handler.on_run_ended()
        self.handler.watch_processes()

    def _why_unfinished(self) -> errors.ZergError:
        if not self.services.programs.running():
            return errors.ShuttingDown("supervisord ends")
        return errors.ZergError("reconcile failed: this is a bug")

    def _finish_entry(
        self, outcome: str, reason: str = "", request: Optional[Request] = None
    ) -> None:
        cause = self.runs.run.cause if self.runs.run else None
        self.recorder.finish(outcome, reason, self.serving, cause, request)

    def save_settings(self) -> None:
        known = {"labels": self.deploys.labels, "releases": self.releases.records.settings()}
        known = {name: value for name, value in known.items() if value}
        self.settings.set(self.pair.name, {**self.goals.settings(), **known})

    # status

    def note_observed(self, observed: PairState) -> None:
        """Take in an observation that was made for somebody else."""
        self.handler.note_observed(observed)

    def view(self, observed: Optional[PairState]) -> PairView:
        """What is known about the pair, with an observation."""
        return pair_view(self.parts, self.handler, observed)

"""A pair as its deploy sees it. Goes when the controller itself is a DeployTarget."""

from ..core import errors
from ..core.causes import Cause, CauseKind, describe
from ..core.goals import OnStart
from ..core.reply import Reply
from ..deploy.model import ends_through_fifo


class ControllerTarget:
    def __init__(self, controller):
        self.controller = controller

    @property
    def pair(self):
        return self.controller.pair

    @property
    def observed(self):
        return self.controller.observed

    @property
    def serving(self):
        return self.observed.serving if self.observed else ""

    def require_idle(self):
        self.controller.check()
        self.controller.free("")

    def observe(self):
        return self.controller.observer.observe(full=True)

    def snapshot(self, program):
        return self.controller.observer.masters[program].snapshot

    def promote(self, program, by):
        reply = RequestReply()
        try:
            reply.request = self.controller.ask("promote", program, by=by)
        except errors.ZergError as refusal:
            reply.fail(refusal)
        return reply

    def withdraw(self, reply):
        if reply is not None:
            self.controller.requests.withdraw(reply.request)

    def start_parked(self, program):
        self.controller.goals.retiring = ""
        started = self.controller.registry.programs.spawn(program)
        self.controller.goals.on_start[program] = OnStart.STANDBY
        self.schedule(Cause(CauseKind.DEPLOY_STARTS, program))
        return started

    def stop_parked(self, instance):
        if not ends_through_fifo(instance, self.controller.goals.last_active):
            return False
        self.controller.goals.retiring = instance.program
        self.schedule(Cause(CauseKind.DEPLOY_STOPS, instance.program))
        return True

    def is_started_by_others(self, program):
        return self.controller.goals.promotes_on_start(program)

    def schedule(self, cause):
        self.controller.schedule(describe(cause))


class RequestReply(Reply):
    """Of a Request that is polled."""

    request = None

    @property
    def pending(self):
        if self.error is None and self.value is None and self.request is not None:
            answer = self.request.answer
            if isinstance(answer, errors.ZergError):
                self.error = answer
            else:
                self.value = answer
        return self.error is None and self.value is None

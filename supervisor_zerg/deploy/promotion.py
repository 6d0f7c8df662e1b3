"""The promotion that a deploy has requested of its pair."""

from __future__ import annotations

from ..core import errors
from ..core.replies import OperationReply
from ..core.reply import Reply
from .model import Promotion
from .target import DeployTarget

#: Refusals for the moment only.
TRANSIENT = (errors.Booting, errors.Unsteady)


class PromotionRequest:
    """At most one request at a time."""

    def __init__(self, target: DeployTarget) -> None:
        self.target = target
        self.state = Promotion()  # as of the last poll
        self._reply: Reply[OperationReply] | None = None

    def request(self, program: str, by: str) -> None:
        self.withdraw()
        self._reply = self.target.promote(program, by)

    def poll(self) -> None:
        """Take in the answer. Called before an observation, so that this shows what came after."""
        if self._reply is None or self._reply.pending:
            return
        error = self._reply.error
        if error is None:
            self.state = Promotion(done=True)
        else:
            self.state = Promotion(refusal=str(error), transient=isinstance(error, TRANSIENT))

    def withdraw(self) -> None:
        """Give up the request, if one is pending, and forget the answer of the last one."""
        self.target.withdraw(self._reply)
        self._reply = None
        self.state = Promotion()

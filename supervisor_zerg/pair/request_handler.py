"""The request that is under way for one pair: from its acceptance to its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Optional, Union

from ..core import errors, requests
from ..core.decision import Decision
from ..core.goals import Aim, Goals
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from ..core.replies import OperationReply
from ..core.reply import Reply
from ..core.requests import Request
from ..jobs.services import Services


@dataclass
class PendingRequest:
    """A request that was accepted.

    Attributes:
        previous: What the pair was to be before; it is restored if the request is refused.
        checked: The request was checked against an observation.
    """

    request: Request
    reply: Reply[OperationReply]
    previous: Aim
    checked: bool = False


class Outcome(NamedTuple):
    """How the request ended: done, or with a refusal."""

    refusal: Optional[errors.ZergError] = None


class RequestHandler:
    """Decides when the request can be answered, and with what. The controller acts on that."""

    def __init__(self, pair: PairConfig, services: Services) -> None:
        self.pair = pair
        self.services = services
        self.pending: Optional[PendingRequest] = None
        self.follow_up_pending = (
            False  # answered, but the old instance has yet to be frozen or ended
        )

    @property
    def request(self) -> Optional[Request]:
        return self.pending.request if self.pending else None

    def require_ready(self) -> None:
        """Raise ZergError if no request for this pair can be met."""
        if not self.services.programs.running():
            raise errors.ShuttingDown("supervisord is shutting down or reloading")
        missing = self.services.kernel.missing_features()
        if missing:
            raise errors.Unsupported(missing[0])
        if self.pair.blocking:
            text = "; ".join(map(str, self.pair.blocking))
            raise errors.Misconfigured(f"the pair {self.pair.name} is misconfigured: {text}")

    def require_idle(self) -> None:
        """Raise Busy if a request is under way."""
        if self.request is not None:
            since = self.services.loop.clock() - self.request.began
            raise errors.Busy(
                f"{self.request} is under way since {since:.3f} s for the pair {self.pair.name}"
            )

    def accept(
        self, verb: str, program: str, by: str, options: dict[str, Any], goals: Goals
    ) -> PendingRequest:
        """Begin a request. `goals`: those of the pair before it."""
        now = self.services.loop.clock()
        request = Request(self.services.new_id(), verb, program, by, options, now)
        previous = Aim("", hold=goals.hold, both_active=goals.both_active)
        self.pending = PendingRequest(request, self.services.new_reply(), previous)
        return self.pending

    def is_new(self) -> bool:
        """Whether a request waits for its first observation."""
        return self.pending is not None and not self.pending.checked

    def check(
        self, observed: PairState, observed_since: float, last_active: str
    ) -> Union[Aim, Outcome, None]:
        """Check a new request against an observation.

        Args:
            observed_since: When the observation began. One that began before the request can only
                grant it: the next one may show what is missing.

        Returns:
            The aim of the request; its outcome if it is refused; None if it changes no aim, or if
            there is no new request.
        """
        pending = self.pending
        if pending is None or pending.checked:
            return None
        try:
            request = pending.request
            request.program = requests.target(request, observed, self.pair, last_active)
            aim = requests.aim(request, observed, self.pair)
        except errors.ZergError as refusal:
            if pending.request.began > observed_since:
                return None
            pending.checked = True
            return Outcome(refusal)
        pending.checked = True
        return aim

    def outcome(self, decision: Decision, observed: PairState, requested: str) -> Optional[Outcome]:
        """Return how the request has ended, or None while it goes on."""
        if self.pending is None or not self.pending.checked:
            return None
        now = self.services.loop.clock()
        due, refusal = requests.due(self.pending.request, decision, observed, requested, now)
        return Outcome(refusal) if due else None

    def finish(self, outcome: Outcome) -> PendingRequest:
        """End the request. Returns it, for its answer."""
        pending = self.pending
        assert pending is not None
        self.pending = None
        if outcome.refusal is None:
            self.follow_up_pending = True
        return pending

    def expect_follow_up(self) -> None:
        """Let the pair act until nothing is left to do, even if auto is off."""
        self.follow_up_pending = True

    def on_decision(self, decision: Decision) -> None:
        """With freeze or retire, a request is only done when the old instance has drained."""
        lasting = self.pair.freeze or self.pair.retire == "stop"
        if not decision.actions and decision.poll_slowly and not lasting:
            self.follow_up_pending = False

    def on_run_ended(self) -> None:
        self.follow_up_pending = False

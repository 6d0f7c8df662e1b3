"""The only thing that a deploy knows of its pair."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol, Union

from ..core.causes import Cause
from ..core.effects import ReadStats, Sleep
from ..core.instance import Instance
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from ..core.replies import OperationReply
from ..core.reply import Reply
from ..uwsgi.stats import Snapshot
from .releases import Releases

Observing = Generator[Union[ReadStats, Sleep], Any, PairState]


class DeployTarget(Protocol):
    """A pair, as its deploy sees and changes it. pair/controller.py implements it."""

    @property
    def pair(self) -> PairConfig: ...

    @property
    def releases(self) -> Releases: ...

    @property
    def serving(self) -> str:
        """The program that serves, or that served last; empty if none ever did."""

    def save_settings(self) -> None:
        """Store what must survive a restart of supervisord."""

    def require_idle(self) -> None:
        """Raise ZergError if the pair is busy, or can take no request at all."""

    def observe(self) -> Observing:
        """Observe the pair with every source."""

    def snapshot(self, program: str) -> Snapshot | None:
        """Return what the stats server of a program said last, if it ever answered."""

    def unreachable(self, program: str) -> str:
        """Connect to the served sockets once. Returns why that fails; empty if it does not."""

    def promote(self, program: str, by: str) -> Reply[OperationReply]:
        """Ask for a program to serve; a refusal is in the reply. `by` names the deploy."""

    def withdraw(self, reply: Reply[OperationReply] | None) -> None:
        """Give up a promotion that is still pending."""

    def start_parked(self, program: str) -> bool:
        """Start a program that is to wait for its promotion. Returns whether it was started."""

    def stop_parked(self, instance: Instance) -> bool:
        """End a parked instance through its FIFO, 1 s faster than by its stop signal.

        Returns False if it is not parked.
        """

    def is_started_by_others(self, program: str) -> bool:
        """Whether somebody else than the deploy has started the program meanwhile."""

    def schedule(self, cause: Cause) -> None:
        """Reconcile the pair now, for that cause."""

"""Collects the actions on one pair into entries of its history, and reports who serves."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Optional

from ..core.causes import Cause, describe
from ..core.decision import Action
from ..core.pair_config import PairConfig
from ..core.requests import Request
from ..deploy.releases import Releases
from ..jobs.hooks import run_hook
from ..jobs.services import Services
from ..supervisord import events

Entry = dict[str, Any]


class Taken(NamedTuple):
    """An action that was carried out, and when."""

    action: Action
    at: float


class HistoryRecorder:
    """Writes one entry for each request, and for each repair that needed no request."""

    def __init__(self, pair: PairConfig, services: Services, releases: Releases) -> None:
        self.pair = pair
        self.releases = releases
        self.services = services
        self._taken: list[Taken] = []
        self._failover = False
        self._killed_requests = 0

    @property
    def actions(self) -> list[Action]:
        """The actions of the current entry."""
        return [taken.action for taken in self._taken]

    def on_action_done(self, action: Action, killed_requests: int = 0) -> None:
        """An action was carried out, and cut so many requests."""
        self._taken.append(Taken(action, self.services.loop.clock()))
        self._killed_requests += killed_requests

    # who serves

    def on_promotion(self, was: str, program: str, cause: Cause) -> None:
        """Another program serves. `was`: the one that did before."""
        self._announce(events.Promoted, was, program, cause)

    def on_failover(self, was: str, program: str, cause: Cause) -> None:
        """Another program serves, because the one that did ended by itself."""
        self._failover = True
        self._announce(events.FailedOver, was, program, cause)
        environment = {
            "ZERG_TARGET": program,
            "ZERG_OLD": was,
            "ZERG_REASON": describe(cause),
            "ZERG_RELEASE": self.releases.of(program),
        }
        self.services.loop.call_soon(
            lambda: run_hook(self.services, self.pair, program, "on_failover", environment)
        )

    def _announce(self, kind: type[events.ZergEvent], was: str, program: str, cause: Cause) -> None:
        fields = {"pair": self.pair.name, "program": program, "was": was}
        fields.update(self._release_of(program))
        self.services.loop.call_soon(lambda: events.announce(kind, describe(cause), **fields))

    def _release_of(self, program: str) -> dict[str, str]:
        release = self.releases.of(program)
        return {"release": release} if release else {}

    # entries

    def finish(
        self,
        outcome: str,
        reason: str,
        serving: str,
        cause: Optional[Cause],
        request: Optional[Request] = None,
    ) -> None:
        """End the entry, if there is anything to tell. It is written after the answer was sent.

        Args:
            reason: Why, for people.
            cause: What the actions were for if there was no request.
        """
        taken, failover = self._taken, self._failover
        killed_requests = self._killed_requests
        self._taken = []
        self._failover = False
        self._killed_requests = 0
        if not taken and request is None and not failover:
            return
        now = self.services.loop.clock()
        began = request.began if request else taken[0].at if taken else now
        entry: Entry = {
            "id": request.id if request else self.services.new_id(),
            "kind": request.verb if request else "reconcile",
            "program": request.program if request else "",
            "by": request.by if request else describe(cause) if cause else "",
            "outcome": outcome,
            "reason": reason,
            "actions": list(_lines(taken, began)),
            "took_ms": round((now - began) * 1000, 3),
            "serving": serving,
            "failover": failover,
        }
        if killed_requests:
            entry["killed_requests"] = killed_requests
        self.services.loop.call_soon(lambda: self.write(entry))

    def write_auto(self, on: bool, by: str, serving: str) -> None:
        entry: Entry = {"kind": "auto", "program": "", "by": by, "outcome": "done"}
        entry["reason"] = f"switched {'on' if on else 'off'}"
        self.write({**entry, "actions": [], "took_ms": 0.0, "serving": serving, "failover": False})

    def write(self, entry: Entry) -> None:
        """Write an entry to history and, without the time, to supervisord's log."""
        known = {"pair": self.pair.name, "id": entry.get("id") or self.services.new_id()}
        entry = {**known, **self._release_of(entry["serving"]), **entry}
        self.services.history.add({"at": time.time(), **entry})
        fields = {**entry, "actions": ",".join(entry["actions"])}
        self.services.log("info", "operation ended", **fields)


def _lines(actions: Iterable[Taken], began: float) -> Iterator[str]:
    """Actions with their time, repetitions counted: ``+0.5ms resume b to running``."""
    counted: list[tuple[float, str, int]] = []
    for action, at in actions:
        text = str(action) + (f": {action.reason}" if action.reason else "")
        if counted and counted[-1][1] == text:
            first, _, count = counted[-1]
            counted[-1] = (first, text, count + 1)
        else:
            counted.append((at - began, text, 1))
    for at, text, count in counted:
        yield f"+{at * 1000:.1f}ms {text}" + (f" x{count}" if count > 1 else "")

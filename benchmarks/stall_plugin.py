"""``[rpcinterface:stall]``, for the benchmarks: how long supervisord's loop is away from poll.

It must wrap the poll before supervisor_zerg does, so that the time that supervisor_zerg spends
around the poll counts, too. Both wrap it at SUPERVISOR_RUNNING, in the order of their sections.
"""

from __future__ import annotations

import time
from typing import Any

from supervisor import events


def make_stall_rpcinterface(supervisord: Any, **settings: str) -> StallNamespaceRPCInterface:
    """The factory of the plugin."""
    return StallNamespaceRPCInterface(supervisord.options)


class StallNamespaceRPCInterface:
    """The RPC namespace ``stall``."""

    def __init__(self, options: Any) -> None:
        self._options = options
        self._left: float | None = None
        self._worst = 0.0
        events.subscribe(events.SupervisorRunningEvent, self._wrap)

    def _wrap(self, event: object) -> None:
        self._poll = self._options.poller.poll
        self._options.poller.poll = self._watched

    def _watched(self, timeout: float) -> Any:
        if self._left is not None:
            self._worst = max(self._worst, time.perf_counter() - self._left)
        ready = self._poll(timeout)
        self._left = time.perf_counter()
        return ready

    def take(self) -> float:
        """Return the longest time between two polls since the last call.

        @return double ms
        """
        worst = self._worst
        self._worst = 0.0
        return worst * 1000

"""Starts the runs of the reconcile loop of one pair, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from ..core.causes import Cause, CauseKind
from ..supervisord.loop import Loop
from ..supervisord.task import Task
from ..supervisord.timer import Timer
from .reconciler import ReconcileRun, Reconciling

AT_ONCE_S = 0.004  # an urgent event may hold supervisord's loop this long: make before break
FOLLOW_UPS_S = (0.3, 1.5)  # after a toggle: a flood or a lost signal shows by then


class RunScheduler:
    """Starts the runs of one pair.

    Args:
        start: Makes the generator of a run.
        on_end: Called when a run has ended.
    """

    def __init__(
        self,
        loop: Loop,
        start: Callable[[ReconcileRun], Reconciling],
        on_end: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._start = start
        self._on_end = on_end
        self._task: Optional[Task] = None
        self._follow_ups: list[Timer] = []
        self.run: Optional[ReconcileRun] = None  # the present or the last one

    @property
    def idle(self) -> bool:
        return self._task is None or not self._task.alive

    def schedule(
        self, cause: Cause, urgent: bool = False, routine: bool = False, keep_cause: bool = False
    ) -> None:
        """Run now.

        Args:
            urgent: Act before this returns, if that takes some milliseconds only.
            routine: Nothing happened; not the cause of what is under way.
            keep_cause: The present run has acted, because of its own cause.
        """
        if urgent and self._task is not None and self._task.alive and not self._task.running:
            self._task.cancel()  # it may observe at length; an urgent run observes briefly
        if self.idle or self.run is None:
            self._begin(ReconcileRun(cause, self._loop.clock(), urgent, routine))
        else:
            self.run.urgent = self.run.urgent or urgent
            if not keep_cause and not routine:
                self.run.cause = cause
        if self._task is not None and self._task.alive:
            if urgent:
                self._task.run_at_once(AT_ONCE_S)
            else:
                self._task.wake()

    def schedule_request(self, cause: Cause) -> None:
        """Run for a request that was accepted."""
        if self.idle or self.run is None or self._task is None:
            self._begin(ReconcileRun(cause, self._loop.clock()))
        else:
            self.run.cause = cause
            self._task.wake()

    def _begin(self, run: ReconcileRun) -> None:
        self.run = run
        self._task = self._loop.task(self._start(run), lambda result: self._on_end())
        self._task.start()

    def follow_up(self, schedule: Callable[..., Any]) -> None:
        """Check again a while after a toggle."""
        for timer in self._follow_ups:
            timer.cancel()

        def check() -> None:
            schedule(Cause(CauseKind.FOLLOW_UP), routine=True)

        self._follow_ups = [self._loop.call_later(delay, check) for delay in FOLLOW_UPS_S]

    def close(self) -> None:
        for timer in self._follow_ups:
            timer.cancel()
        if self._task is not None:
            self._task.cancel()

"""What Supervisor's events mean for one pair."""

from __future__ import annotations

from typing import Optional, Protocol

from ..core.causes import Cause, CauseKind
from ..core.goals import OnStart
from .run_handler import PairParts, RunHandler


class Schedules(Protocol):
    """What the events ask of the controller of the pair."""

    @property
    def idle(self) -> bool:
        """Whether no run is under way."""

    def schedule(self, cause: Cause, urgent: bool = False) -> None:
        """Reconcile now."""


class PairEvents:
    """Takes in what happens to the programs of a pair, and reconciles because of it."""

    def __init__(self, parts: PairParts, handler: RunHandler, controller: Schedules) -> None:
        self.pair = parts.pair
        self.services = parts.services
        self.goals = parts.goals
        self.deploys = parts.deploys
        self.handler = handler
        self.controller = controller

    def on_starting(self, program: str, on_start: Optional[OnStart], cause: Cause) -> None:
        """A program starts. `on_start` is None if this is a retry of the same start."""
        if on_start is None:
            on_start = self.goals.on_start.get(program, OnStart.STANDBY)
        if program == self.goals.serves_first:
            self.goals.serves_first = ""
            on_start = OnStart.PROMOTE
        self.goals.on_start[program] = on_start
        self.handler.state_times.forget(program)
        self.services.loop.call_soon(lambda: self.controller.schedule(cause))

    def on_running(self, program: str) -> None:
        self.handler.watch_processes()
        self._wake(Cause(CauseKind.RUNNING, program))

    def on_ready(self, program: str) -> None:
        self._wake(Cause(CauseKind.READY, program))

    def _wake(self, cause: Cause) -> None:
        self.controller.schedule(cause)
        self.deploys.wake()

    def on_stopping(self, program: str) -> None:
        """Its stop signal is about to be sent: the other instance has to accept before that."""
        self.goals.on_start.pop(program, None)
        self.controller.schedule(Cause(CauseKind.STOPPING, program), urgent=True)

    def on_ended(self, program: str, state: str) -> None:
        """Supervisor's state of the program is now STOPPED, EXITED, BACKOFF, FATAL or UNKNOWN."""
        if state != "BACKOFF":
            self.goals.on_start.pop(program, None)
        if state != "STOPPED":
            self.handler.ended_by_itself.add(program)
        self.controller.schedule(Cause(CauseKind.ENDED, program, state), urgent=True)
        self.deploys.on_program_ended(program, state)

    def on_process_ended(self, program: str, pid: int) -> None:
        """The process of a program, or the master below a wrapper, is gone."""
        if self.services.programs.get(program).state in ("STARTING", "RUNNING"):
            self.handler.ended_by_itself.add(program)
        self.controller.schedule(Cause(CauseKind.PROCESS_ENDED, program, str(pid)), urgent=True)

    def poll_fifos(self) -> None:
        """Check each second, at 2 microseconds a path, whether somebody else moved a slot."""
        usable = self.goals.auto and not self.pair.blocking
        if usable and self.controller.idle and self.handler.fifos_changed():
            self.controller.schedule(Cause(CauseKind.FIFO_CHANGED))

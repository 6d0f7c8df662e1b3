"""Ends the target of a deploy: gracefully first, and until it has ended."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable

from ..core.instance import Instance
from ..jobs.services import Services
from ..linux.signals import ProvenProcess
from .model import PATIENCE_S
from .target import DeployTarget

#: A release that hangs in its boot is killed this long after its stop signal, instead of after
#: Supervisor's stopwaitsecs.
KILL_AFTER_S = 5.0
#: A stop signal within 3 ms of a start can be lost: it is sent again until the program stops.
RETRY_S = 0.1
RETRIES = 50


class Stopper:
    """Ends programs of one pair."""

    def __init__(self, services: Services, target: DeployTarget) -> None:
        self.services = services
        self.target = target

    def stop(self, instance: Instance, had_traffic: bool, superseded: Callable[[], bool]) -> None:
        """End an instance.

        Args:
            had_traffic: it may have requests, so it is not killed early.
            superseded: tells whether the program was started again since.
        """
        program = instance.program
        loop = self.services.loop
        if self.target.stop_parked(instance):
            loop.call_later(PATIENCE_S, lambda: self._retry_stop(program, superseded, RETRIES))
            return
        self._retry_stop(program, superseded, RETRIES)
        pid = self.services.programs.get(program).pid
        if not had_traffic:
            loop.call_later(KILL_AFTER_S, lambda: self.services.programs.kill(program, pid))

    def _retry_stop(self, program: str, superseded: Callable[[], bool], tries: int) -> None:
        programs = self.services.programs
        if superseded() or programs.stop(program) or not tries:
            return
        if programs.get(program).state != "ABSENT":
            self.services.loop.call_later(
                RETRY_S, lambda: self._retry_stop(program, superseded, tries - 1)
            )

    def kill(self, instance: Instance) -> None:
        """SIGKILL, also to its workers, for a program without killasgroup."""
        pids = [worker.pid for worker in instance.workers]
        with contextlib.ExitStack() as held:
            workers: list[ProvenProcess] = []
            try:  # before the master ends: then the kernel does not show them below it any more
                proven = self.services.kernel.signals.proven(pids, instance.pid)
                workers = held.enter_context(proven)
            except OSError as error:
                self.services.log("warn", "could not prove the workers", error=error)
            self.services.programs.kill(instance.program, instance.pid)
            for worker in workers:
                worker.send(signal.SIGKILL)

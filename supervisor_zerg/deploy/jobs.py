"""What the listener does for a deploy: a hook, or the health of its target again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..core.pair_config import PairConfig
from ..jobs.hooks import run_hook
from ..jobs.queue import HEALTH, Job
from ..jobs.services import Services
from .model import HealthStreak, HookResult


class DeployJobs:
    """One job at a time, and its results.

    Args:
        wake: called whenever there is a result.
    """

    def __init__(self, services: Services, pair: PairConfig, wake: Callable[[], object]) -> None:
        self.services = services
        self.pair = pair
        self.wake = wake
        self.hook = HookResult()  # of the last hook
        self._job: Job | None = None
        self._good = 0
        self._bad = 0
        self._message = ""
        self._heard_at = services.loop.clock()

    @property
    def health(self) -> HealthStreak:
        silent = self.services.loop.clock() - self._heard_at
        return HealthStreak(self._good, self._bad, self._message, silent)

    def forget_answers(self) -> None:
        """Count the answers of the health check from here on."""
        self._good = 0
        self._bad = 0

    def run_hook(self, name: str, serving: str, environment: Mapping[str, str]) -> None:
        self.end()
        self.hook = HookResult()
        self._job = run_hook(
            self.services, self.pair, serving, name, environment, self._on_hook_result
        )

    def _on_hook_result(self, ok: bool, message: str) -> None:
        self.hook = HookResult(ok, message)
        self.wake()

    def check(self, program: str, environment: Mapping[str, str]) -> None:
        """Ask for the health of a program until :meth:`end`."""
        self.end()
        pair = self.pair
        self._heard_at = self.services.loop.clock()
        job = Job(
            f"{self.services.new_id()}-health",
            HEALTH,
            pair.name,
            "health",
            pair.health_of(program),
            pair.health_timeout,
            lambda ok, message: self._on_health_result(job, ok, message),
            interval=pair.health_interval,
            expect=pair.health_status,
            environment={"ZERG_PAIR": pair.name, **environment},
        )
        self._job = self.services.job_queue.add(job)

    def _on_health_result(self, job: Job, ok: bool, message: str) -> bool:
        if job is not self._job:
            return False
        self._good = self._good + 1 if ok else 0
        self._bad = 0 if ok else self._bad + 1
        self._message = message
        self._heard_at = self.services.loop.clock()
        self.wake()
        return job is self._job

    def end(self) -> None:
        """End the job. A hook that runs is ended, and its result is reported as usual."""
        job = self._job
        self._job = None
        self.services.job_queue.withdraw(job)

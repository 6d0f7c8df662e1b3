"""The queue of jobs that may block (hooks, health checks) for the event listener process.

The queue lives inside supervisord; the listener claims jobs and reports their results
(``claimJobs`` and ``reportJob`` in rpcinterface.py). No job is lost with a listener that dies:
the next one gets the health checks again, and a hook that had begun counts as failed, since
nobody knows how far it came. A check about which the listener reports nothing is offered again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

STARTS_S = 8.0  # after the start of supervisord a listener may still be starting
PRESENT_S = 20.0  # a listener asks on every tick (5 s); one that was silent for so long is gone
SILENT_S = 10.0  # a check may be silent this long beyond its timeout and interval

HOOK = "hook"
HEALTH = "health"
END = "end"  # for the listener only: end the hook with this id


@dataclass
class Job:
    """A hook, which runs once, or a health check, which is repeated.

    Attributes:
        name: the hook, or "health".
        check: the command of a hook; what a health check asks: a URL or ``command:...``.
        timeout: seconds for one run.
        on_result: called with (ok, message) for each result; answers whether to go on checking.
        interval: seconds between two checks.
        expect: the HTTP statuses that are good.
    """

    id: str
    kind: str
    pair: str
    name: str
    check: str
    timeout: float
    on_result: Callable[[bool, str], object]
    interval: float = 1.0
    expect: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    claimed: bool = False
    ending: bool = False  # a hook that had begun is not wanted any more
    heard_at: float = 0.0  # when the listener claimed it, or last reported about it

    def struct(self) -> dict[str, Any]:
        """The job as the listener gets it."""
        return {
            "id": self.id,
            "kind": END if self.ending else self.kind,
            "pair": self.pair,
            "name": self.name,
            "check": self.check,
            "timeout": float(self.timeout),
            "interval": float(self.interval),
            "expect": self.expect,
            "environment": dict(self.environment),
        }


class JobQueue:
    """The jobs of all pairs.

    Args:
        clock: monotonic seconds.
        wake: tells the listener that there is a job.
    """

    def __init__(self, clock: Callable[[], float], wake: Callable[[Job], object]) -> None:
        self.clock = clock
        self.wake = wake
        self.jobs: dict[str, Job] = {}
        self._created_at = clock()
        self._heard_at: float | None = None

    def listener_present(self) -> bool:
        """Whether a listener works, or may still be starting."""
        if self._heard_at is None:
            return self.clock() - self._created_at < STARTS_S
        return self.clock() - self._heard_at < PRESENT_S

    def add(self, job: Job) -> Job:
        self.jobs[job.id] = job
        self.wake(job)
        return job

    def withdraw(self, job: Job | None) -> None:
        """Forget a job: its result does not matter any more.

        A hook that has begun is ended by the listener, and its result is reported as usual.
        """
        if job is None or job.id not in self.jobs or job.ending:
            return
        if job.kind == HOOK and job.claimed:
            job.ending = True
            job.claimed = False
            self.wake(job)
            return
        del self.jobs[job.id]
        if job.kind == HOOK:
            job.on_result(False, "it was withdrawn before it began")

    def claim(self, restarted: bool) -> list[dict[str, Any]]:
        """The jobs that no listener has.

        Args:
            restarted: the listener is not the one that claimed jobs before.
        """
        now = self.clock()
        self._heard_at = now
        if restarted:
            self._take_back()
        given = [job for job in self.jobs.values() if not job.claimed or self._silent(job, now)]
        for job in given:
            job.claimed = True
            job.heard_at = now
        return [job.struct() for job in given]

    @staticmethod
    def _silent(job: Job, now: float) -> bool:
        limit = job.timeout + job.interval + SILENT_S
        return job.kind == HEALTH and now - job.heard_at > limit

    def _take_back(self) -> None:
        """The listener that had claimed jobs is gone."""
        for job in [job for job in self.jobs.values() if job.claimed or job.ending]:
            if job.kind == HOOK:
                self.report(job.id, False, "the listener ended while it ran")
            else:
                job.claimed = False

    def report(self, ident: str, ok: bool, message: str) -> bool | None:
        """Take in a result.

        Returns:
            Whether to go on checking; None if there is no such job any more.
        """
        self._heard_at = self.clock()
        job = self.jobs.get(ident)
        if job is None:
            return None
        job.heard_at = self._heard_at
        if job.kind == HOOK:
            del self.jobs[ident]
        go_on = bool(job.on_result(ok, message))
        if not go_on:
            self.jobs.pop(ident, None)
        return go_on

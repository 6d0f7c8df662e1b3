"""What the event listener process is to do: user hooks and health checks, everything that can block.

The list lives inside supervisord; the listener takes jobs and tells how they went (rpcinterface.py ``claimJobs``,
``reportJob``). A listener that dies takes no job with it: the next one is given the health checks anew, and a hook that
the dead one had begun counts as failed, since nobody can know how far it came. A check that the listener tells nothing about
is given to it again.
"""

from dataclasses import dataclass, field
from typing import Callable

STARTS_S = 8.0  # after supervisord's start a listener may still be on its way
PRESENT_S = 20.0  # a listener asks on every tick of five seconds; one that was silent for so long is not there
SILENT_S = 10.0  # beyond its timeout and interval a check may be silent for so long; then it is given out again


@dataclass
class Job:
    """:param told: called with (ok, words) for each result; answers whether to go on checking."""

    id: str
    kind: str  # hook or health; to the listener also end: the hook with this id is to be ended
    pair: str
    what: str
    check: str
    timeout: float
    told: Callable
    interval: float = 1.0
    expect: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    taken: bool = False
    stopper: bool = False  # a hook that was begun is not wanted any more
    heard: float = 0.0  # when the listener took it, or told of it

    def struct(self):
        """As it goes to the listener."""
        return {
            "id": self.id,
            "kind": "end" if self.stopper else self.kind,
            "pair": self.pair,
            "what": self.what,
            "check": self.check,
            "timeout": float(self.timeout),
            "interval": float(self.interval),
            "expect": self.expect,
            "environment": dict(self.environment),
        }


class JobQueue:
    """:param clock: monotonic seconds. :param wake: tells the listener that there is a job."""

    def __init__(self, clock, wake):
        self.clock, self.wake = clock, wake
        self.jobs, self.asked_at, self.began = {}, None, clock()

    def listener_present(self):
        if self.asked_at is None:
            return self.clock() - self.began < STARTS_S
        return self.clock() - self.asked_at < PRESENT_S

    def add(self, job):
        self.jobs[job.id] = job
        self.wake(job)
        return job

    def withdraw(self, job):
        """Nobody is interested any more. A hook that was begun is ended by the listener, which tells of it as ever."""
        if job is None or job.id not in self.jobs or job.stopper:
            return
        if job.kind == "hook" and job.taken:
            job.stopper, job.taken = True, False
            self.wake(job)
        else:
            del self.jobs[job.id]
            if job.kind == "hook":
                job.told(False, "it was withdrawn before it began")

    def take(self, anew):
        """Jobs that no listener has. :param anew: another listener than the one that took jobs before."""
        self.asked_at = now = self.clock()
        for job in [j for j in self.jobs.values() if anew and (j.taken or j.stopper)]:
            self._orphaned(job)
        given = [job for job in self.jobs.values() if not job.taken or self._silent(job, now)]
        for job in given:
            job.taken, job.heard = True, now
        return [job.struct() for job in given]

    @staticmethod
    def _silent(job, now):
        return job.kind == "health" and now - job.heard > job.timeout + job.interval + SILENT_S

    def _orphaned(self, job):
        if job.kind == "hook":
            self.tell(job.id, False, "the listener ended while it ran")
        else:
            job.taken = False

    def tell(self, ident, ok, words):
        """:returns: is the check to go on? None: there is no such job (any more)."""
        self.asked_at = self.clock()
        job = self.jobs.get(ident)
        if job is None:
            return None
        job.heard = self.asked_at
        if job.kind == "hook":
            del self.jobs[ident]
        go_on = bool(job.told(ok, words))
        if not go_on:
            self.jobs.pop(ident, None)
        return go_on

"""Runs jobs: claims health checks and hooks from supervisord, runs each in a thread, and reports.

It keeps no state: only supervisord knows which jobs there are and what follows from a result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Callable
from xmlrpc.client import Fault

from supervisor import childutils
from supervisor.xmlrpc import Faults

from . import health_check, subprocesses

MAX_RUNNING = 32  # hooks and checks at the same time; the others wait
MAX_REMEMBERED = 1000  # ids of jobs that are not run twice
REPORT_S = 5.0  # how long a report is repeated while supervisord does not answer
RETRY_S = 0.2
MIN_INTERVAL_S = 0.05

JobStruct = Mapping[str, Any]  # what zerg.claimJobs returns for one job


def call(environ: Mapping[str, str], method: str, *arguments: object) -> Any:
    """Call a method of the zerg namespace.

    Each call has a connection of its own: threads share none, and none outlives a restart.

    Raises:
        xmlrpc.client.Fault: The plugin refused.
        Exception: supervisord cannot be reached (OSError, HTTPException, ProtocolError, ...).
    """
    with childutils.getRPCInterface(environ) as server:
        return getattr(server.zerg, method)(*arguments)


class JobRunner:
    """Runs the jobs of the supervisord that ``environ`` names, as childutils understands it.

    ``log`` is called with a sentence.
    """

    def __init__(self, environ: Mapping[str, str], log: Callable[[str], None]) -> None:
        self.environ = environ
        self.log = log
        self._restarted = True
        self._ids: dict[str, None] = {}  # in the order in which they were claimed
        self._unwanted: set[str] = set()
        self._places = threading.BoundedSemaphore(MAX_RUNNING)
        self._ending = threading.Event()

    def claim(self) -> None:
        """Claim the waiting jobs and start them. Returns at once.

        Raises:
            Exception: As ``call`` does.
        """
        claimed = call(self.environ, "claimJobs", self._restarted)
        self._restarted = False
        for job in claimed:
            if job["kind"] == "end":
                self._end_hook(job["id"])
            elif job["id"] not in self._ids:
                self._remember(job["id"])
                name = f"job {job['id']}"
                threading.Thread(target=self._work, args=(job,), name=name, daemon=True).start()

    def end(self) -> None:
        """Start nothing more, and end the running commands without a report.

        supervisord offers their jobs to the next listener.
        """
        self._ending.set()
        subprocesses.RUNNING.close()

    def _end_hook(self, id: str) -> None:
        """End a hook, which then reports how it ended, like any other."""
        self._unwanted.add(id)
        subprocesses.RUNNING.end(id)

    def _remember(self, id: str) -> None:
        self._ids[id] = None
        if len(self._ids) > MAX_REMEMBERED:
            del self._ids[next(iter(self._ids))]

    def _work(self, job: JobStruct) -> None:
        goes_on = self._run_once(job)
        self._unwanted.discard(job["id"])
        while goes_on and job["kind"] == "health":
            self._ending.wait(max(job["interval"], MIN_INTERVAL_S))
            goes_on = self._run_once(job)
        if job["kind"] == "health":  # it may be given again; a hook that was run may not
            self._ids.pop(job["id"], None)

    def _run_once(self, job: JobStruct) -> bool:
        """Run the job once and report. A check that waits for its next turn takes no place.

        Returns:
            Whether supervisord wants another result.
        """
        with self._places:
            if self._ending.is_set():
                return False
            began = time.monotonic()
            if job["id"] in self._unwanted:
                ok, message = False, "it was withdrawn before it began"
            else:
                ok, message = health_check.run(job)
            seconds = time.monotonic() - began
        return self._report(job, ok, message, seconds)

    def _report(self, job: JobStruct, ok: bool, message: str, seconds: float) -> bool:
        deadline = time.monotonic() + REPORT_S
        while not self._ending.is_set():
            try:
                return bool(call(self.environ, "reportJob", job["id"], ok, message, seconds))
            except Exception as error:
                refused = isinstance(error, Fault) and error.faultCode != Faults.SHUTDOWN_STATE
                if refused or time.monotonic() > deadline:
                    self._log_unreported(job, message, error)
                    return False
            self._ending.wait(RETRY_S)
        return False

    def _log_unreported(self, job: JobStruct, message: str, error: Exception) -> None:
        if job["kind"] == "hook":
            hook = f"{job['name']} of {job['pair']}"
            self.log(f"cannot report the result of {hook} ({message}): {error}")

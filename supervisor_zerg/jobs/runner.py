"""Runs jobs: takes health checks and hooks from supervisord, does each in a thread of its own and tells how it went.

Keeps no truth: which jobs there are and what follows from a result is known in supervisord only.
"""

import threading
import time
from xmlrpc.client import Fault

from supervisor import childutils
from supervisor.xmlrpc import Faults

from . import health_check, subprocesses

AT_ONCE = 32  # checks and hooks; the others wait
REMEMBERED = 1000  # ids of jobs that are not done twice
TELL_S = 5.0  # for so long a result is told again while supervisord does not answer
RETRY_S = 0.2
SHORTEST_INTERVAL_S = 0.05


def ask(environ, method, *arguments):
    """Call a method of the namespace over a connection of its own, so that threads share none and none outlives a restart.

    :raises xmlrpc.client.Fault: it refused.
    :raises Exception: supervisord could not be reached: OSError, HTTPException, ProtocolError, ...
    """
    with childutils.getRPCInterface(environ) as server:
        return getattr(server.zerg, method)(*arguments)


class Jobs:
    """:param environ: where supervisord is, as childutils understands it.
    :param say: called with a sentence for the log.
    """

    def __init__(self, environ, say):
        self.environ, self.say = environ, say
        self._anew, self._ids, self._unwanted = True, {}, set()
        self._places, self._ending = threading.BoundedSemaphore(AT_ONCE), threading.Event()

    def take(self):
        """Take the jobs that there are and begin them. Returns at once. :raises Exception: as ``ask`` does."""
        given = ask(self.environ, "claimJobs", self._anew)
        self._anew = False
        for job in given:
            if job["kind"] == "end":
                self._end_hook(job["id"])
            elif job["id"] not in self._ids:
                self._remember(job["id"])
                threading.Thread(
                    target=self._work, args=(job,), name=f"job {job['id']}", daemon=True
                ).start()

    def end(self):
        """Begin nothing more and end the commands that run. Their ends are not told: supervisord asks the next listener."""
        self._ending.set()
        subprocesses.RUNNING.close()

    def _end_hook(self, identifier):
        """It tells how it ended, like any other."""
        self._unwanted.add(identifier)
        subprocesses.RUNNING.end(identifier)

    def _remember(self, identifier):
        self._ids[identifier] = True
        if len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]

    def _work(self, job):
        goes_on = self._do(job)
        self._unwanted.discard(job["id"])
        while goes_on and job["kind"] == "health":
            self._ending.wait(max(job["interval"], SHORTEST_INTERVAL_S))
            goes_on = self._do(job)
        if job["kind"] == "health":  # it may be given again; a hook that was run may not
            self._ids.pop(job["id"], None)

    def _do(self, job):
        """Run it once and tell. Only this holds one of the places: a health check that waits keeps no hook waiting.

        :returns: does supervisord want to hear of it again?
        """
        with self._places:
            if self._ending.is_set():
                return False
            began = time.monotonic()
            ok, words = (
                (False, "it was withdrawn before it began")
                if job["id"] in self._unwanted
                else health_check.run(job)
            )
            seconds = time.monotonic() - began
        return self._tell(job, ok, words, seconds)

    def _tell(self, job, ok, words, seconds):
        until = time.monotonic() + TELL_S
        while not self._ending.is_set():
            try:
                return ask(self.environ, "reportJob", job["id"], ok, words, seconds)
            except Exception as error:
                refused = isinstance(error, Fault) and error.faultCode != Faults.SHUTDOWN_STATE
                if refused or time.monotonic() > until:
                    return self._untold(job, words, error)
            self._ending.wait(RETRY_S)
        return False

    def _untold(self, job, words, error):
        if job["kind"] == "hook":
            self.say(
                f"cannot tell supervisord of {job['what']} of {job['pair']} ({words}): {error}"
            )
        return False

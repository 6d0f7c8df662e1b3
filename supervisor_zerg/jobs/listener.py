"""``[eventlistener:zerg]``: a process of its own that asks the namespace to reconcile on start-up, on ticks and on events, so that
a missed event heals itself, and that runs what may take long: health checks and hooks. Keeps no truth: it may be killed, hung,
overflowed or started before supervisord is ready.
"""

import os
import signal
import socket
import sys
import time

from supervisor import childutils

from .runner import Jobs, ask

RETRY_S = 0.2
START_TRIES = 50
ANSWER_S = 10.0  # for a supervisord that accepts and does not answer


def main():
    socket.setdefaulttimeout(ANSWER_S)  # childutils has no other way to set one
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # the latter also where whoever started us ignores it
        signal.signal(number, _end)
    return Listener(sys.stdin, sys.stdout, sys.stderr, os.environ).run()


def _end(number, frame):
    for repeated in (signal.SIGTERM, signal.SIGINT):  # a second one must not interrupt the end
        signal.signal(repeated, signal.SIG_IGN)
    sys.exit(0)


class Listener:
    def __init__(self, stdin, stdout, stderr, environ):
        self.stdin, self.stdout, self.stderr, self.environ = stdin, stdout, stderr, environ
        self.jobs = Jobs(environ, self._say)

    def run(self):
        if "SUPERVISOR_SERVER_URL" not in self.environ:
            self._say(
                "zerg-listener is run by supervisord, in an [eventlistener:x] section; see the README"
            )
            return 2
        try:
            return self._listen()
        finally:
            self.jobs.end()

    def _listen(self):
        self.reconcile_all(START_TRIES)
        self.take_jobs()
        while True:
            try:
                headers, _ = childutils.listener.wait(self.stdin, self.stdout)
            except (ValueError, KeyError, OSError):  # end of file: supervisord is gone
                return 0
            self._react(headers.get("eventname", ""))
            childutils.listener.ok(self.stdout)

    def _react(self, event):
        """Process events are handled inside supervisord, in the same instant; what is left for us is the tick, and jobs."""
        if event.startswith("TICK"):
            self.reconcile_all(1)
        if event.startswith(("TICK", "ZERG_JOB")):
            self.take_jobs()

    def reconcile_all(self, tries):
        """:returns: number of pairs that are looked at, or None when supervisord did not answer."""
        for attempt in range(tries):
            try:
                return ask(self.environ, "reconcileAll")
            except Exception as error:
                if attempt == tries - 1:
                    self._say(f"cannot reach the zerg namespace: {error}")
                time.sleep(RETRY_S if tries > 1 else 0)
        return None

    def take_jobs(self):
        """Begin what there is to do; what cannot be taken now is taken on the next tick."""
        try:
            self.jobs.take()
        except Exception as error:
            self._say(f"cannot take jobs: {error}")

    def _say(self, sentence):
        self.stderr.write(
            "{} zerg-listener: {}\n".format(time.strftime("%Y-%m-%d %H:%M:%S"), sentence)
        )
        self.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

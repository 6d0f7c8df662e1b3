"""``zerg-listener``, the event listener process: it runs hooks and health checks, which may block.

At start-up and on every tick it also makes the plugin reconcile all pairs, so that a missed event
does no lasting harm. It keeps no state: it may be killed, hang, lose events, or start before
supervisord is ready.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import TextIO

from supervisor import childutils

from .runner import JobRunner, call

RETRY_S = 0.2
START_TRIES = 50
REPLY_S = 10.0  # for a supervisord that accepts the connection and does not answer
SIGNALS = (signal.SIGTERM, signal.SIGINT)
USAGE = "zerg-listener is run by supervisord, in an [eventlistener:zerg] section"


def main() -> int:
    """Run the listener.

    Returns:
        The exit status.
    """
    socket.setdefaulttimeout(REPLY_S)  # childutils offers no other way to set a time-out
    for number in SIGNALS:  # SIGINT also where the parent process ignores it
        signal.signal(number, _end)
    return Listener(sys.stdin, sys.stdout, sys.stderr, os.environ).run()


def _end(number: int, frame: FrameType | None) -> None:
    for repeated in SIGNALS:  # a second signal must not interrupt the end
        signal.signal(repeated, signal.SIG_IGN)
    sys.exit(0)


class Listener:
    """Speaks Supervisor's event protocol on stdin and stdout, and logs to stderr."""

    def __init__(
        self, stdin: TextIO, stdout: TextIO, stderr: TextIO, environ: Mapping[str, str]
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.environ = environ
        self.jobs = JobRunner(environ, self._log)

    def run(self) -> int:
        """Listen until supervisord ends.

        Returns:
            The exit status.
        """
        if "SUPERVISOR_SERVER_URL" not in self.environ:
            self._log(USAGE)
            return 2
        try:
            return self._listen()
        finally:
            self.jobs.end()

    def _listen(self) -> int:
        self.reconcile_all(START_TRIES)
        self.claim_jobs()
        while True:
            try:
                headers, _ = childutils.listener.wait(self.stdin, self.stdout)
            except (ValueError, KeyError, OSError):  # end of file: supervisord is gone
                return 0
            self._on_event(headers.get("eventname", ""))
            childutils.listener.ok(self.stdout)

    def _on_event(self, event: str) -> None:
        """React to ticks and to new jobs; the plugin itself handles process events."""
        if event.startswith("TICK"):
            self.reconcile_all(1)
        if event.startswith(("TICK", "ZERG_JOB")):
            self.claim_jobs()

    def reconcile_all(self, tries: int) -> None:
        """Make the plugin reconcile every pair. Logs if supervisord does not answer."""
        for attempt in range(tries):
            try:
                call(self.environ, "reconcileAll")
                return
            except Exception as error:
                if attempt == tries - 1:
                    self._log(f"cannot reach the zerg namespace: {error}")
                time.sleep(RETRY_S if tries > 1 else 0)

    def claim_jobs(self) -> None:
        """Claim the waiting jobs and start them. What fails now is claimed on the next tick."""
        try:
            self.jobs.claim()
        except Exception as error:
            self._log(f"cannot claim jobs: {error}")

    def _log(self, sentence: str) -> None:
        self.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} zerg-listener: {sentence}\n")
        self.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

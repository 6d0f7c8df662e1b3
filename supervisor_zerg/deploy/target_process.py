"""What a deploy knows of the process that it restarts."""

from __future__ import annotations

from collections.abc import Callable

from .crash_counter import CrashCounter

#: How a program ended, by Supervisor's state of it.
HOW = {
    "EXITED": "it exited; see its log",
    "BACKOFF": "it exited within its startsecs; see its log",
    "STOPPED": "somebody stopped it",
}


class TargetProcess:
    """The target since its last start.

    Args:
        alive: tells whether a process still runs.
    """

    def __init__(self, alive: Callable[[int], bool]) -> None:
        self.alive = alive
        self.starts = 0
        self.forget()

    def forget(self) -> None:
        """Another process is next."""
        self.ended = ""  # how it ended, for people
        self.unlinked = ""  # why it was not started
        self.resumed = False  # it was resumed, so it may have had requests
        self.crashes = CrashCounter(self.alive)

    def on_start(self, started: bool) -> None:
        self.forget()
        self.starts += 1
        if not started:
            self.ended = "supervisord could not start it"

    def on_end(self, state: str) -> None:
        """Supervisor reports its end; the first report counts."""
        self.ended = self.ended or HOW.get(state, state)

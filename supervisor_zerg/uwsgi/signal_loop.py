"""Detects processes that never leave their handler of a signal."""

from __future__ import annotations

from typing import Callable, Protocol

TRAPPED_S = 0.01  # a handler that runs once has ended by then
TRAPPED_WRITES = 4  # and has written no more than this


class ReadsHandlers(Protocol):
    """What a detector asks of the kernel (:class:`~supervisor_zerg.linux.processes.Processes`)."""

    def handling(self, pid: int, number: int) -> tuple[bool, bool]: ...

    def writes(self, pid: int) -> int: ...


class SignalLoopDetector:
    """Detects a process whose signal handler logs a line and raises the signal again, endlessly.

    Args:
        processes: what the kernel shows.
        clock: monotonic seconds.
        number: of the signal.
    """

    def __init__(self, processes: ReadsHandlers, clock: Callable[[], float], number: int) -> None:
        self.processes = processes
        self.clock = clock
        self.number = number
        self._inside: dict[int, tuple[float, int]] = {}  # pid -> since when, writes then

    def check(self, pid: int) -> bool | None:
        """Return whether a process is caught; None while it is too early to tell."""
        inside, about_to = self.processes.handling(pid, self.number)
        if not inside:
            self._inside.pop(pid, None)
            return None if about_to else False
        now = self.clock()
        writes = self.processes.writes(pid)
        since, before = self._inside.setdefault(pid, (now, writes))
        return (now - since > TRAPPED_S and writes - before > TRAPPED_WRITES) or None

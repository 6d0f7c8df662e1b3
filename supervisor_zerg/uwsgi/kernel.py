"""Everything that is asked of the kernel about a pair, as one object that tests can replace."""

from __future__ import annotations

import os

from ..linux.connections import Connections
from ..linux.descriptors import Descriptors
from ..linux.pieces import Pacer
from ..linux.processes import Processes
from ..linux.signals import Signals
from ..linux.sockets import Sockets
from . import threads
from .fifo import Fifos
from .threads import Threads


class Kernel:
    """The parts, which share one pacer.

    Args:
        supervisor: pid of supervisord, for tests; 0: this process.
    """

    def __init__(self, supervisor: int = 0) -> None:
        self.pacer = Pacer()
        self.processes = Processes(self.pacer)
        self.descriptors = Descriptors(self.pacer)
        self.sockets = Sockets(self.descriptors, self.pacer)
        self.connections = Connections(self.pacer)
        self.fifos = Fifos(self.descriptors, self.pacer)
        self.threads = Threads(self.descriptors, self.pacer)
        self.signals = Signals(self.processes, supervisor)

    @staticmethod
    def missing_features() -> tuple[str, ...]:
        """What this machine lacks, as sentences; empty where everything is there."""
        lost = "paused threads cannot be recognised"
        if threads.CALLS is None:
            machine = os.uname().machine
            return (f"the system calls of this machine ({machine}) are not known: {lost}",)
        if not os.path.exists("/proc/self/syscall"):
            return (f"this kernel has no /proc/PID/syscall: {lost}",)
        return ()

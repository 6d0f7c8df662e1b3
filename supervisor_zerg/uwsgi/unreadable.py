"""What can be told of an instance whose process supervisord may not read in /proc.

It cannot be managed: nothing shows which FIFO its master reads. Its stats show whether it serves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core.effects import ReadStats
from ..core.instance import Instance, Worker
from ..core.pair_config import PairConfig
from ..linux.processes import may_ptrace
from . import stats
from .observing import Observing, in_pieces
from .stats import Row, Snapshot
from .tracked_state import InstanceReading

if TYPE_CHECKING:
    from .kernel import Kernel

LACKS_PTRACE = (
    "supervisord lacks CAP_SYS_PTRACE: give it to its container (--cap-add SYS_PTRACE),"
    " or run supervisord and the instances as one user"
)


def note_unreadable(reading: InstanceReading, error: OSError) -> None:
    """Note why the process of an instance cannot be read."""
    if reading.unreadable:
        return
    program = reading.program
    if not isinstance(error, PermissionError):
        reading.unreadable = f"the process of {program} cannot be read ({error})"
        return
    reading.forbidden = True
    reason = str(error) if may_ptrace() or os.geteuid() else LACKS_PTRACE
    reading.unreadable = f"no right to read the process of {program}: {reason}"


class UnreadableReader:
    """Reads the stats of instances that cannot be read otherwise.

    Args:
        pair: its section.
        kernel: what it shows to everybody.
        clock: monotonic seconds.
    """

    def __init__(self, pair: PairConfig, kernel: Kernel, clock: Callable[[], float]) -> None:
        self.pair = pair
        self.kernel = kernel
        self.clock = clock
        self.resumed: set[tuple[int, int]] = set()  # pid and start of masters

    def read(self, reading: InstanceReading) -> Observing[Instance]:
        """Read an instance by its stats alone."""
        snapshot = yield from self._snapshot(reading)
        is_booting = Instance(
            reading.program, reading.state, reading.pid, unreadable=reading.unreadable
        )
        if snapshot is None:
            return is_booting
        paused = snapshot.paused
        return Instance(
            reading.program,
            reading.state,
            reading.pid,
            master=snapshot.pid,
            paused=paused,
            workers=tuple(_worker(row, bool(paused)) for row in snapshot.workers),
            cheap=snapshot.cheap and not snapshot.workers,
            unreadable=reading.unreadable,
            was_resumed=self._key(snapshot.pid) in self.resumed,
            source="stats",
            requests=snapshot.requests,
        )

    def note_resumed(self, master: int) -> None:
        """A master got the signal of a resume. It gets it once: nothing shows what follows."""
        self.resumed = {key for key in self.resumed if self._key(key[0]) == key}
        self.resumed.add(self._key(master))

    def _key(self, master: int) -> tuple[int, int]:
        process = self.kernel.processes.get(master)
        return master, process.start if process else 0

    def _snapshot(self, reading: InstanceReading) -> Observing[Snapshot | None]:
        """Ask the stats server. None where it does not answer, or another process does."""
        address = self.pair.stats_of(reading.program)
        if not address or reading.state == "STOPPING":
            return None
        answer = ((yield ReadStats((address,))) or {}).get(address)
        self.kernel.pacer.restart()
        if not isinstance(answer, bytes):
            return None
        try:
            pieces = stats.read(answer, self.kernel.pacer)
            snapshot = yield from in_pieces(pieces, self.kernel.pacer)
        except stats.InvalidStats:
            return None
        ours = snapshot.pid == reading.pid
        return snapshot if ours or self.kernel.signals.descends(snapshot.pid, reading.pid) else None


def _worker(row: Row, paused: bool) -> Worker:
    threads = max(row.threads, 1)
    busy = min(row.busy, threads)
    parked = threads - busy if paused else 0
    return Worker(row.pid, threads, parked, busy, started=row.accepting)

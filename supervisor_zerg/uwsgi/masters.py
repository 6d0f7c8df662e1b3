"""Finds the uWSGI master of a program: the process that reads one of the FIFOs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

from ..core.instance import UnresponsiveReason
from ..linux.pieces import Pieces, TooLarge
from .fifo import HeldFifo
from .tracked_state import TrackedMaster

if TYPE_CHECKING:
    from .kernel import Kernel

GENERATIONS = 4  # between a wrapper and the master that it started
DESCENDANTS_LIMIT = 512
#: After each command a master closes its FIFO and makes a new one: for so long its absence means
#: nothing.
REOPEN_S = 0.5


class FoundMaster(NamedTuple):
    """The master of a program; 0: there is none yet."""

    master: int
    held: HeldFifo | None


class MasterFinder:
    """Finds masters by what they hold open.

    Args:
        kernel: what it shows.
        paths: of the FIFOs, canonical, in slot order.
        clock: monotonic seconds.
    """

    def __init__(self, kernel: Kernel, paths: tuple[str, ...], clock: Callable[[], float]) -> None:
        self.kernel = kernel
        self.paths = paths
        self.clock = clock

    def find(self, pid: int, tracked: TrackedMaster) -> Pieces[FoundMaster]:
        """Read which process reads a FIFO: the program itself, the one known, or one below it.

        Args:
            pid: of the program.
            tracked: what is known of its master.
        """
        known = pid
        below = tracked.master not in (0, pid) and self._is_below(tracked.master, pid)
        if below:
            known = tracked.master
        last = tracked.fifo.held if known == tracked.master else None
        held = yield from self.kernel.fifos.find(known, self.paths, last.fd if last else None)
        overdue = below and self.clock() - tracked.fifo.held_at > REOPEN_S
        if held or (known == tracked.master and not overdue):
            return FoundMaster(known, held)
        others = yield from self._descendants(pid)
        for other in ([pid] if below else []) + others:
            held = yield from self.kernel.fifos.find(other, self.paths)
            if held:
                return FoundMaster(other, held)
        return FoundMaster(known if below else 0, None)

    def _is_below(self, master: int, pid: int) -> bool:
        return self.kernel.processes.alive(master) and self.kernel.signals.descends(master, pid)

    def _descendants(self, pid: int) -> Pieces[list[int]]:
        """Read the processes below a program, generation by generation."""
        found: list[int] = []
        generation = [pid]
        for _ in range(GENERATIONS):
            parents = generation
            generation = []
            for parent in parents:
                generation += yield from self.kernel.processes.children(parent)
                if len(found) + len(generation) > DESCENDANTS_LIMIT:
                    raise TooLarge(f"process {pid} has more than {DESCENDANTS_LIMIT} descendants")
            found += generation
        return found

    def take(
        self, tracked: TrackedMaster, held: HeldFifo | None
    ) -> tuple[HeldFifo | None, UnresponsiveReason | None]:
        """Remember which FIFO a master reads.

        Returns:
            The FIFO, or for a moment the last one where it reads none, and why it takes no command.
        """
        now = self.clock()
        reason = None
        if held:
            tracked.fifo.held = held
            tracked.fifo.held_at = now
        elif tracked.fifo.held and now - tracked.fifo.held_at < REOPEN_S:
            held = tracked.fifo.held
            reason = UnresponsiveReason.REMAKING_FIFO
        tracked.fifo.note_executed(held, now)
        return held, reason

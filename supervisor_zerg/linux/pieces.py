"""Long readings in short pieces, so that none of them holds supervisord's loop."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Callable, TypeVar

T = TypeVar("T")
#: A reading in pieces: yields None between two pieces, returns the result.
Pieces = Generator[None, None, T]

PIECE_S = 0.002


class TooLarge(OSError):
    """A process has more of something than is read."""


class Pacer:
    """Tells when a piece of a reading is over.

    Args:
        clock: monotonic seconds.
        seconds: length of a piece.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, seconds: float = PIECE_S
    ) -> None:
        self.clock = clock
        self.seconds = seconds
        self._began = clock()

    def restart(self) -> None:
        """A piece begins now."""
        self._began = self.clock()

    def due(self) -> bool:
        """Return whether the piece is over. A reading then yields; :meth:`restart` is called."""
        return self.clock() - self._began >= self.seconds


def at_once(pieces: Pieces[T]) -> T:
    """Return the result of a reading without a pause between its pieces."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: T = end.value
            return result

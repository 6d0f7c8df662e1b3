"""Readings in pieces as steps of an observation."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar, Union

from ..core.effects import ReadStats, Sleep
from ..linux.pieces import Pacer, Pieces

T = TypeVar("T")
#: Yields what it waits for, returns the result.
Observing = Generator[Union[ReadStats, Sleep], Any, T]


def in_pieces(pieces: Pieces[T], pacer: Pacer) -> Observing[T]:
    """Let supervisord's loop run between two pieces of a reading."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: T = end.value
            return result
        yield Sleep(0)
        pacer.restart()

"""The progress of something, shown while it is waited for."""

from __future__ import annotations

from typing import TextIO

from ..core.text import plain

CLEAR_LINE = "\r\x1b[K"


class Progress:
    """A live line on a terminal; a line for each step elsewhere."""

    def __init__(self, stream: TextIO, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._live = stream.isatty()
        self._shown = ""

    def show(self, step: str, line: str) -> None:
        """Show a line. Where it is not live, a line is written only if the step is a new one."""
        if self._quiet or (step == self._shown and not self._live):
            return
        self._shown = step
        self._stream.write(f"{CLEAR_LINE}{plain(line)}" if self._live else f"{plain(line)}\n")
        self._stream.flush()

    def end(self) -> None:
        """Remove the live line."""
        if self._live and self._shown:
            self._stream.write(CLEAR_LINE)
            self._stream.flush()

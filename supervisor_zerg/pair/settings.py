"""What must survive a restart of supervisord: an operator's settings, labels, releases."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from ..linux.state_files import StateFile
from .stored import VERSION, settings_of

LIMIT_BYTES = 1 << 20

Settings = dict[str, Any]


class OperatorSettings:
    """One small file, written when something changes and renamed over the old one.

    A file that cannot be used is renamed; what can be used of it is kept. Nothing waits for the
    disk (fsync): that could hold supervisord's loop for seconds.

    Args:
        path: The file; empty for memory only.
        complain: Called with a sentence when the file cannot be read or written.

    Attributes:
        problem: Why the settings are not in the file; empty while they are.
    """

    def __init__(self, path: str, complain: Callable[[str], Any]) -> None:
        self.path = path
        self.complain = complain
        self.problem = ""
        self._unwritten = False
        self._file = StateFile(path)
        self._pairs: dict[str, Settings] = {}
        if path:
            self._read()

    def get(self, pair: str) -> Settings:
        """Return the settings of a pair: any of ``held``, ``both``, ``auto``, ``labels``."""
        return dict(self._pairs.get(pair, {}))

    def set(self, pair: str, settings: Settings) -> None:
        if self.get(pair) != settings:
            self._pairs[pair] = settings
            if self.path:
                self._write()

    def retry(self) -> None:
        """Write the settings if they could not be written."""
        if self._unwritten:
            self._write()

    def _read(self) -> None:
        try:
            document = self._file.read_tail(LIMIT_BYTES + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            problems = [str(error)]
        else:
            self._pairs, problems = settings_of(document)
        if problems:
            self._put_aside("; ".join(problems))

    def _put_aside(self, reason: str) -> None:
        try:
            aside = self._file.put_aside()
        except OSError as error:
            self._fail(f"settings cannot be read from {self.path}: {reason}; {error}")
            return
        self.complain(
            f"settings cannot be read from {self.path}: {reason};"
            f" it was renamed to {os.path.basename(aside)}, check 'zerg status' of every pair"
        )
        if self._pairs:
            self._write()

    def _write(self) -> None:
        document = json.dumps({"v": VERSION, "pairs": self._pairs})
        try:
            self._file.replace(document.encode())
        except OSError as error:
            self._unwritten = True
            self._fail(f"settings cannot be written to {self.path}: {error}")
        else:
            self._unwritten = False
            self.problem = ""

    def _fail(self, problem: str) -> None:
        if problem != self.problem:
            self.complain(f"{problem}; they hold until supervisord ends")
        self.problem = problem


def settings_path(history: str) -> str:
    """The file of the settings; empty for memory only. It lies beside that of the history."""
    return f"{os.path.splitext(history)[0]}-settings.json" if history else ""

"""The history of all pairs, in memory and in a file.

The file has one JSON object a line, written by one ``write`` with O_APPEND: a crash loses at most
the line that was being written, and a reader skips an incomplete one. It is read once, when
supervisord starts; from then on the newest entries of each pair are in memory. A full disk or a
read-only folder is reported once and never stops an operation.
"""

from __future__ import annotations

import collections
import json
import os
from collections.abc import Callable
from typing import Any

from ..linux.state_files import StateFile, UnsafeFile
from .stored import VERSION, clean_values, entry_of

HISTORY_FILE = "zerg-history.jsonl"
ROTATE_BYTES = 8 << 20  # then the file is renamed to NAME.1, as supervisord does with its log
TAIL_BYTES = 1 << 20  # how far back the file is read
REMEMBERED = 200  # entries of each pair; and of all pairs, while they cannot be written

Entry = dict[str, Any]


class History:
    """The newest entries of each pair.

    A file that is not ours is renamed, and a line that is no entry is skipped.

    Args:
        path: The file; empty for memory only.
        complain: Called with a sentence when the file cannot be read or written.

    Attributes:
        problem: Why entries are only in memory; empty while they are in the file, too.
        watchers: Called with every new entry.
    """

    def __init__(self, path: str, complain: Callable[[str], Any]) -> None:
        self.path = path
        self.complain = complain
        self.problem = ""
        self.watchers: list[Callable[[Entry], Any]] = []
        self._file = StateFile(path)
        self._unwritten: collections.deque[bytes] = collections.deque(maxlen=REMEMBERED)
        self._recent: dict[str, collections.deque[Entry]] = {}
        for line in self._read() if path else ():
            entry = entry_of(line)
            if entry is not None:
                self._remember(entry)

    def add(self, entry: Entry) -> None:
        """Keep an entry."""
        entry = clean_values(entry)
        self._remember(entry)
        for watcher in self.watchers:
            watcher(entry)
        if self.path:
            line = json.dumps({**entry, "v": VERSION}, sort_keys=True)
            self._unwritten.append(f"{line}\n".encode())
            self.retry()

    def retry(self) -> None:
        """Write the entries that are not in the file yet."""
        if not self._unwritten:
            return
        try:
            while self._unwritten:
                self._file.append(self._unwritten[0], ROTATE_BYTES)
                self._unwritten.popleft()
        except OSError as error:
            self._fail(f"history cannot be written to {self.path}: {error}")
        else:
            self.problem = ""

    def last(self, pair: str, limit: int) -> list[Entry]:
        """Return the newest entries of a pair, oldest first; REMEMBERED at most."""
        return list(self._recent.get(pair, ()))[-limit:] if limit > 0 else []

    def _remember(self, entry: Entry) -> None:
        recent = self._recent.setdefault(entry["pair"], collections.deque(maxlen=REMEMBERED))
        recent.append(entry)

    def _fail(self, problem: str) -> None:
        if not self.problem:
            self.complain(f"{problem}; operations go on, free the disk or set 'history'")
        self.problem = problem

    def _read(self) -> list[bytes]:
        data = self._tail(self._file, TAIL_BYTES)
        if len(data) < TAIL_BYTES:
            data = self._tail(StateFile(f"{self.path}.1"), TAIL_BYTES - len(data)) + data
        return data.splitlines()

    def _tail(self, file: StateFile, size: int) -> bytes:
        try:
            return file.read_tail(size)
        except FileNotFoundError:
            return b""
        except UnsafeFile as error:
            self._put_aside(file, error)
        except OSError as error:
            self._fail(f"history cannot be read from {file.path}: {error}")
        return b""

    def _put_aside(self, file: StateFile, reason: OSError) -> None:
        try:
            aside = os.path.basename(file.put_aside())
        except OSError as error:
            self._fail(f"history cannot be read from {file.path}: {reason}; {error}")
        else:
            self.complain(f"history: {reason}; it was renamed to {aside}")


def history_path(options: Any, setting: str) -> str:
    """The file of the history; empty for memory only. By default it lies beside supervisord's log.

    Args:
        options: Supervisor's.
        setting: The option ``history``: a path, or ``none``.
    """
    if setting == "none":
        return ""
    if setting:
        return os.path.abspath(os.path.join(options.here or "", setting))
    logfile = options.logfile
    if not isinstance(logfile, str) or not os.path.isfile(logfile):
        return ""
    return os.path.join(os.path.dirname(os.path.abspath(logfile)), HISTORY_FILE)

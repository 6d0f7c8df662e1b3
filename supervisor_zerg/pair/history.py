"""The history of all pairs, in memory and in a file.

The file has one JSON object a line, written by one ``write`` with O_APPEND: a crash loses at most
the line that was being written, and a reader skips a torn one. It is read once, when supervisord
starts; from then on the newest entries of each pair are in memory. A full disk or a read-only
folder is reported once and never stops an operation.
"""

from __future__ import annotations

import collections
import json
import os
import stat
from collections.abc import Callable, Iterator
from typing import Any, Optional

HISTORY_FILE = "zerg-history.jsonl"
VERSION = 1
ROTATE_BYTES = 8 << 20  # then the file is renamed to NAME.1, as supervisord does with its log
TAIL_BYTES = 1 << 20  # how far back the file is read
REMEMBERED = 200  # entries of each pair

Entry = dict[str, Any]


class History:
    """The newest entries of each pair.

    Args:
        path: The file; empty for memory only.
        complain: Called with a sentence when the file cannot be written.
    """

    def __init__(self, path: str, complain: Callable[[str], Any]) -> None:
        self.path = path
        self.complain = complain
        self.watchers: list[Callable[[Entry], Any]] = []  # called with every new entry
        self._failed = False
        self._recent: dict[str, collections.deque[Entry]] = collections.defaultdict(
            lambda: collections.deque(maxlen=REMEMBERED)
        )
        for entry in self._from_file() if path else ():
            self._remember(entry)

    def add(self, entry: Entry) -> None:
        """Keep an entry: str, int, float, bool or list by key."""
        entry = dict(entry, v=VERSION)
        self._remember(entry)
        for watcher in self.watchers:
            watcher(entry)
        if not self.path:
            return
        try:
            self._append(f"{json.dumps(entry, sort_keys=True)}\n".encode())
            self._failed = False
        except OSError as error:
            if not self._failed:
                self.complain(
                    f"history cannot be written to {self.path}: {error};"
                    " operations go on, free the disk or set 'history'"
                )
            self._failed = True

    def last(self, pair: str, limit: int) -> list[Entry]:
        """Return the newest entries of a pair, oldest first; REMEMBERED at most."""
        return list(self._recent[pair])[-limit:] if limit > 0 and pair in self._recent else []

    def _remember(self, entry: Entry) -> None:
        self._recent[entry["pair"]].append(entry)

    def _append(self, line: bytes) -> None:
        self._rotate()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(self.path, flags, 0o640)
        try:
            info = os.fstat(descriptor)
            if stat.S_ISFIFO(info.st_mode):
                raise OSError("a FIFO lies there")
            if info.st_size and os.pread(descriptor, 1, info.st_size - 1) != b"\n":
                line = b"\n" + line  # the last line was torn; this one must not be lost with it
            if os.write(descriptor, line) < len(line):
                raise OSError("the disk is full")
        finally:
            os.close(descriptor)

    def _rotate(self) -> None:
        try:
            if os.stat(self.path).st_size > ROTATE_BYTES:
                os.replace(self.path, f"{self.path}.1")
        except FileNotFoundError:
            pass

    def _from_file(self) -> Iterator[Entry]:
        data = self._tail(self.path, TAIL_BYTES)
        if len(data) < TAIL_BYTES:
            data = self._tail(f"{self.path}.1", TAIL_BYTES - len(data)) + data
        for line in data.splitlines():
            entry = _parse(line)
            if entry is not None:
                yield entry

    @staticmethod
    def _tail(path: str, size: int) -> bytes:
        def opener(name: str, flags: int) -> int:
            return os.open(name, flags | os.O_NONBLOCK)

        try:
            with open(path, "rb", opener=opener) as file:
                info = os.fstat(file.fileno())
                if not stat.S_ISREG(info.st_mode):
                    return b""
                file.seek(max(0, info.st_size - size))
                return file.read(size)
        except OSError:
            return b""


def _parse(line: bytes) -> Optional[Entry]:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and entry.get("v") == VERSION else None


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

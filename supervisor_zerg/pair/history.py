"""Append-only history, and the few orders of an operator that must outlive supervisord.

History is one JSON object a line, written by one ``write`` to a file opened with O_APPEND: a crash loses at most the line
that was being written, and a reader skips a torn one. The file is read once, when supervisord starts; from then on the newest entries
of each pair are in memory, so that asking for them costs supervisord's loop nothing. A full disk or a read-only folder is reported
once and never stops a move: what could not be written is shown until supervisord ends.
"""

import collections
import json
import os
import stat

VERSION = 1
ROTATE_BYTES = 8 << 20  # then the file is renamed to NAME.1, as supervisord does with its log
TAIL_BYTES = 1 << 20  # how far back the file is read
REMEMBERED = 200  # entries of each pair


class History:
    """:param path: file, or '' for memory only. :param complain: called with a sentence when writing fails."""

    def __init__(self, path, complain):
        self.path, self.complain = path, complain
        self._failed = False
        self.watchers = []  # functions that are called with every new entry
        self._recent = collections.defaultdict(lambda: collections.deque(maxlen=REMEMBERED))
        for entry in self._from_file() if path else ():
            self._remember(entry)

    def add(self, entry):
        """:param entry: dict of str, int, float, bool, list."""
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
                    f"history cannot be written to {self.path}: {error}; moves go on, free the disk or set 'history'"
                )
            self._failed = True

    def last(self, pair, limit):
        """The newest entries of a pair, oldest first; REMEMBERED at most."""
        return list(self._recent[pair])[-limit:] if limit > 0 and pair in self._recent else []

    def _remember(self, entry):
        self._recent[entry.get("pair")].append(entry)

    def _append(self, line):
        self._rotate()
        descriptor = os.open(
            self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640
        )
        try:
            info = os.fstat(descriptor)
            if stat.S_ISFIFO(info.st_mode):
                raise OSError("a FIFO lies there")
            if info.st_size and os.pread(descriptor, 1, info.st_size - 1) != b"\n":
                line = (
                    b"\n" + line
                )  # what is there was torn by a crash or a full disk: it must not take this one along
            if os.write(descriptor, line) < len(line):
                raise OSError("the disk is full")
        finally:
            os.close(descriptor)

    def _rotate(self):
        try:
            if os.stat(self.path).st_size > ROTATE_BYTES:
                os.rename(self.path, f"{self.path}.1")
        except FileNotFoundError:
            pass

    def _from_file(self):
        data = self._tail(self.path, TAIL_BYTES)
        if len(data) < TAIL_BYTES:
            data = self._tail(f"{self.path}.1", TAIL_BYTES - len(data)) + data
        return filter(None, map(_parse, data.splitlines()))

    @staticmethod
    def _tail(path, size):
        try:
            with open(
                path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)
            ) as file:
                info = os.fstat(file.fileno())
                if not stat.S_ISREG(info.st_mode):
                    return b""
                file.seek(max(0, info.st_size - size))
                return file.read(size)
        except OSError:
            return b""


def _parse(line):
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and entry.get("v") == VERSION else None


class OperatorSettings:
    """What an operator asked for that must hold until an operator takes it back: ``hold``, ``resume --both``, ``auto``.

    One small file, written anew and renamed over the old one; only written when an order changes. Nothing waits for the disk (fsync):
    that could hold supervisord's loop up for seconds.
    """

    def __init__(self, path, complain):
        self.path, self.complain = path, complain
        self._pairs = self._read()

    def _read(self):
        if not self.path:
            return {}
        try:
            with open(self.path) as file:
                document = json.load(file)
            return document["pairs"] if document["v"] == VERSION else {}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.complain(f"orders cannot be read from {self.path}: {error}; starting without them")
            return {}

    def get(self, pair):
        """The orders of a pair: dict with any of ``held``, ``both``, ``auto``."""
        found = self._pairs.get(pair)
        return dict(found) if isinstance(found, dict) else {}

    def set(self, pair, **settings):
        if self.get(pair) == settings:
            return
        self._pairs[pair] = settings
        if not self.path:
            return
        draft = "%s.%d" % (self.path, os.getpid())
        try:
            with open(draft, "w") as file:
                json.dump({"v": VERSION, "pairs": self._pairs}, file)
            os.rename(draft, self.path)
        except OSError as error:
            self.complain(
                f"orders cannot be written to {self.path}: {error}; they hold until supervisord ends"
            )

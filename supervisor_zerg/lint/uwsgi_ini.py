"""Reads uWSGI's ini dialect (uWSGI core/ini.c, core/config.c): each option with its file and line.

The content of an ``if-...`` block counts, because the condition may be true. What cannot be
expanded stays as it is written.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .uwsgi_magic import expand_letters

MAX_BYTES = 1 << 20  # of one file
MAX_FILES = 50  # read for one program
MAX_OPTIONS = 5000  # of one program
MAX_COLUMNS = 8192  # of one line
MAX_CHARACTERS = 4096  # of a value that is expanded
MAX_TURNS = 100  # of one ``for`` loop
LOADING = ("ini", "include", "inherit")
ENDS = ("end", "endif", "end-if", "endfor", "end-for", "else")
PLACEHOLDERS = ("set", "set-ph", "set-placeholder")
OPTION = "option"
SET = "set"
LOGIC = "logic"
OFF = ("false", "off", "no", "0")  # uWSGI core/uwsgi.c ``uwsgi_opt_true``
CONFIGURATIONS = (".yml", ".yaml", ".json", ".js", ".xml")  # of uWSGI, other than an ini
OTHER_FILES = (*CONFIGURATIONS, ".db", ".sqlite", ".sqlite3", ".lua", ".pl", ".py", ".rb")


class Unreadable(Exception):
    """A file that cannot be read; the message is a complete sentence."""


@dataclass(frozen=True)
class Place:
    """A line of a file. Line 0 means that the text is on no line of its own."""

    file: str
    line: int


@dataclass(frozen=True)
class Option(Place):
    """One uWSGI option as given, in an ini or on the command line."""

    name: str
    value: str

    @property
    def on(self) -> bool:
        """Whether the value switches the option on, as uWSGI reads it."""
        return self.value.lower() not in OFF


def read_text(path: str) -> str:
    """Read a regular text file of a plausible size.

    Raises:
        Unreadable: It is missing, no regular file, too large, or no text.
    """
    text = _decoded(path, _content(path))
    if "\0" in text:
        raise Unreadable(f"cannot read {path}: it is binary")
    if max(map(len, text.split("\n"))) > MAX_COLUMNS:
        raise Unreadable(
            f"cannot read {path}: a line is longer than {MAX_COLUMNS} characters,"
            " so it is not a configuration"
        )
    return text


def _content(path: str) -> bytes:
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable(f"cannot read {path}: it is not a regular file")
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path that cannot exist
        raise Unreadable(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        ) from None
    if len(content) > MAX_BYTES:
        raise Unreadable(
            f"cannot read {path}: it is larger than {MAX_BYTES} bytes, so it is not a configuration"
        )
    return content


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a FIFO without waiting for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _decoded(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"cannot read {path}: byte {error.start} is not text (UTF-8)") from None


class IniReader:
    """Reads the inis of one program, one after the other.

    ``options`` is the result, ``unread`` holds the place and a sentence for what was not read, and
    ``home`` is the place of the first ``[uwsgi]`` line.

    Args:
        folder: The working directory of the program.
        environment: The environment of the program.
    """

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.unread: list[tuple[Place, str]] = []
        self.home: Place | None = None
        self._given: list[tuple[Option, str]] = []
        self._loading: list[tuple[str, str]] = []
        self._files = 0
        self._first_file = ""
        self._block: tuple[str, str] | None = None

    @property
    def options(self) -> list[Option]:
        """The options, expanded as uWSGI does after it has read everything.

        First ``$()``, then ``@()``, then ``%()``. The first definition of a name counts, be it
        ``set`` or an option, and it may come later (core/uwsgi.c ``uwsgi_apply_config_pass``).
        """
        values = [self._expand(option.value) for option, _ in self._given]
        first: dict[str, int] = {}
        for number, (option, _) in enumerate(self._given):
            first.setdefault(option.name, number)

        def placeholder(found: re.Match[str]) -> str:
            return values[first[found[1]]] if found[1] in first else found[0]

        for number, value in enumerate(values):
            values[number] = re.sub(r"%\(([^()]*)\)", placeholder, value)[:MAX_CHARACTERS]
        return [
            option if kind == LOGIC else replace(option, value=value)
            for (option, kind), value in zip(self._given, values)
            if kind != SET
        ]

    def load(self, name: str, at: Place) -> None:
        """Read ``FILE[:SECTION]``, which is named at a place.

        Raises:
            Unreadable: The file cannot be read.
        """
        path, _, section = name.rpartition(":") if ":" in name else (name, "", "uwsgi")
        if name == "-" or "://" in name:
            self.unread.append((at, f"{name} is not a file and was not checked"))
            return
        path = (
            os.path.join(self.folder, path) if path or not self._loading else self._loading[-1][0]
        )
        if path.endswith(OTHER_FILES):
            self.unread.append((at, f"{path} is not an ini and was not checked"))
            return
        self._enter(path, section or "uwsgi")
        try:
            self._read(path, section or "uwsgi", section if ":" in name else "")
        finally:
            self._loading.pop()

    def _enter(self, path: str, section: str) -> None:
        if (path, section) in self._loading:
            chain = " -> ".join([p for p, _ in self._loading] + [path])
            raise Unreadable(f"cannot read {chain}: it includes itself")
        self._files += 1
        if self._files > MAX_FILES:
            raise Unreadable(f"cannot read {path}: more than {MAX_FILES} files include each other")
        self._loading.append((path, section))

    def _read(self, path: str, wanted: str, named: str) -> None:
        """Read a section; ``named`` is empty if it is the default one."""
        section = ""
        for number, line in enumerate(read_text(path).split("\n"), 1):
            line = line.strip(" \t\r")
            if line.startswith("["):
                section = line[1:-1]
                if section == wanted and self.home is None:
                    self.home = Place(path, number)
            elif line and line[0] not in ";#" and section == wanted:
                name, _, value = line.partition("=")
                value = self._with_letters(value.lstrip(" \t\r"), path, named)
                self.add(name.rstrip(" \t\r"), value, Place(path, number))

    def _with_letters(self, value: str, path: str, named: str) -> str:
        self._first_file = self._first_file or path
        return expand_letters(value, path, self._first_file, named, self.folder)

    def add(self, name: str, value: str, at: Place) -> None:
        """Take one option, and obey it if it belongs to the dialect itself."""
        if name in ENDS:
            self._block = None
        elif self._block is None and (name == "for" or name.startswith(("for-", "if-"))):
            self._block = (name, value)
            if name.startswith("if-"):  # uWSGI tests it before it expands (core/config.c:35)
                self._given.append((Option(at.file, at.line, name, value), LOGIC))
        else:
            for item in self._turns():
                self._take(name, value if item is None else value.replace("%(_)", item), at)

    def _turns(self) -> list[str] | list[None]:
        """What ``%(_)`` stands for, once for each turn of the block; None outside of a block."""
        if self._block is None:
            return [None]
        name, value = self._block
        if name.startswith("if-"):
            return [self._condition(name, value)]
        if name == "for-times" and re.fullmatch("[0-9]{1,9}", value):
            return [str(turn + 1) for turn in range(min(int(value), MAX_TURNS))]
        return value.split()[:MAX_TURNS] if name == "for" else ["%(_)"]

    def _condition(self, name: str, value: str) -> str:
        """What ``%(_)`` stands for in a block (core/config.c:119): a path, or a known value."""
        tested, equal, wanted = value.partition("=")
        if equal and name in ("if-opt", "if-env"):
            return wanted
        if name == "if-env":
            return self.environment.get(tested, value)
        if name == "if-opt":
            given = [option.value for option, _ in self._given if option.name == tested]
            return given[0] if given else value
        return value

    def _take(self, name: str, value: str, at: Place) -> None:
        if len(self._given) >= MAX_OPTIONS:
            raise Unreadable(f"cannot read {at.file}: more than {MAX_OPTIONS} options")
        if name in LOADING:
            self.load(value, at)
        elif name in PLACEHOLDERS:
            key, _, value = value.partition("=")
            self._given.append((Option(at.file, at.line, key, value), SET))
        else:
            self._given.append((Option(at.file, at.line, name, value), OPTION))

    def _expand(self, text: str) -> str:
        if len(text) > MAX_CHARACTERS:
            return text

        def variable(found: re.Match[str]) -> str:
            return self.environment.get(found[1], found[0])

        value = re.sub(r"\$\(([^()]*)\)", variable, text)
        return re.sub(r"@\(([^()]*)\)", self._file_content, value)[:MAX_CHARACTERS]

    def _file_content(self, found: re.Match[str]) -> str:
        try:
            return read_text(os.path.join(self.folder, found[1])).rstrip("\n")
        except Unreadable:
            return found[0]

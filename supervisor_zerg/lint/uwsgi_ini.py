"""uWSGI's ini dialect (uWSGI core/ini.c, core/config.c) -> options in their order, each with its file and line.

``if-...`` blocks are taken as true, as what is in them can come true. What cannot be expanded is kept as it is written.
"""

import os
import re
import stat
from dataclasses import dataclass, replace

MOST_BYTES = 1 << 20  # of one file
MOST_FILES = 50  # read for one program
MOST_OPTIONS = 5000  # of one program
MOST_COLUMNS = 8192  # of one line
MOST_CHARACTERS = 4096  # of a value that is expanded
MOST_TURNS = 100  # of one ``for`` loop
LOADING = ("ini", "include", "inherit")
ENDS = ("end", "endif", "end-if", "endfor", "end-for", "else")
OPTION, SET, LOGIC = "option", "set", "logic"
PLACEHOLDERS = ("set", "set-ph", "set-placeholder")
FOREIGN = (
    ".yml",
    ".yaml",
    ".json",
    ".js",
    ".xml",
    ".db",
    ".sqlite",
    ".sqlite3",
    ".lua",
    ".pl",
    ".py",
    ".rb",
)


class Unreadable(Exception):
    """A file that cannot be read. ``str()`` of it is a sentence."""


@dataclass(frozen=True)
class Place:
    """Where something is written. Line 0: not on a line of its own."""

    file: str
    line: int


@dataclass(frozen=True)
class Option(Place):
    """One option of uWSGI as it was given, in an ini or on the command line."""

    name: str
    value: str


def read_text(path):
    """A regular text file of a sane size. :raises Unreadable:"""
    try:
        with open(
            path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)
        ) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable(f"cannot read {path}: it is no regular file")
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: no path looks like that
        raise Unreadable(f"cannot read {path}: {getattr(error, 'strerror', None) or error}")
    if len(content) > MOST_BYTES:
        raise Unreadable(
            "cannot read %s: it is larger than %d bytes, so it is no configuration"
            % (path, MOST_BYTES)
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("cannot read %s: byte %d is no text (UTF-8)" % (path, error.start))
    if "\0" in text:
        raise Unreadable(f"cannot read {path}: it is binary")
    if max(map(len, text.split("\n"))) > MOST_COLUMNS:
        raise Unreadable(
            "cannot read %s: a line is longer than %d characters, so it is no configuration"
            % (path, MOST_COLUMNS)
        )
    return text


class Inis:
    """Reads inis for one program, one after the other.

    ``options`` is what they say in the end, ``unread`` holds (Place, sentence) for what is not read, ``home`` is the first
    ``[uwsgi]`` line.

    :param folder: in which the program is started. :param environment: of the program.
    """

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        self.unread, self.home = [], None
        self._given, self._loading, self._files, self._block = [], [], 0, None

    @property
    def options(self):
        """Expanded as uWSGI does once everything is read: first ``$()``, then ``@()``, then ``%()``, of which the first definition
        counts, be it ``set`` or an option, and may come later (core/uwsgi.c ``uwsgi_apply_config_pass``)."""
        values, first = [self._expand(option.value) for option, _ in self._given], {}
        for number, (option, _) in enumerate(self._given):
            first.setdefault(option.name, number)
        for number, value in enumerate(values):
            filled = re.sub(
                r"%\(([^()]*)\)",
                lambda found: values[first[found[1]]] if found[1] in first else found[0],
                value,
            )
            values[number] = filled[:MOST_CHARACTERS]
        taken = zip(self._given, values)
        return [
            option if kind == LOGIC else replace(option, value=value)
            for (option, kind), value in taken
            if kind != SET
        ]

    def load(self, name, at):
        """Read ``FILE[:SECTION]``. :param at: the Place that names it. :raises Unreadable:"""
        path, _, section = name.rpartition(":") if ":" in name else (name, "", "uwsgi")
        if name == "-" or "://" in name:
            return self.unread.append((at, f"{name} is no file, so it is not checked"))
        path = (
            os.path.join(self.folder, path) if path or not self._loading else self._loading[-1][0]
        )
        if path.endswith(FOREIGN):
            return self.unread.append((at, f"{path} is no ini, so it is not checked"))
        self._enter(path, section or "uwsgi")
        try:
            self._read(path, section or "uwsgi")
        finally:
            self._loading.pop()

    def _enter(self, path, section):
        if (path, section) in self._loading:
            raise Unreadable(
                "cannot read {}: it includes itself".format(
                    " -> ".join([p for p, _ in self._loading] + [path])
                )
            )
        self._files += 1
        if self._files > MOST_FILES:
            raise Unreadable(
                "cannot read %s: more than %d files include each other" % (path, MOST_FILES)
            )
        self._loading.append((path, section))

    def _read(self, path, asked):
        section = ""
        for number, line in enumerate(read_text(path).split("\n"), 1):
            line = line.strip(" \t\r")
            if line.startswith("["):
                section = line[1:-1]
                if section == asked and self.home is None:
                    self.home = Place(path, number)
            elif line and line[0] not in ";#" and section == asked:
                name, _, value = line.partition("=")
                self.add(
                    name.rstrip(" \t\r"),
                    self._magic(value.lstrip(" \t\r"), path),
                    Place(path, number),
                )

    def add(self, name, value, at):
        """Take one option, and do what it says if it is one of the dialect itself."""
        if name in ENDS:
            self._block = None
        elif self._block is None and (name == "for" or name.startswith(("for-", "if-"))):
            self._block = (name, value)
            if name.startswith(
                "if-"
            ):  # kept as uWSGI looks at it: before it expands anything (core/config.c:35)
                self._given.append((Option(at.file, at.line, name, value), LOGIC))
        else:
            for item in self._turns():
                self._take(name, value if item is None else value.replace("%(_)", item), at)

    def _turns(self):
        if self._block is None:
            return [None]
        name, value = self._block
        if name.startswith("if-"):
            return [value]
        if name == "for-times":
            return (
                [str(i + 1) for i in range(min(int(value), MOST_TURNS))]
                if re.fullmatch("[0-9]{1,9}", value)
                else ["%(_)"]
            )
        return value.split()[:MOST_TURNS] if name == "for" else ["%(_)"]

    def _take(self, name, value, at):
        if len(self._given) >= MOST_OPTIONS:
            raise Unreadable("cannot read %s: more than %d options" % (at.file, MOST_OPTIONS))
        if name in LOADING:
            self.load(value, at)
        elif name in PLACEHOLDERS:
            key, _, value = value.partition("=")
            self._given.append((Option(at.file, at.line, key, value), SET))
        else:
            self._given.append((Option(at.file, at.line, name, value), OPTION))

    def _magic(self, value, path):
        """``%p`` and the like (core/utils.c ``magic_sub``). Letters that we do not know are kept."""
        path = os.path.abspath(path)
        folder, base = os.path.split(path)
        stem, _, extension = base.rpartition(".")
        known = {
            "p": path,
            "s": base,
            "d": f"{folder.rstrip('/')}/",
            "n": stem or base,
            "e": extension,
            "c": os.path.basename(folder),
            "%": "%",
        }
        return re.sub(r"%([psdnec%])", lambda found: known[found[1]], value)

    def _expand(self, text):
        if len(text) > MOST_CHARACTERS:
            return text
        value = re.sub(
            r"\$\(([^()]*)\)", lambda found: self.environment.get(found[1], found[0]), text
        )
        return re.sub(r"@\(([^()]*)\)", self._content, value)[:MOST_CHARACTERS]

    def _content(self, found):
        try:
            return read_text(os.path.join(self.folder, found[1])).rstrip("\n")
        except Unreadable:
            return found[0]

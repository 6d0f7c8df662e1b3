"""What the files say about every pair: its section, its programs, its pool, and the uWSGI options.

Plain values. config_reader.py makes them, the rules read them.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from supervisor.datatypes import boolean, signal_number

from ..core.pair_config import PairConfig
from .supervisor_files import Process, Section, SupervisorFiles
from .uwsgi_ini import Option, Place

POOLS = ("zerg-pool", "zergpool", "zerg-server")
SOCKET = "ZERG_COMPANION_SOCKET"  # companion.py creates its socket at this path
SHELL = ("exec", "exec-safe", "system")  # hook actions that run a command
ECHO = re.compile(
    r"\b(?:echo|printf)\s+(?:-\S+\s+)*['\"]?(?P<command>[\w+-]+)(?:\\n)?['\"]?"
    r"\s*>+\s*(?P<path>[^\s;&|]+)"
)


@dataclass(frozen=True)
class Hook(Place):
    """``hook-PHASE = !ACTION:ARGUMENT``; ``silent`` means that it has the ``!``."""

    phase: str
    action: str
    argument: str
    silent: bool

    @property
    def fifo(self) -> tuple[str, str] | None:
        """The path and the command of a hook that writes to a FIFO."""
        if self.action in ("writefifo", "spinningfifo"):
            path, _, command = self.argument.partition(" ")
            return path, command
        echo = ECHO.search(self.argument) if self.action in SHELL else None
        return (echo["path"], echo["command"]) if echo else None


@dataclass(frozen=True)
class Program:
    """One program of a pair, or its pool.

    ``home`` is the place of findings about what its ini lacks, ``unread`` what could not be
    understood, ``broken`` a sentence about a file that cannot be read, ``group`` its
    ``[group:...]``.
    """

    name: str
    section: Section
    options: tuple[Option, ...]
    home: Place
    unread: tuple[tuple[Place, str], ...] = ()
    broken: str = ""
    group: Section | None = None

    @property
    def known(self) -> bool:
        """Whether all of its uWSGI options could be read."""
        return not (self.unread or self.broken)

    def all(self, *names: str) -> list[Option]:
        """Every option of these names, in order."""
        return [option for option in self.options if option.name in names]

    def last(self, *names: str) -> Option | None:
        """The option that takes effect: the last one."""
        found = self.all(*names)
        return found[-1] if found else None

    def value(self, *names: str) -> str:
        """The value that takes effect, or an empty text."""
        option = self.last(*names)
        return option.value if option else ""

    def flag(self, *names: str) -> Option | None:
        """The option that switches something on, if it is on."""
        option = self.last(*names)
        return option if option and option.on else None

    def number(self, *names: str, default: int = 0) -> int:
        """The number that takes effect; ``default`` if there is none."""
        return _integer(self.value(*names), default)

    def variable(self, name: str) -> str:
        """The value that ``env = NAME=...`` sets, or an empty text."""
        given = [option.value.partition("=") for option in self.all("env")]
        values = [value.strip() for variable, _, value in given if variable.strip() == name]
        return values[-1] if values else ""

    @property
    def hooks(self) -> list[Hook]:
        """Every hook, in order."""
        return [_hook(option) for option in self.options if option.name.startswith("hook-")]

    def on(self, option: str, default: bool = False) -> bool:
        """A boolean of the program's section."""
        try:
            return bool(boolean(self.section.get(option, str(default)).strip()))
        except ValueError:
            return False

    def integer(self, option: str, default: int) -> int:
        """A number of the program's section."""
        return section_integer(self.section, option, default)

    @property
    def restarts(self) -> bool:
        """Whether Supervisor may start it again when it ends."""
        text = self.section.get("autorestart", "unexpected").strip().lower()
        return text == "unexpected" or self.on("autorestart")

    @property
    def stop_signal(self) -> signal.Signals | None:
        """The signal with which Supervisor stops it; None if there is no such signal."""
        try:
            return signal.Signals(signal_number(self.section.get("stopsignal", "TERM").strip()))
        except ValueError:
            return None

    @property
    def ends_gracefully(self) -> bool:
        """Whether a hook maps its stop signal to uWSGI's graceful end."""
        if self.stop_signal is None:
            return False
        mapping = rf"{int(self.stop_signal)}\s+gracefully_kill_them_all"
        return any(
            hook.phase == "master-start"
            and hook.action == "unix_signal"
            and re.match(mapping, hook.argument)
            for hook in self.hooks
        )


def section_integer(section: Section, option: str, default: int) -> int:
    """A number of one of supervisord's sections."""
    return _integer(section.get(option), default)


def _integer(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text.strip()) else default


def _hook(option: Option) -> Hook:
    text = option.value.lstrip()
    action, _, argument = text.lstrip("!").partition(":")
    if option.name == "hook-touch":
        action, _, argument = text.partition(" ")[2].partition(":")
    phase = option.name[len("hook-") :]
    return Hook(option.file, option.line, phase, action.strip(), argument, text.startswith("!"))


@dataclass(frozen=True)
class Pair:
    """One pair.

    ``instances`` are those of its two programs that exist. ``absent`` maps the name of each other
    one to the process names that its section really makes (numprocs, groups). ``open_folders``
    are the folders of its FIFOs to which every user may write. ``links`` maps paths to what they
    are without symbolic links.
    """

    config: PairConfig
    section: Section
    instances: tuple[Program, ...]
    absent: Mapping[str, tuple[str, ...]]
    pool: Program | None
    open_folders: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)

    def real(self, path: str) -> str:
        """The path without symbolic links."""
        return self.links.get(path, path)


@dataclass(frozen=True)
class ConfigModel:
    """Everything that the rules read.

    ``environments`` maps the section of each event listener to the environment of its process.
    """

    files: SupervisorFiles
    pairs: tuple[Pair, ...]
    processes: Mapping[str, Process]
    environments: Mapping[str, Mapping[str, str]]

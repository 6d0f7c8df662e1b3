"""What the files say about every pair, in one value for check.py: the pairs, their programs, their pool and the uWSGI options of each.

This room reads; the rules only look at what it returns.
"""

import os
import stat
from dataclasses import dataclass, field
from typing import FrozenSet, Mapping, Optional, Tuple

from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import split_namespec

from .cmdline import read_command
from ..config import canonical, read_pairs
from .confs import Conf, Section, processes, read_conf
from .inis import Option, Place
from ..pair import PairConfig

FALSE = ("false", "off", "no", "0")  # uWSGI core/uwsgi.c ``uwsgi_opt_true``
SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


@dataclass(frozen=True)
class Hook(Place):
    """``hook-PHASE = !ACTION:ARGUMENT``; ``silent``: with the ``!``."""

    phase: str
    action: str
    argument: str
    silent: bool

    @property
    def fifo(self):
        """(path, command) of a hook that writes to a FIFO, or None."""
        path, _, command = self.argument.partition(" ")
        return (path, command) if self.action in ("writefifo", "spinningfifo") else None


@dataclass(frozen=True)
class Program:
    """One program of a pair, or its pool. ``known``: all of its uWSGI options could be read."""

    name: str
    section: Section
    options: Tuple[Option, ...]
    home: Place
    unread: Tuple[Tuple[Place, str], ...] = ()
    broken: str = ""

    @property
    def known(self):
        return not (self.unread or self.broken)

    def all(self, *names):
        """Every option of these names, in order."""
        return [option for option in self.options if option.name in names]

    def last(self, *names):
        """The one that holds, or None."""
        return (self.all(*names) or [None])[-1]

    def value(self, *names):
        """The text of the one that holds, or empty."""
        option = self.last(*names)
        return option.value if option else ""

    def flag(self, *names):
        """The option that switches something on, or None."""
        option = self.last(*names)
        return option if option and option.value.lower() not in FALSE else None

    def number(self, *names, default=0):
        """A number of it, where it is one."""
        text = self.value(*names).strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default

    @property
    def hooks(self):
        """Every hook, in order."""
        return [_hook(option) for option in self.options if option.name.startswith("hook-")]

    def on(self, option, default=False):
        """A switch of the program's section."""
        return self.section.get(option, str(default)).strip().lower() in ("true", "on", "yes", "1")

    def whole(self, option, default):
        """A number of the program's section."""
        text = self.section.get(option, "").strip()
        return int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 10 else default


def _hook(option):
    text = option.value.lstrip()
    action, _, argument = text.lstrip("!").partition(":")
    if option.name == "hook-touch":
        action, _, argument = text.partition(" ")[2].partition(":")
    return Hook(option.file, option.line, option.name[5:], action.strip(), argument, text.startswith("!"))


@dataclass(frozen=True)
class Pair:
    """``copies`` holds what of its two programs is in the files, ``absent`` the names of those that are not,
    each with the names that its section gives to its processes (numprocs, groups)."""

    config: PairConfig
    section: Section
    copies: Tuple[Program, ...]
    absent: Mapping[str, Tuple[str, ...]]
    pool: Optional[Program]
    open_folders: FrozenSet[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)

    def real(self, path):
        """The path with its symbolic links resolved."""
        return self.links.get(path, path)


@dataclass(frozen=True)
class Blueprint:
    """Everything that the rules look at."""

    conf: Conf
    pairs: Tuple[Pair, ...]
    programs: Mapping[str, object]


def read_blueprint(options):
    """:param options: as for config.py ``read_pairs``. :raises Unreadable: when supervisord's own files cannot be read."""
    conf = read_conf(options)
    known = processes(conf)
    return Blueprint(conf, tuple(_pair(conf, config, known) for config in read_pairs(options)), known)


def _pair(conf, config, known):
    section = conf.sections.get("zerg:" + config.name, Section(conf.file, 0, ""))
    found = {name: _find(known, name) for name in config.programs}
    copies = tuple(_program(conf, process) for process in found.values() if process)
    pool = _find(known, config.pool) if config.pool else None
    fifos = {*config.fifos, *(option.value for copy in copies for option in copy.all("master-fifo"))}
    stats = {address for copy in copies for address in (config.stats_of(copy.name), copy.value("stats", "stats-server"))}
    folders = {os.path.dirname(path) for path in fifos}
    return Pair(
        config, section, copies, {name: _instead(known, name) for name in found if not found[name]},
        _program(conf, pool) if pool else None, frozenset(folder for folder in folders if _is_open(folder)),
        {path: canonical(path) for path in fifos | stats if path.startswith("/") and "\0" not in path},
    )  # fmt: skip


def _find(known, name):
    group, process = split_namespec(name)
    return known.get(process if group == process else "%s:%s" % (group, process))


def _instead(known, name):
    return tuple(p.name for p in known.values() if p.section.name.partition(":")[2] == name.rpartition(":")[2])[:4]


def _program(conf, process):
    section = process.section
    at = section.at("command")
    environment = {name[4:]: str(value) for name, value in conf.expansions.items() if name.startswith("ENV_")}
    environment.update(_environment(conf.sections.get("supervisord")), **_environment(section))
    environment.update(SUPERVISOR_PROCESS_NAME=process.name.rpartition(":")[2], SUPERVISOR_GROUP_NAME=process.name.partition(":")[0])
    folder = section.get("directory") or (conf.sections["supervisord"].get("directory") if "supervisord" in conf.sections else "")
    inis, broken = read_command(section.get("command"), at, folder, environment)
    return Program(process.name, section, tuple(inis.options), inis.home or at, tuple(inis.unread), broken)


def _environment(section):
    try:
        return dict_of_key_value_pairs(section.get("environment")) if section else {}
    except ValueError:
        return {}


def _is_open(folder):
    """May everybody write there?"""
    try:
        return os.path.realpath(folder) in SHARED_FOLDERS or bool(os.stat(folder).st_mode & stat.S_IWOTH)
    except (OSError, ValueError):
        return False

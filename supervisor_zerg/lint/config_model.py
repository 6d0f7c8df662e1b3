"""What the files say about every pair, in one value for check.py: the pairs, their programs, their pool and the uWSGI options of each.

This room reads; the rules only look at what it returns.
"""

import contextlib
import os
import re
import stat
from dataclasses import dataclass, field
from typing import Optional
from collections.abc import Mapping

from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import split_namespec

from ..config import canonical, read_pairs
from ..core.pair_config import PairConfig, named
from .supervisor_files import Conf, Section, processes, read_conf
from .uwsgi_command_line import read_command
from .uwsgi_ini import Option, Place

SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15}
POOLS = ("zerg-pool", "zergpool", "zerg-server")
SOCKET = "ZERG_COMPANION_SOCKET"  # companion.py makes it where this says
FALSE = ("false", "off", "no", "0")  # uWSGI core/uwsgi.c ``uwsgi_opt_true``
SHELL = ("exec", "exec-safe", "system")  # actions of hooks that run a command
ECHO = re.compile(
    r"\b(?:echo|printf)\s+(?:-\S+\s+)*['\"]?(?P<command>[\w+-]+)(?:\\n)?['\"]?\s*>+\s*(?P<path>[^\s;&|]+)"
)
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
        if self.action in ("writefifo", "spinningfifo"):
            path, _, command = self.argument.partition(" ")
            return path, command
        by_shell = self.action in SHELL and ECHO.search(self.argument)
        return (by_shell["path"], by_shell["command"]) if by_shell else None


@dataclass(frozen=True)
class Program:
    """One program of a pair, or its pool. ``known``: all of its uWSGI options could be read; ``group``: its ``[group:...]``, if any."""

    name: str
    section: Section
    options: tuple[Option, ...]
    home: Place
    unread: tuple[tuple[Place, str], ...] = ()
    broken: str = ""
    group: Optional[Section] = None

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

    def variable(self, name):
        """What ``env = NAME=...`` of the ini sets, or empty."""
        given = [
            option.value.partition("=")[2]
            for option in self.all("env")
            if option.value.partition("=")[0].strip() == name
        ]
        return given[-1].strip() if given else ""

    @property
    def hooks(self):
        """Every hook, in order."""
        return [_hook(option) for option in self.options if option.name.startswith("hook-")]

    def on(self, option, default=False):
        """A switch of the program's section."""
        return self.section.get(option, str(default)).strip().lower() in ("true", "on", "yes", "1")

    def whole(self, option, default):
        """A number of the program's section."""
        return whole(self.section, option, default)

    @property
    def signal(self):
        """Of the stop, as ``TERM``."""
        text = self.section.get("stopsignal", "TERM").strip().upper().replace("SIG", "", 1)
        return {str(number): name for name, number in SIGNALS.items()}.get(text, text)

    @property
    def ends_gracefully(self):
        """Is its stop signal mapped to uWSGI's graceful end?"""
        number = SIGNALS.get(self.signal, 0)
        starts = [
            hook
            for hook in self.hooks
            if hook.phase == "master-start" and hook.action == "unix_signal"
        ]
        return any(
            re.match(r"%d\s+gracefully_kill_them_all" % number, hook.argument) for hook in starts
        )


def whole(section, option, default):
    """A number of a section of supervisord's."""
    text = section.get(option, "").strip()
    return (
        int(text)
        if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 10
        else default
    )


def _hook(option):
    text = option.value.lstrip()
    action, _, argument = text.lstrip("!").partition(":")
    if option.name == "hook-touch":
        action, _, argument = text.partition(" ")[2].partition(":")
    return Hook(
        option.file, option.line, option.name[5:], action.strip(), argument, text.startswith("!")
    )


@dataclass(frozen=True)
class Pair:
    """``instances`` holds what of its two programs is in the files, ``absent`` the names of those that are not,
    each with the names that its section gives to its processes (numprocs, groups)."""

    config: PairConfig
    section: Section
    instances: tuple[Program, ...]
    absent: Mapping[str, tuple[str, ...]]
    pool: Optional[Program]
    open_folders: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)

    def real(self, path):
        """The path with its symbolic links resolved."""
        return self.links.get(path, path)


@dataclass(frozen=True)
class ConfigModel:
    """Everything that the rules look at. ``environments``: what each event listener gets, by its section."""

    conf: Conf
    pairs: tuple[Pair, ...]
    programs: Mapping[str, object]
    environments: Mapping[str, Mapping[str, str]]


def read_config_model(options):
    """:param options: as for config.py ``read_pairs``. :raises Unreadable: when supervisord's own files cannot be read."""
    conf = read_conf(options)
    known = processes(conf)
    environments = {
        section.name: _environment(conf, section) for section in conf.of_kind("eventlistener:")
    }
    return ConfigModel(
        conf,
        tuple(_pair(conf, config, known) for config in read_pairs(options)),
        known,
        environments,
    )


def _pair(conf, config, known):
    section = conf.sections.get(f"zerg:{config.name}", Section(conf.file, 0, ""))
    found = {name: _find(known, name) for name in config.programs}
    instances = tuple(_program(conf, process) for process in found.values() if process)
    pool = _find(known, config.pool) if config.pool else None
    pool = _program(conf, pool) if pool else None
    fifos = {
        *config.fifos,
        *(option.value for instance in instances for option in instance.all("master-fifo")),
    }
    folders = {os.path.dirname(path) for path in fifos}
    paths = fifos | _addresses(config, instances, pool)
    return Pair(
        config,
        section,
        instances,
        {name: _instead(known, name) for name in found if not found[name]},
        pool,
        frozenset(folder for folder in folders if _is_open(folder)),
        {path: canonical(path) for path in paths if path.startswith("/") and "\0" not in path},
    )


def _addresses(config, instances, pool):
    """Every other path that a rule compares with one."""
    found = {config.stats_of(instance.name) for instance in instances} | {
        named(config.companion, instance.name) for instance in instances
    }
    for program in filter(None, (*instances, pool)):
        found |= {hook.fifo[0] for hook in program.hooks if hook.fifo} | {program.variable(SOCKET)}
        for option in program.all("stats", "stats-server", "zerg", "zerg-node", *POOLS):
            found |= {option.value, *option.value.replace(":", ",").split(",")}
    return found


def _find(known, name):
    group, process = split_namespec(name)
    return known.get(process if group == process else f"{group}:{process}")


def _instead(known, name):
    return tuple(
        p.name
        for p in known.values()
        if p.section.name.partition(":")[2] == name.rpartition(":")[2]
    )[:4]


def _program(conf, process):
    section = process.section
    at = section.at("command")
    environment = _environment(conf, section)
    environment.update(
        SUPERVISOR_PROCESS_NAME=process.name.rpartition(":")[2],
        SUPERVISOR_GROUP_NAME=process.name.partition(":")[0],
    )
    folder = section.get("directory") or (
        conf.sections["supervisord"].get("directory") if "supervisord" in conf.sections else ""
    )
    inis, broken = read_command(section.get("command"), at, folder, environment)
    return Program(
        process.name,
        section,
        tuple(inis.options),
        inis.home or at,
        tuple(inis.unread),
        broken,
        _group(conf, process.name),
    )


def _group(conf, name):
    return conf.sections.get(f"group:{name.partition(':')[0]}") if ":" in name else None


def _environment(conf, section):
    """What supervisord has, with what its own section and the program's add."""
    found = {
        name[4:]: str(value) for name, value in conf.expansions.items() if name.startswith("ENV_")
    }
    for one in filter(None, (conf.sections.get("supervisord"), section)):
        with contextlib.suppress(ValueError):
            found.update(dict_of_key_value_pairs(one.get("environment")))
    return found


def _is_open(folder):
    """May everybody write there, or make it where it does not exist yet?"""
    try:
        while folder and not os.path.exists(folder):
            folder = os.path.dirname(folder)
        return (
            bool(folder)
            and os.path.realpath(folder) in SHARED_FOLDERS
            or bool(os.stat(folder).st_mode & stat.S_IWOTH)
        )
    except (OSError, ValueError):
        return False

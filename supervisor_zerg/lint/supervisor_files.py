"""Reads supervisord's files with their includes: sections whose options know their file and line.

Values come from Supervisor's own parser (config.py ``parse``), lines from a scanner of our own.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import expand

from ..config import included, parse
from .uwsgi_ini import Place, Unreadable, read_text

MAX_PROCESSES = 1000  # of one numprocs


@dataclass(frozen=True)
class Section(Place):
    """One section.

    ``values`` are expanded where possible; ``unexpanded`` names the options that could not be;
    ``raw`` is what is written.
    """

    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    unexpanded: frozenset[str] = frozenset()
    raw: Mapping[str, str] = field(default_factory=dict)

    def get(self, option: str, default: str = "") -> str:
        """The expanded value of an option."""
        return self.values.get(option, default)

    def at(self, option: str) -> Place:
        """The place of an option, or of the section where it has no such option."""
        return self.places.get(option, self)


@dataclass(frozen=True)
class Process:
    """One process that supervisord would create; ``name`` is its name in ``[zerg:...]``."""

    name: str
    section: Section


@dataclass(frozen=True)
class SupervisorFiles:
    """All of supervisord's files; ``titles`` is every ``[section]`` line as written, in order."""

    file: str
    sections: Mapping[str, Section]
    titles: tuple[Section, ...]
    expansions: Mapping[str, object]

    @property
    def top(self) -> Section:
        """The place of findings about what is missing altogether."""
        return self.sections.get("supervisord") or Section(self.file, 1, "")

    def of_kind(self, prefix: str) -> list[Section]:
        """The sections whose names begin with a prefix."""
        return [section for name, section in self.sections.items() if name.startswith(prefix)]


def read_supervisor_files(options: Any) -> SupervisorFiles:
    """Read every file of supervisord; ``options`` are those of config.py ``read_pairs``.

    Raises:
        Unreadable: One of them cannot be read.
    """
    read_text(options.configfile)
    try:
        includes = included(parse(options, follow=False), options)
        names = [options.configfile, *(name for name in includes if os.path.exists(name))]
        titles = [title for name in names for title in _scan(name)]
        parser = parse(options)
    except Unreadable:
        raise
    except Exception as error:  # what configparser and Supervisor's expansions raise
        raise Unreadable(
            f"cannot read {options.configfile}: {' '.join(str(error).split())}"
        ) from None
    expansions = {
        **options.environ_expansions,
        "here": options.here,
        "host_node_name": platform.node(),
    }
    sections = {
        name: _section(name, dict(parser.items(name)), titles, expansions)
        for name in parser.sections()
    }
    return SupervisorFiles(options.configfile, sections, tuple(titles), expansions)


def _scan(name: str) -> list[Section]:
    """Each ``[section]`` line of a file with the lines of its options."""
    titles: list[Section] = []
    values: dict[str, str] = {}
    places: dict[str, Place] = {}
    for number, line in enumerate(re.split("\r\n|\r|\n", read_text(name)), 1):
        title = re.match(r"\[(.+)\]", line.strip())
        option = re.match(r"([^\s;#=:\[][^=:]*)[=:](.*)", line)
        if title:
            values = {}
            places = {}
            titles.append(Section(name, number, title[1], values, places))
        elif option and titles:
            places[option[1].strip().lower()] = Place(name, number)
            values[option[1].strip().lower()] = re.split(r"\s[;#]", option[2])[0].strip()
    return titles


def _section(
    name: str, raw: dict[str, str], titles: Iterable[Section], expansions: Mapping[str, object]
) -> Section:
    own = [title for title in titles if title.name == name]
    places: dict[str, Place] = {}
    for title in own:
        places.update(title.places)
    home = own[0] if own else Place("", 0)
    section = Section(home.file, home.line, name, places=places, raw=raw)
    return expanded(section, {**expansions, **_program_expansions(section, 0, expansions)})


def _program_expansions(
    section: Section, number: int, expansions: Mapping[str, object]
) -> dict[str, object]:
    """What Supervisor adds for a program (supervisor/options.py processes_from_section)."""
    kind, _, name = section.name.partition(":")
    if kind not in ("program", "fcgi-program", "eventlistener"):
        return {"program_name": "%(program_name)s"} if kind == "zerg" else {}
    found: dict[str, object] = {"program_name": name, "group_name": name, "process_num": number}
    known = {**expansions, **found}
    found["numprocs"] = _number(section, "numprocs", 1, known)
    environment, _ = _expanded_text(section.raw.get("environment"), {**known, **found})
    with contextlib.suppress(ValueError):
        for variable, value in dict_of_key_value_pairs(environment).items():
            found[f"ENV_{variable}"] = value
    return found


def _number(section: Section, option: str, default: int, expansions: Mapping[str, object]) -> int:
    """A number, expanded before it is read."""
    text, _ = _expanded_text(section.raw.get(option) or "", expansions)
    return int(text) if re.fullmatch("[0-9]{1,9}", text.strip()) else default


def _expanded_text(text: object, expansions: Mapping[str, object]) -> tuple[str, bool]:
    """The text with its ``%(...)s`` expanded, and whether that worked."""
    if not isinstance(text, str):
        return "", True
    try:
        return str(expand(text, expansions, "option")), True
    except Exception:  # ValueError, and whatever % raises for a strange format
        return text, False


def expanded(section: Section, expansions: Mapping[str, object]) -> Section:
    """The section with its ``%(...)s`` expanded."""
    values: dict[str, str] = {}
    unexpanded = set()
    for option, text in section.raw.items():
        values[option], worked = _expanded_text(text, expansions)
        if not worked:
            unexpanded.add(option)
    return Section(
        section.file,
        section.line,
        section.name,
        values,
        section.places,
        frozenset(unexpanded),
        section.raw,
    )


def processes(files: SupervisorFiles) -> dict[str, Process]:
    """Every process by its name: ``name`` or ``group:name``."""
    groups: dict[str, str] = {}
    for group in files.of_kind("group:"):
        for program in group.get("programs").split(","):
            groups[program.strip()] = group.name[len("group:") :]
    found = {}
    for section in files.of_kind("program:") + files.of_kind("fcgi-program:"):
        name = section.name.partition(":")[2]
        for process in _processes(files, section, groups.get(name, name)):
            found[process.name] = process
    return found


def _processes(files: SupervisorFiles, section: Section, group: str) -> Iterator[Process]:
    grouped = {**files.expansions, "group_name": group}
    expansions = {**grouped, **_program_expansions(section, 0, grouped)}
    start = _number(section, "numprocs_start", 0, expansions)
    count = _number(section, "numprocs", 1, expansions)
    for number in range(start, start + min(count, MAX_PROCESSES)):
        own = {**grouped, **_program_expansions(section, number, grouped), "group_name": group}
        once = expanded(section, own)
        name = once.get("process_name", section.name.partition(":")[2])
        yield Process(name if name == group else f"{group}:{name}", once)

"""supervisord's files with their includes -> sections whose options know their file and line.

The values are those of Supervisor's own parser (config.py ``parse``), the lines are found by a scanner of our own.
"""

import os
import platform
import re
from dataclasses import dataclass, field
from collections.abc import Mapping

from supervisor.options import expand

from ..config import included, parse
from .uwsgi_ini import Place, Unreadable, read_text

MOST_PROCESSES = 1000  # numprocs that is looked at


@dataclass(frozen=True)
class Section(Place):
    """``values``: what is expanded; ``kept``: the options that could not be, and are as they are written."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    raw: Mapping[str, str] = field(default_factory=dict)

    def get(self, option, default=""):
        return self.values.get(option, default)

    def at(self, option):
        """The Place of an option, or of the section."""
        return self.places.get(option, self)


@dataclass(frozen=True)
class Process:
    """One process that supervisord would make. ``name`` is what a ``[zerg:...]`` section calls it."""

    name: str
    section: Section


@dataclass(frozen=True)
class Conf:
    """All of supervisord's files. ``titles``: every ``[section]`` line as it is written, in order."""

    file: str
    sections: Mapping[str, Section]
    titles: tuple[Section, ...]
    expansions: Mapping[str, object]

    @property
    def top(self):
        """Where to tell what is missing in all of it."""
        return self.sections.get("supervisord") or Section(self.file, 1, "")

    def of_kind(self, prefix):
        """The sections whose names begin so."""
        return [section for name, section in self.sections.items() if name.startswith(prefix)]


def read_conf(options):
    """:param options: as for config.py ``read_pairs``. :raises Unreadable:"""
    read_text(options.configfile)
    try:
        names = [options.configfile] + [
            name for name in included(parse(options, follow=False), options) if os.path.exists(name)
        ]
        titles = [title for name in names for title in _scan(name)]
        parser = parse(options)
    except Unreadable:
        raise
    except Exception as error:  # what configparser and Supervisor's expansions raise
        raise Unreadable(f"cannot read {options.configfile}: {' '.join(str(error).split())}")
    expansions = {
        **options.environ_expansions,
        "here": options.here,
        "host_node_name": platform.node(),
    }
    sections = {name: _section(parser, name, titles, expansions) for name in parser.sections()}
    return Conf(options.configfile, sections, tuple(titles), expansions)


def _scan(name):
    """Each ``[section]`` line of a file with the lines of its options."""
    titles = []
    for number, line in enumerate(re.split("\r\n|\r|\n", read_text(name)), 1):
        title = re.match(r"\[(.+)\]", line.strip())
        option = re.match(r"([^\s;#=:\[][^=:]*)[=:](.*)", line)
        if title:
            titles.append(Section(name, number, title[1], {}, {}))
        elif option and titles:
            titles[-1].places[option[1].strip().lower()] = Place(name, number)
            titles[-1].values[option[1].strip().lower()] = re.split(r"\s[;#]", option[2])[0].strip()
    return titles


def _section(parser, name, titles, expansions):
    places, own = {}, [title for title in titles if title.name == name]
    for title in own:
        places.update(title.places)
    home = own[0] if own else Place("", 0)
    raw = Section(home.file, home.line, name, places=places, raw=dict(parser.items(name)))
    return expanded(raw, {**expansions, **_program(raw, 0)})


def _program(section, number):
    kind, _, name = section.name.partition(":")
    if kind not in ("program", "fcgi-program", "eventlistener"):
        return {"program_name": "%(program_name)s"} if kind == "zerg" else {}
    return {
        "program_name": name,
        "group_name": name,
        "process_num": number,
        "numprocs": _number(section, "numprocs", 1),
    }


def _number(section, option, default):
    text = (section.raw.get(option) or "").strip()
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else default


def expanded(section, expansions):
    """The section with its ``%(...)s`` filled in."""
    values, kept = {}, set()
    for option, text in section.raw.items():
        try:
            values[option] = expand(text, expansions, option) if isinstance(text, str) else ""
        except Exception:  # ValueError and whatever % makes of a strange format
            values[option] = text
            kept.add(option)
    return Section(
        section.file,
        section.line,
        section.name,
        values,
        section.places,
        frozenset(kept),
        section.raw,
    )


def processes(conf):
    """Every process by its name, be it ``name`` or ``group:name``."""
    groups = {}
    for group in conf.of_kind("group:"):
        groups.update(
            (program.strip(), group.name[6:]) for program in group.get("programs").split(",")
        )
    found = {}
    for section in conf.of_kind("program:") + conf.of_kind("fcgi-program:"):
        name = section.name.partition(":")[2]
        for process in _processes(conf, section, groups.get(name, name)):
            found[process.name] = process
    return found


def _processes(conf, section, group):
    start = _number(section, "numprocs_start", 0)
    for number in range(start, start + min(_number(section, "numprocs", 1), MOST_PROCESSES)):
        once = expanded(
            section, {**conf.expansions, **_program(section, number), "group_name": group}
        )
        name = once.get("process_name", section.name.partition(":")[2])
        yield Process(name if name == group else f"{group}:{name}", once)

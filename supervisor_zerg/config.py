"""``[zerg:NAME]`` sections -> :class:`~supervisor_zerg.core.pair_config.PairConfig`.

supervisord ignores sections that it does not know and keeps its parser to itself
(supervisor/options.py ``read_config``), so the files are read once more, with the same includes and
the same expansions. Every problem is collected; a section that is wrong raises nothing.
"""

from __future__ import annotations

import difflib
import glob
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Union

from supervisor.options import UnhosedConfigParser, expand

from .core.option_values import PROGRAM_NAME
from .core.pair_config import OPTIONS, PairConfig, Problem

PREFIX = "zerg:"

Values = Mapping[str, Union[str, Exception]]


def read_pairs(options: Any) -> tuple[PairConfig, ...]:
    """Return every configured pair, in file order; the default pair if there is no section.

    What is wrong with a section is in ``problems``. An option that is wrong has its default, and
    the pair is managed all the same, unless one of ESSENTIAL is wrong.

    Args:
        options: supervisord's ``ServerOptions``: ``configfile``, ``here``, ``environ_expansions``.
    """
    try:
        sections = _sections(options)
    except Exception as error:  # a file that went away or broke since supervisord read it
        return (PairConfig(problems=(Problem("", f"cannot read {options.configfile}: {error}"),)),)
    pairs = [parse_pair(name, values) for name, values in sections.items()]
    return _with_name_clashes(pairs or [PairConfig()])


def _sections(options: Any) -> dict[str, Values]:
    parser = parse(options)
    return {
        section[len(PREFIX) :]: _values(parser, section)
        for section in parser.sections()
        if section.startswith(PREFIX)
    }


def parse(options: Any, follow: bool = True) -> Any:
    """Return supervisord's file in Supervisor's own parser, with its includes if ``follow``."""
    parser = UnhosedConfigParser()
    parser.expansions = dict(options.environ_expansions, here=options.here)
    parser.read(options.configfile)
    parser.expand_here(options.here)
    for filename in included(parser, options) if follow else ():
        parser.read(filename)
        parser.expand_here(os.path.dirname(os.path.abspath(filename)))
    return parser


def included(parser: Any, options: Any) -> Iterator[str]:
    """Yield the paths of the files that are included."""
    if not parser.has_section("include") or not parser.has_option("include", "files"):
        return
    base = os.path.dirname(os.path.abspath(options.configfile))
    expansions = dict(parser.expansions, host_node_name=platform.node())
    for pattern in expand(parser.get("include", "files"), expansions, "include.files").split():
        yield from sorted(glob.glob(os.path.join(base, pattern)))


def _values(parser: Any, section: str) -> Values:
    """Return the text of each option, or the exception that expanding it raised."""
    values: dict[str, str | Exception] = {}
    for option in parser.options(section):
        try:
            parser.expansions["program_name"] = PROGRAM_NAME  # expanded for each instance, later
            values[option] = parser.saneget(section, option)
        except Exception as error:
            values[option] = error
        finally:
            del parser.expansions["program_name"]
    return values


def parse_pair(name: str, values: Values) -> PairConfig:
    """Return the pair of one section.

    >>> print(*parse_pair("web", {"programs": "a"}).problems)
    [zerg:web] programs must name two programs, 'a' names 1
    """
    problems = []
    config: dict[str, Any] = {}
    for option, text in values.items():
        try:
            config[option] = _value(option, text)
        except ValueError as error:
            problems.append(Problem(option, str(error), name))
    if str(config.get("health", "")).startswith("/") and not config.get("companion"):
        text = "is a path, so companion must name the socket that the instance's companion.py makes"
        problems.append(Problem("health", text, name))
    return PairConfig(name=name, problems=tuple(problems), **config)


def _value(option: str, text: str | Exception) -> Any:
    if option not in OPTIONS:
        close = difflib.get_close_matches(option, OPTIONS, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(OPTIONS)}"
        raise ValueError(f"is not an option; {hint}")
    if isinstance(text, Exception):
        raise ValueError(f"cannot be expanded: {text}")
    value = OPTIONS[option].parse(text)
    if option == "fifos" and len({canonical(path) for path in value}) != len(value):
        raise ValueError("must be three different paths")
    return value


def canonical(path: str) -> str:
    """Return the path as the kernel shows it in /proc/PID/fd: only the folder is resolved."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _with_name_clashes(pairs: Sequence[PairConfig]) -> tuple[PairConfig, ...]:
    """If two pairs have the same program or FIFO, the later one cannot work."""
    owners: dict[str, str] = {}
    result = []
    for pair in pairs:
        problems = list(pair.problems)
        if not pair.blocking:
            names = [("programs", program) for program in pair.programs]
            names += [("fifos", canonical(path)) for path in pair.fifos]
            for option, name in names:
                owner = owners.setdefault(name, pair.name)
                if owner != pair.name:
                    text = f"names {name}, which already belongs to the pair {owner}"
                    problems.append(Problem(option, text, pair.name))
        result.append(replace(pair, problems=tuple(problems)))
    return tuple(result)

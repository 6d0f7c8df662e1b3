"""``[zerg:NAME]`` sections -> :class:`~supervisor_zerg.core.pair_config.PairConfig`. Collects every problem, never raises for one bad pair.

supervisord ignores sections that it does not know and keeps its parser to itself (supervisor/options.py ``read_config``),
so the files are read once more, with the same includes and the same expansions.
"""

import glob
import ipaddress
import os
import platform
import shlex
from dataclasses import replace

from supervisor.options import UnhosedConfigParser, expand

from .core.pair_config import PROGRAM_NAME, PairConfig, Problem

PREFIX = "zerg:"
TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


def read_pairs(options):
    """Every configured pair, in file order; the default pair when no section exists.

    :param options: supervisord's ``ServerOptions``: ``configfile``, ``here``, ``environ_expansions``.
    :returns: tuple of PairConfig; a pair that cannot work carries the reasons in ``problems``.
    """
    try:
        sections = _sections(options)
    except Exception as error:  # a file that went away or broke since supervisord read it
        return (PairConfig(problems=(Problem("", f"cannot read {options.configfile}: {error}"),)),)
    pairs = tuple(parse_pair(name, values) for name, values in sections.items()) or (PairConfig(),)
    return _name_clashes(pairs)


def _sections(options):
    parser = parse(options)
    return {s[len(PREFIX) :]: _values(parser, s) for s in parser.sections() if s.startswith(PREFIX)}


def parse(options, follow=True):
    """supervisord's file in Supervisor's own parser. :param follow: the included files, too."""
    parser = UnhosedConfigParser()
    parser.expansions = dict(options.environ_expansions, here=options.here)
    parser.read(options.configfile)
    parser.expand_here(options.here)
    for filename in included(parser, options) if follow else ():
        parser.read(filename)
        parser.expand_here(os.path.dirname(os.path.abspath(filename)))
    return parser


def included(parser, options):
    """The paths of the files that are included."""
    if not parser.has_section("include") or not parser.has_option("include", "files"):
        return
    base = os.path.dirname(os.path.abspath(options.configfile))
    expansions = dict(parser.expansions, host_node_name=platform.node())
    for pattern in expand(parser.get("include", "files"), expansions, "include.files").split():
        yield from sorted(glob.glob(os.path.join(base, pattern)))


def _values(parser, section):
    """Option -> text, or option -> the exception that expanding it raised."""
    values = {}
    for option in parser.options(section):
        try:
            parser.expansions["program_name"] = PROGRAM_NAME  # expanded for each instance, later
            values[option] = parser.saneget(section, option)
        except Exception as error:
            values[option] = error
        finally:
            del parser.expansions["program_name"]
    return values


def parse_pair(name, values):
    """One section's options -> PairConfig.

    >>> print(*parse_pair("web", {"programs": "a"}).problems)
    [zerg:web] programs must name two programs, 'a' names 1
    """
    problems = []
    config = {"name": name}
    for option, text in values.items():
        try:
            if option not in PARSERS:
                raise ValueError(f"is not an option; there are {', '.join(PARSERS)}")
            if isinstance(text, Exception):
                raise ValueError(f"cannot be expanded: {text}")
            config[option] = PARSERS[option](text)
        except ValueError as error:
            problems.append(Problem(option, str(error), name))
    if str(config.get("health", "")).startswith("/") and not config.get("companion"):
        problems.append(
            Problem(
                "health",
                "is a path, so companion must name the socket that the instance's companion.py makes",
                name,
            )
        )
    return PairConfig(problems=tuple(problems), **config)


def _programs(text):
    programs = tuple(_program(p.strip()) for p in text.split(",") if p.strip())
    if len(programs) != 2:
        raise ValueError(f"must name two programs, {text!r} names {len(programs)}")
    if programs[0] == programs[1]:
        raise ValueError(f"names {programs[0]} twice")
    return programs


def _program(name):
    """``name:name`` is another way to write ``name`` (supervisor/options.py ``split_namespec``): one program has one name."""
    group, _, program = name.partition(":")
    return program if group == program else name


def _fifos(text):
    paths = tuple(p.strip() for p in text.split(",") if p.strip())
    if len(paths) != 3:
        raise ValueError(
            f"must be three paths in the order new, running, sleeping; {text!r} are {len(paths)}"
        )
    relative = [p for p in paths if not os.path.isabs(p)]
    if relative:
        raise ValueError(f"must be absolute paths, {relative[0]} is not")
    if len({canonical(p) for p in paths}) != 3:
        raise ValueError("must be three different paths")
    return paths


def canonical(path):
    """The path as the kernel shows it in /proc/PID/fd: symbolic links in the folder resolved, the name kept."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _stats(text):
    addresses = [address.strip() for address in text.split(",")]
    if len(addresses) == 1 and text and PROGRAM_NAME not in text:
        raise ValueError(
            f"must contain {PROGRAM_NAME}, or be two addresses: instances with one stats address answer for each other"
        )
    if len(addresses) > 2 or len(addresses) == 2 and addresses[0] == addresses[1]:
        raise ValueError(
            f"must be one address with {PROGRAM_NAME} in it, or one for each program, not {text!r}"
        )
    for address in filter(None, addresses):
        if not (address.startswith("/") or _is_numeric(address)):
            raise ValueError(
                f"must be unix paths or IP:PORT, such as 127.0.0.1:9191, not {address!r}"
            )
    return ",".join(addresses)


def _is_numeric(address):
    """A name would have to be looked up, and supervisord would stand still meanwhile."""
    host, _, port = address.rpartition(":")
    try:
        return (
            bool(ipaddress.IPv4Address(host))
            and port.isascii()
            and port.isdigit()
            and 0 < int(port) < 65536
        )
    except ValueError:
        return False


def _switch(text):
    if text.lower() in TRUE + FALSE:
        return text.lower() in TRUE
    raise ValueError(f"must be true or false, not {text!r}")


def _retire(text):
    if text not in ("park", "stop"):
        raise ValueError(f"must be park or stop, not {text!r}")
    return text


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e7:
        raise ValueError(f"must be a number of seconds, not {text!r}")
    return seconds


def _ratio(text):
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not ratio >= 0:
        raise ValueError(f"must be a number of exceptions a request, such as 0.05, not {text!r}")
    return ratio


def _count(text):
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 1000:
        return int(text)
    raise ValueError(f"must be a number from 1 to 1000, not {text!r}")


def _path(text):
    if text and not os.path.isabs(text):
        raise ValueError(f"must be an absolute path, not {text!r}")
    return text


def _health(text):
    if text and not text.startswith(("/", "http://", "https://", "unix:///", "command:")):
        raise ValueError(
            f"must be a path, a URL (http, https, unix:///SOCKET:/PATH) or command:COMMAND, not {text!r}"
        )
    return text


def _statuses(text):
    parts = [part.partition("-") for part in text.replace(" ", "").split(",")]
    if not all(low.isdigit() and (high.isdigit() if dash else True) for low, dash, high in parts):
        raise ValueError(f"must be such as 200 or 200-399 or 200,204, not {text!r}")
    return text


def _command(text):
    try:
        shlex.split(text)
    except ValueError as error:
        raise ValueError(f"is no command line: {error}")
    return text


PARSERS = {
    "programs": _programs,
    "fifos": _fifos,
    "stats": _stats,
    "pool": str,
    "auto": _switch,
    "retire": _retire,
    "freeze": _switch,
    "drain_timeout": _seconds,
    "boot_timeout": _seconds,
    "companion": _path,
    "health": _health,
    "health_status": _statuses,
    "health_timeout": _seconds,
    "health_interval": _seconds,
    "health_count": _count,
    "bake": _seconds,
    "max_exceptions": _ratio,
    "before_deploy": _command,
    "after_deploy": _command,
    "on_failover": _command,
    "on_rollback": _command,
    "update": _command,
    "hook_timeout": _seconds,
}
OPTIONS = tuple(PARSERS)


def _name_clashes(pairs):
    """The same program or FIFO in two pairs: the later pair is the one that cannot work."""
    owners, result = {}, []
    for pair in pairs:
        problems = list(pair.problems)
        if not problems:
            things = [("programs", program) for program in pair.programs]
            things += [("fifos", canonical(path)) for path in pair.fifos]
            for option, thing in things:
                owner = owners.setdefault(thing, pair.name)
                if owner != pair.name:
                    text = f"names {thing}, which already belongs to the pair {owner}"
                    problems.append(Problem(option, text, pair.name))
        result.append(replace(pair, problems=tuple(problems)))
    return tuple(result)

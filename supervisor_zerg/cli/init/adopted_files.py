"""The files of a pair that is made of a program: its own lines, with what makes a pair of them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator

from ...lint.uwsgi_ini import Option, read_text
from ...lint.uwsgi_magic import expand_letters
from .adopt import ACCOUNT, HTTP_SOCKETS, MOVED, OURS, REMOVED, Adoption
from .render import (
    Needs,
    conf,
    instance_options,
    instance_program,
    pairing,
    pool_ini,
    pool_options,
    pool_program,
)
from .site import Site

#: Options of a program that the pair sets itself.
OWN_OPTIONS = {
    "command",
    "autostart",
    "autorestart",
    "stopsignal",
    "stopasgroup",
    "killasgroup",
    "stdout_capture_maxbytes",
    "process_name",
    "numprocs",
}
LOG_FILES = ("stdout_logfile", "stderr_logfile")
STOP_WAIT_S = 75
LETTERS = re.compile("%%|%[0-9opsdnecOPSDNEC]")  # of uWSGI: parts of the path of the ini


def adopted_files(site: Site, needs: Needs, adoption: Adoption) -> dict[str, str]:
    """The files of the pair, by path."""
    programs = [pool_program(site, _pool_program_options(site, needs, adoption))]
    programs += [
        instance_program(name, _program_options(site, needs, adoption, name))
        for name in site.programs
    ]
    title = f"{' and '.join(site.programs)} do what {adoption.program.name} did, in turns"
    return {
        site.pair_file: conf(site, title, programs),
        site.instance_ini: instance_ini(site, needs, adoption),
        site.pool_ini: pool_ini(site, needs, adoption.pool),
    }


def _raw(text: str) -> str:
    """A text as it stands in a file of supervisord."""
    return text.replace("%", "%%")


def _command(adoption: Adoption, ini: str) -> str:
    return _raw(shlex.join([*adoption.prefix, "--ini", ini]))


def _pool_program_options(site: Site, needs: Needs, adoption: Adoption) -> dict[str, str]:
    options = pool_options(site, needs)
    kept = {
        name: adoption.program.section.raw[name]
        for name in ("directory", "environment", "user")
        if name in adoption.program.section.raw
    }
    return {**options, **kept, "command": _command(adoption, site.pool_ini)}


def _program_options(site: Site, needs: Needs, adoption: Adoption, name: str) -> dict[str, str]:
    raw = adoption.program.section.raw
    kept = {option: value for option, value in raw.items() if option not in OWN_OPTIONS}
    options = {**instance_options(site, needs, name), **kept}
    options["command"] = _command(adoption, site.instance_ini)
    options["stopwaitsecs"] = str(max(STOP_WAIT_S, adoption.program.integer("stopwaitsecs", 10)))
    options.update({log: _log_file(raw[log], name) for log in LOG_FILES if log in raw})
    return options


def _log_file(path: str, name: str) -> str:
    """A log file for one instance: two programs must not rotate one file."""
    if path.upper() in ("NONE", "AUTO", "SYSLOG") or path.startswith("/dev/") or "%(" in path:
        return path
    stem, extension = os.path.splitext(path)
    return f"{stem}-{name}{extension}"


def instance_ini(site: Site, needs: Needs, adoption: Adoption) -> str:
    """The ini of the application with what makes a pair of it.

    The lines of the old ini stay as they are; what is removed is commented out.
    """
    program = adoption.program
    command = program.section.at("command")
    given = [option for option in program.options if option.file != adoption.ini]
    given = [
        option for option in given if (option.file, option.line) == (command.file, command.line)
    ]
    lines = [
        f"; Written by zergctl init, for both {' and '.join(site.programs)}.",
        "; $(SUPERVISOR_PROCESS_NAME) is the name of the program; Supervisor sets it.",
        "[uwsgi]",
        pairing(site, needs),
        "enable-threads = true",
        *(["protocol = http"] if program.all(*HTTP_SOCKETS) else []),
        *_kept_options(given),
        *_kept_lines(adoption),
    ]
    return "\n".join(lines) + "\n"


def _kept_options(given: list[Option]) -> Iterator[str]:
    """The options of the command line."""
    if given:
        yield "; from the command line of the program"
    for option in given:
        if option.name not in REMOVED:
            yield f"{option.name} = {option.value}"


def _kept_lines(adoption: Adoption) -> Iterator[str]:
    """The lines of the old ini."""
    if not adoption.ini:
        return
    removed = {
        option.line: option.name
        for option in adoption.program.options
        if option.file == adoption.ini and option.name in REMOVED
    }

    def expanded(found: re.Match[str]) -> str:
        letter = found[0]
        if letter == "%%":
            return letter
        return expand_letters(letter, adoption.ini, adoption.ini, "", "")

    yield f"; from {adoption.ini}"
    for number, line in enumerate(re.split("\r\n|\r|\n", read_text(adoption.ini).rstrip()), 1):
        line = LETTERS.sub(expanded, line)
        yield f"; {_fate(removed[number])}: {line}" if number in removed else line


def _fate(option: str) -> str:
    if option in MOVED:
        return "in the ini of the pool"
    if option in ACCOUNT:
        return "in the section of the program"
    return "see above" if option in OURS else "removed"

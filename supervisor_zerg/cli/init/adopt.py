"""``zergctl init --adopt``: can a pair be made of a program that runs one uWSGI? Pure.

Every option of the application is kept. What belongs to the socket moves to the pool, and what two
instances cannot share goes.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...lint.config_model import Program
from ...lint.uwsgi_command_line import UWSGI, command_options
from ...lint.uwsgi_ini import Option
from ..probe import Unfit
from .site import PATH, TCP

SOCKETS = ("socket", "uwsgi-socket")
HTTP_SOCKETS = ("http-socket",)
POOL = ("chmod-socket", "chown-socket", "listen", "umask")  # options of a socket
ACCOUNT = ("uid", "gid")
MOVED = {*SOCKETS, *HTTP_SOCKETS, "chmod-socket", "chown-socket", "listen"}
OURS = {"master", "need-app", "ignore-sigpipe", "stats", "stats-server", "master-fifo"}
HARMFUL = {"vacuum", "die-on-term", "no-orphans"}
SHARED = {"pidfile", "pidfile2", "safe-pidfile", "safe-pidfile2"}
REMOVED = {*MOVED, *OURS, *HARMFUL, *SHARED, *ACCOUNT}
TWICE = {"cron", "unique-cron", "mule", "mules", "spooler", "attach-daemon", "smart-attach-daemon"}
PYTHON = {"module", "wsgi", "wsgi-file", "file", "mount", "paste", "ini-paste", "ini-paste-logged"}
#: Options with which a program cannot be adopted: why, and what to do.
BLOCKERS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("emperor", "vassal-socket"),
        ("starts other uWSGIs by itself", "give each vassal a program of its own first"),
    ),
    **dict.fromkeys(
        ("daemonize", "daemonize2"),
        ("leaves Supervisor", "remove it, so that Supervisor runs the program, and try again"),
    ),
    **dict.fromkeys(
        ("gevent", "async", "asyncio", "ugreen", "greenlet", "tornado"),
        (
            "is asynchronous: it cannot be parked with requests in flight",
            "write the pair with 'zergctl init', and set 'retire = stop' in its section",
        ),
    ),
    **dict.fromkeys(
        ("http", "https", "http-to", "fastrouter", "rawrouter", "sslrouter"),
        (
            "binds an address of its own in each instance",
            "use http-socket, or let the HTTP server listen there",
        ),
    ),
    **dict.fromkeys(
        ("zerg", "zerg-node", "zerg-pool", "zergpool", "zerg-server"),
        ("is part of a zerg pool already", "see 'zergctl check' for what it lacks"),
    ),
    **dict.fromkeys(
        ("shared-socket", "map-socket", "http-socket-modifier1"),
        ("maps sockets in a way that a pool cannot", "use one socket"),
    ),
}


@dataclass(frozen=True)
class Adoption:
    """What is kept of a program.

    Attributes:
        prefix: The words of its command before uWSGI, and uWSGI.
        ini: Its ini file; empty if all is on the command line.
        address: Of its socket.
        pool: Options for the pool, by name.
        notes: What an operator should know.
    """

    program: Program
    prefix: tuple[str, ...]
    ini: str
    address: str
    speaks_http: bool
    user: str
    pool: Mapping[str, str]
    notes: tuple[str, ...]


def adopt(program: Program) -> Adoption:
    """Examine a program.

    Raises:
        Unfit: it cannot be adopted; with the reason and the fix.
    """
    _check_section(program)
    words = shlex.split(program.section.get("command"))
    start = next(i for i, word in enumerate(words) if UWSGI.match(os.path.basename(word)))
    for option in program.options:
        if option.name in BLOCKERS:
            reason, fix = BLOCKERS[option.name]
            raise Unfit(f"{program.name} {reason}: {_shown(option)}", fix)
    ini = _ini_of(program, words[start + 1 :])
    if not any(option.name in PYTHON for option in program.options):
        raise Unfit(f"{program.name} runs no Python application", "only these can boot parked")
    for option in program.options:
        if option.name in REMOVED and option.file not in (ini, program.section.at("command").file):
            raise Unfit(f"{_shown(option)} is in a file that is included", f"move it into {ini}")
    http = bool(program.all(*HTTP_SOCKETS)) or program.value("protocol") == "http"
    return Adoption(
        program,
        tuple(words[: start + 1]),
        ini,
        _address(program),
        http,
        _user(program),
        {name: program.value(name) for name in POOL if program.all(name)},
        tuple(_notes(program)),
    )


def _check_section(program: Program) -> None:
    section = program.section
    if program.broken:
        raise Unfit(program.broken, "correct that first")
    if program.unread:
        place, reason = program.unread[0]
        fix = "let the program run uWSGI itself, with an ini file"
        raise Unfit(f"{place.file}:{place.line}: {reason}", fix)
    if ":" in program.name or section.get("numprocs", "1") != "1":
        raise Unfit(
            f"{program.name} is one of several programs of a group",
            "give it a [program:...] of its own, without a group and without numprocs",
        )


def _shown(option: Option) -> str:
    return f"{option.name} = {option.value} ({option.file}:{option.line})"


def _ini_of(program: Program, arguments: list[str]) -> str:
    """The path of the ini on the command line; empty if there is none."""
    inis = [
        value or name
        for name, value in command_options(arguments)
        if name in ("ini", "i") or (not name and ".ini" in value)
    ]
    if len(inis) > 1 or any(":" in ini for ini in inis):
        raise Unfit(
            f"{program.name} reads {' and '.join(inis)}",
            "let it read one ini file, and include the others there",
        )
    if not inis:
        return ""
    files = {option.file for option in program.options}
    path = next((file for file in files if file.endswith(os.path.basename(inis[0]))), "")
    if not path:
        raise Unfit(f"{inis[0]} has no option", "correct the command of the program")
    return path


def _address(program: Program) -> str:
    sockets = program.all(*SOCKETS, *HTTP_SOCKETS)
    if len(sockets) != 1:
        found = ", ".join(map(_shown, sockets)) or "none"
        raise Unfit(f"{program.name} must have one socket, and has {found}", "leave one")
    address = sockets[0].value
    if not PATH.fullmatch(address) and not TCP.fullmatch(address):
        raise Unfit(
            f"{_shown(sockets[0])} is neither an absolute path nor HOST:PORT", "write it as one"
        )
    return address


def _user(program: Program) -> str:
    """The account of the program: that of its section, or that of its ini."""
    return program.section.get("user") or program.value("uid")


def _notes(program: Program) -> Iterator[str]:
    for option in program.options:
        if option.name in TWICE:
            yield f"both instances will run {_shown(option)}"
    if program.value("gid"):
        yield "gid is dropped: Supervisor gives the programs the groups of their account"

"""Rules about a zerg pool, and about every command: what could not be read. Pure."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

from ..config_model import Pair, Program
from ..rule import ERROR, NOTE, WARNING, Hits, Rule, present, rule
from ..uwsgi_ini import Option

LISTEN = 100  # requests, uWSGI's default
MIN_LISTEN = 128  # requests, which every kernel allows
PLACEHOLDER = re.compile(r"[$@%]\([^()\s]*\)")  # but not a shell's $(command word)
COMMENT = re.compile(r"\s[;#](\s|$)")
COMMAND = re.compile(r"\s*!?(exec|exec-safe|system)[: ]|\S+ (exec|exec-safe|system):")
WITH_PLACEHOLDERS = ("log-format", "logformat", "route")  # that uWSGI expands for each request
WITH_CODE = (*WITH_PLACEHOLDERS, "exec-", "attach-daemon", "smart-attach-daemon", "cron")


def served_by(pool: Program | None) -> Iterator[tuple[str, str, Option]]:
    """For each zerg-pool: the pool's own socket, the addresses that it serves, and the option."""
    for option in pool.all("zerg-pool", "zergpool") if pool else ():
        own, _, served = option.value.partition(":")
        yield own, served, option


@rule(
    "broken",
    ERROR,
    summary="a file that uWSGI has to read cannot be read",
    reason="its content was not checked",
    fix="name a file that this user can read; a relative path starts at 'directory' of the program",
)
def broken(pair: Pair, program: Program) -> Hits:
    if program.broken:
        yield program.section.at("command"), program.broken


@rule(
    "unread",
    WARNING,
    summary="a shell script, YAML and the like: not checked",
    reason="its content was not checked",
    fix="run uWSGI itself as the command, with an ini",
)
def unread(pair: Pair, program: Program) -> Hits:
    for place, sentence in program.unread:
        yield place, f"{program.name}: {sentence}"


@rule(
    "unexpanded",
    WARNING,
    summary="a variable that is not set here",
    reason="it was checked as written; where it is not set, supervisord refuses to start, and uWSGI"
    " uses the text itself",
    fix="run the check with supervisord's environment",
)
def unexpanded(pair: Pair, program: Program) -> Hits:
    if "command" in program.section.unexpanded:
        message = f"the command of {program.name} has a %(...)s that cannot be expanded here"
        yield program.section.at("command"), message
    for option in program.options:
        if PLACEHOLDER.search(option.value) and not option.name.startswith(WITH_PLACEHOLDERS):
            yield option, f"{option.name} = {option.value} cannot be expanded here"


@rule(
    "inline-comment",
    WARNING,
    summary="a comment after a value, to which it belongs",
    reason="uWSGI knows only comments on lines of their own: the text is part of the value",
    fix="put the comment on its own line",
)
def inline_comment(pair: Pair, program: Program) -> Hits:
    for option in program.options:
        in_ini = option.file != program.section.file
        code = COMMAND.match(option.value) or option.name.startswith(WITH_CODE)
        if in_ini and not code and COMMENT.search(option.value):
            yield option, f"{option.name} has the value '{option.value}'"


daemonize = Rule(
    "daemonize",
    ERROR,
    present("daemonize", "daemonize2"),
    summary="``daemonize``",
    reason="supervisord sees the program end at once and starts it again, while the first process"
    " lives on unsupervised",
    fix="remove it; Supervisor writes the log",
)


@rule(
    "pool-none",
    ERROR,
    summary="the pool has no ``zerg-pool``",
    reason="the pair's pool program offers no socket",
    fix="zerg-pool = POOL:SERVED, or name another program as 'pool' of the pair",
)
def pool_none(pair: Pair, program: Program) -> Hits:
    if program.known and not program.last("zerg-pool", "zergpool", "zerg-server"):
        yield program.home, f"{program.name} has no zerg-pool"


@rule(
    "pool-syntax",
    ERROR,
    summary="``zerg-pool`` is not ``POOL:SERVED``, or serves an address that uWSGI cannot bind",
    reason="uWSGI exits with 1, or binds 255.255.255.255 or a random port, which no request reaches"
    " (2,666 of 2,666 were refused) while the pool and its instances look healthy",
    fix="zerg-pool = /folder/pool.sock:/folder/web.sock, or :8000 or 127.0.0.1:8000 to serve TCP;"
    " for IPv6 let nginx listen",
)
def pool_syntax(pair: Pair, program: Program) -> Hits:
    for own, served, option in served_by(program):
        if not own or not all(served.split(",")):
            yield option, f"zerg-pool = {option.value} is not POOL:SERVED"
        elif not PLACEHOLDER.search(served):
            for address in served.split(","):
                fault = _address_fault(address)
                if fault:
                    yield option, f"zerg-pool serves {address}, {fault}"


def _address_fault(address: str) -> str:
    """Why uWSGI cannot bind an address as meant, or an empty text.

    The first colon ends its host (plugins/zergpool/zergpool.c:110).
    """
    host, colon, port = address.partition(":")
    if address.startswith("["):
        return "which is IPv6: a pool of uWSGI 2.0.30 binds 255.255.255.255 instead"
    if not colon:
        return "a unix socket of that name, not a port" if address.isdigit() else ""
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        return f"but {port!r} is not a port, from 1 to 65535"
    if re.fullmatch(r"[0-9.]+", host) and not _is_ipv4(host):
        return f"but {host} is not an IPv4 address"
    return ""


def _is_ipv4(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


@rule(
    "pool-host",
    WARNING,
    summary="the pool serves an address with a host name",
    reason="a name that uWSGI cannot resolve when the pool starts becomes 255.255.255.255, which no"
    " request reaches",
    fix="write the IPv4 address",
)
def pool_host(pair: Pair, program: Program) -> Hits:
    for _, served, option in served_by(program):
        for address in served.split(","):
            host, colon, _ = address.partition(":")
            if colon and re.search("[a-zA-Z]", host) and host != "localhost":
                yield option, f"zerg-pool serves {address}, by name"


@rule(
    "pool-workers",
    WARNING,
    summary="the pool has workers",
    reason="a worker of the pool has no application and is one more process that holds the socket",
    fix="processes = 0",
)
def pool_workers(pair: Pair, program: Program) -> Hits:
    option = program.last("processes", "workers")
    count = program.number("processes", "workers")
    if option and count > 0 and program.last("zerg-pool", "zergpool"):
        yield option, f"the pool has {count} workers"


@rule(
    "pool-listen",
    NOTE,
    summary="``listen`` of the pool is below 128, or missing",
    reason="requests wait in this queue while nobody accepts (101 did); when it is full, a unix"
    " socket refuses at once (49 of 150 clients got 502), and TCP retries for up to 6.7 s",
    fix="listen = the requests that arrive while an instance boots, at most net.core.somaxconn"
    " (beyond it uWSGI does not start); write a number, because uWSGI reads @(FILE) as 0",
)
def pool_listen(pair: Pair, program: Program) -> Hits:
    length = program.number("listen", default=LISTEN)
    if program.known and any(served_by(program)) and length < MIN_LISTEN:
        given = program.last("listen")
        default = "" if given else " by default"
        yield given or program.home, f"listen of the pool is {length}{default}"


@rule(
    "pool-signal",
    WARNING,
    summary="the pool is stopped by SIGTERM or SIGHUP, which reload it",
    reason="instead of ending, it logs 'binary reloading' and creates a new socket, while the"
    " instances hold the old one; or it crashes",
    fix="stopsignal = INT",
)
def pool_signal(pair: Pair, program: Program) -> Hits:
    stop = program.stop_signal
    ends = program.ends_gracefully or (stop == signal.SIGTERM and program.flag("die-on-term"))
    if program.known and stop in (signal.SIGTERM, signal.SIGHUP) and not ends:
        place = program.section.at("stopsignal")
        yield place, f"the pool is stopped by {stop.name}, which reloads it"


@rule(
    "pool-tcp",
    NOTE,
    summary="the pool serves a TCP port",
    reason="a restarted pool cannot bind while the instances hold the port: it ends FATAL, and the"
    " instances go on serving",
    fix="stop both instances before you restart the pool",
)
def pool_tcp(pair: Pair, program: Program) -> Hits:
    for _, served, option in served_by(program):
        if any(":" in address for address in served.split(",")):
            yield option, f"the pool serves a TCP port, {served}"


ANY = (broken, unread, unexpanded, inline_comment, daemonize)
RULES = (pool_none, pool_syntax, pool_host, pool_workers, pool_listen, pool_signal, pool_tcp)

"""The traps of a zerg pool, and those of every command: what could not be read. Pure."""

import re

from ..rule import ERROR, NOTE, WARNING, Rule, present

LISTEN = 100  # requests, uWSGI's default
LEAST = 128  # requests: as many as every kernel allows


def served_by(pool):
    """(its own socket, what it serves, the Option) for each zerg-pool of a pool."""
    for option in pool.all("zerg-pool", "zergpool") if pool else ():
        own, _, rest = option.value.partition(":")
        yield own, rest, option


def broken(pair, program):
    if program.broken:
        yield program.section.at("command"), program.broken


def unread(pair, program):
    for place, sentence in program.unread:
        yield place, f"{program.name}: {sentence}"


def unexpanded(pair, program):
    if "command" in program.section.kept:
        yield (
            program.section.at("command"),
            f"the command of {program.name} has a %(...)s that cannot be expanded here",
        )
    for option in program.options:
        if re.search(r"[$@%]\([^()]*\)", option.value) and not option.name.startswith(
            ("log-format", "logformat", "route")
        ):
            yield option, f"{option.name} = {option.value} cannot be expanded here"


def inline_comment(pair, program):
    for option in program.options:
        if (
            option.file != program.section.file
            and re.search(r"\s[;#](\s|$)", option.value)
            and not _is_code(option)
        ):
            yield option, f"{option.name} has the value '{option.value}'"


def _is_code(option):
    """Do these letters mean something there?"""
    command = re.match(
        r"\s*!?(exec|exec-safe|system)[: ]|\S+ (exec|exec-safe|system):", option.value
    )
    return command or option.name.startswith(
        (
            "route",
            "log-format",
            "logformat",
            "exec-",
            "attach-daemon",
            "smart-attach-daemon",
            "cron",
        )
    )


def pool_none(pair, program):
    if program.known and not program.last("zerg-pool", "zergpool", "zerg-server"):
        yield program.home, f"{program.name} has no zerg-pool"


def pool_syntax(pair, program):
    for own, rest, option in served_by(program):
        if not own or not rest or not all(rest.split(",")):
            yield option, f"zerg-pool = {option.value} is not POOL:SERVED"


def pool_workers(pair, program):
    if program.number("processes", "workers") > 0 and program.last("zerg-pool", "zergpool"):
        yield (
            program.last("processes", "workers"),
            "the pool has %d workers" % program.number("processes", "workers"),
        )


def pool_listen(pair, program):
    length = program.number("listen", default=LISTEN)
    if program.known and any(served_by(program)) and length < LEAST:
        given = program.last("listen")
        yield (
            given or program.home,
            "listen of the pool is %d%s" % (length, "" if given else " by default"),
        )


def pool_signal(pair, program):
    ends = program.ends_gracefully or program.signal == "TERM" and program.flag("die-on-term")
    if program.known and program.signal in ("TERM", "HUP") and not ends:
        yield (
            program.section.at("stopsignal"),
            f"the pool is stopped by SIG{program.signal}, which is a reload",
        )


def pool_tcp(pair, program):
    for _, rest, option in served_by(program):
        if any(":" in address for address in rest.split(",")):
            yield option, f"the pool serves a TCP port, {rest}"


ANY = (
    Rule(
        "broken",
        ERROR,
        broken,
        "a file that uWSGI is told to read cannot be read; what is in it was not checked",
        "name a file that this user can read; relative ones are taken from 'directory' of the program",
    ),
    Rule(
        "unread",
        WARNING,
        unread,
        "what is in there was not checked",
        "run uWSGI itself as the command, with an ini",
    ),
    Rule(
        "unexpanded",
        WARNING,
        unexpanded,
        "it was checked as it is written; supervisord refuses to start, and uWSGI takes the letters themselves, where it is not set",
        "run the check with the environment that supervisord has",
    ),
    Rule(
        "inline-comment",
        WARNING,
        inline_comment,
        "uWSGI knows comments on lines of their own only: what follows belongs to the value",
        "put the comment on its own line",
    ),
    Rule(
        "daemonize",
        ERROR,
        present("daemonize", "daemonize2"),
        "supervisord sees the program end at once and starts it again, while the first one lives on without it",
        "remove it; Supervisor keeps the log",
    ),
)
RULES = (
    Rule(
        "pool-none",
        ERROR,
        pool_none,
        "the program that is named as the pool hands out no socket",
        "zerg-pool = POOL:SERVED, or name another program as 'pool' of the pair",
    ),
    Rule(
        "pool-syntax",
        ERROR,
        pool_syntax,
        "uWSGI says 'invalid zergpool syntax' and exits 1, or serves nothing",
        "zerg-pool = /folder/pool.sock:/folder/web.sock",
    ),
    Rule(
        "pool-workers",
        WARNING,
        pool_workers,
        "a worker of the pool has no application, and is one more process that holds the socket",
        "processes = 0",
    ),
    Rule(
        "pool-listen",
        NOTE,
        pool_listen,
        "while nobody accepts requests wait there: 101 clients did; beyond it a unix socket refuses at once (49 of 150 got 502), and TCP "
        "retries for up to 6.7 s",
        "listen = the requests that come within one boot of an instance, up to net.core.somaxconn (uWSGI does not start with more); "
        "a number, since @(FILE) is taken for 0",
    ),
    Rule(
        "pool-signal",
        WARNING,
        pool_signal,
        "it logs 'binary reloading' and makes its socket anew in place of ending, while the instances hold the old one, or it dies of it",
        "stopsignal = INT",
    ),
    Rule(
        "pool-tcp",
        NOTE,
        pool_tcp,
        "a restarted pool cannot bind while the instances hold the port: it ends FATAL, and they go on serving",
        "stop both instances before the pool is restarted",
    ),
)

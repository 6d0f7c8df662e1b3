"""Rules about the uWSGI options of an instance, other than hooks. Pure."""

from __future__ import annotations

from ..config_model import Pair, Program
from ..rule import ERROR, NOTE, WARNING, Hits, Rule, absent, present, present_topic, rule
from ..uwsgi_options import options_of

MANY_CORES = 20  # of a worker, so that reading the stats takes long
vacuum = Rule(
    "vacuum",
    ERROR,
    present("vacuum"),
    summary="``vacuum``",
    reason="an instance that ends removes the stats socket even if it is now the other instance's;"
    " newer uWSGI also removes every FIFO, the other's included",
    fix="remove it",
)


@rule(
    "fifos-few",
    ERROR,
    summary="fewer than three ``master-fifo``",
    reason="there are three slots, new, running and sleeping: with fewer FIFOs two masters want one"
    " path, and the second exits with 1 (uWSGI issue 1453)",
    fix="give master-fifo three times, in the order of 'fifos' of the pair",
)
def fifos_few(pair: Pair, program: Program) -> Hits:
    given = program.all("master-fifo")
    if program.known and len(given) < 3:
        yield given[-1] if given else program.home, f"there are {len(given)} master-fifo, not three"


need_app = Rule(
    "need-app",
    ERROR,
    absent("need-app"),
    summary="no ``need-app``",
    reason="an application that fails to import is served as 500 by an instance that looks healthy"
    " and is promoted: 8 of 8 requests",
    fix="need-app = true: the instance exits with 22 at once",
)
master = Rule(
    "master",
    NOTE,
    absent("master"),
    summary="no ``master``",
    reason="master-fifo and stats imply it, but somebody may remove them",
    fix="master = true",
)
ignore_sigpipe = Rule(
    "ignore-sigpipe",
    WARNING,
    absent("ignore-sigpipe"),
    summary="no ``ignore-sigpipe``",
    reason="a worker that outlives its master logs to a pipe that nobody reads, and without the"
    " option does so forever",
    fix="ignore-sigpipe = true",
)


@rule(
    "async",
    ERROR,
    summary="gevent, asyncio, ugreen, tornado and the like with ``retire = park``",
    reason="a pause freezes requests in flight: after a swap 10 of 10 requests of 1 s stayed"
    " unanswered until the swap back",
    fix="'retire = stop' in the pair: the old instance is ended gracefully",
)
def asynchronous(pair: Pair, program: Program) -> Hits:
    loops = [name for name in options_of("async") if name not in ("async", "loop")]
    option = program.flag(*loops)
    loop = program.last("loop")
    if not option and loop and loop.value in loops:
        option = loop
    if not option and program.number("async") > 1:
        option = program.last("async")
    if option and pair.config.retire == "park":
        yield option, f"{option.name} = {option.value}, and 'retire' of the pair is park"


@rule(
    "threads",
    NOTE,
    summary="threads without ``freeze``",
    reason="uWSGI's own pause leaks 4 to 6 requests of 2 x 4 threads (the plugin prevents that);"
    " after a resume one thread of each worker accepts at once, the others within 10 s",
    fix="'freeze = true' in the pair: all threads accept within 9 ms",
)
def threads(pair: Pair, program: Program) -> Hits:
    option = program.last("threads")
    count = program.number("threads")
    if option and count > 1 and not pair.config.freeze:
        yield option, f"each worker has {count} threads"


thunder_lock = Rule(
    "thunder-lock",
    NOTE,
    present("thunder-lock"),
    summary="``thunder-lock``",
    reason="uWSGI's own pause leaks 2 requests of 4 processes that wait in epoll and in the mutex;"
    " the plugin prevents that, hooks do not",
    fix="remove it, or leave pauses to the plugin (managed.ini)",
)
touch_reload = Rule(
    "touch-reload",
    ERROR,
    present_topic("touch-reload"),
    summary="``touch-reload``, ``py-autoreload`` and the like",
    reason="a reload is broken in zerg mode: the instance exits with 1 (uWSGI issue 854)",
    fix="remove it; 'supervisorctl restart PROGRAM' of the parked instance does the same",
)


@rule(
    "recycling",
    NOTE,
    summary="``max-requests``, ``harakiri``, ``cheaper`` and the like with hooks that pause",
    reason="hooks pause without checking, and a pause that hits a starting worker never ends: 10 of"
    " 80 with max-requests = 100 under load",
    fix="leave pauses to the plugin (managed.ini), which checks first: 0 of 80",
)
def recycling(pair: Pair, program: Program) -> Hits:
    if any(hook.fifo and "p" in hook.fifo[1] for hook in program.hooks):
        for name in options_of("recycling"):
            option = program.last(name)
            if option and program.number(name):
                yield option, f"{name} = {option.value}, and hooks that pause"


emperor = Rule(
    "emperor",
    ERROR,
    present("emperor"),
    summary="an instance is an emperor",
    reason="the master that supervisord sees is the emperor's: it holds none of the FIFOs, and its"
    " vassals are not checked",
    fix="run each instance as a program of its own",
)
no_orphans = Rule(
    "no-orphans",
    NOTE,
    present("no-orphans"),
    summary="``no-orphans``",
    reason="when the master is killed its workers end with it, which cuts requests in flight",
    fix="killasgroup = true in the program covers Supervisor's SIGKILL",
)
stats_http = Rule(
    "stats-http",
    WARNING,
    present("stats-http"),
    summary="``stats-http``",
    reason="a client that does not read delays the master: a pause came 3.9 s late",
    fix="remove it; the plain stats server delays nothing",
)


@rule(
    "stats-cores",
    NOTE,
    summary="large stats of an async instance",
    reason="with gevent = 100 and 4 processes each reading is 100 KB and takes supervisord 1 ms,"
    " 4.8 ms at worst",
    fix="stats-no-cores = true, with 'retire = stop': it hides from the plugin that the instance is"
    " async",
)
def stats_cores(pair: Pair, program: Program) -> Hits:
    option = program.last("gevent", "async")
    read = program.last("stats", "stats-server") and not program.flag("stats-no-cores")
    cores = program.number("gevent", "async")
    if option and read and cores > MANY_CORES:
        yield option, f"the stats list each of {cores} cores of each worker"


stats_blind = Rule(
    "stats-blind",
    NOTE,
    present("stats-no-cores"),
    summary="``stats-no-cores``",
    reason="the stats then lack the number of requests in a worker, and whether it is async: the"
    " plugin sees only whether it is busy",
    fix="remove it, unless 'retire = stop' is set for an async instance",
)
user = Rule(
    "user",
    NOTE,
    present_topic("user"),
    summary="``uid``, ``gid``",
    reason="Linux hides a process that changed its user from a supervisord that is not root",
    fix="'user =' in the program",
)


RULES = (
    vacuum,
    fifos_few,
    need_app,
    master,
    ignore_sigpipe,
    asynchronous,
    threads,
    thunder_lock,
    touch_reload,
    recycling,
    emperor,
    no_orphans,
    stats_http,
    stats_cores,
    stats_blind,
    user,
)

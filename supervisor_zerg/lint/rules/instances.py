"""The traps in how an instance is run: uWSGI's options other than hooks, and the program's section. Pure."""

from ..rule import ERROR, NOTE, WARNING, Rule, absent, present
from .pools import served_by

LOOPS = ("gevent", "asyncio", "ugreen", "greenlet", "tornado")
RECYCLING = (
    "max-requests",
    "max-worker-lifetime",
    "reload-on-rss",
    "reload-on-as",
    "reload-on-uss",
    "reload-on-pss",
    "evil-reload-on-rss",
    "evil-reload-on-as",
    "harakiri",
    "cheaper",
)
RELOADING = (
    "touch-reload",
    "fs-reload",
    "fs-brutal-reload",
    "reload-on-fd",
    "py-auto-reload",
    "py-autoreload",
    "python-auto-reload",
    "python-autoreload",
)


def fifos_few(pair, program):
    given = program.all("master-fifo")
    if program.known and len(given) < 3:
        yield given[-1] if given else program.home, f"{len(given)} master-fifo in place of three"


def asynchronous(pair, program):
    option = program.flag(*LOOPS) or next(
        (o for o in program.all("loop") if o.value in LOOPS), None
    )
    if not option and program.number("async") > 1:
        option = program.last("async")
    if option and pair.config.retire == "park":
        yield option, f"{option.name} = {option.value}, and 'retire' of the pair is park"


def threads(pair, program):
    if program.number("threads") > 1 and not pair.config.freeze:
        yield program.last("threads"), "%d threads a worker" % program.number("threads")


def stats_cores(pair, program):
    option = program.last("gevent", "async")
    if (
        option
        and program.number(option.name) > 20
        and program.last("stats", "stats-server")
        and not program.flag("stats-no-cores")
    ):
        yield option, "stats tell of each of %d cores a worker" % program.number(option.name)


def recycling(pair, program):
    for name in RECYCLING:
        if program.number(name) and any(
            hook.fifo and "p" in hook.fifo[1] for hook in program.hooks
        ):
            yield program.last(name), f"{name} = {program.value(name)}, and hooks that pause"


def zerg_missing(pair, program):
    if program.known and not program.last("zerg", "zerg-node"):
        yield program.home, "the instance attaches to no zerg pool"


def zerg_served(pair, program):
    served = {
        pair.real(address) for _, rest, _ in served_by(pair.pool) for address in rest.split(",")
    }
    for option in program.all("zerg", "zerg-node"):
        if pair.real(option.value) in served:
            yield option, f"zerg = {option.value} is the socket that the pool serves"


def zerg_unknown(pair, program):
    known = {
        address for own, rest, _ in served_by(pair.pool) for address in (own, *rest.split(","))
    }
    known |= {option.value for option in (pair.pool.all("zerg-server") if pair.pool else ())}
    for option in program.all("zerg", "zerg-node") if known and pair.pool.known else ():
        if pair.real(option.value) not in map(pair.real, known):
            yield option, f"zerg = {option.value} is no socket of the pool {pair.pool.name}"


def no_autorestart_brake(pair, program):
    restarts = program.section.get("autorestart", "unexpected").strip().lower() not in (
        "false",
        "no",
        "off",
        "0",
    )
    if restarts and program.whole("startsecs", 1) == 0:
        yield program.section.at("startsecs"), "startsecs = 0 with autorestart"


def killasgroup(pair, program):
    if program.known and not (program.on("killasgroup") or program.flag("no-orphans")):
        yield (
            program.section.at("killasgroup"),
            f"{program.name} has neither killasgroup nor no-orphans",
        )


def stopasgroup(pair, program):
    if program.on("stopasgroup"):
        yield program.section.at("stopasgroup"), f"{program.name} has stopasgroup"


RULES = (
    Rule(
        "vacuum",
        ERROR,
        present("vacuum"),
        "an instance that ends removes the stats socket even when it is now the other instance's, and newer uWSGI every FIFO, the other's included",
        "remove it",
    ),
    Rule(
        "fifos-few",
        ERROR,
        fifos_few,
        "there are three slots, new, running and sleeping: with fewer two masters want one path, and the second exits 1 (issue 1453)",
        "give master-fifo three times, in the order of 'fifos' of the pair",
    ),
    Rule(
        "need-app",
        ERROR,
        absent("need-app"),
        "an application that fails to import is served as 500 by a healthy looking instance, which is promoted: 8 of 8 requests",
        "need-app = true: it exits 22 at once",
    ),
    Rule(
        "master",
        NOTE,
        absent("master"),
        "master-fifo and stats imply it; written down it is there also when they are not",
        "master = true",
    ),
    Rule(
        "ignore-sigpipe",
        WARNING,
        absent("ignore-sigpipe"),
        "a worker that outlives its master logs to a pipe that nobody reads, and without this for ever",
        "ignore-sigpipe = true",
    ),
    Rule(
        "async",
        ERROR,
        asynchronous,
        "a pause freezes requests in flight: a swap left 10 of 10 requests of 1 s unanswered until the swap back",
        "'retire = stop' in the pair: the old instance is ended gracefully",
    ),
    Rule(
        "threads",
        NOTE,
        threads,
        "uWSGI's own pause leaks 4 to 6 requests of 2 x 4 threads (the plugin closes that), and only one thread a worker wakes at once, "
        "the others within 10 s",
        "'freeze = true' in the pair: full strength within 9 ms",
    ),
    Rule(
        "thunder-lock",
        NOTE,
        present("thunder-lock"),
        "uWSGI's own pause leaks 2 requests of 4 processes that wait in epoll and mutex; the plugin closes that, hooks do not",
        "remove it, or let the plugin make the moves (managed.ini)",
    ),
    Rule(
        "touch-reload",
        ERROR,
        present(*RELOADING),
        "in zerg mode a reload is broken: the instance dies with status 1 (issue 854)",
        "remove it; 'supervisorctl restart PROGRAM' of the parked instance is the reload",
    ),
    Rule(
        "recycling",
        NOTE,
        recycling,
        "hooks pause without looking, and a pause that hits a newborn worker never ends: 10 of 80 with max-requests = 100 under load",
        "let the plugin make the moves (managed.ini): it looks first, 0 of 80",
    ),
    Rule(
        "emperor",
        ERROR,
        present("emperor"),
        "the master that supervisord sees is the emperor's: it holds none of the FIFOs, and its vassals are not checked",
        "run each instance as a program of its own",
    ),
    Rule(
        "no-orphans",
        NOTE,
        present("no-orphans"),
        "when the master is killed its workers go with it, and requests in flight are cut",
        "killasgroup = true in the program does for Supervisor's SIGKILL",
    ),
    Rule(
        "stats-http",
        WARNING,
        present("stats-http"),
        "a client that does not read delays the master: a pause came 3.9 s late",
        "remove it; the plain stats server delays nothing",
    ),
    Rule(
        "stats-cores",
        NOTE,
        stats_cores,
        "gevent = 100 x 4 processes is 100 KB and 1 ms a look, 4.8 ms at worst, inside of supervisord",
        "stats-no-cores = true, with 'retire = stop': it hides from the plugin that the instance is async",
    ),
    Rule(
        "stats-blind",
        NOTE,
        present("stats-no-cores"),
        "stats do not tell how many requests a worker has, nor that it is async: the plugin sees only whether it is busy",
        "remove it, unless 'retire = stop' is set for an async instance",
    ),
    Rule(
        "user",
        NOTE,
        present("uid"),
        "Linux hides a process that changed its user from a supervisord that is not root",
        "'user =' in the program",
    ),
    Rule(
        "zerg-missing",
        ERROR,
        zerg_missing,
        "an instance with a socket of its own shares nothing: while the other is parked its requests wait",
        "zerg = the first part of the pool's zerg-pool",
    ),
    Rule(
        "zerg-served",
        ERROR,
        zerg_served,
        "the instances attach to the pool's own socket, which is the first part of 'zerg-pool = POOL:SERVED'",
        "zerg = the first part",
    ),
    Rule(
        "zerg-unknown",
        ERROR,
        zerg_unknown,
        "nobody hands out a socket there: the instance cannot attach, and ends",
        "zerg = the first part of the pool's zerg-pool",
    ),
    Rule(
        "startsecs",
        WARNING,
        no_autorestart_brake,
        "a program that dies at once is started 157 to 176 times a second, at 420 to 475 ms of CPU a second",
        "startsecs = 1 or more, so that Supervisor backs off",
    ),
    Rule(
        "killasgroup",
        WARNING,
        killasgroup,
        "when the master is killed (stopwaitsecs ran out) parked workers live on for ever",
        "killasgroup = true",
    ),
    Rule(
        "stopasgroup",
        ERROR,
        stopasgroup,
        "the stop signal reaches the workers, too, and they end at once: 4 of 4 requests were cut, 0 of 4 without it",
        "remove it, and set killasgroup = true",
    ),
)

"""The traps that lie between a pair's section, its programs, its pool and their inis. Pure."""

from ...core.pair_config import named
from ..config_model import SOCKET, whole
from ..rule import ERROR, NOTE, WARNING, Rule

PRIORITY = 999  # Supervisor's default
STOPWAIT_S = 10  # Supervisor's default
MERCY_S = 60  # uWSGI's default worker-reload-mercy


def section(pair):
    for problem in pair.config.problems:
        yield pair.section.at(problem.option), str(problem)


def no_section(pair):
    if not pair.section.name:
        yield (
            pair.section,
            f"there is no [zerg:NAME] section, so there is one pair, {pair.config.name}, with every default",
        )


def program_missing(pair):
    for name, instead in pair.absent.items():
        hint = f"; its processes are named {', '.join(instead)}" if instead else ""
        yield pair.section.at("programs"), f"there is no program {name}{hint}"


def pool_missing(pair):
    if pair.config.pool and not pair.pool:
        yield pair.section.at("pool"), f"there is no program {pair.config.pool}"


def fifos_differ(pair):
    wanted = [pair.real(path) for path in pair.config.fifos]
    for instance in pair.instances:
        given = instance.all("master-fifo")
        paths = [pair.real(option.value) for option in given]
        if instance.known and len(paths) > 2 and paths != wanted:
            first = next(
                (
                    o
                    for o, path, want in zip(given, paths, wanted + [""] * len(paths))
                    if path != want
                ),
                given[-1],
            )
            order = "in another order than" if sorted(paths) == sorted(wanted) else "other than"
            yield (
                first,
                "the three master-fifo are {} 'fifos' of the pair: {}".format(
                    order, ",".join(pair.config.fifos)
                ),
            )


def stats_shared(pair):
    given = [instance.last("stats", "stats-server") for instance in pair.instances]
    if len(given) == 2 and all(given) and given[0].value == given[1].value:
        yield given[1], f"both instances have the stats address {given[0].value}"


def stats_differ(pair):
    for instance in pair.instances if pair.config.stats else ():
        given, wanted = instance.last("stats", "stats-server"), pair.config.stats_of(instance.name)
        if instance.known and not given:
            yield instance.home, "the pair expects stats of its instances, and the ini has none"
        elif given and pair.real(given.value) != pair.real(wanted):
            yield (
                given,
                f"the instance has its stats at {given.value}, the pair expects them at {wanted}",
            )


def companion_differs(pair):
    for instance in pair.instances if pair.config.companion else ():
        given, wanted = instance.variable(SOCKET), named(pair.config.companion, instance.name)
        if given and pair.real(given) != pair.real(wanted):
            place = [option for option in instance.all("env") if option.value.startswith(SOCKET)][
                -1
            ]
            yield (
                place,
                f"the companion of {instance.name} answers at {given}, the pair asks it at {wanted}",
            )
        elif instance.known and not given and pair.config.health.startswith("/"):
            yield (
                instance.home,
                f"the pair asks the companion of {instance.name} for its health, and the ini has no {SOCKET}",
            )


def fifo_folder(pair):
    for instance in pair.instances:
        for option in instance.all("master-fifo"):
            folder = option.value.rpartition("/")[0]
            if folder in pair.open_folders:
                yield option, f"everybody may write to {folder}"
    for path in pair.config.fifos:
        folder = path.rpartition("/")[0]
        if folder in pair.open_folders and not any(
            instance.all("master-fifo") for instance in pair.instances
        ):
            yield pair.section.at("fifos"), f"everybody may write to {folder}"


def pool_priority(pair):
    if pair.pool:
        own = pair.pool
        late = [
            instance
            for instance in pair.instances
            if _priority(own, instance) >= _priority(instance, own)
        ]
        if late:
            where = own.group if own.group and own.group is not late[0].group else own.section
            yield (
                where.at("priority"),
                "the pool (priority %d) is not started before its instances"
                % _priority(own, late[0]),
            )


def _priority(program, other):
    """Supervisor starts group by group: between two of them the priority of a group counts, and not that of a program in it."""
    section = (
        program.section if program.group is None or program.group is other.group else program.group
    )
    return whole(section, "priority", PRIORITY)


def pool_autostart(pair):
    started = any(instance.on("autostart", True) for instance in pair.instances)
    if pair.pool and started and not pair.pool.on("autostart", True):
        yield (
            pair.pool.section.at("autostart"),
            "the pool is not started with supervisord, but an instance is",
        )


def both_autostart(pair):
    moving = [
        instance
        for instance in pair.instances
        if instance.on("autostart", True) and any(hook.fifo for hook in instance.hooks)
    ]
    if len(moving) == 2:
        yield (
            moving[1].section.at("autostart"),
            "both instances start with supervisord, and move slots by hooks",
        )


def stopwait(pair):
    for instance in pair.instances:
        mercy = instance.number("worker-reload-mercy", default=MERCY_S)
        least = max(mercy, pair.config.drain_timeout)
        if instance.whole("stopwaitsecs", STOPWAIT_S) <= least:
            text = "stopwaitsecs is %d, uWSGI's mercy is %d s and drain_timeout %g s"
            yield (
                instance.section.at("stopwaitsecs"),
                text
                % (instance.whole("stopwaitsecs", STOPWAIT_S), mercy, pair.config.drain_timeout),
            )


RULES = (
    Rule(
        "section",
        ERROR,
        section,
        "the pair is shown as misconfigured and nothing is done for it",
        "correct the section; 'supervisorctl reread' makes the plugin read it again",
    ),
    Rule(
        "no-section",
        NOTE,
        no_section,
        "the defaults are the names and paths of the article",
        "add [zerg:NAME] with programs, fifos, stats and pool",
    ),
    Rule(
        "program-missing",
        ERROR,
        program_missing,
        "a pair of one program has nothing to swap to and nothing to fail over to; one of numprocs has names of its own",
        "name two programs as supervisorctl status shows them: name, or group:name",
    ),
    Rule(
        "pool-missing",
        WARNING,
        pool_missing,
        "restarts of the pool are not noticed: on a unix socket it makes a new one, and all requests wait for ever",
        "set pool to the program that owns the socket, or to nothing if it runs elsewhere",
    ),
    Rule(
        "fifos-differ",
        ERROR,
        fifos_differ,
        "the plugin looks for the masters at the pair's paths, in the order new, running, sleeping: the instance is lost or in a wrong slot",
        "write the same three paths in the same order in both places",
    ),
    Rule(
        "stats-shared",
        ERROR,
        stats_shared,
        "the younger instance answers for both, and when it ends it takes the path away from the other",
        "put $(SUPERVISOR_PROCESS_NAME) into stats of the ini, and %(program_name)s into stats of the pair",
    ),
    Rule(
        "stats-differ",
        WARNING,
        stats_differ,
        "requests in flight are then told by the kernel only; a strange stats server tells of another instance",
        "make stats of the ini and of the pair the same, or set 'stats =' to nothing in the pair",
    ),
    Rule(
        "companion-differs",
        WARNING,
        companion_differs,
        "nobody answers for the health of an instance: every deploy fails when its time for that is over",
        "env = ZERG_COMPANION_SOCKET=... in the ini, and the same path as 'companion' of the pair",
    ),
    Rule(
        "fifo-folder",
        ERROR,
        fifo_folder,
        "who may write to a FIFO can end an instance; who lays a directory or FIFO at its path makes the master exit 1 (issue 1453)",
        "use a folder that only the instances may write to, sticky bit or not",
    ),
    Rule(
        "pool-priority",
        WARNING,
        pool_priority,
        "an instance that finds no pool cannot attach, and ends",
        "give the pool, or its group, a lower priority number, such as 10, and the ini of the instances 'wait-for-socket'",
    ),
    Rule(
        "pool-autostart",
        WARNING,
        pool_autostart,
        "an instance that finds no pool cannot attach, and ends",
        "autostart = true for the pool",
    ),
    Rule(
        "both-autostart",
        WARNING,
        both_autostart,
        "two masters on one path: the younger owns it, and a worker whose hook waits for the FIFO of the older never accepts",
        "autostart = false for the spare",
    ),
    Rule(
        "stopwaitsecs",
        WARNING,
        stopwait,
        "Supervisor kills the master before its requests are done: they are cut, and parked workers with threads are orphaned (2 seen)",
        "stopwaitsecs = 75, or more than both",
    ),
)

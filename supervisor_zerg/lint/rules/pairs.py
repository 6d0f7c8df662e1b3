"""Rules about what a pair's section, its programs, its pool and their inis say together. Pure."""

from __future__ import annotations

from ...core.pair_config import named
from ..config_model import SOCKET, Pair, Program, section_integer
from ..rule import ERROR, NOTE, WARNING, Hits, rule
from ..uwsgi_ini import Option

PRIORITY = 999  # Supervisor's default
STOPWAIT_S = 10  # Supervisor's default
MERCY_S = 60  # uWSGI's default worker-reload-mercy


@rule(
    "section",
    ERROR,
    summary="a ``[zerg:NAME]`` section is wrong, or shares something with another pair",
    reason="the plugin reports the pair as misconfigured and does nothing for it",
    fix="correct the section; 'supervisorctl reread' makes the plugin read it again",
)
def section(pair: Pair) -> Hits:
    for problem in pair.config.problems:
        yield pair.section.at(problem.option), str(problem)


@rule(
    "no-section",
    NOTE,
    summary="no ``[zerg:NAME]`` section: there is one pair, with every default",
    reason="the defaults are the names and paths of the article",
    fix="add [zerg:NAME] with programs, fifos, stats and pool",
)
def no_section(pair: Pair) -> Hits:
    if not pair.section.name:
        message = f"no [zerg:NAME] section: the only pair is {pair.config.name}, with all defaults"
        yield pair.section, message


@rule(
    "program-missing",
    ERROR,
    summary="a program of the pair is not in the files, or ``numprocs`` gives it other names",
    reason="a pair with one program can neither swap nor fail over",
    fix="name two programs as 'supervisorctl status' shows them: name, or group:name",
)
def program_missing(pair: Pair) -> Hits:
    for name, others in pair.absent.items():
        hint = f"; its processes are named {', '.join(others)}" if others else ""
        yield pair.section.at("programs"), f"there is no program {name}{hint}"


@rule(
    "pool-missing",
    WARNING,
    summary="the pool is not in the files",
    reason="the plugin does not notice when the pool restarts: a pool with a unix socket creates a"
    " new one, and all requests wait forever",
    fix="set pool to the program that owns the socket, or to nothing if it runs elsewhere",
)
def pool_missing(pair: Pair) -> Hits:
    if pair.config.pool and not pair.pool:
        yield pair.section.at("pool"), f"there is no program {pair.config.pool}"


@rule(
    "fifos-differ",
    ERROR,
    summary="``master-fifo`` and ``fifos`` differ, or their order",
    reason="the plugin looks for the masters at the pair's paths, in the order new, running,"
    " sleeping: it reports the instance as lost or in a wrong slot",
    fix="write the same three paths in the same order in both places",
)
def fifos_differ(pair: Pair) -> Hits:
    wanted = [pair.real(path) for path in pair.config.fifos]
    for instance in pair.instances:
        given = instance.all("master-fifo")
        paths = [pair.real(option.value) for option in given]
        if instance.known and len(paths) > 2 and paths != wanted:
            different = (o for o, path, want in zip(given, paths, wanted) if path != want)
            relation = "in another order than" if sorted(paths) == sorted(wanted) else "not"
            message = f"the three master-fifo are {relation} 'fifos' of the pair"
            yield next(different, given[-1]), f"{message}: {','.join(pair.config.fifos)}"


@rule(
    "stats-shared",
    ERROR,
    summary="both instances have one stats address",
    reason="the younger instance answers for both, and when it ends it removes the other's socket",
    fix="put $(SUPERVISOR_PROCESS_NAME) into stats of the ini, and %(program_name)s into stats of"
    " the pair",
)
def stats_shared(pair: Pair) -> Hits:
    given = [option for option in map(_stats, pair.instances) if option]
    if len(given) == 2 and given[0].value == given[1].value:
        yield given[1], f"both instances have the stats address {given[0].value}"


def _stats(program: Program) -> Option | None:
    return program.last("stats", "stats-server")


@rule(
    "stats-differ",
    WARNING,
    summary="``stats`` of the ini and of the pair differ",
    reason="only the kernel then tells which requests are in flight, or the stats are those of"
    " another instance",
    fix="give stats of the ini and of the pair the same address, or set 'stats =' in the pair to"
    " nothing",
)
def stats_differ(pair: Pair) -> Hits:
    for instance in pair.instances if pair.config.stats else ():
        given = _stats(instance)
        wanted = pair.config.stats_of(instance.name)
        if given and pair.real(given.value) != pair.real(wanted):
            yield given, f"the instance has its stats at {given.value}, the pair expects {wanted}"
        elif instance.known and not given:
            yield instance.home, "the pair expects stats, and the ini has none"


@rule(
    "companion-differs",
    WARNING,
    summary="``ZERG_COMPANION_SOCKET`` and ``companion`` of the pair differ, or ``health`` is a"
    " path and the ini sets no socket",
    reason="no health check of the instance is answered: every deploy fails when its time is over",
    fix="env = ZERG_COMPANION_SOCKET=... in the ini, and the same path as 'companion' of the pair",
)
def companion_differs(pair: Pair) -> Hits:
    for instance in pair.instances if pair.config.companion else ():
        given = instance.variable(SOCKET)
        wanted = named(pair.config.companion, instance.name)
        if given and pair.real(given) != pair.real(wanted):
            places = [option for option in instance.all("env") if option.value.startswith(SOCKET)]
            message = f"the companion of {instance.name} listens on {given}, the pair asks {wanted}"
            yield (places[-1] if places else instance.home), message
        elif instance.known and not given and pair.config.health.startswith("/"):
            message = f"the pair checks the health of {instance.name}, and the ini sets no {SOCKET}"
            yield instance.home, message


@rule(
    "fifo-folder",
    ERROR,
    summary="FIFOs in ``/tmp`` or in another folder to which every user may write",
    reason="whoever may write to a FIFO can end an instance; a directory or a FIFO laid at its path"
    " makes the master exit with 1 (uWSGI issue 1453)",
    fix="use a folder to which only the instances may write; the sticky bit does not help",
)
def fifo_folder(pair: Pair) -> Hits:
    given = [option for instance in pair.instances for option in instance.all("master-fifo")]
    for option in given:
        if _folder(option.value) in pair.open_folders:
            yield option, f"every user may write to {_folder(option.value)}"
    for path in () if given else pair.config.fifos:
        if _folder(path) in pair.open_folders:
            yield pair.section.at("fifos"), f"every user may write to {_folder(path)}"


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


@rule(
    "pool-priority",
    WARNING,
    summary="the pool, or its group, is not started before its instances",
    reason="an instance that finds no pool cannot attach, and ends",
    fix="give the pool, or its group, a lower priority number, such as 10, and the ini of the"
    " instances 'wait-for-socket'",
)
def pool_priority(pair: Pair) -> Hits:
    pool = pair.pool
    if pool is None:
        return
    for instance in pair.instances:
        if _priority(pool, instance) >= _priority(instance, pool):
            own_group = pool.group if pool.group is not instance.group else None
            place = (own_group or pool.section).at("priority")
            priority = _priority(pool, instance)
            yield place, f"the pool (priority {priority}) is not started before its instances"
            return


def _priority(program: Program, other: Program) -> int:
    """Between programs of two groups the priorities of the groups count, not their own."""
    shared = program.group is None or program.group is other.group
    own = program.section if shared or program.group is None else program.group
    return section_integer(own, "priority", PRIORITY)


@rule(
    "pool-autostart",
    WARNING,
    summary="the pool has ``autostart = false``",
    reason="an instance that finds no pool cannot attach, and ends",
    fix="autostart = true for the pool",
)
def pool_autostart(pair: Pair) -> Hits:
    started = any(instance.on("autostart", True) for instance in pair.instances)
    if pair.pool and started and not pair.pool.on("autostart", True):
        place = pair.pool.section.at("autostart")
        yield place, "supervisord starts an instance on its own, but not the pool"


@rule(
    "both-autostart",
    WARNING,
    summary="both instances start with supervisord, and hooks change their slots",
    reason="two masters get one path: the younger one owns it, and a worker whose hook waits for"
    " the FIFO of the older one never accepts",
    fix="autostart = false for the spare",
)
def both_autostart(pair: Pair) -> Hits:
    started = [
        instance
        for instance in pair.instances
        if instance.on("autostart", True) and any(hook.fifo for hook in instance.hooks)
    ]
    if len(started) == 2:
        place = started[1].section.at("autostart")
        yield place, "both instances start with supervisord, and hooks change their slots"


@rule(
    "stopwaitsecs",
    WARNING,
    summary="``stopwaitsecs`` is not longer than uWSGI's mercy and ``drain_timeout``",
    reason="Supervisor kills the master before its requests are done: they are cut, and parked"
    " workers with threads become orphans (2 seen)",
    fix="stopwaitsecs = 75, or more than both",
)
def stopwaitsecs(pair: Pair) -> Hits:
    for instance in pair.instances:
        mercy_s = instance.number("worker-reload-mercy", default=MERCY_S)
        stopwait_s = instance.integer("stopwaitsecs", STOPWAIT_S)
        if stopwait_s <= max(mercy_s, pair.config.drain_timeout):
            message = (
                f"stopwaitsecs is {stopwait_s}, worker-reload-mercy {mercy_s} s"
                f" and drain_timeout {pair.config.drain_timeout:g} s"
            )
            yield instance.section.at("stopwaitsecs"), message


RULES = (
    section,
    no_section,
    program_missing,
    pool_missing,
    fifos_differ,
    stats_shared,
    stats_differ,
    companion_differs,
    fifo_folder,
    pool_priority,
    pool_autostart,
    both_autostart,
    stopwaitsecs,
)

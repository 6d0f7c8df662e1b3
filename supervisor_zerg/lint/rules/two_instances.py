"""Rules about options that work in one instance, but not in a pair or not while paused. Pure."""

from __future__ import annotations

from ..config_model import SHELL, Pair, Program
from ..rule import ERROR, NOTE, WARNING, Hits, Rule, present_topic, rule
from ..uwsgi_options import options_of

BOOT_PHASES = ("pre-jail", "post-jail", "in-jail", "as-root", "as-user", "pre-app", "post-app")
KEPT = ("http11", "puwsgi")  # protocols that keep a connection after an answer

shutdown_sockets = Rule(
    "shutdown-sockets",
    ERROR,
    present_topic("shutdown-sockets"),
    summary="``shutdown-sockets``",
    reason="an instance that ends gracefully shuts down the listening socket that both share: after"
    " a stop of the parked one every request was refused",
    fix="remove it",
)


@rule(
    "idle",
    WARNING,
    summary="``idle``, ``cheap``",
    reason="each request starts the workers of the parked instance, too, and a master that ends its"
    " idle workers takes no command for a second for each of them",
    fix="remove it, as 'cheaper' keeps a worker; or keep 'idle' longer than 'bake'",
)
def idle(pair: Pair, program: Program) -> Hits:
    for name in options_of("idle"):
        option = program.flag(name)
        if option:
            yield option, f"{name} = {option.value}"


@rule(
    "die-on-idle",
    ERROR,
    summary="``die-on-idle``",
    reason="a parked instance gets no requests, so it ends after the idle time: no instance is left"
    " to swap back to, and the one that Supervisor starts has the new code",
    fix="remove it",
)
def die_on_idle(pair: Pair, program: Program) -> Hits:
    for name in options_of("die-on-idle"):
        option = program.flag(name)
        if option:
            yield option, f"{name} = {option.value}"


@rule(
    "kept-connections",
    WARNING,
    summary="``protocol = http11`` or ``puwsgi``, ``http-keepalive``",
    reason="a worker keeps the connection after its answer, and a swap closes it: a request that"
    " arrives on it at this moment fails, unless nginx repeats it (it repeats no POST)",
    fix="protocol = http or uwsgi; nginx may still keep the connections of its clients",
)
def kept_connections(pair: Pair, program: Program) -> Hits:
    for option in program.all("protocol", "socket-protocol"):
        if option.value in KEPT:
            yield option, f"{option.name} = {option.value}"
    keepalive = program.flag("http-keepalive")
    if keepalive:
        yield keepalive, f"{keepalive.name} = {keepalive.value}"


offload = Rule(
    "offload",
    WARNING,
    present_topic("offload"),
    summary="``offload-threads``",
    reason="a graceful end of uWSGI does not wait for what an offload thread sends: of 30 MB the"
    " client got 0.3; swaps and deploys do wait, up to drain_timeout",
    fix="remove it, and let nginx serve large files",
)
refork = Rule(
    "refork",
    ERROR,
    present_topic("refork"),
    summary="``refork`` and the like",
    reason="the process that Supervisor started exits, and the master is another one: the program"
    " ends as FATAL",
    fix="remove it",
)
namespace = Rule(
    "namespace",
    WARNING,
    present_topic("namespace"),
    summary="``chroot``, ``namespace``, ``unshare`` and the like",
    reason="the plugin finds masters, FIFOs and stats by pids and paths, and those of the instance"
    " are others",
    fix="run supervisord itself in the container",
)
not_a_worker = Rule(
    "not-a-worker",
    ERROR,
    present_topic("not-a-worker"),
    summary="``worker-exec``, ``python-worker-override`` and the like",
    reason="the command ignores uWSGI's pause and reports no state: the instance never counts as"
    " ready, and cannot be parked",
    fix="run the command as a program of its own",
)
one_shot = Rule(
    "one-shot",
    ERROR,
    present_topic("one-shot"),
    summary="an option that makes uWSGI print something or run a script, and exit",
    reason="the instance never serves, and Supervisor starts it again and again",
    fix="remove it",
)
zerg_fallback = Rule(
    "zerg-fallback",
    WARNING,
    present_topic("zerg-fallback"),
    summary="``zerg-fallback``",
    reason="an instance that finds no pool does not end: it runs without the served socket, and no"
    " request reaches it",
    fix="remove it; Supervisor starts the instance again until the pool is there",
)
fallback_config = Rule(
    "fallback-config",
    WARNING,
    present_topic("fallback-config"),
    summary="``fallback-config``",
    reason="in zerg mode a reload exits with 1, and so does a failed boot: uWSGI then runs the"
    " fallback, which Supervisor and the plugin take for the instance",
    fix="remove it; a deploy rolls back on its own",
)
cache_private = Rule(
    "cache-private",
    NOTE,
    present_topic("cache-private"),
    summary="``cache``, ``cache2``, ``queue``, ``sharedarea``",
    reason="each instance has its own: what the serving one stored is not there after a swap",
    fix="keep what must survive a swap (sessions, locks) in a service of its own, such as Redis",
)
metrics_mixed = Rule(
    "metrics-mixed",
    NOTE,
    present_topic("metrics-mixed"),
    summary="``carbon``, ``stats-push``",
    reason="both instances push their numbers, and under one name they overwrite each other",
    fix="put $(SUPERVISOR_PROCESS_NAME) into the name (carbon-id), or read /zerg/metrics",
)
subscription = Rule(
    "subscription",
    NOTE,
    present_topic("subscription"),
    summary="``subscribe-to`` and the like",
    reason="both instances announce their address to the router, even the parked one",
    fix="let the router send requests to the pool's socket",
)
mountpoint = Rule(
    "mountpoint",
    NOTE,
    present_topic("mountpoint"),
    summary="``check-mountpoint`` and the like",
    reason="both instances end at the same time when the file system is not reachable",
    fix="check it by 'health' of the pair",
)


@rule(
    "boot-command",
    NOTE,
    summary="``exec-as-root``, ``exec-pre-app`` and the like, or a hook that runs a command",
    reason="the command runs at each boot of each instance, while the other one serves with the"
    " other release",
    fix="run what a release needs once, such as migrations, by 'before_deploy' of the pair",
)
def boot_command(pair: Pair, program: Program) -> Hits:
    yield from present_topic("boot-command")(pair, program)
    for hook in program.hooks:
        if hook.phase in BOOT_PHASES and hook.action in SHELL:
            yield hook, f"hook-{hook.phase} runs {hook.argument}"


RULES = (
    shutdown_sockets,
    idle,
    die_on_idle,
    kept_connections,
    offload,
    refork,
    namespace,
    not_a_worker,
    one_shot,
    zerg_fallback,
    fallback_config,
    cache_private,
    metrics_mixed,
    subscription,
    mountpoint,
    boot_command,
)

"""Rules about how an instance attaches to the pool, and about its program's section. Pure."""

from __future__ import annotations

from ..config_model import Pair, Program
from ..rule import ERROR, WARNING, Hits, rule
from .pools import served_by


@rule(
    "zerg-missing",
    ERROR,
    summary="no ``zerg``",
    reason="an instance with a socket of its own shares nothing: while the other is parked, its"
    " requests wait",
    fix="zerg = the first part of the pool's zerg-pool",
)
def zerg_missing(pair: Pair, program: Program) -> Hits:
    if program.known and not program.last("zerg", "zerg-node"):
        yield program.home, "the instance attaches to no zerg pool"


@rule(
    "zerg-served",
    ERROR,
    summary="``zerg`` names the served socket",
    reason="instances attach to the pool's own socket, the first part of 'zerg-pool = POOL:SERVED'",
    fix="zerg = the first part",
)
def zerg_served(pair: Pair, program: Program) -> Hits:
    served = {
        pair.real(address) for _, served, _ in served_by(pair.pool) for address in served.split(",")
    }
    for option in program.all("zerg", "zerg-node"):
        if pair.real(option.value) in served:
            yield option, f"zerg = {option.value} is the socket that the pool serves"


@rule(
    "zerg-unknown",
    ERROR,
    summary="``zerg`` names no socket of the pool",
    reason="no pool offers a socket there: the instance cannot attach, and ends",
    fix="zerg = the first part of the pool's zerg-pool",
)
def zerg_unknown(pair: Pair, program: Program) -> Hits:
    pool = pair.pool
    if pool is None or not pool.known:
        return
    known = {option.value for option in pool.all("zerg-server")}
    for own, served, _ in served_by(pool):
        known |= {own, *served.split(",")}
    for option in program.all("zerg", "zerg-node") if known else ():
        if pair.real(option.value) not in map(pair.real, known):
            yield option, f"zerg = {option.value} is no socket of the pool {pool.name}"


@rule(
    "startsecs",
    WARNING,
    summary="``startsecs = 0`` with ``autorestart``",
    reason="a program that ends at once is started 157 to 176 times a second, for 420 to 475 ms of"
    " CPU a second",
    fix="startsecs = 1 or more, so that Supervisor backs off",
)
def startsecs(pair: Pair, program: Program) -> Hits:
    if program.restarts and program.integer("startsecs", 1) == 0:
        yield program.section.at("startsecs"), "startsecs = 0 with autorestart"


@rule(
    "killasgroup",
    WARNING,
    summary="neither ``killasgroup`` nor ``no-orphans``",
    reason="parked workers of a killed master (stopwaitsecs was over) live on forever",
    fix="killasgroup = true",
)
def killasgroup(pair: Pair, program: Program) -> Hits:
    killed = program.on("killasgroup", default=program.on("stopasgroup"))  # Supervisor's default
    if program.known and not (killed or program.flag("no-orphans")):
        place = program.section.at("killasgroup")
        yield place, f"{program.name} has neither killasgroup nor no-orphans"


@rule(
    "stopasgroup",
    ERROR,
    summary="``stopasgroup``",
    reason="the stop signal reaches the workers, too, and they end at once: 4 of 4 requests were"
    " cut, 0 of 4 without it",
    fix="remove it, and set killasgroup = true",
)
def stopasgroup(pair: Pair, program: Program) -> Hits:
    if program.on("stopasgroup"):
        yield program.section.at("stopasgroup"), f"{program.name} has stopasgroup"


RULES = (zerg_missing, zerg_served, zerg_unknown, startsecs, killasgroup, stopasgroup)

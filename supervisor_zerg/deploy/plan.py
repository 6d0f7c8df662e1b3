"""Turns the section of a pair, the options and an observation into plans, or refuses.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ..core import errors
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from .model import Plan

LONGEST_S = 86400.0
LABEL_LIMIT = 100
SECONDS = (int, float)
OPTION_TYPES: dict[str, tuple[type, ...]] = {
    "bake": SECONDS,
    "timeout": SECONDS,
    "label": (str,),
    "wait": (bool,),
    "dry_run": (bool,),
    "backup_first": (bool,),
    "release": (str,),
    "force": (bool,),
}


@dataclass(frozen=True)
class DeployOptions:
    """The options of ``zerg.deploy``."""

    bake: float | None = None  # seconds; None: as in the section
    timeout: float | None = None  # seconds for the boot; None: as in the section
    label: str = ""
    wait: bool = True  # answer when the deploy has ended
    dry_run: bool = False
    backup_first: bool = False
    release: str = ""  # the name or path of a release
    force: bool = False  # also a release that is known to be bad


def read_options(options: Mapping[str, Any]) -> DeployOptions:
    """Check the options of a client.

    Raises:
        BadOption: one is unknown, of the wrong type or out of range.
    """
    for name, value in options.items():
        if name not in OPTION_TYPES:
            known = ", ".join(field.name for field in fields(DeployOptions))
            raise errors.BadOption(f"deploy has no option {name!r}", f"the options are {known}")
        types = OPTION_TYPES[name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise errors.BadOption(f"the option {name} of deploy cannot be {value!r}")
        if isinstance(value, SECONDS) and types is SECONDS and not 0 <= value <= LONGEST_S:
            raise errors.BadOption(
                f"the option {name} of deploy must be from 0 to {LONGEST_S:.0f} seconds,"
                f" not {value!r}"
            )
    label = options.get("label", "")
    if len(label) > LABEL_LIMIT or not label.isprintable():
        raise errors.BadOption(f"a label has at most {LABEL_LIMIT} printable characters")
    return DeployOptions(**options)


def make_plans(
    pair: PairConfig,
    observed: PairState,
    options: DeployOptions,
    release: str = "",
    old_release: str = "",
) -> tuple[Plan, ...]:
    """The plans of a deploy, to be carried out one after the other.

    Args:
        release: what is to be deployed; empty: the code on disk.
        old_release: what the serving instance has.

    Raises:
        ZergError: the deploy cannot begin.
    """
    serving, spare = roles(pair, observed)
    before = ("before_deploy",) if pair.before_deploy else ()
    if options.backup_first:
        plans = _backup_first(pair, options, serving, spare, before)
    else:
        plans = (_plan(pair, options, spare, serving, before),)
    if not release:
        return plans
    refreshed = (replace(plan, release=old_release, old_release=old_release) for plan in plans[:-1])
    return (*refreshed, replace(plans[-1], release=release, old_release=old_release))


def make_rollback(
    pair: PairConfig,
    observed: PairState,
    options: DeployOptions,
    release: str,
    old_release: str,
    warm: bool,
) -> Plan:
    """The plan that returns to a release. `warm`: the parked instance has it in memory.

    Raises:
        ZergError: the roll-back cannot begin.
    """
    serving, spare = roles(pair, observed)
    plan = _plan(pair, options, spare, serving, ())
    return replace(plan, release=release, old_release=old_release, warm=warm, after="")


def make_restart(
    pair: PairConfig, observed: PairState, options: DeployOptions, release: str
) -> tuple[Plan, ...]:
    """The plans that restart the spare, let it serve, restart the other program, let that serve.

    Args:
        release: what serves now; empty: the code on disk.

    Raises:
        ZergError: the restart cannot begin.
    """
    if options.label or options.backup_first or options.release or options.force:
        raise errors.BadOption("a restart has the options bake, timeout, wait and dry_run")
    serving, spare = roles(pair, observed)
    first = replace(_plan(pair, options, spare, serving, ()), bake=0.0)
    second = replace(_plan(pair, options, serving, spare, ()), continues_previous=True)
    return tuple(
        replace(plan, release=release, old_release=release, after="", takes_settings=True)
        for plan in (first, second)
    )


def make_rebuild(pair: PairConfig, target: str, serving: str, release: str) -> Plan:
    """The plan that boots the spare again from the release that serves.

    With ``retire = stop`` the spare only gets the release, and is stopped.
    """
    plan = _plan(pair, DeployOptions(), target, serving, ())
    boots = pair.retire == "park"
    return replace(plan, release=release, old_release=release, standby=True, boots=boots, after="")


def roles(pair: PairConfig, observed: PairState) -> tuple[str, str]:
    """The program that serves and the one that can be restarted."""
    for instance in observed.instances:
        if instance.unreadable:
            raise errors.NoRights(instance.unreadable)
    serving = observed.serving
    if not serving:
        raise errors.NobodyServes(
            f"no instance of the pair {pair.name} serves, so there is no release to go back to"
        )
    spare = observed.other(serving).program
    if observed.other(serving).state == "ABSENT":
        raise errors.NotRunning(
            f"supervisord has no program {spare}",
            "add it to the configuration and run 'supervisorctl update'",
        )
    if observed.instance(serving).asynchronous:
        _require_async_support(pair, serving)
    return serving, spare


def _require_async_support(pair: PairConfig, serving: str) -> None:
    if pair.retire != "stop":
        raise errors.AsyncInstance(f"{serving} is asynchronous: a pause would freeze its requests")
    if pair.health.startswith("/"):
        raise errors.AsyncInstance(
            f"{serving} is asynchronous, so its companion does not answer for its health",
            "set 'health' to a URL or a command:, or leave it empty",
        )


def _backup_first(
    pair: PairConfig, options: DeployOptions, serving: str, spare: str, before: tuple[str, ...]
) -> tuple[Plan, ...]:
    """Refresh the spare from the code that runs, update the code, restart the main program."""
    if not (pair.update or options.release):
        raise errors.BadOption(
            f"the pair {pair.name} has no 'update': the command that updates the code between"
            " the two steps",
            f"set it in the [zerg:{pair.name}] section",
        )
    main = pair.programs[0]
    update = ("update",) if pair.update else ()
    if serving != main:
        return (_plan(pair, options, main, serving, (*before, *update)),)
    refresh = replace(_plan(pair, options, spare, main, before), bake=0.0, after="")
    restart = _plan(pair, options, main, spare, update)
    return refresh, replace(restart, continues_previous=True)


def _plan(
    pair: PairConfig, options: DeployOptions, target: str, old: str, before: tuple[str, ...]
) -> Plan:
    period = pair.health_timeout + pair.health_interval
    return Plan(
        target=target,
        old=old,
        before=before,
        after="after_deploy" if pair.after_deploy else "",
        check_parked=bool(pair.health) and pair.health_tells_instances_apart,
        check_serving=bool(pair.health),
        count=pair.health_count,
        bake=pair.bake if options.bake is None else float(options.bake),
        max_exceptions=pair.max_exceptions,
        max_5xx=pair.max_5xx,
        min_responses=pair.min_responses,
        drain_timeout=pair.drain_timeout,
        boot_timeout=pair.boot_timeout if options.timeout is None else float(options.timeout),
        check_timeout=period * pair.health_count * 2 + 10,
        silence=period + 2,
    )

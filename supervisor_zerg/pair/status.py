"""A view of a pair -> the struct of ``getPairInfo``, and its problems as sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from ..core.actions import unresponsive
from ..core.instance import Condition, Instance, UnresponsiveReason
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from ..core.replies import BusyInfo, DeployInfo, InstanceInfo, PairInfo
from ..core.wire import clean
from ..deploy.releases import NOTHING, Assigned

LEAKS_S = 5.0  # a pause reaches every thread within milliseconds
#: Why a master takes no command for seconds, or until an operator acts.
LASTING_REASONS = (UnresponsiveReason.STOPPED, UnresponsiveReason.THROTTLED)


@dataclass(frozen=True)
class PairView:
    """What is known about a pair at one moment.

    Attributes:
        observed: None if the pair is misconfigured or could not be observed.
        busy: What is under way: kind, program, id, by, since; empty when idle.
        deploy: The struct of the last deploy; empty if there was none.
        failed_target: The program that the last deploy restarted, if that deploy failed.
        pool_state: Supervisor's state of the pool; empty without a pool.
        waiting_for: What stands in the way of the goal.
        labels: The label of the release in each instance.
        releases: The release that each instance has.
        since: Since when each instance has been in its condition, seconds since the epoch.
        durations: The same as seconds that it has lasted.
        responses: What uWSGI counted, by class of statuses; empty where it does not.
        stats_errors: Why a stats server could not be used.
        foreign: Processes that the stats name and the kernel does not show below the master.
        store_problems: Why history or settings are not in their files.
    """

    pair: PairConfig
    observed: Optional[PairState]
    hold: bool = False
    auto: bool = False
    both_active: bool = False
    busy: BusyInfo = field(default_factory=BusyInfo)
    deploy: DeployInfo = field(default_factory=DeployInfo)
    failed_target: str = ""
    pool_state: str = ""
    waiting_for: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    releases: Mapping[str, Assigned] = field(default_factory=dict)
    since: Mapping[str, float] = field(default_factory=dict)
    durations: Mapping[str, float] = field(default_factory=dict)
    responses: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    stats_errors: Mapping[str, str] = field(default_factory=dict)
    foreign: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    store_problems: Sequence[str] = ()


def describe(view: PairView) -> PairInfo:
    """The info struct. Only str, int, float, bool, list and dict: anything else breaks XML-RPC."""
    observed = view.observed
    return {
        "pair": view.pair.name,
        "serving": observed.serving if observed else "",
        "parked": observed.parked if observed else "",
        "warm": observed.warm if observed else False,
        "held": view.hold,
        "auto": view.auto,
        "retire": view.pair.retire,
        "busy": view.busy,
        "deploy": view.deploy,
        "pool": f"{view.pair.pool} {view.pool_state}" if view.pool_state else "",
        "problems": [clean(problem) for problem in problems(view)],
        "instances": [_instance(one, view) for one in observed.instances] if observed else [],
    }


def _instance(instance: Instance, view: PairView) -> InstanceInfo:
    threads = sum(worker.threads for worker in instance.workers)
    parked = sum(worker.parked for worker in instance.workers)
    return {
        "program": instance.program,
        "pid": instance.pid,
        "master": instance.master,
        "statename": instance.state,
        "slot": instance.slot.label if instance.slot is not None else "",
        "condition": instance.condition.value,
        "in_flight": instance.in_flight,
        "workers": len(instance.workers),
        "threads": threads,
        "accepting_threads": threads - parked if instance.accepting else 0,
        "frozen": instance.frozen,
        "cheap": instance.cheap,
        "requests": float(instance.requests),
        "responses": {n: float(c) for n, c in view.responses.get(instance.program, {}).items()},
        "source": instance.source,
        "label": clean(view.labels.get(instance.program, "")),
        "release": view.releases.get(instance.program, NOTHING).release,
        "since": float(view.since.get(instance.program, 0.0)),
    }


def problems(view: PairView) -> Iterator[str]:
    """What an operator should know, worst first; nothing for a healthy, warm pair."""
    yield from map(str, view.pair.problems)
    observed = view.observed
    if observed is None:
        if not view.pair.blocking:
            yield "this pair could not be observed; see supervisord's log"
        return
    yield from _pair_problems(view, observed)
    for instance in observed.instances:
        yield from _command_problems(instance)
        yield from _traffic_problems(instance, view)
        assigned = view.releases.get(instance.program, NOTHING)
        if assigned.problem:
            yield assigned.problem
    for slot, obstacle in observed.blocked:
        yield f"the path of slot {slot.label} is taken by {obstacle.text}; move it away"
    if observed.orphans:
        pids = " ".join(str(orphan.pid) for orphan in observed.orphans)
        yield f"workers outlived their master: {pids}; they are ended when their requests are"
    yield from _pool_problems(view, observed)
    yield from view.store_problems
    if view.waiting_for and not observed.serving and not view.hold:
        yield f"waiting: {view.waiting_for}"


def _pair_problems(view: PairView, observed: PairState) -> Iterator[str]:
    if view.hold:
        yield (
            "an operator holds the pair: requests wait in the socket's queue;"
            " 'zerg resume PROGRAM' lets them through"
        )
    elif not observed.serving:
        yield "nobody serves"
    elif not observed.warm and not _is_retired(view.pair, observed):
        yield f"no warm instance: {_why_cold(view, observed)}"
    if view.deploy:
        yield from _bad_release(view.deploy, observed)
    if all(instance.accepting for instance in observed.instances) and not view.both_active:
        yield "both instances accept requests"
    if not view.auto:
        yield "auto is off: the pair does not react to events"


def _bad_release(deploy: DeployInfo, observed: PairState) -> Iterator[str]:
    """A swap would go to a bad release, or the release that serves is one and there is no other."""
    instance = observed.instance(deploy["target"])
    outcome = deploy["outcome"]
    bad = outcome == "not rolled back" or (outcome == "rolled back" and not instance.accepting)
    if bad and instance.pid == deploy["pid"]:
        label = deploy["label"] and f"{deploy['label']} "
        yield f"{instance.program} holds the release {label}that was {outcome}: {deploy['reason']}"


def _is_retired(pair: PairConfig, observed: PairState) -> bool:
    """There is no warm instance, by choice."""
    return pair.retire == "stop" and observed.other(observed.serving).state in ("STOPPED", "EXITED")


def _why_cold(view: PairView, observed: PairState) -> str:
    other = observed.other(observed.serving)
    if other.state == "ABSENT":
        return f"supervisord has no program {other.program}; the pair is incomplete"
    if other.is_ending:
        return f"the master of {unresponsive(other)}"
    if other.up:
        return f"{other.program} is {other.condition.value}"
    failed = other.program == view.failed_target
    reason = f" since its deploy: {view.deploy['reason']}" if failed else ""
    return f"{other.program} is {other.state}{reason}"


def _command_problems(instance: Instance) -> Iterator[str]:
    """Whether the master can be observed and takes commands."""
    if instance.unreadable:
        yield instance.unreadable
        if instance.accepting:
            yield f"{instance.program} serves, but is not managed: it cannot be swapped or deployed"
    if instance.condition is Condition.LOST:
        yield f"{instance.program} holds none of the FIFOs; check 'master-fifo' in its ini"
    if any(worker.in_signal_loop for worker in instance.workers):
        yield (
            f"{instance.program} is in the endless PAUSE/resuming flood;"
            " the worker that causes it is being ended"
        )
    if instance.pending:
        yield f"{instance.program} has not executed: {' '.join(instance.pending)}"
    if instance.unresponsive in LASTING_REASONS and instance.up:
        yield f"the master of {unresponsive(instance)}"
    if instance.up and instance.slot is not None and not instance.fifo_in_place:
        yield (
            f"the path of {instance.program}'s FIFO (slot {instance.slot.label})"
            " is gone or is another's"
        )


def _traffic_problems(instance: Instance, view: PairView) -> Iterator[str]:
    """Whether requests go where they should."""
    program = instance.program
    leaks = instance.unpaused_workers and not instance.in_flight
    if leaks and view.durations.get(program, 0.0) > LEAKS_S:
        pids = " ".join(map(str, instance.unpaused_workers))
        yield (
            f"{program} is paused, but threads of process {pids} may still take a request;"
            f" if that lasts, restart {program}"
        )
    if instance.missing_workers:
        count = len(instance.workers)
        yield (
            f"{program} runs {count} of {count + instance.missing_workers} workers, and its master"
            f" starts no other: see its log, and restart {program}"
        )
    if instance.asynchronous:
        refused = "; swaps away from it are refused, see 'retire'"
        yield (
            f"{program} is asynchronous: it cannot be parked with requests in flight"
            f"{'' if view.pair.retire == 'stop' else refused}"
        )
    if view.stats_errors.get(program) and instance.ready:
        yield (
            f"the stats server of {program} cannot be used ({view.stats_errors[program]});"
            " the kernel is the source"
        )
    if view.foreign.get(program):
        pids = " ".join(map(str, view.foreign[program]))
        yield f"the stats of {program} name foreign processes, which are ignored: {pids}"
    if instance.attached is False:
        yield f"{program} holds a socket that the pool no longer serves: no new request reaches it"


def _pool_problems(view: PairView, observed: PairState) -> Iterator[str]:
    healthy = view.pool_state in ("", "RUNNING", "STARTING", "ABSENT")
    if not healthy and any(instance.up for instance in observed.instances):
        yield (
            f"the pool {view.pair.pool} is {view.pool_state}: the instances go on serving, but none"
            " can attach; on TCP it cannot bind while they hold the port"
        )

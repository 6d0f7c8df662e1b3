"""Observes a pair, then begins its deploy, or tells what it would do."""

from __future__ import annotations

from collections.abc import Sequence

from ..core import errors
from ..core.pair_state import PairState
from ..core.replies import DeployInfo
from ..core.reply import Reply
from ..jobs.services import Services
from .dry_run import dry_run
from .executor import DEPLOY, RESTART, ROLLBACK, DeployRequest
from .model import Plan
from .plan import DeployOptions, make_plans, make_restart, make_rollback
from .registry import DeployRegistry
from .target import DeployTarget


def start_deploy(
    services: Services,
    target: DeployTarget,
    deploys: DeployRegistry,
    options: DeployOptions,
    by: str = "operator",
    kind: str = DEPLOY,
) -> Reply[DeployInfo]:
    """Begin a deploy, a roll-back or a restart. Raises ZergError if the pair cannot be moved now.

    Returns:
        The deploy struct at its end, or at its beginning without ``options.wait``; or a refusal.
    """
    if not options.dry_run:
        deploys.end_rebuild()
    target.require_idle()
    _require_options(target, options, kind)
    reply: Reply[DeployInfo] = services.new_reply()

    def begin(observed: PairState | None) -> None:
        if observed is None:
            reply.fail(errors.ZergError(f"the pair {target.pair.name} could not be observed"))
            return
        try:
            wanted = _wanted(target, observed, options, kind)
            if kind != RESTART and _serves_already(target, observed, options, wanted):
                reply.set(_unchanged(target, observed, wanted, kind))
                return
            plans = _plans(target, observed, options, kind, wanted)
            if options.dry_run:
                reply.set(_dry_run_struct(target, plans, observed))
                return
            request = DeployRequest(services.new_id(), plans, options.label, by, kind)
            _begin(services, target, deploys, request, observed, reply, options.wait)
        except errors.ZergError as refusal:
            reply.fail(refusal)

    services.loop.task(target.observe(), begin).start()
    return reply


def _begin(
    services: Services,
    target: DeployTarget,
    deploys: DeployRegistry,
    request: DeployRequest,
    observed: PairState,
    reply: Reply[DeployInfo],
    wait: bool,
) -> None:
    """Begin a deploy. The reply is its struct, at its end or now."""
    _require_listener(services, target, request.plans)
    deploy = deploys.begin(request, observed, reply if wait else services.new_reply())
    if not wait:
        reply.set(deploy.info())


def _require_options(target: DeployTarget, options: DeployOptions, kind: str) -> None:
    """Refuse a release where there are none, and a deploy without one where there are.

    A deploy is also refused while an option of the section is wrong: it may be the health check.
    """
    if target.pair.problems and kind == DEPLOY:
        text = "; ".join(map(str, target.pair.problems))
        raise errors.Misconfigured(f"the section of the pair {target.pair.name} is wrong: {text}")
    if options.release or kind == ROLLBACK:
        target.releases.require()
    elif target.releases.on and kind != RESTART:
        raise errors.BadOption(
            f"name the release: the pair {target.pair.name} has a folder of releases",
            "'zerg releases' lists them",
        )


def _wanted(target: DeployTarget, observed: PairState, options: DeployOptions, kind: str) -> str:
    """The release that is to serve; empty: the code on disk."""
    if options.release:
        return target.releases.find(options.release, options.force)
    if kind == ROLLBACK:
        return target.releases.previous(observed)
    return target.releases.of(observed.serving) if kind == RESTART else ""


def _serves_already(
    target: DeployTarget, observed: PairState, options: DeployOptions, release: str
) -> bool:
    """The release serves, in the program that is to serve."""
    if not release or not observed.serving:
        return False
    if options.backup_first and observed.serving != target.pair.programs[0]:
        return False
    return target.releases.assigned(observed.instance(observed.serving)) == (release, release, "")


def _plans(
    target: DeployTarget, observed: PairState, options: DeployOptions, kind: str, release: str
) -> tuple[Plan, ...]:
    pair = target.pair
    old_release = target.releases.of(observed.serving)
    if kind == RESTART:
        return make_restart(pair, observed, options, release)
    if kind != ROLLBACK:
        return make_plans(pair, observed, options, release, old_release)
    warm = any(target.releases.in_memory(instance, release) for instance in observed.instances)
    return (make_rollback(pair, observed, options, release, old_release, warm),)


def _unchanged(target: DeployTarget, observed: PairState, release: str, kind: str) -> DeployInfo:
    """The struct of a deploy of what already serves."""
    serving = observed.serving
    return {
        "id": "",
        "kind": kind,
        "pair": target.pair.name,
        "target": serving,
        "pid": observed.instance(serving).pid,
        "old": observed.other(serving).program,
        "label": "",
        "release": release,
        "by": "",
        "at": 0.0,
        "elapsed": 0.0,
        "phase": "ended",
        "waiting_for": "",
        "steps": [],
        "outcome": "deployed" if kind == DEPLOY else "done",
        "changed": False,
        "reason": "",
        "killed_requests": 0,
        "serving": serving,
    }


def _dry_run_struct(target: DeployTarget, plans: Sequence[Plan], observed: PairState) -> DeployInfo:
    return {
        "pair": target.pair.name,
        "target": plans[-1].target,
        "steps": dry_run(target.pair, plans, observed),
        "outcome": "dry run",
        "serving": observed.serving,
    }


def _require_listener(services: Services, target: DeployTarget, plans: Sequence[Plan]) -> None:
    needed = any(plan.before or plan.after or plan.check_serving for plan in plans)
    if needed and not services.job_queue.listener_present():
        raise errors.NoListener(
            f"hooks and health checks of the pair {target.pair.name} need the listener,"
            " which does not run"
        )

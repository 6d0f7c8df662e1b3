"""Observes a pair, then begins its deploy, or tells what it would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core import errors
from ..core.pair_state import PairState
from ..core.reply import Reply
from ..jobs.services import Services
from .dry_run import dry_run
from .executor import DeployRequest
from .model import Plan
from .plan import DeployOptions, make_plans
from .registry import DeployRegistry
from .target import DeployTarget


def start_deploy(
    services: Services,
    target: DeployTarget,
    deploys: DeployRegistry,
    options: DeployOptions,
    by: str = "operator",
) -> Reply[dict[str, Any]]:
    """Begin a deploy.

    Returns:
        A reply with the deploy struct: at the end of the deploy if ``options.wait`` is set, else at
        its beginning. A refusal after the observation is in the reply, too.

    Raises:
        ZergError: something else is under way, or the pair cannot be moved.
    """
    target.require_idle()
    reply: Reply[dict[str, Any]] = services.new_reply()

    def begin(observed: PairState | None) -> None:
        try:
            if observed is None:
                raise errors.ZergError(f"the pair {target.pair.name} could not be observed")
            plans = make_plans(target.pair, observed, options)
            if options.dry_run:
                reply.set(_dry_run_struct(target, plans, observed))
                return
            _require_listener(services, target, plans)
            request = DeployRequest(services.new_id(), plans, options.label, by)
            at_end = reply if options.wait else services.new_reply()
            deploy = deploys.begin(request, observed, at_end)
            if not options.wait:
                reply.set(deploy.info())
        except errors.ZergError as refusal:
            reply.fail(refusal)

    services.loop.task(target.observe(), begin).start()
    return reply


def _dry_run_struct(
    target: DeployTarget, plans: Sequence[Plan], observed: PairState
) -> dict[str, Any]:
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

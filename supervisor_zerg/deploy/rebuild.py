"""After a roll-back or a failed deploy: boots the spare again from the release that serves.

A crash of the serving instance then never brings the bad release to users.
"""

from __future__ import annotations

from ..core import errors
from ..jobs.services import Services
from .executor import REBUILD, ROLLBACK, DeployRequest
from .model import Outcome
from .plan import make_rebuild
from .registry import DeployRegistry
from .runner import DeployRunner
from .target import DeployTarget


def begin_rebuild(
    services: Services, target: DeployTarget, deploys: DeployRegistry, ended: DeployRunner
) -> bool:
    """Begin a rebuild if a deploy that has ended calls for one. Returns whether it did."""
    program = _spare_to_rebuild(ended)
    release = target.releases.of(ended.observed.serving)
    pair = target.pair
    if not program or not release or pair.after_rollback == "keep":
        return False
    plan = make_rebuild(pair, program, ended.observed.serving, release)
    request = DeployRequest(services.new_id(), (plan,), "", f"rollback {ended.request.id}", REBUILD)
    try:
        deploys.begin(request, ended.observed, services.new_reply())
    except errors.ZergError as refusal:
        services.log("warn", "no rebuild", pair=pair.name, program=program, reason=refusal)
        return False
    return True


def _spare_to_rebuild(ended: DeployRunner) -> str:
    """The program that holds a release to which users must not come; empty if none does."""
    plan = ended.state.plan
    if not plan.release or ended.request.kind == REBUILD:
        return ""
    outcome = ended.state.outcome
    if outcome is Outcome.DEPLOYED:
        return plan.old if ended.request.kind == ROLLBACK else ""
    restarted = ended.state.target_restarted
    return plan.target if restarted and ended.observed.serving == plan.old else ""

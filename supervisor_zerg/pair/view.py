"""Gathers what is known about a pair into a view of it, for status.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from ..core.pair_state import PairState
from ..core.replies import BusyInfo
from ..uwsgi.tracked_state import TrackedMaster
from .run_handler import PairParts, RunHandler
from .status import PairView


def pair_view(parts: PairParts, handler: RunHandler, observed: Optional[PairState]) -> PairView:
    """The pair with an observation; None if it is misconfigured or could not be observed."""
    if observed is None:
        return PairView(parts.pair, None)
    decision = handler.decision
    times = handler.state_times
    label_of = parts.deploys.label_of
    instances = observed.instances
    pool = parts.pair.pool
    stores = (parts.services.history.problem, parts.settings.problem)
    return PairView(
        pair=parts.pair,
        observed=observed,
        hold=parts.goals.hold,
        auto=parts.goals.auto,
        both_active=parts.goals.both_active,
        busy=_busy_with(parts),
        deploy=parts.deploys.info(),
        failed_target=_failed_target(parts),
        pool_state=parts.services.programs.get(pool).state if pool else "",
        waiting_for=decision.waiting_for if decision and not decision.met else "",
        labels={i.program: label_of(i.program, i.pid) for i in instances},
        releases={i.program: parts.releases.assigned(i) for i in instances},
        since={i.program: times.since(i.program) for i in instances},
        durations={i.program: times.duration(i.program) for i in instances},
        responses={p: _responses(master) for p, master in parts.observer.masters.items()},
        stats_errors={p: master.stats_error for p, master in parts.observer.masters.items()},
        foreign={p: master.workers.foreign for p, master in parts.observer.masters.items()},
        store_problems=[problem for problem in stores if problem],
    )


def _responses(master: TrackedMaster) -> Mapping[str, int]:
    return (master.snapshot.responses if master.snapshot else None) or {}


def _busy_with(parts: PairParts) -> BusyInfo:
    deploy = parts.deploys.running
    if deploy is not None:
        info = deploy.info()
        return {
            "kind": "deploy",
            "program": info["target"],
            "id": info["id"],
            "by": info["by"],
            "since": info["elapsed"],
        }
    request = parts.requests.request
    if request is None:
        return {}
    since = parts.services.loop.clock() - request.began
    return {
        "kind": request.verb,
        "program": request.program,
        "id": request.id,
        "by": request.by,
        "since": round(since, 3),
    }


def _failed_target(parts: PairParts) -> str:
    """The program that the last deploy restarted, if that deploy failed."""
    deploy = parts.deploys.last
    if deploy is None or not (deploy.over and deploy.state.target_restarted):
        return ""
    return deploy.state.plan.target if deploy.state.reason else ""

"""Whether a release is good: what was observed in its boot and bake -> the reason for a roll-back.

Pure.
"""

from __future__ import annotations

from ..core.instance import Instance
from .model import Counters, DeployObservation, DeployState, HealthStreak, Plan

#: Fewer exceptions and ended workers than these are no reason for a roll-back.
MIN_FAILURES = 3


def crashes_at_boot(plan: Plan, target: Instance, counters: Counters) -> bool:
    """The workers of a booting instance end one after the other.

    With hooks of its own an instance accepts while it boots, and its workers may be recycled.
    """
    if target.paused is False and not counters.known:
        return False
    return _too_many(plan, counters.lost, 0 if target.paused else counters.requests)


def is_healthy(state: DeployState, health: HealthStreak) -> bool:
    """The last answers of the health check were good, and the last one is recent."""
    plan = state.plan
    good = health.good >= plan.count and health.silent <= plan.silence
    return not plan.check_serving or good or (state.checked and not plan.bake)


def rollback_reason(state: DeployState, observation: DeployObservation) -> str:
    """Why a release in its bake has to be rolled back, or an empty string."""
    plan = state.plan
    health = observation.health
    if observation.ended:
        return f"{plan.target} ended: {observation.ended}"
    if plan.check_serving and health.bad >= plan.count:
        return f"{plan.target} is not healthy: {health.message}"
    if observation.unreachable:
        return f"nobody can connect to {plan.target}: {observation.unreachable}"
    failures = _failures(plan, observation.counters) if observation.counters.known else ""
    if failures:
        return failures
    if observation.serving not in ("", plan.target) and not _for_a_moment(state, observation):
        return (
            f"{plan.target} does not accept requests any more,"
            f" so {observation.serving} serves in its place"
        )
    limit = plan.bake + plan.check_timeout
    if observation.now - state.since > limit and not is_healthy(state, health):
        return unhealthy(plan, health, limit)
    return ""


def _for_a_moment(state: DeployState, observation: DeployObservation) -> bool:
    """The old program was started again, and its own hooks may take over until it is parked."""
    return state.old_gone and observation.now - state.since < state.plan.bake


def unhealthy(plan: Plan, health: HealthStreak, seconds: float) -> str:
    """The sentence for a check that was not passed within its limit."""
    last = health.message or "no check was made"
    if not health.message or health.silent > plan.silence:
        last += "; does the listener run?"
    return f"{plan.target} was not found healthy within {seconds:.0f} s: {last}"


def _failures(plan: Plan, counters: Counters) -> str:
    if counters.harakiris:
        return f"{plan.target}: uWSGI ended a worker whose request took too long (harakiri)"
    if _too_many(plan, counters.exceptions + counters.lost, counters.requests):
        return (
            f"{plan.target}: {counters.exceptions} exceptions and {counters.lost} respawned"
            f" workers in {counters.requests} requests"
        )
    return _server_errors(plan, counters)


def _server_errors(plan: Plan, counters: Counters) -> str:
    """What users get decides, whatever the health check says."""
    failures = counters.server_errors
    enough = failures >= MIN_FAILURES and counters.requests >= plan.min_responses
    # uWSGI counts a request a moment after its response.
    answered = max(counters.requests, failures)
    if enough and failures > plan.max_5xx * answered:
        return (
            f"{plan.target} answered {failures} of {answered} requests with a status 5xx,"
            f" more than max_5xx = {plan.max_5xx:g}"
        )
    return ""


def _too_many(plan: Plan, failures: int, requests: int) -> bool:
    """A crashed worker and one that max-requests recycled look alike, so the requests count too."""
    return failures >= MIN_FAILURES and failures > plan.max_exceptions * requests

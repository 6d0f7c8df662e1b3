"""Is a release good? PURE: what was seen of it in its boot and its bake -> why it must go back, in words, or ''."""

#: Fewer exceptions and ended workers than these are no reason to go back.
MIN_FAILURES = 3


def crashes_at_boot(plan, target, counters):
    """Its workers end one after the other. In the hooks dialect they accept as soon as they are born, and may be recycled."""
    if target.paused is False and not counters.told:
        return False
    return _many(plan, counters.lost, 0 if target.paused else counters.requests)


def is_healthy(state, observation):
    """Its health, if it has to be asked, was good whenever it was asked last, and that is not long ago."""
    plan = state.plan
    good = observation.good >= plan.count and observation.silent <= plan.silence
    return not plan.check_serving or good or state.checked and not plan.bake


def rollback_reason(state, observation):
    """Why the release must go back, or ''."""
    plan, target = state.plan, state.plan.target
    if observation.ended:
        return f"{target} ended: {observation.ended}"
    if plan.check_serving and observation.bad >= plan.count:
        return f"{target} is not healthy: {observation.health_words}"
    worse = _worse(plan, observation.counters) if observation.counters.told else ""
    if (
        not worse
        and observation.serving not in ("", target)
        and not _on_its_way(state, observation)
    ):
        return f"{target} does not accept requests any more, so {observation.serving} serves in its place"
    if (
        not worse
        and observation.now - state.since > plan.bake + plan.check_timeout
        and not is_healthy(state, observation)
    ):
        return unhealthy(plan, observation, plan.bake + plan.check_timeout)
    return worse


def _on_its_way(state, observation):
    """The old program was started anew, and its own hooks may take over for a moment: it is parked again."""
    return state.old_gone and observation.now - state.since < state.plan.bake


def unhealthy(plan, observation, seconds):
    words = observation.health_words or "no check was made"
    if not observation.health_words or observation.silent > plan.silence:
        words += "; does the listener run?"
    return f"{plan.target} was not found healthy within {seconds:.0f} s: {words}"


def _worse(plan, counted):
    if counted.harakiris:
        return f"{plan.target}: uWSGI ended a worker whose request took too long (harakiri)"
    if _many(plan, counted.exceptions + counted.lost, counted.requests):
        numbers = counted.exceptions, counted.lost, counted.requests
        return "%s: %d exceptions and %d respawned workers in %d requests" % (plan.target, *numbers)
    return ""


def _many(plan, troubles, requests):
    """A worker that crashed and one that max-requests recycled look alike, so they are seen against the requests."""
    return troubles >= MIN_FAILURES and troubles > plan.max_exceptions * requests

"""Is a release good? PURE: what was seen of it in its boot and its bake -> why it must go back, in words, or ''."""

#: Fewer exceptions and ended workers than these are no reason to go back.
FEW = 3


def crashes_at_boot(plan, target, counters):
    """Its workers end one after the other. In the hooks dialect they accept as soon as they are born, and may be recycled."""
    if target.paused is False and not counters.told:
        return False
    return _many(plan, counters.lost, 0 if target.paused else counters.requests)


def well(release, sight):
    """Its health, if it has to be asked, was good whenever it was asked last, and that is not long ago."""
    plan = release.plan
    good = sight.good >= plan.count and sight.silent <= plan.silence
    return not plan.check_serving or good or release.checked and not plan.bake


def trouble(release, sight):
    """Why the release must go back, or ''."""
    plan, target = release.plan, release.plan.target
    if sight.ended:
        return f"{target} ended: {sight.ended}"
    if plan.check_serving and sight.bad >= plan.count:
        return f"{target} is not healthy: {sight.health_words}"
    worse = _worse(plan, sight.counters) if sight.counters.told else ""
    if not worse and sight.serving not in ("", target) and not _on_its_way(release, sight):
        return f"{target} does not accept requests any more, so {sight.serving} serves in its place"
    if (
        not worse
        and sight.now - release.since > plan.bake + plan.check_timeout
        and not well(release, sight)
    ):
        return unhealthy(plan, sight, plan.bake + plan.check_timeout)
    return worse


def _on_its_way(release, sight):
    """The old program was started anew, and its own hooks may take over for a moment: it is parked again."""
    return release.old_gone and sight.now - release.since < release.plan.bake


def unhealthy(plan, sight, seconds):
    words = sight.health_words or "no check was made"
    if not sight.health_words or sight.silent > plan.silence:
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
    return troubles >= FEW and troubles > plan.max_exceptions * requests

"""A new release on its way to users. PURE: where it is and what was seen -> where it is next, and what is to be done.

The program that does not serve is stopped once it has drained, started with the code on disk, checked while it is parked,
promoted, and watched for the bake time; until that is over the old copy is ready to take over again. Whatever goes wrong before
the promotion, users never notice; whatever goes wrong after it, the old copy is promoted again.

deploy.py looks, calls :func:`advance` and does what it answers.
"""

from dataclasses import replace

from .release import STARTED, Do, Outcome, Phase, Release

#: Fewer exceptions and respawned workers than these are no reason to go back.
FEW = 3
#: So long is waited for a release to take no more requests when users are back on the old one; then it is stopped.
UNPARKED_S = 1.0
#: For so long a promotion that is refused because a worker is being born is asked for again.
AGAIN_S = 5.0
#: So long may the old copy need until it serves again; a promotion is answered within a third of that.
RETURN_S = 30.0


def begin(plan, now):
    """:returns: (Release, orders)"""
    release = Release(plan, Phase.PREPARING, now, hooks=plan.before)
    return (release, (Do.RUN_HOOK,)) if plan.before else _to(release, Phase.DRAINING, now)


def advance(release, sight):
    """The next step. :returns: (Release, orders); the same Release and no orders while there is something to wait for."""
    if (sight.let_in or sight.target.accepting) and release.phase in STARTED and not release.exposed:
        release = replace(release, exposed=True)
    if sight.abort and release.outcome is None:
        return _give_up(release, sight, "aborted by %s" % sight.abort)
    return STEPS[release.phase](release, sight)


def _to(release, phase, now, *orders, **changes):
    return replace(release, phase=phase, since=now, **changes), orders


def _stay(release):
    return release, ()


def _give_up(release, sight, why):
    """End on the old release, from wherever it is."""
    if release.exposed:
        order = () if _returned(release, sight) else (Do.RETURN,)
        return _to(release, Phase.RETURNING if order else Phase.ENDED, sight.now, *order, why=why, outcome=Outcome.ROLLED_BACK)
    outcome = Outcome.FAILED if release.touched else Outcome.REFUSED
    if not sight.serving:
        outcome = Outcome.NOBODY
    return _to(release, Phase.ENDED, sight.now, *((Do.STOP,) if release.touched else ()), why=why, outcome=outcome)


def _returned(release, sight):
    """Users are on the old release, and no request can reach the new one any more. (Workers of a master that was killed may take a
    request or two before they notice.)"""
    if sight.serving != release.plan.old or sight.target.pid:
        return sight.serving == release.plan.old and sight.target.sealed
    return not sight.orphans or release.phase is Phase.RETURNING and sight.now - release.since > UNPARKED_S


def _prepare(release, sight):
    if sight.hook is None:
        return _stay(release)
    if not sight.hook:
        return _give_up(release, sight, "%s failed: %s" % (release.hooks[0], sight.hook_words))
    left = release.hooks[1:]
    if left:
        return _to(release, Phase.PREPARING, sight.now, Do.RUN_HOOK, hooks=left)
    return _to(release, Phase.DRAINING, sight.now, hooks=())


def _drain(release, sight):
    target, plan = sight.target, release.plan
    if not target.pid:
        return _to(release, Phase.BOOTING, sight.now, Do.START, touched=True)
    overdue = sight.now - release.since > plan.drain_timeout
    if target.accepting or target.leaks:
        if overdue:
            return _give_up(release, sight, "%s cannot be parked" % target.program)
        return _stay(release)
    if target.in_flight and not overdue:
        return _stay(release)
    return _to(release, Phase.STOPPING, sight.now, Do.STOP, touched=True, cut=target.in_flight)


def _stop(release, sight):
    if sight.target.pid:  # Supervisor sends SIGKILL after stopwaitsecs
        if sight.now - release.since > release.plan.boot_timeout:
            return _give_up(release, sight, "%s did not stop within %.0f s" % (release.plan.target, release.plan.boot_timeout))
        return _stay(release)
    return _to(release, Phase.BOOTING, sight.now, Do.START)


def _boot(release, sight):
    target, plan = sight.target, release.plan
    if sight.ended:
        return _give_up(release, sight, "%s ended while it booted: %s" % (target.program, sight.ended))
    if sight.now - release.since > plan.boot_timeout:
        return _give_up(release, sight, "%s was not ready within %.0f s" % (target.program, plan.boot_timeout))
    if sight.counters and sight.counters.workers >= len(target.workers) + FEW:
        if target.paused is False:  # in the hooks dialect they accept as soon as they are born
            release = replace(release, exposed=True)
        return _give_up(release, sight, "the workers of %s end while it boots" % target.program)
    if not (target.ready and (target.accepting or target.sealed)):
        return _stay(release)
    if plan.check_parked and not target.accepting:
        return _to(release, Phase.CHECKING, sight.now, Do.CHECK)
    return _to(release, Phase.PROMOTING, sight.now, Do.PROMOTE)


def _check(release, sight):
    plan = release.plan
    if sight.ended:
        return _give_up(release, sight, "%s ended while it was checked: %s" % (plan.target, sight.ended))
    if sight.bad >= plan.count:
        return _give_up(release, sight, "%s is not healthy: %s" % (plan.target, sight.health_words))
    if sight.now - release.since > plan.check_timeout:
        words = sight.health_words or "no check was made; does the listener run?"
        return _give_up(release, sight, "%s was not found healthy within %.0f s: %s" % (plan.target, plan.check_timeout, words))
    if sight.good < plan.count:
        return _stay(release)
    return _to(release, Phase.PROMOTING, sight.now, Do.PROMOTE)


def _promote(release, sight):
    plan = release.plan
    if sight.promotion and _worth_again(release, sight):
        return replace(release, asked=release.asked + 1), (Do.PROMOTE,)
    if sight.promotion:
        return _give_up(release, sight, "%s could not be promoted: %s" % (plan.target, sight.promotion))
    if sight.ended:
        return _give_up(release, sight, "%s ended while it was promoted: %s" % (plan.target, sight.ended))
    if sight.promoted:  # where it has fallen since, the bake tells
        orders = (Do.CHECK,) if plan.check_serving else ()
        return _to(release, Phase.BAKING, sight.now, *orders, exposed=True, baseline=sight.counters)
    return _stay(release)


def _worth_again(release, sight):
    """The promotion was refused for the moment only, and users have met no release that crashes."""
    if not sight.transient or sight.let_in or sight.now - release.since >= AGAIN_S:
        return False
    return not release.exposed or sight.counters is None or sight.counters.workers <= len(sight.target.workers)


def _bake(release, sight):
    plan = release.plan
    trouble = _trouble(release, sight)
    if trouble:
        return _give_up(release, sight, trouble)
    if release.baseline is None and sight.counters is not None:
        release = replace(release, baseline=sight.counters)
    if sight.now - release.since < plan.bake:
        return _stay(release)
    if plan.after:
        return _to(release, Phase.FINISHING, sight.now, Do.RUN_HOOK, outcome=Outcome.DEPLOYED)
    return _to(release, Phase.ENDED, sight.now, outcome=Outcome.DEPLOYED)


def _trouble(release, sight):
    """Why the release must go back, or ''."""
    plan, target = release.plan, release.plan.target
    if sight.ended:
        return "%s ended: %s" % (target, sight.ended)
    if plan.check_serving and sight.bad >= plan.count:
        return "%s is not healthy: %s" % (target, sight.health_words)
    worse = _worse(plan, release.baseline, sight.counters) if release.baseline and sight.counters else ""
    if not worse and sight.serving and sight.serving != target:
        return "%s does not accept requests any more, so %s serves in its place" % (target, sight.serving)
    return worse


def _worse(plan, before, now):
    if now.harakiris > before.harakiris:
        return "%s: uWSGI ended a worker whose request took too long (harakiri)" % plan.target
    exceptions, respawns = now.exceptions - before.exceptions, now.workers - before.workers
    requests = now.requests - before.requests
    # a worker that crashed and one that max-requests recycled look alike, so they are seen against the requests
    if exceptions + respawns >= FEW and exceptions + respawns > plan.max_exceptions * requests:
        return "%s: %d exceptions and %d respawned workers in %d requests" % (plan.target, exceptions, respawns, requests)
    return ""


def _return(release, sight):
    if _returned(release, sight):
        return _to(release, Phase.ENDED, sight.now)
    if sight.serving == release.plan.old and sight.now - release.since > UNPARKED_S and not release.unparkable:
        return replace(release, unparkable=True), (Do.STOP,)  # its workers end all the time, so it cannot be paused
    late = sight.serving != release.plan.old and sight.now - release.since > RETURN_S
    if sight.promotion or late:
        outcome = Outcome.ROLLED_BACK if sight.serving == release.plan.old else Outcome.FAILED if sight.serving else Outcome.NOBODY
        words = sight.promotion or "%s does not serve after %.0f s" % (release.plan.old, RETURN_S)
        why = "%s; going back failed: %s" % (release.why, words)
        return _to(release, Phase.ENDED, sight.now, outcome=outcome, why=why)
    return _stay(release)


def _finish(release, sight):
    if sight.hook is None:
        return _stay(release)
    why = "" if sight.hook else "%s failed: %s" % (release.plan.after, sight.hook_words)
    return _to(release, Phase.ENDED, sight.now, why=why)


STEPS = {
    Phase.PREPARING: _prepare,
    Phase.DRAINING: _drain,
    Phase.STOPPING: _stop,
    Phase.BOOTING: _boot,
    Phase.CHECKING: _check,
    Phase.PROMOTING: _promote,
    Phase.BAKING: _bake,
    Phase.RETURNING: _return,
    Phase.FINISHING: _finish,
    Phase.ENDED: lambda release, sight: _stay(release),
}

"""A new release on its way to users. PURE: where it is and what was seen -> where it is next, and what is to be done.

The program that does not serve is stopped once it has drained, started with the code on disk, checked while it is parked,
promoted, and watched for the bake time; until that is over the old copy is ready to take over again. Whatever goes wrong before
the promotion, users never notice; whatever goes wrong after it, the old copy is promoted again.

deploy.py looks, calls :func:`advance` and does what it answers.
"""

from dataclasses import replace

from .health import crashes_at_boot, trouble, unhealthy, well
from .model import STARTED, Do, Outcome, Phase, Release

#: Requests that last beyond the drain limit get so long to end gracefully; then their copy is killed.
CUT_S = 3.0
#: So long may the hooks of a copy that accepts by itself need to pause the old one.
HOOKS_S = 0.5
#: So long is waited for a release to take no more requests when users are back on the old one; then it is stopped.
UNPARKED_S = 1.0
#: For so long a promotion that is refused because a worker is being born is asked for again.
AGAIN_S = 5.0
#: So long may the old copy need until it serves again; a promotion is answered within a third of that.
RETURN_S = 30.0
OLD_GONE = "%s, which had the old release, has ended, so there is none to go back to"


def begin(plan, now):
    """:returns: (Release, orders)"""
    release = Release(plan, Phase.PREPARING, now, hooks=plan.before)
    return (release, (Do.RUN_HOOK,)) if plan.before else _to(release, Phase.DRAINING, now)


def advance(release, sight):
    """The next step. :returns: (Release, orders); the same Release and no orders while there is something to wait for."""
    release = _noting(release, sight)
    if sight.abort and release.outcome is None:
        return _give_up(release, sight, f"aborted by {sight.abort}")
    return STEPS[release.phase](release, sight)


def _noting(release, sight):
    """The release with what must not be forgotten when it cannot be seen any more."""
    if (
        (sight.let_in or sight.target.accepting)
        and release.phase in STARTED
        and not release.exposed
    ):
        release = replace(release, exposed=True, exposed_at=sight.now)
    if not release.old_pid and sight.old.pid:
        release = replace(release, old_pid=sight.old.pid)
    if (
        sight.old.pid != release.old_pid
        and release.phase is not Phase.ENDED
        and not release.old_gone
    ):
        why = f"{release.why}; {OLD_GONE % release.plan.old}" if release.why else ""
        release = replace(release, old_gone=True, why=why)
    return release


def _to(release, phase, now, *orders, **changes):
    return replace(release, phase=phase, since=now, **changes), orders


def _stay(release):
    return release, ()


def _give_up(release, sight, why):
    """End on the old release, from wherever it is, if there still is one."""
    why += f"; {OLD_GONE % release.plan.old}" if release.old_gone else ""
    if release.phase is Phase.PREPARING and sight.hook is None:
        return replace(release, outcome=_unseen(release, sight), why=why), (Do.END_HOOK,)
    if release.exposed:
        return _go_back(release, sight, why)
    orders = (Do.STOP,) if release.touched else ()
    return _to(release, Phase.ENDED, sight.now, *orders, why=why, outcome=_unseen(release, sight))


def _unseen(release, sight):
    """The outcome where no user has met the new release in the target."""
    if not sight.serving:
        return Outcome.NOBODY
    if release.old_gone:
        return Outcome.NOT_BACK
    return Outcome.FAILED if release.touched or release.plan.follows else Outcome.REFUSED


def _go_back(release, sight, why):
    if release.old_gone:
        return _to(release, Phase.RETURNING, sight.now, why=why, outcome=Outcome.NOT_BACK)
    orders = () if _returned(release, sight) else (Do.RETURN,)
    return _to(
        release,
        Phase.RETURNING if orders else Phase.ENDED,
        sight.now,
        *orders,
        why=why,
        outcome=Outcome.ROLLED_BACK,
    )


def _returned(release, sight):
    """Users are on the old release, and no request can reach the new one any more. (Workers of a master that was killed may take a
    request or two before they notice.)"""
    if sight.serving != release.plan.old or sight.target.pid:
        return sight.serving == release.plan.old and sight.target.sealed
    return (
        not sight.orphans
        or release.phase is Phase.RETURNING
        and sight.now - release.since > UNPARKED_S
    )


def _prepare(release, sight):
    if sight.hook is None:
        return _stay(release)
    if release.outcome is not None:  # it was given up while the hook ran
        return _to(release, Phase.ENDED, sight.now)
    if not sight.hook:
        return _give_up(release, sight, f"{release.hooks[0]} failed: {sight.hook_words}")
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
            return _give_up(release, sight, f"{target.program} cannot be parked")
        return _stay(release)
    if target.in_flight and not overdue:
        return _stay(release)
    return _to(
        release, Phase.STOPPING, sight.now, Do.STOP, touched=True, overdue=bool(target.in_flight)
    )


def _stop(release, sight):
    plan, waited = release.plan, sight.now - release.since
    if not sight.target.pid:
        return _to(release, Phase.BOOTING, sight.now, Do.START)
    if release.overdue and waited > CUT_S:
        return replace(release, overdue=False, cut=sight.target.in_flight), (Do.KILL,)
    if waited > plan.boot_timeout:  # Supervisor sends SIGKILL after stopwaitsecs
        return _give_up(
            release, sight, f"{plan.target} did not stop within {plan.boot_timeout:.0f} s"
        )
    return _stay(release)


def _boot(release, sight):
    target, plan = sight.target, release.plan
    if sight.ended:
        return _give_up(release, sight, f"{target.program} ended while it booted: {sight.ended}")
    if sight.now - release.since > plan.boot_timeout:
        return _give_up(
            release, sight, f"{target.program} was not ready within {plan.boot_timeout:.0f} s"
        )
    if crashes_at_boot(plan, target, sight.counters):
        if target.paused is False:  # in the hooks dialect they accept as soon as they are born
            release = replace(release, exposed=True)
        return _give_up(release, sight, f"the workers of {target.program} end while it boots")
    if not (target.ready and (target.accepting or target.sealed)) or _own_hooks_at_work(
        release, sight
    ):
        return _stay(release)
    if plan.check_parked and not target.accepting:
        return _to(release, Phase.CHECKING, sight.now, Do.CHECK)
    return _to(release, Phase.PROMOTING, sight.now, Do.PROMOTE)


def _own_hooks_at_work(release, sight):
    """A copy that accepts by itself has just told the old one to pause: a command of ours now would undo that."""
    return (
        sight.target.accepting and sight.old.accepting and sight.now - release.exposed_at < HOOKS_S
    )


def _check(release, sight):
    plan = release.plan
    if sight.ended:
        return _give_up(release, sight, f"{plan.target} ended while it was checked: {sight.ended}")
    if sight.bad >= plan.count:
        return _give_up(release, sight, f"{plan.target} is not healthy: {sight.health_words}")
    if sight.now - release.since > plan.check_timeout:
        return _give_up(release, sight, unhealthy(plan, sight, plan.check_timeout))
    if sight.good < plan.count:
        return _stay(release)
    return _to(release, Phase.PROMOTING, sight.now, Do.PROMOTE, checked=True)


def _promote(release, sight):
    plan = release.plan
    if sight.promotion and _worth_again(release, sight):
        return release, (Do.PROMOTE,)
    if sight.promotion:
        return _give_up(release, sight, f"{plan.target} could not be promoted: {sight.promotion}")
    if sight.ended:
        return _give_up(release, sight, f"{plan.target} ended while it was promoted: {sight.ended}")
    if (
        release.exposed and not sight.serving and sight.counters.lost
    ):  # the request would wait for it, and so would users
        return _give_up(release, sight, f"the workers of {plan.target} end while it is promoted")
    if sight.promoted:  # where it has fallen since, the bake tells
        orders = (Do.CHECK,) if plan.check_serving else ()
        return _to(release, Phase.BAKING, sight.now, *orders, exposed=True)
    return _stay(release)


def _worth_again(release, sight):
    """The promotion was refused for the moment only, and users have met no release that crashes."""
    if not sight.transient or sight.let_in or sight.now - release.since >= AGAIN_S:
        return False
    return (
        not release.exposed
        or sight.counters.lost <= release.plan.max_exceptions * sight.counters.requests
    )


def _bake(release, sight):
    plan = release.plan
    why = trouble(release, sight)
    if why:
        return _give_up(release, sight, why)
    if sight.now - release.since < plan.bake or not well(release, sight):
        return _stay(release)
    if plan.after:
        return _to(release, Phase.FINISHING, sight.now, Do.RUN_HOOK)
    return _deployed(release, sight)


def _return(release, sight):
    plan, waited = release.plan, sight.now - release.since
    if release.old_gone:
        return _stranded(release, sight)
    if _returned(release, sight):
        return _to(release, Phase.ENDED, sight.now)
    if sight.serving == plan.old and waited > UNPARKED_S and not release.unparkable:
        return replace(release, unparkable=True), (
            Do.STOP,
        )  # its workers end all the time, so it cannot be paused
    if sight.promotion or sight.serving != plan.old and waited > RETURN_S:
        outcome = (
            Outcome.ROLLED_BACK
            if sight.serving == plan.old
            else Outcome.NOT_BACK
            if sight.serving
            else Outcome.NOBODY
        )
        words = sight.promotion or f"{plan.old} does not serve after {RETURN_S:.0f} s"
        return _to(
            release,
            Phase.ENDED,
            sight.now,
            outcome=outcome,
            why=f"{release.why}; going back failed: {words}",
        )
    return _stay(release)


def _stranded(release, sight):
    """There is nothing to go back to: whichever copy is ready serves."""
    if not sight.serving and sight.now - release.since <= RETURN_S:
        return _stay(release)
    return _to(
        release,
        Phase.ENDED,
        sight.now,
        outcome=Outcome.NOT_BACK if sight.serving else Outcome.NOBODY,
    )


def _finish(release, sight):
    if sight.hook is None:
        return _stay(release)
    return _deployed(
        release,
        sight,
        "" if sight.hook else f"{release.plan.after} failed: {sight.hook_words}",
    )


def _deployed(release, sight, why=""):
    gone = OLD_GONE % release.plan.old if release.old_gone else ""
    return _to(
        release,
        Phase.ENDED,
        sight.now,
        outcome=Outcome.DEPLOYED,
        why="; ".join(filter(None, (why, gone))),
    )


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

"""A new release on its way to users. PURE: where it is and what was seen -> where it is next, and what is to be done.

The program that does not serve is stopped once it has drained, started with the code on disk, checked while it is parked,
promoted, and watched for the bake time; until that is over the old instance is ready to take over again. Whatever goes wrong before
the promotion, users never notice; whatever goes wrong after it, the old instance is promoted again.

deploy.py looks, calls :func:`advance` and does what it answers.
"""

from dataclasses import replace

from .health import crashes_at_boot, rollback_reason, unhealthy, is_healthy
from .model import STARTED, DeployAction, Outcome, Phase, DeployState

#: Requests that last beyond the drain limit get so long to end gracefully; then their instance is killed.
CUT_S = 3.0
#: So long may the hooks of an instance that accepts by itself need to pause the old one.
HOOKS_S = 0.5
#: So long is waited for a release to take no more requests when users are back on the old one; then it is stopped.
UNPARKED_S = 1.0
#: For so long a promotion that is refused because a worker is being born is asked for again.
AGAIN_S = 5.0
#: So long may the old instance need until it serves again; a promotion is answered within a third of that.
RETURN_S = 30.0
OLD_GONE = "%s, which had the old release, has ended, so there is none to go back to"


def begin(plan, now):
    """:returns: (Release, orders)"""
    state = DeployState(plan, Phase.PREPARING, now, hooks=plan.before)
    return (state, (DeployAction.RUN_HOOK,)) if plan.before else _to(state, Phase.DRAINING, now)


def advance(state, observation):
    """The next step. :returns: (Release, orders); the same Release and no orders while there is something to wait for."""
    state = _noting(state, observation)
    if observation.abort and state.outcome is None:
        return _give_up(state, observation, f"aborted by {observation.abort}")
    return STEPS[state.phase](state, observation)


def _noting(state, observation):
    """The release with what must not be forgotten when it cannot be seen any more."""
    if (
        (observation.let_in or observation.target.accepting)
        and state.phase in STARTED
        and not state.had_traffic
    ):
        state = replace(state, had_traffic=True, had_traffic_since=observation.now)
    if not state.old_pid and observation.old.pid:
        state = replace(state, old_pid=observation.old.pid)
    if (
        observation.old.pid != state.old_pid
        and state.phase is not Phase.ENDED
        and not state.old_gone
    ):
        reason = f"{state.reason}; {OLD_GONE % state.plan.old}" if state.reason else ""
        state = replace(state, old_gone=True, reason=reason)
    return state


def _to(state, phase, now, *actions, **changes):
    return replace(state, phase=phase, since=now, **changes), actions


def _stay(state):
    return state, ()


def _give_up(state, observation, reason):
    """End on the old release, from wherever it is, if there still is one."""
    reason += f"; {OLD_GONE % state.plan.old}" if state.old_gone else ""
    if state.phase is Phase.PREPARING and observation.hook is None:
        return replace(state, outcome=_unseen(state, observation), reason=reason), (
            DeployAction.END_HOOK,
        )
    if state.had_traffic:
        return _go_back(state, observation, reason)
    actions = (DeployAction.STOP,) if state.target_restarted else ()
    return _to(
        state,
        Phase.ENDED,
        observation.now,
        *actions,
        reason=reason,
        outcome=_unseen(state, observation),
    )


def _unseen(state, observation):
    """The outcome where no user has met the new release in the target."""
    if not observation.serving:
        return Outcome.NOBODY
    if state.old_gone:
        return Outcome.NOT_BACK
    return (
        Outcome.FAILED
        if state.target_restarted or state.plan.continues_previous
        else Outcome.REFUSED
    )


def _go_back(state, observation, reason):
    if state.old_gone:
        return _to(state, Phase.RETURNING, observation.now, reason=reason, outcome=Outcome.NOT_BACK)
    actions = () if _returned(state, observation) else (DeployAction.RETURN,)
    return _to(
        state,
        Phase.RETURNING if actions else Phase.ENDED,
        observation.now,
        *actions,
        reason=reason,
        outcome=Outcome.ROLLED_BACK,
    )


def _returned(state, observation):
    """Users are on the old release, and no request can reach the new one any more. (Workers of a master that was killed may take a
    request or two before they notice.)"""
    if observation.serving != state.plan.old or observation.target.pid:
        return observation.serving == state.plan.old and observation.target.fully_paused
    return (
        not observation.orphans
        or state.phase is Phase.RETURNING
        and observation.now - state.since > UNPARKED_S
    )


def _prepare(state, observation):
    if observation.hook is None:
        return _stay(state)
    if state.outcome is not None:  # it was given up while the hook ran
        return _to(state, Phase.ENDED, observation.now)
    if not observation.hook:
        return _give_up(state, observation, f"{state.hooks[0]} failed: {observation.hook_words}")
    left = state.hooks[1:]
    if left:
        return _to(state, Phase.PREPARING, observation.now, DeployAction.RUN_HOOK, hooks=left)
    return _to(state, Phase.DRAINING, observation.now, hooks=())


def _drain(state, observation):
    target, plan = observation.target, state.plan
    if not target.pid:
        return _to(state, Phase.BOOTING, observation.now, DeployAction.START, target_restarted=True)
    drain_expired = observation.now - state.since > plan.drain_timeout
    if target.accepting or target.unpaused_workers:
        if drain_expired:
            return _give_up(state, observation, f"{target.program} cannot be parked")
        return _stay(state)
    if target.in_flight and not drain_expired:
        return _stay(state)
    return _to(
        state,
        Phase.STOPPING,
        observation.now,
        DeployAction.STOP,
        target_restarted=True,
        drain_expired=bool(target.in_flight),
    )


def _stop(state, observation):
    plan, waited = state.plan, observation.now - state.since
    if not observation.target.pid:
        return _to(state, Phase.BOOTING, observation.now, DeployAction.START)
    if state.drain_expired and waited > CUT_S:
        return replace(state, drain_expired=False, killed_requests=observation.target.in_flight), (
            DeployAction.KILL,
        )
    if waited > plan.boot_timeout:  # Supervisor sends SIGKILL after stopwaitsecs
        return _give_up(
            state, observation, f"{plan.target} did not stop within {plan.boot_timeout:.0f} s"
        )
    return _stay(state)


def _boot(state, observation):
    target, plan = observation.target, state.plan
    if observation.ended:
        return _give_up(
            state, observation, f"{target.program} ended while it booted: {observation.ended}"
        )
    if observation.now - state.since > plan.boot_timeout:
        return _give_up(
            state, observation, f"{target.program} was not ready within {plan.boot_timeout:.0f} s"
        )
    if crashes_at_boot(plan, target, observation.counters):
        if target.paused is False:  # in the hooks dialect they accept as soon as they are born
            state = replace(state, had_traffic=True)
        return _give_up(state, observation, f"the workers of {target.program} end while it boots")
    if not (target.ready and (target.accepting or target.fully_paused)) or _own_hooks_at_work(
        state, observation
    ):
        return _stay(state)
    if plan.check_parked and not target.accepting:
        return _to(state, Phase.CHECKING, observation.now, DeployAction.CHECK)
    return _to(state, Phase.PROMOTING, observation.now, DeployAction.PROMOTE)


def _own_hooks_at_work(state, observation):
    """An instance that accepts by itself has just told the old one to pause: a command of ours now would undo that."""
    return (
        observation.target.accepting
        and observation.old.accepting
        and observation.now - state.had_traffic_since < HOOKS_S
    )


def _check(state, observation):
    plan = state.plan
    if observation.ended:
        return _give_up(
            state, observation, f"{plan.target} ended while it was checked: {observation.ended}"
        )
    if observation.bad >= plan.count:
        return _give_up(
            state, observation, f"{plan.target} is not healthy: {observation.health_words}"
        )
    if observation.now - state.since > plan.check_timeout:
        return _give_up(state, observation, unhealthy(plan, observation, plan.check_timeout))
    if observation.good < plan.count:
        return _stay(state)
    return _to(state, Phase.PROMOTING, observation.now, DeployAction.PROMOTE, checked=True)


def _promote(state, observation):
    plan = state.plan
    if observation.promotion and _worth_again(state, observation):
        return state, (DeployAction.PROMOTE,)
    if observation.promotion:
        return _give_up(
            state, observation, f"{plan.target} could not be promoted: {observation.promotion}"
        )
    if observation.ended:
        return _give_up(
            state, observation, f"{plan.target} ended while it was promoted: {observation.ended}"
        )
    if (
        state.had_traffic and not observation.serving and observation.counters.lost
    ):  # the request would wait for it, and so would users
        return _give_up(
            state, observation, f"the workers of {plan.target} end while it is promoted"
        )
    if observation.promoted:  # where it has fallen since, the bake tells
        actions = (DeployAction.CHECK,) if plan.check_serving else ()
        return _to(state, Phase.BAKING, observation.now, *actions, had_traffic=True)
    return _stay(state)


def _worth_again(state, observation):
    """The promotion was refused for the moment only, and users have met no release that crashes."""
    if not observation.transient or observation.let_in or observation.now - state.since >= AGAIN_S:
        return False
    return (
        not state.had_traffic
        or observation.counters.lost <= state.plan.max_exceptions * observation.counters.requests
    )


def _bake(state, observation):
    plan = state.plan
    reason = rollback_reason(state, observation)
    if reason:
        return _give_up(state, observation, reason)
    if observation.now - state.since < plan.bake or not is_healthy(state, observation):
        return _stay(state)
    if plan.after:
        return _to(state, Phase.FINISHING, observation.now, DeployAction.RUN_HOOK)
    return _deployed(state, observation)


def _return(state, observation):
    plan, waited = state.plan, observation.now - state.since
    if state.old_gone:
        return _stranded(state, observation)
    if _returned(state, observation):
        return _to(state, Phase.ENDED, observation.now)
    if observation.serving == plan.old and waited > UNPARKED_S and not state.unparkable:
        return replace(state, unparkable=True), (
            DeployAction.STOP,
        )  # its workers end all the time, so it cannot be paused
    if observation.promotion or observation.serving != plan.old and waited > RETURN_S:
        outcome = (
            Outcome.ROLLED_BACK
            if observation.serving == plan.old
            else Outcome.NOT_BACK
            if observation.serving
            else Outcome.NOBODY
        )
        words = observation.promotion or f"{plan.old} does not serve after {RETURN_S:.0f} s"
        return _to(
            state,
            Phase.ENDED,
            observation.now,
            outcome=outcome,
            reason=f"{state.reason}; going back failed: {words}",
        )
    return _stay(state)


def _stranded(state, observation):
    """There is nothing to go back to: whichever instance is ready serves."""
    if not observation.serving and observation.now - state.since <= RETURN_S:
        return _stay(state)
    return _to(
        state,
        Phase.ENDED,
        observation.now,
        outcome=Outcome.NOT_BACK if observation.serving else Outcome.NOBODY,
    )


def _finish(state, observation):
    if observation.hook is None:
        return _stay(state)
    return _deployed(
        state,
        observation,
        "" if observation.hook else f"{state.plan.after} failed: {observation.hook_words}",
    )


def _deployed(state, observation, reason=""):
    gone = OLD_GONE % state.plan.old if state.old_gone else ""
    return _to(
        state,
        Phase.ENDED,
        observation.now,
        outcome=Outcome.DEPLOYED,
        reason="; ".join(filter(None, (reason, gone))),
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
    Phase.ENDED: lambda state, observation: _stay(state),
}

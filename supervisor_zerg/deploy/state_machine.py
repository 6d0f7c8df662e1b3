"""The state machine of a deploy: a state and an observation -> the next state and what to do.

The program that does not serve drains, is stopped, started with the code on disk, checked while
it is parked, promoted, and watched for the bake time. Until that time is over, the old instance
is ready to take over again. A failure before the promotion is never noticed by users; after a
failure later, the old instance is promoted again (:mod:`~supervisor_zerg.deploy.rollback`).

Pure. :mod:`~supervisor_zerg.deploy.runner` observes, calls :func:`advance` and carries out the
answer.
"""

from __future__ import annotations

from dataclasses import replace

from .health import crashes_at_boot, is_healthy, rollback_reason, unhealthy
from .model import (
    OLD_GONE,
    STARTED,
    DeployAction,
    DeployObservation,
    DeployState,
    Outcome,
    Phase,
    Plan,
    Step,
)
from .rollback import give_up, returning

#: After the drain limit, requests have this long to end gracefully; then their instance is killed.
CUT_S = 3.0
#: The hooks of an instance that accepts by itself have this long to pause the old one.
HOOKS_S = 0.5
#: A promotion that is refused because a worker is starting is requested again for this long.
AGAIN_S = 5.0


def begin(plan: Plan, now: float) -> Step:
    """The first step of a deploy."""
    state = DeployState(plan, Phase.PREPARING, now, hooks=plan.before)
    if plan.before:
        return state, (DeployAction.RUN_HOOK,)
    if plan.warm:
        return state.enter(Phase.PROMOTING, now), (DeployAction.PROMOTE,)
    return state.enter(Phase.DRAINING, now), ()


def advance(state: DeployState, observation: DeployObservation) -> Step:
    """The next step. The same state without actions means: wait."""
    state = _remember(state, observation)
    if observation.abort and state.outcome is None:
        return give_up(state, observation, f"aborted by {observation.abort}")
    if state.phase is Phase.ENDED:
        return state, ()
    return PHASES[state.phase](state, observation)


def _remember(state: DeployState, observation: DeployObservation) -> DeployState:
    """Keep what a later observation can no longer show."""
    accepts = observation.resumed or observation.target.accepting
    if accepts and state.phase in STARTED and not state.had_traffic:
        state = replace(state, had_traffic=True, had_traffic_since=observation.now)
    if not state.old_pid and observation.old.pid:
        state = replace(state, old_pid=observation.old.pid)
    gone = observation.old.pid != state.old_pid
    if gone and state.phase is not Phase.ENDED and not state.old_gone:
        state = replace(state, old_gone=True)
        if state.reason and state.no_way_back:
            state = replace(state, reason=f"{state.reason}; {OLD_GONE % state.plan.old}")
    return state


def _prepare(state: DeployState, observation: DeployObservation) -> Step:
    hook = observation.hook
    if hook.ok is None:
        return state, ()
    if state.outcome is not None:  # the deploy was aborted while the hook ran
        return state.enter(Phase.ENDED, observation.now), ()
    if not hook.ok:
        return give_up(state, observation, f"{state.hook} failed: {hook.message}")
    left = state.hooks[1:]
    if left:
        return state.enter(Phase.PREPARING, observation.now, hooks=left), (DeployAction.RUN_HOOK,)
    return state.enter(Phase.DRAINING, observation.now, hooks=()), ()


def _drain(state: DeployState, observation: DeployObservation) -> Step:
    target = observation.target
    if not target.pid:
        return _start(replace(state, target_restarted=True), observation)
    expired = observation.now - state.since > state.plan.drain_timeout
    if target.accepting or target.unpaused_workers:
        if expired:
            return give_up(state, observation, f"{target.program} cannot be parked")
        return state, ()
    if target.in_flight and not expired:
        return state, ()
    stopping = state.enter(
        Phase.STOPPING,
        observation.now,
        target_restarted=True,
        drain_expired=bool(target.in_flight),
        killed_requests=target.connections,
    )
    return stopping, (DeployAction.STOP,)


def _stop(state: DeployState, observation: DeployObservation) -> Step:
    plan = state.plan
    waited = observation.now - state.since
    if not observation.target.pid:
        return _start(state, observation)
    if state.drain_expired and waited > CUT_S:
        target = observation.target
        cut = max(target.connections, state.killed_requests)
        killed = target.in_flight - target.connections + cut
        state = replace(state, drain_expired=False, killed_requests=killed)
        return state, (DeployAction.KILL,)
    if waited > plan.boot_timeout:  # Supervisor sends SIGKILL after stopwaitsecs
        reason = f"{plan.target} did not stop within {plan.boot_timeout:.0f} s"
        return give_up(state, observation, reason)
    return state, ()


def _start(state: DeployState, observation: DeployObservation) -> Step:
    """The target has stopped: only now its link may change."""
    link = (DeployAction.LINK,) if state.plan.release else ()
    if not state.plan.boots:
        return _deployed(state, observation)[0], link
    booting = state.enter(Phase.BOOTING, observation.now, release_started=True)
    return booting, (*link, DeployAction.START)


def _boot(state: DeployState, observation: DeployObservation) -> Step:
    target = observation.target
    plan = state.plan
    if observation.unlinked:
        return give_up(replace(state, release_started=False), observation, observation.unlinked)
    if observation.ended:
        reason = f"{target.program} ended while it booted: {observation.ended}"
        return give_up(state, observation, reason)
    if observation.now - state.since > plan.boot_timeout:
        reason = f"{target.program} was not ready within {plan.boot_timeout:.0f} s"
        return give_up(state, observation, reason)
    if crashes_at_boot(plan, target, observation.counters):
        if target.paused is False:  # with hooks of its own it accepts as soon as it has a worker
            state = replace(state, had_traffic=True)
        return give_up(state, observation, f"the workers of {target.program} end while it boots")
    if plan.standby:
        parked = target.ready and target.fully_paused and observation.serving == plan.old
        return _deployed(state, observation) if parked else (state, ())
    ready = target.ready and (target.accepting or target.fully_paused)
    if not ready or _own_hooks_at_work(state, observation):
        return state, ()
    if plan.check_parked and not target.accepting:
        return state.enter(Phase.CHECKING, observation.now), (DeployAction.CHECK,)
    return state.enter(Phase.PROMOTING, observation.now), (DeployAction.PROMOTE,)


def _own_hooks_at_work(state: DeployState, observation: DeployObservation) -> bool:
    """The target accepts by itself and has just told the old instance to pause.

    A command of ours now would undo that.
    """
    return (
        observation.target.accepting
        and observation.old.accepting
        and observation.now - state.had_traffic_since < HOOKS_S
    )


def _check(state: DeployState, observation: DeployObservation) -> Step:
    plan = state.plan
    health = observation.health
    if observation.ended:
        reason = f"{plan.target} ended while it was checked: {observation.ended}"
        return give_up(state, observation, reason)
    if health.bad >= plan.count:
        return give_up(state, observation, f"{plan.target} is not healthy: {health.message}")
    if observation.now - state.since > plan.check_timeout:
        return give_up(state, observation, unhealthy(plan, health, plan.check_timeout))
    if health.good < plan.count:
        return state, ()
    promoting = state.enter(Phase.PROMOTING, observation.now, checked=True)
    return promoting, (DeployAction.PROMOTE,)


def _promote(state: DeployState, observation: DeployObservation) -> Step:
    plan = state.plan
    promotion = observation.promotion
    if promotion.refusal and _try_again(state, observation):
        return state, (DeployAction.PROMOTE,)
    if promotion.refusal:
        reason = f"{plan.target} could not be promoted: {promotion.refusal}"
        return give_up(state, observation, reason)
    if observation.ended:
        reason = f"{plan.target} ended while it was promoted: {observation.ended}"
        return give_up(state, observation, reason)
    if state.had_traffic and not observation.serving and observation.counters.lost:
        # The request would wait for the worker to come back, and so would users.
        reason = f"the workers of {plan.target} end while it is promoted"
        return give_up(state, observation, reason)
    if not promotion.done:
        return state, ()
    if plan.warm:
        return _deployed(replace(state, had_traffic=True), observation)
    # If it has stopped serving since, the bake notices.
    actions = (DeployAction.CHECK,) if plan.check_serving else ()
    return state.enter(Phase.BAKING, observation.now, had_traffic=True), actions


def _try_again(state: DeployState, observation: DeployObservation) -> bool:
    """The promotion was refused for the moment only, and no user has met a release that crashes."""
    waited = observation.now - state.since
    if not observation.promotion.transient or observation.resumed or waited >= AGAIN_S:
        return False
    counters = observation.counters
    return not state.had_traffic or counters.lost <= state.plan.max_exceptions * counters.requests


def _bake(state: DeployState, observation: DeployObservation) -> Step:
    plan = state.plan
    reason = rollback_reason(state, observation)
    if reason:
        return give_up(state, observation, reason)
    if observation.now - state.since < plan.bake or not is_healthy(state, observation.health):
        return state, ()
    if plan.after:
        return state.enter(Phase.FINISHING, observation.now), (DeployAction.RUN_HOOK,)
    return _deployed(state, observation)


def _finish(state: DeployState, observation: DeployObservation) -> Step:
    hook = observation.hook
    if hook.ok is None:
        return state, ()
    reason = "" if hook.ok else f"{state.plan.after} failed: {hook.message}"
    return _deployed(state, observation, reason)


def _deployed(state: DeployState, observation: DeployObservation, reason: str = "") -> Step:
    gone = OLD_GONE % state.plan.old if state.no_way_back else ""
    reason = "; ".join(filter(None, (reason, gone)))
    ended = state.enter(Phase.ENDED, observation.now, outcome=Outcome.DEPLOYED, reason=reason)
    return ended, ()


PHASES = {
    Phase.PREPARING: _prepare,
    Phase.DRAINING: _drain,
    Phase.STOPPING: _stop,
    Phase.BOOTING: _boot,
    Phase.CHECKING: _check,
    Phase.PROMOTING: _promote,
    Phase.BAKING: _bake,
    Phase.RETURNING: returning,
    Phase.FINISHING: _finish,
}

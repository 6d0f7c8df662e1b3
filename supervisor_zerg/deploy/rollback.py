"""How a deploy ends on the old release, from whichever phase it is in.

Pure: a part of the state machine.
"""

from __future__ import annotations

from dataclasses import replace

from .model import (
    OLD_GONE,
    DeployAction,
    DeployObservation,
    DeployState,
    Outcome,
    Phase,
    Step,
)

#: With users back on the old release, the new one has this long to stop taking requests; then it
#: is stopped.
UNPARKED_S = 1.0
#: The old instance has this long to serve again; a promotion is answered within a third of that.
RETURN_S = 30.0
#: Supervisor starts such a program by itself.
RESPAWNING = ("BACKOFF", "STARTING")


def give_up(state: DeployState, observation: DeployObservation, reason: str) -> Step:
    """End on the old release, if it still runs or can be booted again."""
    if state.no_way_back:
        reason += f"; {OLD_GONE % state.plan.old}"
    if state.phase is Phase.PREPARING and observation.hook.ok is None:
        outcome = _outcome_without_traffic(state, observation)
        return replace(state, outcome=outcome, reason=reason), (DeployAction.END_HOOK,)
    if state.had_traffic:
        return _go_back(state, observation, reason)
    outcome = _outcome_without_traffic(state, observation)
    actions = (DeployAction.STOP,) if state.target_restarted else ()
    return state.enter(Phase.ENDED, observation.now, reason=reason, outcome=outcome), actions


def _outcome_without_traffic(state: DeployState, observation: DeployObservation) -> Outcome:
    """The outcome where no user has met the new release in the target."""
    if not observation.serving:
        return Outcome.NOBODY
    if state.no_way_back:
        return Outcome.NOT_BACK
    changed = state.target_restarted or state.plan.continues_previous
    return Outcome.FAILED if changed else Outcome.REFUSED


def _go_back(state: DeployState, observation: DeployObservation, reason: str) -> Step:
    now = observation.now
    if state.no_way_back:
        outcome = Outcome.NOT_BACK
        return state.enter(Phase.RETURNING, now, reason=reason, outcome=outcome), ()
    outcome = Outcome.ROLLED_BACK
    if _returned(state, observation):
        return state.enter(Phase.ENDED, now, reason=reason, outcome=outcome), ()
    returning_state = state.enter(Phase.RETURNING, now, reason=reason, outcome=outcome)
    return _ask_back(returning_state, observation)


def _ask_back(state: DeployState, observation: DeployObservation) -> Step:
    """Promote the old instance; if its process has ended, boot it from its own release first."""
    old = observation.old
    if not state.plan.old_release or old.ready:
        asked = state.enter(Phase.RETURNING, observation.now, asked_back=True)
        return asked, (DeployAction.RETURN,)
    if not old.pid and not state.old_started and old.state not in RESPAWNING:
        return replace(state, old_started=True), (DeployAction.START_OLD,)
    return state, ()


def _returned(state: DeployState, observation: DeployObservation) -> bool:
    """Whether users are on the old release, and no request can reach the new one.

    Workers of a master that was killed may take a request or two before they notice.
    """
    if observation.serving != state.plan.old:
        return False
    target = observation.target
    respawned = bool(observation.ended) and target.is_starting  # it is to end up parked
    if target.pid and not respawned:
        return target.fully_paused
    waited = observation.now - state.since if state.phase is Phase.RETURNING else 0.0
    return not observation.orphans or waited > UNPARKED_S


def returning(state: DeployState, observation: DeployObservation) -> Step:
    """The phase RETURNING."""
    waited = observation.now - state.since
    if state.no_way_back:
        return _without_old_release(state, observation)
    if _returned(state, observation):
        return state.enter(Phase.ENDED, observation.now), ()
    if not state.asked_back:
        if waited > state.plan.boot_timeout:
            return _not_back(state, observation, f"{state.plan.old} did not boot again")
        return _ask_back(state, observation)
    old_serves = observation.serving == state.plan.old
    if old_serves and waited > UNPARKED_S and not state.unparkable:
        # Its workers end all the time, so it cannot be paused.
        return replace(state, unparkable=True), (DeployAction.STOP,)
    refusal = observation.promotion.refusal
    if refusal and state.plan.old_release and not (observation.old.ready or state.asked_again):
        return replace(state, asked_back=False, asked_again=True), ()  # it has ended meanwhile
    if refusal or (not old_serves and waited > RETURN_S):
        refusal = refusal or f"{state.plan.old} does not serve after {RETURN_S:.0f} s"
        return _not_back(state, observation, refusal)
    return state, ()


def _not_back(state: DeployState, observation: DeployObservation, refusal: str) -> Step:
    if observation.serving == state.plan.old:
        outcome = Outcome.ROLLED_BACK
    else:
        outcome = Outcome.NOT_BACK if observation.serving else Outcome.NOBODY
    reason = f"{state.reason}; going back failed: {refusal}"
    return state.enter(Phase.ENDED, observation.now, outcome=outcome, reason=reason), ()


def _without_old_release(state: DeployState, observation: DeployObservation) -> Step:
    """There is nothing to go back to: whichever instance is ready serves."""
    if not observation.serving and observation.now - state.since <= RETURN_S:
        return state, ()
    outcome = Outcome.NOT_BACK if observation.serving else Outcome.NOBODY
    return state.enter(Phase.ENDED, observation.now, outcome=outcome), ()

"""The state machine of a deploy, step by step, on made-up observations."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg.core.instance import Instance, Worker
from supervisor_zerg.deploy.model import (
    Counters,
    DeployAction,
    DeployObservation,
    HealthStreak,
    HookResult,
    Outcome,
    Phase,
    Plan,
    Promotion,
)
from supervisor_zerg.deploy.state_machine import CUT_S, advance, begin

from .pairs import GONE, OLD, PARKED, SERVING, an_instance

PLAN = Plan("new", "old", bake=10, drain_timeout=60, boot_timeout=300, count=2, check_timeout=20)
CHECKED = replace(PLAN, check_parked=True, check_serving=True)
HOOKED = replace(PLAN, before=("before_deploy",), after="after_deploy")


def observation(target, now, old=OLD, serving="old", **seen):
    """An observation from flat keywords."""
    parts = {
        "hook": HookResult(seen.pop("hook", None), seen.pop("hook_message", "")),
        "health": HealthStreak(
            seen.pop("good", 0),
            seen.pop("bad", 0),
            seen.pop("health_message", ""),
            seen.pop("silent", 0.0),
        ),
        "promotion": Promotion(
            seen.pop("promoted", False), seen.pop("refusal", ""), seen.pop("transient", False)
        ),
    }
    return DeployObservation(target, old, serving, now, **parts, **seen)


class Driver:
    """Drives a deploy, and keeps what it ordered."""

    def __init__(self, plan):
        self.now = 0.0
        self.actions = []
        self._take(*begin(plan, self.now))

    def _take(self, state, actions):
        self.state = state
        self.actions = self.actions + list(actions)

    def see(self, target=PARKED, after=0.1, **seen):
        self.now += after
        self._take(*advance(self.state, observation(target, self.now, **seen)))
        return self

    @property
    def end(self):
        return self.state.phase, self.state.outcome

    def until_promoted(self):
        self.see(PARKED).see(GONE)
        self.see(an_instance("new", True, started=False)).see(PARKED)
        if self.state.plan.check_parked:
            self.see(good=self.state.plan.count)
        assert self.state.phase is Phase.PROMOTING
        return self

    def until_baking(self, **seen):
        self.until_promoted()
        return self.see(SERVING, serving="new", old=an_instance("old", True), promoted=True, **seen)


ENDED = Phase.ENDED


def bakes(**seen):
    return {"target": SERVING, "serving": "new", "old": an_instance("old", True), **seen}


def test_h43_a_good_release_is_stopped_started_promoted_and_watched():
    deploy = Driver(PLAN).until_baking().see(**bakes(), after=9).see(**bakes(), after=2)
    assert deploy.end == (ENDED, Outcome.DEPLOYED)
    assert deploy.actions == [DeployAction.STOP, DeployAction.START, DeployAction.PROMOTE]


def test_a_program_that_does_not_run_is_started_at_once():
    deploy = Driver(PLAN).see(GONE)
    assert deploy.actions == [DeployAction.START] and deploy.state.phase is Phase.BOOTING


def test_h34_requests_in_flight_finish_first_and_those_beyond_the_limit_are_killed_and_counted():
    busy = an_instance("new", True, busy=1)
    deploy = Driver(PLAN).see(busy, after=59)
    assert deploy.actions == []
    deploy.see(busy, after=2).see(busy, after=CUT_S - 0.5)
    assert deploy.actions == [DeployAction.STOP] and deploy.state.killed_requests == 0, (
        "it is ending gracefully"
    )
    deploy.see(busy, after=1).see(busy)
    assert (
        deploy.actions == [DeployAction.STOP, DeployAction.KILL]
        and deploy.state.killed_requests == 1
    )
    assert deploy.see(GONE).actions[-1] is DeployAction.START


def test_h34_a_request_that_ends_gracefully_after_the_limit_was_not_killed():
    deploy = Driver(PLAN).see(an_instance("new", True, busy=1), after=61).see(GONE)
    assert (
        deploy.actions == [DeployAction.STOP, DeployAction.START]
        and deploy.state.killed_requests == 0
    )


def test_h60_connections_beyond_the_limit_are_counted_although_the_instance_ends_by_itself():
    held = replace(an_instance("new", True), workers=(Worker(1, parked=1, connections=2),))
    deploy = Driver(PLAN).see(held, after=59)
    assert deploy.actions == []
    deploy.see(held, after=2).see(GONE)
    assert deploy.actions == [DeployAction.STOP, DeployAction.START]
    assert deploy.state.killed_requests == 2


def test_h73_a_release_that_nobody_can_connect_to_goes_back():
    deploy = Driver(PLAN).until_baking().see(SERVING, unreachable="port 8000 refuses")
    assert deploy.state.reason == "nobody can connect to new: port 8000 refuses"
    assert deploy.actions[-1] is DeployAction.RETURN


def test_an_instance_that_accepts_is_not_stopped():
    deploy = Driver(PLAN).see(SERVING)
    assert deploy.actions == []
    assert deploy.see(SERVING, after=61).end == (ENDED, Outcome.REFUSED) and deploy.actions == []


def test_h50_hooks_run_in_order_and_a_failing_one_changes_nothing():
    two = replace(HOOKED, before=("before_deploy", "update"))
    deploy = Driver(two).see(hook=None).see(hook=True)
    assert (
        deploy.actions == [DeployAction.RUN_HOOK, DeployAction.RUN_HOOK]
        and deploy.state.waiting_for() == "hook update"
    )
    deploy.see(hook=False, hook_message="exit status 1")
    assert (
        deploy.end == (ENDED, Outcome.REFUSED)
        and "update failed: exit status 1" in deploy.state.reason
    )
    assert DeployAction.STOP not in deploy.actions


def test_after_deploy_runs_last_and_its_failure_is_reported():
    deploy = Driver(replace(PLAN, after="after_deploy")).until_baking().see(**bakes(), after=11)
    assert deploy.actions[-1] is DeployAction.RUN_HOOK and deploy.state.phase is Phase.FINISHING
    deploy.see(**bakes(hook=False, hook_message="exit status 2"))
    assert deploy.end == (ENDED, Outcome.DEPLOYED) and "after_deploy failed" in deploy.state.reason


@pytest.mark.parametrize(
    "seen, reason",
    [
        ({"ended": "BACKOFF"}, "ended while it booted: BACKOFF"),
        (
            {"after": 301, "target": an_instance("new", True, started=False)},
            "was not ready within 300 s",
        ),
        ({"counters": Counters(lost=4)}, "workers of new end while it boots"),
        ({"abort": "operator"}, "aborted by operator"),
    ],
)
def test_h44_h45_a_release_that_does_not_boot_is_stopped_and_never_promoted(seen, reason):
    deploy = (
        Driver(PLAN)
        .see(PARKED)
        .see(GONE)
        .see(**{"target": an_instance("new", True, started=False), **seen})
    )
    assert deploy.end == (ENDED, Outcome.FAILED) and reason in deploy.state.reason
    assert deploy.actions == [DeployAction.STOP, DeployAction.START, DeployAction.STOP]


def test_a_parked_instance_is_checked_and_promoted_after_good_answers():
    deploy = Driver(CHECKED).see(PARKED).see(GONE).see(PARKED)
    assert deploy.state.phase is Phase.CHECKING and deploy.actions[-1] is DeployAction.CHECK
    deploy.see(good=1)
    assert deploy.state.phase is Phase.CHECKING
    assert deploy.see(good=2).actions[-1] is DeployAction.PROMOTE


@pytest.mark.parametrize(
    "seen", [{"bad": 2, "health_message": "500"}, {"after": 21}, {"ended": "EXITED"}]
)
def test_h46_h47_a_release_that_is_not_healthy_is_never_promoted(seen):
    deploy = Driver(CHECKED).see(PARKED).see(GONE).see(PARKED).see(**seen)
    assert deploy.end == (ENDED, Outcome.FAILED)
    assert DeployAction.PROMOTE not in deploy.actions and deploy.actions[-1] is DeployAction.STOP


def test_an_instance_whose_own_hooks_promoted_it_is_checked_while_it_serves():
    deploy = (
        Driver(CHECKED)
        .see(PARKED)
        .see(GONE)
        .see(SERVING, serving="new", old=an_instance("old", True))
    )
    assert deploy.actions[-1] is DeployAction.PROMOTE
    deploy.see(**bakes(promoted=True))
    assert deploy.state.phase is Phase.BAKING and deploy.actions[-1] is DeployAction.CHECK


COUNTED = Counters(requests=100, exceptions=3, harakiris=0, lost=2, known=True)


@pytest.mark.parametrize(
    "seen, reason",
    [
        ({"ended": "EXITED"}, "ended: EXITED"),
        ({"bad": 2, "health_message": "503"}, "not healthy: 503"),
        ({"serving": "old", "target": PARKED}, "so old serves in its place"),
        ({"counters": replace(COUNTED, harakiris=1)}, "harakiri"),
        (
            {"counters": replace(COUNTED, exceptions=4)},
            "4 exceptions and 2 respawned workers in 100 requests",
        ),
        (
            {"counters": Counters(requests=10, lost=3, known=True)},
            "0 exceptions and 3 respawned workers in 10 requests",
        ),
        ({"abort": "operator"}, "aborted by operator"),
    ],
)
def test_h48_h49_trouble_in_the_bake_rolls_back(seen, reason):
    deploy = Driver(CHECKED).until_baking(counters=COUNTED).see(**bakes(**seen))
    assert deploy.state.outcome is Outcome.ROLLED_BACK and reason in deploy.state.reason
    if "serving" not in seen:
        assert deploy.actions[-1] is DeployAction.RETURN
        deploy.see(target=PARKED)
    assert deploy.end == (ENDED, Outcome.ROLLED_BACK)
    assert DeployAction.STOP not in deploy.actions[3:], (
        "it stays parked so that it can be inspected"
    )


@pytest.mark.parametrize(
    "counted",
    [
        replace(COUNTED, requests=1000, exceptions=20),
        Counters(requests=0, lost=2, known=True),
        Counters(lost=50),
    ],
    ids=["few", "fewer", "unknown-number-of-requests"],
)
def test_h49_usual_numbers_in_the_bake_are_no_reason_to_go_back(counted):
    deploy = Driver(PLAN).until_baking().see(**bakes(counters=counted))
    assert deploy.state.phase is Phase.BAKING


def test_a_promotion_that_is_refused_ends_on_the_old_release():
    deploy = Driver(PLAN).until_promoted().see(refusal="it is unresponsive")
    assert deploy.end == (ENDED, Outcome.FAILED) and deploy.actions[-1] is DeployAction.STOP


def test_a_promotion_that_was_done_and_lost_again_at_once_is_rolled_back():
    deploy = Driver(PLAN).until_promoted().see(promoted=True)
    assert deploy.state.phase is Phase.BAKING
    deploy.see()
    assert (
        deploy.end == (ENDED, Outcome.ROLLED_BACK)
        and "old serves in its place" in deploy.state.reason
    )


def test_workers_that_crash_in_the_boot_of_an_instance_that_accepts_may_have_failed_a_request():
    for paused, outcome in ((True, Outcome.FAILED), (False, Outcome.ROLLED_BACK)):
        deploy = (
            Driver(PLAN)
            .see(PARKED)
            .see(GONE)
            .see(an_instance("new", paused, started=False), counters=Counters(lost=9, known=True))
        )
        assert deploy.state.outcome is outcome and "workers of new end" in deploy.state.reason
        deploy.see(an_instance("new", paused, started=False), after=1.1).see(GONE)
        assert deploy.state.phase is ENDED and deploy.actions[-1] is DeployAction.STOP


def test_a_respawn_that_still_boots_after_a_roll_back_is_left_to_end_up_parked():
    """On a busy machine it boots for longer than the old release needs to serve again."""
    respawn = Instance("new", "STARTING", 20, 20)
    seen = {"target": respawn, "serving": "old", "old": OLD, "ended": "it exited"}
    deploy = Driver(PLAN).until_baking().see(**{**seen, "serving": ""}).see(**seen, after=2)
    assert deploy.end == (ENDED, Outcome.ROLLED_BACK)
    assert DeployAction.STOP not in deploy.actions[deploy.actions.index(DeployAction.PROMOTE) :]


def test_every_wait_has_a_limit():
    deploy = Driver(PLAN).see(PARKED)
    assert deploy.see(after=299).state.phase is Phase.STOPPING
    assert (
        deploy.see(after=2).end == (ENDED, Outcome.FAILED)
        and "did not stop within 300 s" in deploy.state.reason
    )
    deploy = Driver(PLAN).until_baking().see(**bakes(abort="operator"))
    assert deploy.see(**bakes(after=29)).state.phase is Phase.RETURNING
    assert deploy.see(**bakes(after=2)).end == (ENDED, Outcome.NOT_BACK)
    assert "going back failed: old does not serve after 30 s" in deploy.state.reason


def test_a_promotion_that_met_a_starting_worker_is_requested_again_for_a_while():
    deploy = Driver(PLAN).until_promoted().see(refusal="new boots", transient=True)
    assert deploy.state.phase is Phase.PROMOTING and deploy.actions[-2:] == [
        DeployAction.PROMOTE,
        DeployAction.PROMOTE,
    ]
    assert deploy.see(refusal="new boots", transient=True, after=5).end == (ENDED, Outcome.FAILED)


def test_no_command_is_sent_between_the_hooks_of_an_instance_that_accepts_by_itself():
    deploy = Driver(PLAN).see(PARKED).see(GONE).see(SERVING, serving="new", old=OLD)
    assert deploy.state.phase is Phase.BOOTING
    assert (
        deploy.see(SERVING, serving="new", old=an_instance("old", True)).actions[-1]
        is DeployAction.PROMOTE
    )
    deploy = (
        Driver(PLAN)
        .see(PARKED)
        .see(GONE)
        .see(SERVING, serving="new", old=OLD)
        .see(SERVING, serving="new", old=OLD, after=0.6)
    )
    assert deploy.actions[-1] is DeployAction.PROMOTE, "the hooks do not come"


def test_h49_workers_that_crash_while_they_are_promoted_keep_no_user_waiting():
    deploy = (
        Driver(PLAN)
        .until_promoted()
        .see(
            an_instance("new", False, started=False),
            serving="",
            resumed=True,
            counters=Counters(lost=1),
        )
    )
    assert (
        deploy.state.phase is Phase.RETURNING and "end while it is promoted" in deploy.state.reason
    )


def test_a_release_is_not_in_its_bake_before_the_promotion_is_answered():
    deploy = Driver(PLAN).until_promoted().see(SERVING, serving="new", old=an_instance("old", True))
    assert deploy.state.phase is Phase.PROMOTING


@pytest.mark.parametrize(
    "lost, then", [(0, Phase.PROMOTING), (1, Phase.RETURNING)], ids=["alive", "crashed"]
)
def test_an_instance_that_accepts_by_itself_is_promoted_again_too_unless_a_worker_of_it_ended(
    lost, then
):
    deploy = Driver(PLAN).until_promoted()
    deploy.see(SERVING, refusal="new boots", transient=True, counters=Counters(lost=lost))
    assert deploy.state.phase is then


def test_users_may_have_been_on_a_release_that_was_resumed_and_could_not_be_promoted():
    deploy = Driver(PLAN).until_promoted().see(resumed=True, refusal="new boots")
    assert deploy.end == (ENDED, Outcome.ROLLED_BACK)


def test_a_release_that_cannot_be_parked_is_stopped_when_users_are_back():
    deploy = Driver(PLAN).until_baking().see(**bakes(abort="operator"))
    crashing = an_instance("new", False, started=False)
    assert deploy.see(crashing).state.phase is Phase.RETURNING
    assert deploy.see(crashing, after=1.1).actions[-1] is DeployAction.STOP
    assert deploy.see(crashing).actions.count(DeployAction.STOP) == 2, (
        "its own stop before the start, and this one"
    )
    assert deploy.see(GONE).end == (ENDED, Outcome.ROLLED_BACK)


def test_a_roll_back_has_not_ended_while_workers_of_the_dead_release_may_take_requests():
    dead = {"target": GONE, "ended": "it exited", "serving": "old", "old": OLD}
    deploy = Driver(PLAN).until_baking().see(**dead, orphans=True)
    assert deploy.state.phase is Phase.RETURNING
    assert deploy.see(**dead).end == (ENDED, Outcome.ROLLED_BACK)
    deploy = (
        Driver(PLAN).until_baking().see(**dead, orphans=True).see(**dead, orphans=True, after=1.1)
    )
    assert (
        deploy.end == (ENDED, Outcome.ROLLED_BACK) and deploy.actions.count(DeployAction.STOP) == 1
    ), "the wait has a limit"


def test_going_back_that_fails_says_who_serves():
    deploy = (
        Driver(PLAN)
        .until_baking()
        .see(**bakes(abort="operator"))
        .see(**bakes(refusal="old is unresponsive"))
    )
    assert (
        deploy.end == (ENDED, Outcome.NOT_BACK)
        and "going back failed: old is unresponsive" in deploy.state.reason
    )


def test_h46_h47_the_bake_passes_only_with_good_answers_at_its_end():
    deploy = Driver(CHECKED).until_baking().see(**bakes(good=1), after=11)
    assert deploy.state.phase is Phase.BAKING, "the bake is prolonged"
    assert deploy.see(**bakes(good=2)).end == (ENDED, Outcome.DEPLOYED)
    deploy = (
        Driver(CHECKED)
        .until_baking()
        .see(**bakes(health_message="no answer within 5.0 s", bad=1), after=31)
    )
    assert deploy.state.outcome is Outcome.ROLLED_BACK and deploy.actions[-1] is DeployAction.RETURN
    assert "not found healthy within 30 s: no answer" in deploy.state.reason


def test_h54_good_answers_that_are_long_ago_let_no_bake_pass():
    deploy = (
        Driver(CHECKED).until_baking().see(**bakes(good=9, silent=CHECKED.silence + 1), after=11)
    )
    assert deploy.state.phase is Phase.BAKING
    deploy.see(**bakes(good=9, silent=30, health_message="200 in 1 ms"), after=20)
    assert (
        deploy.state.outcome is Outcome.ROLLED_BACK
        and "does the listener run?" in deploy.state.reason
    )


def test_without_a_bake_good_answers_before_the_promotion_suffice_and_are_needed_after_it_else():
    brief = replace(CHECKED, bake=0)
    assert Driver(brief).until_baking().see(**bakes()).end == (ENDED, Outcome.DEPLOYED)
    deploy = Driver(replace(brief, check_parked=False)).until_baking().see(**bakes())
    assert deploy.state.phase is Phase.BAKING
    assert deploy.see(**bakes(good=2)).end == (ENDED, Outcome.DEPLOYED)


OTHER_OLD = replace(an_instance("old", True), pid=99)


@pytest.mark.parametrize("old", [OTHER_OLD, Instance("old")], ids=["started-again", "ended"])
def test_if_the_old_release_has_ended_there_is_no_way_back_and_that_is_reported(old):
    deploy = Driver(PLAN).until_baking().see(**bakes(old=old))
    assert deploy.state.waiting_for() == "new bakes, and old, which had the old release, has ended"
    deploy.see(**bakes(old=old, abort="operator")).see(**bakes(old=old))
    assert deploy.end == (ENDED, Outcome.NOT_BACK) and DeployAction.RETURN not in deploy.actions
    assert deploy.state.reason.startswith(
        "aborted by operator; old, which had the old release, has ended"
    )


def test_the_program_of_the_old_release_may_take_over_for_a_moment_when_it_is_started_again():
    deploy = (
        Driver(PLAN)
        .until_baking()
        .see(PARKED, serving="old", old=OTHER_OLD)
        .see(**bakes(old=OTHER_OLD))
    )
    assert deploy.state.phase is Phase.BAKING
    assert deploy.see(PARKED, serving="old", old=OTHER_OLD, after=11).see(
        PARKED, old=OTHER_OLD
    ).end == (ENDED, Outcome.NOT_BACK)


def test_if_both_releases_have_ended_the_deploy_waits_for_any_instance_that_is_ready():
    gone = {"target": GONE, "old": OTHER_OLD, "ended": "it exited", "serving": ""}
    deploy = Driver(PLAN).until_baking().see(**gone).see(**gone, after=20)
    assert deploy.state.phase is Phase.RETURNING
    assert replace_serving(deploy, gone).end == (ENDED, Outcome.NOT_BACK)
    deploy = Driver(PLAN).until_baking().see(**gone).see(**gone, after=31)
    assert deploy.end == (ENDED, Outcome.NOBODY)


def replace_serving(deploy, seen):
    return deploy.see(**{**seen, "serving": "old"})


def test_a_release_whose_old_one_has_ended_is_deployed_nevertheless():
    deploy = Driver(PLAN).until_baking().see(**bakes(old=OTHER_OLD), after=11)
    assert (
        deploy.end == (ENDED, Outcome.DEPLOYED)
        and "there is none to go back to" in deploy.state.reason
    )


def test_an_old_release_that_ends_while_it_is_gone_back_to():
    deploy = (
        Driver(PLAN)
        .until_baking()
        .see(**bakes(abort="operator"))
        .see(**bakes(old=OTHER_OLD))
        .see(**bakes(old=OTHER_OLD))
    )
    assert deploy.end == (ENDED, Outcome.NOT_BACK) and "none to go back to" in deploy.state.reason


def test_a_release_that_does_not_boot_after_the_old_one_has_ended_is_not_rolled_back():
    deploy = Driver(PLAN).see(PARKED).see(GONE).see(GONE, old=OTHER_OLD, ended="it exited")
    assert deploy.end == (ENDED, Outcome.NOT_BACK)


def test_h51_abort_while_a_hook_runs_ends_the_hook_first():
    deploy = Driver(HOOKED).see(hook=None, abort="operator").see(hook=None, abort="operator")
    assert (
        deploy.actions == [DeployAction.RUN_HOOK, DeployAction.END_HOOK]
        and deploy.state.phase is Phase.PREPARING
    )
    assert (
        deploy.see(hook=False, abort="operator").end == (ENDED, Outcome.REFUSED)
        and deploy.state.reason == "aborted by operator"
    )


@pytest.mark.parametrize(
    "phase", ["DRAINING", "STOPPING", "BOOTING", "CHECKING", "PROMOTING", "BAKING", "FINISHING"]
)
def test_h51_abort_ends_on_the_old_release_from_any_phase(phase):
    deploy = Driver(replace(CHECKED, after="after_deploy"))
    busy, started = an_instance("new", True, busy=1), an_instance("new", True, started=False)
    on_the_way = [
        (busy, {}),
        (PARKED, {}),
        (GONE, {}),
        (PARKED, {}),
        (PARKED, {"good": 2}),
        (SERVING, {"promoted": True, "serving": "new"}),
    ]
    for target, seen in [*on_the_way, (SERVING, {"good": 2, "serving": "new", "after": 11})]:
        if deploy.state.phase is not Phase[phase]:
            deploy.see(target, **seen)
    assert deploy.state.phase is Phase[phase]
    seen = bakes() if phase in ("BAKING", "FINISHING") else {"target": started}
    deploy.see(**seen, abort="operator").see(PARKED)
    outcomes = {
        "DRAINING": Outcome.REFUSED,
        "BAKING": Outcome.ROLLED_BACK,
        "FINISHING": Outcome.ROLLED_BACK,
    }
    assert deploy.end == (ENDED, outcomes.get(phase, Outcome.FAILED))


def test_h55_after_an_earlier_plan_a_failure_is_no_refusal():
    deploy = Driver(replace(HOOKED, continues_previous=True)).see(
        hook=False, hook_message="exit status 1"
    )
    assert deploy.end == (ENDED, Outcome.FAILED)


OBSERVATIONS = st.builds(
    dict,
    target=st.sampled_from(
        [
            GONE,
            PARKED,
            SERVING,
            an_instance("new", True, busy=1),
            an_instance("new", True, started=False),
        ]
    ),
    old=st.sampled_from([OLD, OLD, OLD, an_instance("old", True), Instance("old")]),
    serving=st.sampled_from(["", "old", "new"]),
    after=st.sampled_from([0.0, 0.1, 1.0, 15.0, 70.0, 400.0]),
    ended=st.sampled_from(["", "", "", "EXITED"]),
    hook=st.sampled_from([None, True, False]),
    good=st.integers(0, 3),
    bad=st.integers(0, 3),
    silent=st.sampled_from([0.0, 0.0, 20.0]),
    refusal=st.sampled_from(["", "", "it is unresponsive"]),
    transient=st.booleans(),
    promoted=st.booleans(),
    resumed=st.booleans(),
    orphans=st.booleans(),
    counters=st.sampled_from(
        [Counters(), COUNTED, Counters(lost=9, known=True), replace(COUNTED, harakiris=2)]
    ),
    abort=st.sampled_from(["", "", "", "", "operator"]),
)


@given(
    st.sampled_from([PLAN, CHECKED, HOOKED]),
    st.booleans(),
    st.lists(OBSERVATIONS, min_size=1, max_size=25),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_rule_is_broken_whatever_is_observed(plan, far, observations):
    deploy = Driver(plan)
    if far and not plan.before:
        deploy.until_baking()
    for seen in observations:
        before, known = deploy.state, len(deploy.actions)
        deploy.see(**seen)
        actions = deploy.actions[known:]
        if DeployAction.STOP in actions and before.phase is Phase.DRAINING:
            assert not seen["target"].accepting, "an instance that accepts was stopped"
        if DeployAction.PROMOTE in actions:
            assert seen["target"].ready and not seen["ended"]
            assert not plan.check_parked or seen["target"].accepting or seen["good"] >= plan.count
        if DeployAction.KILL in actions:
            assert before.drain_expired and before.phase is Phase.STOPPING
        if DeployAction.START in actions:
            assert not seen["target"].pid
        assert before.phase is not ENDED or not actions
        assert (deploy.state.phase is ENDED) <= (deploy.state.outcome is not None)
        if (
            deploy.end == (ENDED, Outcome.DEPLOYED)
            and plan.check_serving
            and before.phase is Phase.BAKING
        ):
            assert seen["good"] >= plan.count, "it was not healthy"
        if before.phase is not ENDED and deploy.end == (ENDED, Outcome.ROLLED_BACK):
            assert seen["serving"] == "old" and not deploy.state.old_gone


def test_after_deploy_that_runs_is_waited_for():
    deploy = Driver(replace(PLAN, after="after_deploy")).until_baking().see(**bakes(), after=11)
    assert deploy.see(**bakes(hook=None)).state.phase is Phase.FINISHING
    assert deploy.see(**bakes(hook=True)).end == (ENDED, Outcome.DEPLOYED)


ANSWERED = Counters(requests=100, server_errors=3, known=True)


@pytest.mark.parametrize(
    "counted, rolled_back",
    [
        (ANSWERED, True),
        (replace(ANSWERED, server_errors=2), False),
        (replace(ANSWERED, requests=19), False),
        (replace(ANSWERED, requests=150), False),
    ],
    ids=["too many", "fewer than three", "too few requests", "at the limit"],
)
def test_h74_responses_with_a_status_5xx_roll_back_whatever_the_health_check_says(
    counted, rolled_back
):
    plan = replace(CHECKED, max_5xx=0.02, min_responses=20)
    deploy = Driver(plan).until_baking(counters=COUNTED).see(**bakes(counters=counted, good=9))
    assert (deploy.state.outcome is Outcome.ROLLED_BACK) is rolled_back
    if rolled_back:
        assert "3 of 100 requests with a status 5xx" in deploy.state.reason

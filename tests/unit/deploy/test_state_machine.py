"""A deploy, step by step, against made-up sights."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg.core import errors
from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.deploy.dry_run import rehearse
from supervisor_zerg.deploy.model import (
    Counters,
    DeployAction,
    Outcome,
    Phase,
    Plan,
    DeployObservation,
)
from supervisor_zerg.deploy.plan import plans, read_options
from supervisor_zerg.deploy.state_machine import CUT_S, advance, begin

PLAN = Plan("new", "old", bake=10, drain_timeout=60, boot_timeout=300, count=2, check_timeout=20)
CHECKED = replace(PLAN, check_parked=True, check_serving=True)
HOOKED = replace(PLAN, before=("before_deploy",), after="after_deploy")
GONE = Instance("new")


def a_copy(program, paused, busy=0, started=True):
    pid = {"new": 20, "old": 10}[program]
    workers = (Worker(pid + 1, 1, int(paused and not busy), busy, started=started),)
    slot = Slot.SLEEPING if paused else Slot.RUNNING
    return Instance(program, "RUNNING", pid, pid, slot, paused=paused, workers=workers)


OLD = a_copy("old", False)
PARKED = a_copy("new", True)
SERVING = a_copy("new", False)


class DeployRunner:
    """Drives a release, and keeps what it ordered."""

    def __init__(self, plan):
        self.now, self.actions, self.phases = 0.0, [], []
        self.take(*begin(plan, self.now))

    def take(self, state, actions):
        self.state, self.actions = state, self.actions + list(actions)
        self.phases.append(state.phase)

    def see(self, target=PARKED, after=0.1, **seen):
        self.now += after
        observation = {"target": target, "old": OLD, "serving": "old", "now": self.now, **seen}
        self.take(*advance(self.state, DeployObservation(**observation)))
        return self

    @property
    def end(self):
        return self.state.phase, self.state.outcome

    def until_promoted(self):
        self.see(PARKED).see(GONE)
        self.see(a_copy("new", True, started=False)).see(PARKED)
        if self.state.plan.check_parked:
            self.see(good=self.state.plan.count)
        assert self.state.phase is Phase.PROMOTING
        return self

    def until_baking(self, **seen):
        self.until_promoted()
        return self.see(SERVING, serving="new", old=a_copy("old", True), promoted=True, **seen)


ENDED = Phase.ENDED


def bakes(**seen):
    return {"target": SERVING, "serving": "new", "old": a_copy("old", True), **seen}


def test_h43_the_whole_way_of_a_good_release():
    deploy = DeployRunner(PLAN).until_baking().see(**bakes(), after=9).see(**bakes(), after=2)
    assert deploy.end == (ENDED, Outcome.DEPLOYED)
    assert deploy.actions == [DeployAction.STOP, DeployAction.START, DeployAction.PROMOTE]


def test_a_program_that_does_not_run_is_started_at_once():
    deploy = DeployRunner(PLAN).see(GONE)
    assert deploy.actions == [DeployAction.START] and deploy.state.phase is Phase.BOOTING


def test_h34_requests_in_flight_finish_first_and_what_lasts_beyond_the_limit_is_cut_and_counted():
    busy = a_copy("new", True, busy=1)
    deploy = DeployRunner(PLAN).see(busy, after=59)
    assert deploy.actions == []
    deploy.see(busy, after=2).see(busy, after=CUT_S - 0.5)
    assert deploy.actions == [DeployAction.STOP] and deploy.state.killed_requests == 0, (
        "it was told to end gracefully"
    )
    deploy.see(busy, after=1).see(busy)
    assert (
        deploy.actions == [DeployAction.STOP, DeployAction.KILL]
        and deploy.state.killed_requests == 1
    )
    assert deploy.see(GONE).actions[-1] is DeployAction.START


def test_h34_a_request_that_ends_gracefully_after_the_limit_was_not_cut():
    deploy = DeployRunner(PLAN).see(a_copy("new", True, busy=1), after=61).see(GONE)
    assert (
        deploy.actions == [DeployAction.STOP, DeployAction.START]
        and deploy.state.killed_requests == 0
    )


def test_an_instance_that_accepts_is_not_stopped():
    deploy = DeployRunner(PLAN).see(SERVING)
    assert deploy.actions == []
    assert deploy.see(SERVING, after=61).end == (ENDED, Outcome.REFUSED) and deploy.actions == []


def test_h50_hooks_run_in_order_and_a_failing_one_changes_nothing():
    two = replace(HOOKED, before=("before_deploy", "update"))
    deploy = DeployRunner(two).see(hook=None).see(hook=True)
    assert (
        deploy.actions == [DeployAction.RUN_HOOK, DeployAction.RUN_HOOK]
        and deploy.state.waiting_for() == "hook update"
    )
    deploy.see(hook=False, hook_words="exit status 1")
    assert (
        deploy.end == (ENDED, Outcome.REFUSED)
        and "update failed: exit status 1" in deploy.state.reason
    )
    assert DeployAction.STOP not in deploy.actions


def test_after_deploy_runs_last_and_its_failure_is_told():
    deploy = (
        DeployRunner(replace(PLAN, after="after_deploy")).until_baking().see(**bakes(), after=11)
    )
    assert deploy.actions[-1] is DeployAction.RUN_HOOK and deploy.state.phase is Phase.FINISHING
    deploy.see(**bakes(hook=False, hook_words="exit status 2"))
    assert deploy.end == (ENDED, Outcome.DEPLOYED) and "after_deploy failed" in deploy.state.reason


@pytest.mark.parametrize(
    "seen, reason",
    [
        ({"ended": "BACKOFF"}, "ended while it booted: BACKOFF"),
        (
            {"after": 301, "target": a_copy("new", True, started=False)},
            "was not ready within 300 s",
        ),
        ({"counters": Counters(lost=4)}, "workers of new end while it boots"),
        ({"abort": "an operator"}, "aborted by an operator"),
    ],
)
def test_h44_h45_a_release_that_does_not_boot_is_stopped_and_never_promoted(seen, reason):
    deploy = (
        DeployRunner(PLAN)
        .see(PARKED)
        .see(GONE)
        .see(**{"target": a_copy("new", True, started=False), **seen})
    )
    assert deploy.end == (ENDED, Outcome.FAILED) and reason in deploy.state.reason
    assert deploy.actions == [DeployAction.STOP, DeployAction.START, DeployAction.STOP]


def test_health_is_asked_while_it_is_parked_and_good_answers_promote():
    deploy = DeployRunner(CHECKED).see(PARKED).see(GONE).see(PARKED)
    assert deploy.state.phase is Phase.CHECKING and deploy.actions[-1] is DeployAction.CHECK
    deploy.see(good=1)
    assert deploy.state.phase is Phase.CHECKING
    assert deploy.see(good=2).actions[-1] is DeployAction.PROMOTE


@pytest.mark.parametrize(
    "seen", [{"bad": 2, "health_words": "500"}, {"after": 21}, {"ended": "EXITED"}]
)
def test_h46_h47_a_release_that_is_not_healthy_is_never_promoted(seen):
    deploy = DeployRunner(CHECKED).see(PARKED).see(GONE).see(PARKED).see(**seen)
    assert deploy.end == (ENDED, Outcome.FAILED)
    assert DeployAction.PROMOTE not in deploy.actions and deploy.actions[-1] is DeployAction.STOP


def test_an_instance_whose_own_hooks_promoted_it_is_checked_while_it_serves():
    deploy = (
        DeployRunner(CHECKED)
        .see(PARKED)
        .see(GONE)
        .see(SERVING, serving="new", old=a_copy("old", True))
    )
    assert deploy.actions[-1] is DeployAction.PROMOTE
    deploy.see(**bakes(promoted=True))
    assert deploy.state.phase is Phase.BAKING and deploy.actions[-1] is DeployAction.CHECK


COUNTED = Counters(requests=100, exceptions=3, harakiris=0, lost=2, told=True)


@pytest.mark.parametrize(
    "seen, reason",
    [
        ({"ended": "EXITED"}, "ended: EXITED"),
        ({"bad": 2, "health_words": "503"}, "not healthy: 503"),
        ({"serving": "old", "target": PARKED}, "so old serves in its place"),
        ({"counters": replace(COUNTED, harakiris=1)}, "harakiri"),
        (
            {"counters": replace(COUNTED, exceptions=4)},
            "4 exceptions and 2 respawned workers in 100 requests",
        ),
        (
            {"counters": Counters(requests=10, lost=3, told=True)},
            "0 exceptions and 3 respawned workers in 10 requests",
        ),
        ({"abort": "an operator"}, "aborted by an operator"),
    ],
)
def test_h48_h49_trouble_in_the_bake_rolls_back(seen, reason):
    deploy = DeployRunner(CHECKED).until_baking(counters=COUNTED).see(**bakes(**seen))
    assert deploy.state.outcome is Outcome.ROLLED_BACK and reason in deploy.state.reason
    if "serving" not in seen:
        assert deploy.actions[-1] is DeployAction.RETURN
        deploy.see(target=PARKED)
    assert deploy.end == (ENDED, Outcome.ROLLED_BACK)
    assert DeployAction.STOP not in deploy.actions[3:], (
        "it is kept, parked, for who wants to look at it"
    )


@pytest.mark.parametrize(
    "counted",
    [
        replace(COUNTED, requests=1000, exceptions=20),
        Counters(requests=0, lost=2, told=True),
        Counters(lost=50),
    ],
    ids=["few", "fewer", "nothing-tells-how-many-requests"],
)
def test_h49_what_is_usual_in_the_bake_is_let_be(counted):
    deploy = DeployRunner(PLAN).until_baking().see(**bakes(counters=counted))
    assert deploy.state.phase is Phase.BAKING


def test_a_promotion_that_is_refused_ends_on_the_old_release():
    deploy = DeployRunner(PLAN).until_promoted().see(promotion="it is deaf")
    assert deploy.end == (ENDED, Outcome.FAILED) and deploy.actions[-1] is DeployAction.STOP


def test_a_promotion_that_was_done_and_lost_again_at_once_is_rolled_back():
    deploy = DeployRunner(PLAN).until_promoted().see(promoted=True)
    assert deploy.state.phase is Phase.BAKING
    deploy.see()
    assert (
        deploy.end == (ENDED, Outcome.ROLLED_BACK)
        and "old serves in its place" in deploy.state.reason
    )


def test_workers_that_crash_at_once_where_an_instance_does_not_boot_parked_may_have_failed_a_user():
    for paused, outcome in ((True, Outcome.FAILED), (False, Outcome.ROLLED_BACK)):
        deploy = (
            DeployRunner(PLAN)
            .see(PARKED)
            .see(GONE)
            .see(a_copy("new", paused, started=False), counters=Counters(lost=9, told=True))
        )
        assert deploy.state.outcome is outcome and "workers of new end" in deploy.state.reason
        deploy.see(a_copy("new", paused, started=False), after=1.1).see(GONE)
        assert deploy.state.phase is ENDED and deploy.actions[-1] is DeployAction.STOP


def test_no_wait_is_without_a_limit():
    deploy = DeployRunner(PLAN).see(PARKED)
    assert deploy.see(after=299).state.phase is Phase.STOPPING
    assert (
        deploy.see(after=2).end == (ENDED, Outcome.FAILED)
        and "did not stop within 300 s" in deploy.state.reason
    )
    deploy = DeployRunner(PLAN).until_baking().see(**bakes(abort="an operator"))
    assert deploy.see(**bakes(after=29)).state.phase is Phase.RETURNING
    assert deploy.see(**bakes(after=2)).end == (ENDED, Outcome.NOT_BACK)
    assert "going back failed: old does not serve after 30 s" in deploy.state.reason


def test_a_promotion_that_met_a_newborn_worker_is_asked_for_again_for_a_while():
    deploy = DeployRunner(PLAN).until_promoted().see(promotion="new boots", transient=True)
    assert deploy.state.phase is Phase.PROMOTING and deploy.actions[-2:] == [
        DeployAction.PROMOTE,
        DeployAction.PROMOTE,
    ]
    assert deploy.see(promotion="new boots", transient=True, after=5).end == (ENDED, Outcome.FAILED)


def test_the_hooks_of_an_instance_that_accepts_by_itself_are_not_stepped_in_between():
    deploy = DeployRunner(PLAN).see(PARKED).see(GONE).see(SERVING, serving="new", old=OLD)
    assert deploy.state.phase is Phase.BOOTING
    assert (
        deploy.see(SERVING, serving="new", old=a_copy("old", True)).actions[-1]
        is DeployAction.PROMOTE
    )
    deploy = (
        DeployRunner(PLAN)
        .see(PARKED)
        .see(GONE)
        .see(SERVING, serving="new", old=OLD)
        .see(SERVING, serving="new", old=OLD, after=0.6)
    )
    assert deploy.actions[-1] is DeployAction.PROMOTE, "they do not come"


def test_h49_workers_that_crash_while_they_are_promoted_keep_nobody_waiting():
    deploy = (
        DeployRunner(PLAN)
        .until_promoted()
        .see(
            a_copy("new", False, started=False), serving="", let_in=True, counters=Counters(lost=1)
        )
    )
    assert (
        deploy.state.phase is Phase.RETURNING and "end while it is promoted" in deploy.state.reason
    )


def test_a_release_is_not_in_its_bake_before_the_promotion_is_answered():
    deploy = (
        DeployRunner(PLAN).until_promoted().see(SERVING, serving="new", old=a_copy("old", True))
    )
    assert deploy.state.phase is Phase.PROMOTING


@pytest.mark.parametrize(
    "lost, then", [(0, Phase.PROMOTING), (1, Phase.RETURNING)], ids=["well", "crashed"]
)
def test_an_instance_that_its_own_hooks_let_in_is_asked_for_again_too_unless_a_worker_of_it_ended(
    lost, then
):
    deploy = DeployRunner(PLAN).until_promoted()
    deploy.see(SERVING, promotion="new boots", transient=True, counters=Counters(lost=lost))
    assert deploy.state.phase is then


def test_users_may_have_been_on_a_release_that_was_resumed_and_could_not_be_promoted():
    deploy = DeployRunner(PLAN).until_promoted().see(let_in=True, promotion="new boots")
    assert deploy.end == (ENDED, Outcome.ROLLED_BACK)


def test_a_release_that_cannot_be_parked_is_stopped_when_users_are_back():
    deploy = DeployRunner(PLAN).until_baking().see(**bakes(abort="an operator"))
    crashing = a_copy("new", False, started=False)
    assert deploy.see(crashing).state.phase is Phase.RETURNING
    assert deploy.see(crashing, after=1.1).actions[-1] is DeployAction.STOP
    assert deploy.see(crashing).actions.count(DeployAction.STOP) == 2, (
        "its own stop before the start, and this one"
    )
    assert deploy.see(GONE).end == (ENDED, Outcome.ROLLED_BACK)


def test_a_roll_back_has_not_ended_while_workers_of_the_dead_release_may_take_requests():
    dead = {"target": GONE, "ended": "it exited", "serving": "old", "old": OLD}
    deploy = DeployRunner(PLAN).until_baking().see(**dead, orphans=True)
    assert deploy.state.phase is Phase.RETURNING
    assert deploy.see(**dead).end == (ENDED, Outcome.ROLLED_BACK)
    deploy = (
        DeployRunner(PLAN)
        .until_baking()
        .see(**dead, orphans=True)
        .see(**dead, orphans=True, after=1.1)
    )
    assert (
        deploy.end == (ENDED, Outcome.ROLLED_BACK) and deploy.actions.count(DeployAction.STOP) == 1
    ), "for ever it is not waited"


def test_going_back_that_fails_says_who_serves():
    deploy = (
        DeployRunner(PLAN)
        .until_baking()
        .see(**bakes(abort="an operator"))
        .see(**bakes(promotion="old is deaf"))
    )
    assert (
        deploy.end == (ENDED, Outcome.NOT_BACK)
        and "going back failed: old is deaf" in deploy.state.reason
    )


def test_h46_h47_the_bake_passes_only_with_good_answers_at_its_end():
    deploy = DeployRunner(CHECKED).until_baking().see(**bakes(good=1), after=11)
    assert deploy.state.phase is Phase.BAKING, "it is prolonged"
    assert deploy.see(**bakes(good=2)).end == (ENDED, Outcome.DEPLOYED)
    deploy = (
        DeployRunner(CHECKED)
        .until_baking()
        .see(**bakes(health_words="no answer within 5.0 s", bad=1), after=31)
    )
    assert deploy.state.outcome is Outcome.ROLLED_BACK and deploy.actions[-1] is DeployAction.RETURN
    assert "not found healthy within 30 s: no answer" in deploy.state.reason


def test_h54_good_answers_that_are_long_ago_let_no_bake_pass():
    deploy = (
        DeployRunner(CHECKED)
        .until_baking()
        .see(**bakes(good=9, silent=CHECKED.silence + 1), after=11)
    )
    assert deploy.state.phase is Phase.BAKING
    deploy.see(**bakes(good=9, silent=30, health_words="200 in 1 ms"), after=20)
    assert (
        deploy.state.outcome is Outcome.ROLLED_BACK
        and "does the listener run?" in deploy.state.reason
    )


def test_without_a_bake_good_answers_before_the_promotion_suffice_and_are_needed_after_it_else():
    brief = replace(CHECKED, bake=0)
    assert DeployRunner(brief).until_baking().see(**bakes()).end == (ENDED, Outcome.DEPLOYED)
    deploy = DeployRunner(replace(brief, check_parked=False)).until_baking().see(**bakes())
    assert deploy.state.phase is Phase.BAKING
    assert deploy.see(**bakes(good=2)).end == (ENDED, Outcome.DEPLOYED)


OTHER_OLD = replace(a_copy("old", True), pid=99)


@pytest.mark.parametrize("old", [OTHER_OLD, Instance("old")], ids=["started-anew", "ended"])
def test_where_the_old_release_has_ended_there_is_no_way_back_and_that_is_told(old):
    deploy = DeployRunner(PLAN).until_baking().see(**bakes(old=old))
    assert deploy.state.waiting_for() == "new bakes, and old, which had the old release, has ended"
    deploy.see(**bakes(old=old, abort="an operator")).see(**bakes(old=old))
    assert deploy.end == (ENDED, Outcome.NOT_BACK) and DeployAction.RETURN not in deploy.actions
    assert deploy.state.reason.startswith(
        "aborted by an operator; old, which had the old release, has ended"
    )


def test_a_program_of_the_old_release_that_was_started_anew_may_take_over_for_a_moment():
    deploy = (
        DeployRunner(PLAN)
        .until_baking()
        .see(PARKED, serving="old", old=OTHER_OLD)
        .see(**bakes(old=OTHER_OLD))
    )
    assert deploy.state.phase is Phase.BAKING
    assert deploy.see(PARKED, serving="old", old=OTHER_OLD, after=11).see(
        PARKED, old=OTHER_OLD
    ).end == (ENDED, Outcome.NOT_BACK)


def test_where_the_old_release_has_ended_and_the_new_one_too_it_is_waited_for_whoever_is_ready():
    gone = {"target": GONE, "old": OTHER_OLD, "ended": "it exited", "serving": ""}
    deploy = DeployRunner(PLAN).until_baking().see(**gone).see(**gone, after=20)
    assert deploy.state.phase is Phase.RETURNING
    assert replace_serving(deploy, gone).end == (ENDED, Outcome.NOT_BACK)
    deploy = DeployRunner(PLAN).until_baking().see(**gone).see(**gone, after=31)
    assert deploy.end == (ENDED, Outcome.NOBODY)


def replace_serving(deploy, seen):
    return deploy.see(**{**seen, "serving": "old"})


def test_a_release_whose_old_one_has_ended_is_deployed_all_the_same_and_says_so():
    deploy = DeployRunner(PLAN).until_baking().see(**bakes(old=OTHER_OLD), after=11)
    assert (
        deploy.end == (ENDED, Outcome.DEPLOYED)
        and "there is none to go back to" in deploy.state.reason
    )


def test_an_old_release_that_ends_while_it_is_gone_back_to():
    deploy = (
        DeployRunner(PLAN)
        .until_baking()
        .see(**bakes(abort="an operator"))
        .see(**bakes(old=OTHER_OLD))
        .see(**bakes(old=OTHER_OLD))
    )
    assert deploy.end == (ENDED, Outcome.NOT_BACK) and "none to go back to" in deploy.state.reason


def test_a_release_that_does_not_boot_where_the_old_one_was_started_anew_leaves_users_on_what_is_on_disk():
    deploy = DeployRunner(PLAN).see(PARKED).see(GONE).see(GONE, old=OTHER_OLD, ended="it exited")
    assert deploy.end == (ENDED, Outcome.NOT_BACK)


def test_h51_abort_while_a_hook_runs_ends_the_hook_first():
    deploy = (
        DeployRunner(HOOKED).see(hook=None, abort="an operator").see(hook=None, abort="an operator")
    )
    assert (
        deploy.actions == [DeployAction.RUN_HOOK, DeployAction.END_HOOK]
        and deploy.state.phase is Phase.PREPARING
    )
    assert (
        deploy.see(hook=False, abort="an operator").end == (ENDED, Outcome.REFUSED)
        and deploy.state.reason == "aborted by an operator"
    )


@pytest.mark.parametrize(
    "phase", ["DRAINING", "STOPPING", "BOOTING", "CHECKING", "PROMOTING", "BAKING", "FINISHING"]
)
def test_h51_abort_ends_on_the_old_release_from_any_phase(phase):
    deploy = DeployRunner(replace(CHECKED, after="after_deploy"))
    busy, started = a_copy("new", True, busy=1), a_copy("new", True, started=False)
    on_the_way = [
        (busy, {}),
        (PARKED, {}),
        (GONE, {}),
        (PARKED, {}),
        (PARKED, {"good": 2}),
        (SERVING, {"promoted": True, "serving": "new"}),
    ]
    for target, seen in on_the_way + [(SERVING, {"good": 2, "serving": "new", "after": 11})]:
        if deploy.state.phase is not Phase[phase]:
            deploy.see(target, **seen)
    assert deploy.state.phase is Phase[phase]
    seen = bakes() if phase in ("BAKING", "FINISHING") else {"target": started}
    deploy.see(**seen, abort="an operator").see(PARKED)
    outcomes = {
        "DRAINING": Outcome.REFUSED,
        "BAKING": Outcome.ROLLED_BACK,
        "FINISHING": Outcome.ROLLED_BACK,
    }
    assert deploy.end == (ENDED, outcomes.get(phase, Outcome.FAILED))


def test_h55_where_something_was_changed_before_nothing_is_refused_any_more():
    deploy = DeployRunner(replace(HOOKED, continues_previous=True)).see(
        hook=False, hook_words="exit status 1"
    )
    assert deploy.end == (ENDED, Outcome.FAILED)


SIGHTS = st.builds(
    dict,
    target=st.sampled_from(
        [GONE, PARKED, SERVING, a_copy("new", True, busy=1), a_copy("new", True, started=False)]
    ),
    old=st.sampled_from([OLD, OLD, OLD, a_copy("old", True), Instance("old")]),
    serving=st.sampled_from(["", "old", "new"]),
    after=st.sampled_from([0.0, 0.1, 1.0, 15.0, 70.0, 400.0]),
    ended=st.sampled_from(["", "", "", "EXITED"]),
    hook=st.sampled_from([None, True, False]),
    good=st.integers(0, 3),
    bad=st.integers(0, 3),
    silent=st.sampled_from([0.0, 0.0, 20.0]),
    promotion=st.sampled_from(["", "", "it is deaf"]),
    transient=st.booleans(),
    promoted=st.booleans(),
    let_in=st.booleans(),
    orphans=st.booleans(),
    counters=st.sampled_from(
        [Counters(), COUNTED, Counters(lost=9, told=True), replace(COUNTED, harakiris=2)]
    ),
    abort=st.sampled_from(["", "", "", "", "an operator"]),
)


@given(
    st.sampled_from([PLAN, CHECKED, HOOKED]),
    st.booleans(),
    st.lists(SIGHTS, min_size=1, max_size=25),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_is_seen_no_rule_is_broken(plan, far, sights):
    deploy = DeployRunner(plan)
    if far and not plan.before:
        deploy.until_baking()
    for seen in sights:
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
            assert seen["good"] >= plan.count, "nobody said that it is healthy"
        if before.phase is not ENDED and deploy.end == (ENDED, Outcome.ROLLED_BACK):
            assert seen["serving"] == "old" and not deploy.state.old_gone


# plans


PAIR = PairConfig(
    programs=("old", "new"), companion="/run/%(program_name)s.companion", health="/health"
)
FACTS = PairState((OLD, PARKED))


def test_the_plan_of_a_pair():
    (plan,) = plans(PAIR, FACTS, read_options({"bake": 5, "timeout": 7.0}))
    assert (
        plan.target,
        plan.old,
        plan.bake,
        plan.boot_timeout,
        plan.check_parked,
        plan.check_serving,
    ) == ("new", "old", 5, 7, True, True)


REHEARSED = """\
wait until no request of new is in flight (now 0), 60 s at most
write 'q' to /var/run/sleeping.fifo (pid 20): it ends, by its stop signal if not within 1 s; what is in flight then is cut 3 s later
start new, and wait until it is loaded, 300 s at most
ask unix:///run/new.companion:/health until 3 answers in a row are good (not where it accepts by itself, as by hooks.ini)
write 'p1' to /var/run/new.fifo, which the new master reads (nothing where it accepts by itself): it accepts
write 'p2' to /var/run/running.fifo (pid 10): it is parked
watch new for 10 s, until the last 3 answers of unix:///run/new.companion:/health are good
in trouble write 'p1' to /var/run/sleeping.fifo and then 'p2' to /var/run/running.fifo: old serves again"""


def rehearsed(pair, observed=FACTS, **options):
    return list(rehearse(pair, plans(pair, observed, read_options(options)), observed))


def test_a_dry_run_tells_each_step_and_each_byte():
    assert "\n".join(rehearsed(PAIR)) == REHEARSED
    threads = replace(OLD, workers=(Worker(11, 4),))
    assert any(
        "'p2' to /var/run/running.fifo (pid 10), and nudge" in step
        for step in rehearsed(PAIR, PairState((threads, PARKED)))
    )
    assert rehearsed(PAIR, bake=0)[-2] == "watch new for 0 s"


def test_a_dry_run_tells_an_address_that_cannot_be_asked_before_the_promotion():
    told = rehearsed(replace(PAIR, health="http://localhost/health"))
    assert not any(step.startswith("ask") for step in told)
    assert "which tells the instances not apart and so cannot be asked before" in told[-2]


def test_h55_a_dry_run_of_the_procedure_of_the_article_tells_both_halves():
    told = rehearsed(replace(PAIR, update="git pull"), backup_first=True)
    (at,) = [number for number, step in enumerate(told) if step == "run update: git pull"]
    assert "wait until no request of old is in flight, 60 s at most" == told[at + 1]
    assert told[at + 2].startswith("write 'q' to /var/run/sleeping.fifo (pid 10): it ends")
    assert (
        "write 'p2' to /var/run/running.fifo (the master that was started): it is parked"
        in told[at:]
    )


def test_h56_a_dry_run_with_retire_stop_tells_how_the_old_instance_ends():
    end = "write 'q' to /var/run/sleeping.fifo once none of its requests is in flight: old ends (retire = stop)"
    assert rehearsed(replace(PAIR, retire="stop"))[-1] == end
    loop = PairState((replace(OLD, asynchronous=True), PARKED))
    told = rehearsed(replace(PAIR, retire="stop", health=""), loop)
    assert "write 'q' to /var/run/running.fifo (pid 10): it finishes its requests and ends" in told
    assert told[-1] == "in trouble there is no way back: old has ended"


def test_an_address_that_tells_no_instances_apart_is_asked_after_the_promotion_only():
    (plan,) = plans(replace(PAIR, health="http://localhost/health"), FACTS, read_options({}))
    assert (plan.check_parked, plan.check_serving) == (False, True)


def test_h55_the_procedure_of_the_article_in_two_plans():
    pair = replace(PAIR, update="git pull", before_deploy="true")
    first, second = plans(pair, FACTS, read_options({"backup_first": True}))
    assert (first.target, first.bake, first.before, first.after) == (
        "new",
        0,
        ("before_deploy",),
        "",
    )
    assert (second.target, second.old, second.before, second.continues_previous) == (
        "old",
        "new",
        ("update",),
        True,
    )
    (only,) = plans(
        pair, PairState((a_copy("old", True), SERVING)), read_options({"backup_first": True})
    )
    assert (only.target, only.before) == ("old", ("before_deploy", "update"))


@pytest.mark.parametrize(
    "pair, observed, options, refusal",
    [
        (PAIR, PairState((Instance("old"), Instance("new"))), {}, errors.NobodyServes),
        (PAIR, PairState((OLD, Instance("new", "ABSENT"))), {}, errors.NotRunning),
        (PAIR, PairState((replace(OLD, asynchronous=True), PARKED)), {}, errors.AsyncInstance),
        (
            replace(PAIR, retire="stop"),
            PairState((replace(OLD, asynchronous=True), PARKED)),
            {},
            errors.AsyncInstance,
        ),
        (PAIR, PairState((replace(OLD, unreadable="no right"), PARKED)), {}, errors.NoRights),
        (PAIR, FACTS, {"backup_first": True}, errors.BadOption),
    ],
)
def test_what_cannot_be_begun(pair, observed, options, refusal):
    with pytest.raises(refusal):
        plans(pair, observed, read_options(options))


@pytest.mark.parametrize(
    "options",
    [
        {"bake": -1},
        {"bake": "x"},
        {"bake": True},
        {"wait": 1},
        {"nix": 1},
        {"label": "x" * 101},
        {"label": "\n"},
        {"timeout": 1e9},
    ],
)
def test_options_that_are_off(options):
    with pytest.raises(errors.BadOption):
        read_options(options)

"""Deploys and roll-backs of releases: plans, the state machine, and what is remembered."""

from dataclasses import replace

import pytest

from supervisor_zerg.core import errors
from supervisor_zerg.core.instance import Instance
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.deploy.dry_run import dry_run
from supervisor_zerg.deploy.model import DeployAction, DeployState, Outcome, Phase
from supervisor_zerg.deploy.plan import DeployOptions, make_plans, make_rebuild, make_rollback
from supervisor_zerg.deploy.release_records import BAD, GOOD, ReleaseRecords, Verdict
from supervisor_zerg.deploy.releases import Releases

from .pairs import GONE, OBSERVED, OLD, PAIR, PARKED, SERVING, an_instance
from .test_state_machine import PLAN, Driver, bakes

RELEASE = replace(PLAN, release="v2", old_release="v1")
OLD_PARKED = an_instance("old", True)
OLD_STOPPED = Instance("old")
OPTIONS = DeployOptions()


# plans


def test_h61_the_target_gets_the_release_and_the_other_instance_keeps_its_own():
    (plan,) = make_plans(PAIR, OBSERVED, DeployOptions(release="v2"), "v2", "v1")
    assert (plan.target, plan.release, plan.old_release) == ("new", "v2", "v1")


def test_backup_first_boots_the_spare_from_the_release_that_serves():
    options = DeployOptions(release="v2", backup_first=True)
    first, second = make_plans(PAIR, OBSERVED, options, "v2", "v1")
    assert [(p.target, p.release) for p in (first, second)] == [("new", "v1"), ("old", "v2")]
    assert second.before == (), "nothing has to be updated"


def test_without_releases_a_plan_names_none():
    (plan,) = make_plans(PAIR, OBSERVED, OPTIONS)
    assert (plan.release, plan.old_release) == ("", "")


def test_h64_a_rollback_runs_no_hooks_of_a_deploy():
    pair = replace(PAIR, before_deploy="x", after_deploy="y")
    plan = make_rollback(pair, OBSERVED, OPTIONS, "v1", "v2", warm=True)
    assert (plan.before, plan.after, plan.warm, plan.release) == ((), "", True, "v1")


@pytest.mark.parametrize("retire, boots", [("park", True), ("stop", False)])
def test_h63_the_spare_is_rebuilt_or_with_retire_stop_only_linked(retire, boots):
    plan = make_rebuild(replace(PAIR, retire=retire), "new", "old", "v1")
    assert (plan.standby, plan.boots, plan.release) == (True, boots, "v1")


# the state machine


def test_h61_the_link_changes_once_the_target_has_stopped_and_before_it_starts():
    deploy = Driver(RELEASE).until_baking()
    order = [DeployAction.STOP, DeployAction.LINK, DeployAction.START, DeployAction.PROMOTE]
    assert deploy.actions == order


def test_h67_if_the_link_cannot_be_changed_the_deploy_fails_and_nothing_is_learnt():
    deploy = Driver(RELEASE).see(PARKED).see(GONE).see(GONE, unlinked="no such folder")
    assert deploy.end == (Phase.ENDED, Outcome.FAILED)
    assert deploy.state.reason == "no such folder" and not deploy.state.release_started


def test_h64_a_release_in_memory_is_only_promoted():
    deploy = Driver(replace(RELEASE, warm=True))
    assert deploy.actions == [DeployAction.PROMOTE]
    deploy.see(SERVING, serving="new", old=OLD_PARKED, promoted=True)
    assert deploy.end == (Phase.ENDED, Outcome.DEPLOYED)


def test_h64_a_promotion_that_is_refused_leaves_users_where_they_are():
    deploy = Driver(replace(RELEASE, warm=True)).see(PARKED, refusal="no")
    assert deploy.end == (Phase.ENDED, Outcome.REFUSED)


def test_h63_a_spare_is_rebuilt_without_a_promotion():
    rebuild = replace(RELEASE, release="v1", standby=True)
    deploy = Driver(rebuild).see(PARKED).see(GONE).see(an_instance("new", True, started=False))
    assert deploy.state.phase is Phase.BOOTING
    deploy.see(SERVING, serving="new", old=OLD_PARKED)
    assert deploy.state.phase is Phase.BOOTING, "its own hooks let it serve for a moment"
    deploy.see(PARKED)
    assert deploy.end == (Phase.ENDED, Outcome.DEPLOYED)
    assert DeployAction.PROMOTE not in deploy.actions


def test_h63_with_retire_stop_the_spare_only_gets_the_link():
    deploy = Driver(replace(RELEASE, standby=True, boots=False)).see(PARKED).see(GONE)
    assert deploy.end == (Phase.ENDED, Outcome.DEPLOYED)
    assert deploy.actions == [DeployAction.STOP, DeployAction.LINK]


def failing(**seen):
    """A bake whose release is bad while the old program is what `seen` says."""
    return bakes(abort="operator", **seen)


def test_h65_an_old_program_that_was_stopped_is_started_and_promoted():
    deploy = Driver(RELEASE).until_baking().see(**failing(old=OLD_STOPPED))
    assert deploy.state.phase is Phase.RETURNING
    assert deploy.actions[-1] is DeployAction.START_OLD
    deploy.see(**bakes(old=an_instance("old", True, started=False)), after=5)
    assert deploy.actions[-1] is DeployAction.START_OLD, "it boots"
    deploy.see(**bakes(old=replace(OLD_PARKED, pid=99, master=99)))
    assert deploy.actions[-1] is DeployAction.RETURN
    deploy.see(target=PARKED, old=OLD)
    assert deploy.end == (Phase.ENDED, Outcome.ROLLED_BACK)


def test_h65_an_old_program_that_supervisor_starts_again_is_waited_for():
    backoff = Instance("old", "BACKOFF")
    deploy = Driver(RELEASE).until_baking().see(**failing(old=backoff))
    assert DeployAction.START_OLD not in deploy.actions
    deploy.see(**bakes(old=replace(OLD_PARKED, pid=99, master=99)))
    assert deploy.actions[-1] is DeployAction.RETURN


def test_h65_an_old_release_that_does_not_boot_again_is_no_way_back():
    deploy = Driver(RELEASE).until_baking().see(**failing(old=OLD_STOPPED))
    deploy.see(**bakes(old=OLD_STOPPED), after=RELEASE.boot_timeout + 1)
    assert deploy.end == (Phase.ENDED, Outcome.NOT_BACK)
    assert "did not boot again" in deploy.state.reason
    assert deploy.actions.count(DeployAction.START_OLD) == 1


def test_h65_an_old_process_that_ends_while_it_is_promoted_is_booted_once_more():
    deploy = Driver(RELEASE).until_baking().see(**failing())
    assert deploy.actions[-1] is DeployAction.RETURN
    deploy.see(**bakes(old=OLD_STOPPED, refusal="it ended")).see(**bakes(old=OLD_STOPPED))
    assert deploy.actions[-1] is DeployAction.START_OLD
    deploy.see(**bakes(old=OLD_PARKED))
    assert deploy.actions[-1] is DeployAction.RETURN
    deploy.see(**bakes(old=OLD_STOPPED, refusal="it ended"))
    assert deploy.end == (Phase.ENDED, Outcome.NOT_BACK)


def test_h65_the_end_of_the_old_process_alone_is_no_trouble():
    deploy = Driver(RELEASE).until_baking().see(**bakes(old=OLD_STOPPED))
    assert deploy.state.phase is Phase.BAKING and "ended" not in deploy.state.waiting_for()
    deploy.see(**bakes(old=OLD_STOPPED), after=20)
    assert deploy.end == (Phase.ENDED, Outcome.DEPLOYED) and deploy.state.reason == ""


def test_a_dry_run_tells_of_the_link_and_of_the_rebuild():
    plans = make_plans(PAIR, OBSERVED, DeployOptions(release="v2"), "v2", "v1")
    steps = dry_run(PAIR, plans, OBSERVED)
    assert "let the link of new name the release v2" in steps
    assert "if new fails: boot new again, from the release v1" in steps


# what is remembered


def a_verdict(state):
    return Verdict(state, 1.0, "operator", "x-1")


def test_the_order_in_which_releases_served_is_the_way_back():
    records = ReleaseRecords({})
    records.note_deployed("v1", "v2")
    records.note_deployed("v2", "v3")
    assert records.before("v3") == ["v2", "v1"] and records.before("v2") == ["v1"]
    assert records.before("unknown") == ["v3", "v2", "v1"]


def test_a_release_that_was_rolled_back_is_no_longer_in_the_order():
    records = ReleaseRecords({})
    records.note_deployed("v1", "v2")
    records.note_deployed("v2", "v3")
    records.note_deployed("v2", "v4")  # v3 was rolled back
    assert records.before("v4") == ["v2", "v1"]


def test_records_outlive_supervisord():
    records = ReleaseRecords({})
    assert records.settings() == {}
    records.note_verdict("v2", a_verdict(BAD))
    records.note_deployed("v0", "v1")
    records.note_serving("v1", "a", {"a": "v1", "b": "v0"})
    assert vars(ReleaseRecords(records.settings())) == vars(records)


@pytest.mark.parametrize(
    "stored",
    [
        {"verdicts": []},
        {"verdicts": {"v1": 7, "v2": {}, "v3": {"state": "bad", "at": None, "by": "", "id": ""}}},
        {"served": 7, "links": 7, "serving": None},
        {"verdicts": {"v1": {"state": "bad", "at": "x", "by": "", "id": "", "more": 1}}},
    ],
)
def test_records_that_cannot_be_read_are_ignored(stored):
    assert ReleaseRecords(stored).verdicts == {}


LINKS = {"a": "v1", "b": "v2"}


@pytest.mark.parametrize(
    "serving, program, links, starting, trying, wrong",
    [
        ("v2", "b", LINKS, ["a"], "", ["a"]),
        ("v2", "b", LINKS, ["a", "b"], "", []),
        ("v1", "a", LINKS, ["a"], "", []),
        ("v1", "a", LINKS, ["a"], "b", ["b"]),
        ("v2", "b", {"a": "v3", "b": "v2"}, ["a"], "", []),
        ("", "", LINKS, ["a"], "", []),
    ],
    ids=["spare", "both", "first", "interrupted", "by-hand", "unknown"],
)
def test_h66_users_stay_on_the_release_that_served_last(
    serving, program, links, starting, trying, wrong
):
    records = ReleaseRecords({})
    records.note_serving(serving, program, LINKS)
    records.trying = trying
    assert records.to_restore(links, starting) == wrong


# the releases of a pair


@pytest.fixture
def releases(tmp_path):
    for name in ("v1", "v2", "v3"):
        (tmp_path / name).mkdir()
    found = Releases(replace(PAIR, releases=str(tmp_path)), None)
    found.point("old", "v2", False)
    found.point("new", "v1", False)
    return found


def test_h61_each_instance_is_told_with_its_release(releases):
    assert releases.assigned(Instance("new")) == ("v1", "v1", "")
    assert Releases(PAIR, None).assigned(PARKED) == ("", "", "")


def test_h62_a_bad_release_is_refused_without_force(releases):
    releases.records.note_verdict("v3", a_verdict(BAD))
    with pytest.raises(errors.BadRelease):
        releases.find("v3", force=False)
    assert releases.find("v3", force=True) == "v3"


def test_h64_the_previous_release_is_a_good_one_that_is_there(releases):
    assert releases.previous(OBSERVED) == "v1", "the other instance has it"
    releases.records.note_deployed("v3", "v2")
    assert releases.previous(OBSERVED) == "v3"
    releases.records.note_verdict("v3", a_verdict(BAD))
    assert releases.previous(OBSERVED) == "v1"
    releases.records.note_verdict("v1", a_verdict(BAD))
    with pytest.raises(errors.UnknownRelease):
        releases.previous(OBSERVED)


def test_h68_without_releases_nothing_can_be_named():
    with pytest.raises(errors.BadOption):
        Releases(PAIR, None).find("v1", force=False)


@pytest.mark.parametrize(
    "outcome, started, traffic, aborted, state",
    [
        (Outcome.DEPLOYED, True, True, False, GOOD),
        (Outcome.ROLLED_BACK, True, True, False, BAD),
        (Outcome.ROLLED_BACK, True, True, True, BAD),
        (Outcome.FAILED, True, False, False, BAD),
        (Outcome.FAILED, True, False, True, None),
        (Outcome.FAILED, False, False, False, None),
        (Outcome.REFUSED, False, False, False, None),
    ],
)
def test_h63_how_a_deploy_ended_says_whether_the_release_is_good(
    releases, outcome, started, traffic, aborted, state
):
    ended = DeployState(RELEASE, Phase.ENDED, 0.0, outcome=outcome)
    ended = replace(ended, release_started=started, had_traffic=traffic)
    releases.note_end(ended, "x-1", "operator", aborted)
    verdict = releases.records.verdicts.get("v2")
    assert (verdict.state if verdict else None) == state


def test_the_list_tells_what_there_is_and_who_has_it(releases, tmp_path):
    releases.records.note_verdict("v3", a_verdict(BAD))
    (tmp_path / "v1").rmdir()
    listed = {r["release"]: r for r in releases.listed(OBSERVED)}
    assert listed["v2"]["serving"] and listed["v2"]["instances"] == ["old"]
    assert listed["v3"]["state"] == "bad" and listed["v3"]["instances"] == []
    assert listed["v1"]["reason"] == "is gone" and listed["v1"]["instances"] == ["new"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(errors.UnknownRelease, match="cannot be read"):
        Releases(replace(PAIR, releases=f"{tmp_path}/none"), None).listed(PairState(()))


def test_h66_what_a_deploy_still_watches_is_not_what_served_last(releases):
    assert releases.note_serving("old") and releases.records.serving == "v2"
    releases.point("new", "v3", trying=True)
    assert not releases.note_serving("new") and releases.records.serving == "v2"
    assert releases.restore(["old"]) == {"new": "it has v2, which served last, instead of v3"}
    assert releases.of("new") == "v2"


def test_h66_a_release_that_was_deployed_is(releases):
    releases.note_serving("old")
    releases.point("new", "v3", trying=True)
    ended = DeployState(replace(RELEASE, release="v3"), Phase.ENDED, 0.0, release_started=True)
    releases.note_end(replace(ended, outcome=Outcome.DEPLOYED), "x-1", "operator", False)
    assert (releases.records.serving, releases.records.program) == ("v3", "new")
    assert releases.restore(["old"]) == {"old": "it has v3, which served last, instead of v2"}


def test_h66_a_release_that_is_gone_cannot_be_restored(releases, tmp_path):
    releases.note_serving("old")
    releases.point("new", "v3", trying=True)
    (tmp_path / "v2").rmdir()
    assert releases.restore(["old"])["new"].startswith("it keeps v3: ")

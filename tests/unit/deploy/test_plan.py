"""What a deploy is planned to do, and what is refused."""

from dataclasses import replace

import pytest

from supervisor_zerg.core import errors
from supervisor_zerg.core.instance import Instance
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.deploy.plan import DeployOptions, make_plans, make_restart, read_options

from .pairs import OBSERVED, OLD, PAIR, PARKED, SERVING, an_instance

ASYNC = PairState((replace(OLD, asynchronous=True), PARKED))


def test_the_plan_of_a_pair():
    (plan,) = make_plans(PAIR, OBSERVED, read_options({"bake": 5, "timeout": 7.0}))
    assert (plan.target, plan.old) == ("new", "old")
    assert (plan.bake, plan.boot_timeout) == (5.0, 7.0)
    assert (plan.check_parked, plan.check_serving) == (True, True)
    assert (plan.before, plan.after) == ((), "")


def test_an_address_that_does_not_tell_the_instances_apart_is_asked_after_the_promotion_only():
    pair = replace(PAIR, health="http://localhost/health")
    (plan,) = make_plans(pair, OBSERVED, read_options({}))
    assert (plan.check_parked, plan.check_serving) == (False, True)


def test_h55_backup_first_makes_two_plans():
    pair = replace(PAIR, update="git pull", before_deploy="true", after_deploy="true")
    options = read_options({"backup_first": True})
    first, second = make_plans(pair, OBSERVED, options)
    assert (first.target, first.bake) == ("new", 0)
    assert (first.before, first.after) == (("before_deploy",), "")
    assert (second.target, second.old) == ("old", "new")
    assert (second.before, second.after) == (("update",), "after_deploy")
    assert second.continues_previous


def test_h55_backup_first_needs_one_plan_where_the_backup_serves():
    pair = replace(PAIR, update="git pull", before_deploy="true")
    observed = PairState((an_instance("old", True), SERVING))
    (only,) = make_plans(pair, observed, read_options({"backup_first": True}))
    assert (only.target, only.before) == ("old", ("before_deploy", "update"))


def test_h71_a_restart_makes_two_plans_without_hooks():
    pair = replace(PAIR, update="git pull", before_deploy="true", after_deploy="true")
    first, second = make_restart(pair, OBSERVED, read_options({}), "v2")
    assert [(plan.target, plan.old) for plan in (first, second)] == [("new", "old"), ("old", "new")]
    assert (first.bake, second.bake) == (0, pair.bake) and second.continues_previous
    for plan in (first, second):
        assert (plan.before, plan.after, plan.takes_settings) == ((), "", True)
        assert (plan.release, plan.old_release) == ("v2", "v2")


@pytest.mark.parametrize("option", [{"label": "x"}, {"backup_first": True}, {"force": True}])
def test_a_restart_has_no_options_about_a_release(option):
    with pytest.raises(errors.BadOption):
        make_restart(PAIR, OBSERVED, read_options(option), "")


@pytest.mark.parametrize(
    "pair, observed, options, refusal",
    [
        (PAIR, PairState((Instance("old"), Instance("new"))), {}, errors.NobodyServes),
        (PAIR, PairState((OLD, Instance("new", "ABSENT"))), {}, errors.NotRunning),
        (PAIR, ASYNC, {}, errors.AsyncInstance),
        (replace(PAIR, retire="stop"), ASYNC, {}, errors.AsyncInstance),
        (PAIR, PairState((replace(OLD, unreadable="no right"), PARKED)), {}, errors.NoRights),
        (PAIR, OBSERVED, {"backup_first": True}, errors.BadOption),
    ],
)
def test_a_deploy_that_cannot_begin_is_refused(pair, observed, options, refusal):
    with pytest.raises(refusal):
        make_plans(pair, observed, read_options(options))


def test_an_async_pair_that_retires_the_old_instance_can_be_deployed():
    pair = replace(PAIR, retire="stop", health="http://localhost/health")
    (plan,) = make_plans(pair, ASYNC, read_options({}))
    assert plan.target == "new"


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
def test_options_that_are_unknown_of_the_wrong_type_or_out_of_range_are_refused(options):
    with pytest.raises(errors.BadOption):
        read_options(options)


def test_options_have_defaults():
    assert read_options({}) == DeployOptions()

"""The bake of a deploy: what rolls a release back, and what does not."""

import os
import signal

import pytest

from supervisor_zerg.demo.stack import CONF_D
from supervisor_zerg.demo.traffic import Traffic, get

from .conftest import LAZY, PREFORK, THREADS, pid_of
from .releases import begin, deploy, ended, nobody_notices


def test_h46_a_health_that_fails_in_the_bake_rolls_back(make, tmp_path):
    stack = make(health=f"command:test ! -e {tmp_path}/sick")
    with nobody_notices(stack):
        begin(stack, "2", "baking", bake=60)
        (tmp_path / "sick").touch()
        info = ended(stack)
    assert (
        info["outcome"] == "rolled back"
        and "pybossabak is not healthy: exit status 1" in info["reason"]
    )
    stack.until_roles("pybossa", "pybossabak")


def test_h54_a_bake_does_not_pass_without_answers_of_the_health_check(managed):
    stack = managed(health="command:true", health_timeout="0.1", health_count="1")
    begin(stack, "2", "baking", bake=4)
    stack.supervisor.stopProcess("zerg:zerg")
    info = ended(stack)
    assert info["outcome"] == "rolled back" and "does the listener run?" in info["reason"], info


def test_h49_a_pool_of_workers_that_grows_is_no_crash(make):
    stack = make(app={"processes": 8, "cheaper": 1, "cheaper-step": 4}, health="", bake="4")
    with Traffic(stack.web, clients=12, paths=("/?s=0.2",)):
        info = deploy(stack, "2")
    assert info["outcome"] == "deployed", info


def test_h49_workers_that_are_recycled_are_no_crash_where_no_stats_count_requests(make):
    stack = make(app={"processes": 4, "max-requests": 100}, health="", bake="4", stats="")
    with Traffic(stack.web, clients=2, paths=("/?s=0.005",)):
        info = deploy(stack, "2")
    assert info["outcome"] == "deployed", info


def test_h49_workers_that_are_recycled_are_no_crash(make):
    stack = make(app={"processes": 4, "max-requests": 100}, health="", bake="4")
    with Traffic(stack.web, clients=2, paths=("/?s=0.005",)):
        info = deploy(stack, "2")
    assert info["outcome"] == "deployed", info


def test_h48_if_the_old_process_has_ended_the_deploy_says_that_there_is_no_way_back(make):
    stack = make(health="")
    stack.version("2")
    command = stack.zergctl("deploy", "--no-wait", "--bake", "60")
    assert command.returncode == 0
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    os.kill(pid_of(stack, "pybossa"), signal.SIGKILL)
    stack.until(
        lambda: "which had the old release, has ended" in stack.zerg.getDeploy("")["waiting_for"]
    )
    stack.until(lambda: stack.info()["warm"])
    info = stack.zerg.abort("")
    assert info["outcome"] == "not rolled back" and "there is none to go back to" in info["reason"]
    assert get(stack.web).version == "2"
    assert any(
        "pybossabak holds the release that was not rolled back: aborted" in p
        for p in stack.info()["problems"]
    )


COUNTING = {"ini": CONF_D / "uwsgi" / "responses.ini"}
ALL_MODES = {"prefork": PREFORK, "threads": THREADS, "lazy": LAZY}


@pytest.mark.parametrize("app", ALL_MODES.values(), ids=ALL_MODES)
def test_h74_a_release_that_answers_users_with_500_is_rolled_back_within_a_second(make, app):
    stack = make(app={**app, **COUNTING}, bake="20")
    with Traffic(stack.web, clients=4) as traffic:
        info = deploy(stack, "2 status=500")
        traffic.end(10)
    assert info["outcome"] == "rolled back" and "with a status 5xx" in info["reason"], info
    times = {s.rpartition("pybossabak ")[2]: float(s[1:].split("s")[0]) for s in info["steps"]}
    assert times["is rolled back"] - times["is promoted"] < 2
    stack.until_roles("pybossa", "pybossabak")
    assert stack.instance("pybossabak")["responses"]["5xx"] >= 20


def test_h74_few_errors_are_no_reason_to_go_back(make):
    stack = make(app={**PREFORK, **COUNTING}, max_5xx="1")
    with Traffic(stack.web, clients=4):
        info = deploy(stack, "2 status=500")
    assert info["outcome"] == "deployed", info

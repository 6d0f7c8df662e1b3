"""The bake of a deploy: what rolls a release back, what does not, and where there is no way back."""

import os
import signal

from supervisor_zerg.demo.traffic import Traffic, get

from .conftest import pid_of
from .releases import begin, deploy, ended, make, managed, nobody_notices  # noqa: F401


def test_h46_a_health_that_fails_in_the_bake_rolls_back(make, tmp_path):  # noqa: F811
    stack = make(health=f"command:test ! -e {tmp_path}/sick")
    with nobody_notices(stack):
        begin(stack, "2", "baking", bake=60)
        (tmp_path / "sick").touch()
        told = ended(stack)
    assert (
        told["outcome"] == "rolled back"
        and "pybossabak is not healthy: exit status 1" in told["reason"]
    )
    stack.until_roles("pybossa", "pybossabak")


def test_h54_a_bake_does_not_pass_where_nobody_asks_for_the_health(managed):  # noqa: F811
    stack = managed(health="command:true", health_timeout="0.1", health_count="1")
    begin(stack, "2", "baking", bake=4)
    stack.supervisor.stopProcess("zerg:zerg")
    told = ended(stack)
    assert told["outcome"] == "rolled back" and "does the listener run?" in told["reason"], told


def test_h49_a_pool_of_workers_that_grows_is_no_crash(make):  # noqa: F811
    stack = make(app={"processes": 8, "cheaper": 1, "cheaper-step": 4}, health="", bake="4")
    with Traffic(stack.web, clients=12, paths=("/?s=0.2",)):
        told = deploy(stack, "2")
    assert told["outcome"] == "deployed", told


def test_h49_workers_that_are_recycled_are_no_crash_where_no_stats_count_requests(make):  # noqa: F811
    stack = make(app={"processes": 4, "max-requests": 100}, health="", bake="4", stats="")
    with Traffic(stack.web, clients=2, paths=("/?s=0.005",)):
        told = deploy(stack, "2")
    assert told["outcome"] == "deployed", told


def test_h49_workers_that_are_recycled_are_no_crash(make):  # noqa: F811
    stack = make(app={"processes": 4, "max-requests": 100}, health="", bake="4")
    with Traffic(stack.web, clients=2, paths=("/?s=0.005",)):
        told = deploy(stack, "2")
    assert told["outcome"] == "deployed", told


def test_h48_where_the_old_process_has_ended_there_is_no_way_back_and_the_deploy_says_so(make):  # noqa: F811
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
    told = stack.zerg.abort("")
    assert told["outcome"] == "not rolled back" and "there is none to go back to" in told["reason"]
    assert get(stack.web).version == "2"
    assert any(
        "pybossabak holds the release that was not rolled back: aborted" in p
        for p in stack.info()["problems"]
    )

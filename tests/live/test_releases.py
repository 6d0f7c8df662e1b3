"""Releases in folders: each instance boots its own, and there is always a way back."""

import os
import random
import shutil
import signal
import xmlrpc.client

import pytest

from supervisor_zerg.demo.releases import make_release
from supervisor_zerg.demo.traffic import Traffic, get

from .conftest import APP, LAZY, PREFORK, QUICK, history, pid_of
from .releases import ended, nobody_notices


@pytest.fixture
def released(make_stack):
    """A factory of pairs whose instances boot parked. pybossa serves v1, and both links name it."""

    def make(app=PREFORK, dialect="managed", **pair):
        stack = make_stack(dialect, app={**APP, **app}, pair={**QUICK, **pair}, releases=True)
        stack.until_roles("pybossa", "")
        return stack

    return make


def deploy(stack, release, text, **options):
    make_release(stack.releases / release, text)
    return stack.zerg.deploy("", {"release": release, **options})


def have(stack):
    """The release of each instance."""
    return {found["program"]: found["release"] for found in stack.info()["instances"]}


def states(stack):
    return {found["release"]: found["state"] for found in stack.zerg.getReleases("")}


def until_warm(stack):
    """Wait until nothing is under way and the parked instance could take over."""
    return stack.until(lambda: (info := stack.info())["busy"] == {} and info["warm"] and info, 40)


def kill(stack, program):
    """Kill a master, and wait until Supervisor's next one is ready."""
    pid = pid_of(stack, program)
    os.kill(pid, signal.SIGKILL)
    stack.until(lambda: pid_of(stack, program) not in (0, pid))
    until_warm(stack)


def begin_bake(stack, release):
    """Begin a deploy that watches its release for a minute, and wait until it does."""
    begun = stack.zerg.deploy("", {"release": release, "wait": False, "bake": 60})
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    return begun


def refusal(call, *arguments):
    with pytest.raises(xmlrpc.client.Fault) as raised:
        call(*arguments)
    return raised.value.faultString


@pytest.mark.parametrize("app", [PREFORK, LAZY], ids=["prefork", "lazy"])
def test_h61_each_instance_boots_its_own_release(released, dialect, app):
    stack = released(app, dialect)
    with nobody_notices(stack):
        info = deploy(stack, "v2", "2")
    assert (info["outcome"], info["release"], info["changed"]) == ("deployed", "v2", True)
    assert have(stack) == {"pybossa": "v1", "pybossabak": "v2"}
    for program, version in (("pybossa", "1"), ("pybossabak", "2")):
        kill(stack, program)
        assert have(stack) == {"pybossa": "v1", "pybossabak": "v2"}
        stack.zerg.promote(program)
        assert get(stack.web).version == version


def test_h62_a_deploy_of_what_serves_changes_nothing(released):
    stack = released()
    pids = [pid_of(stack, "pybossa"), pid_of(stack, "pybossabak")]
    info = stack.zerg.deploy("", {"release": "v1"})
    assert (info["outcome"], info["changed"], info["serving"]) == ("deployed", False, "pybossa")
    done = stack.zergctl("deploy", "v1")
    assert done.returncode == 0 and "nothing to do, pybossa serves v1" in done.stdout
    assert [pid_of(stack, "pybossa"), pid_of(stack, "pybossabak")] == pids


def test_h63_a_failed_release_is_marked_and_the_spare_boots_the_good_one(released):
    stack = released()
    with nobody_notices(stack):
        info = deploy(stack, "v2", "2 unimportable")
        assert info["outcome"] == "failed"
        until_warm(stack)
        kill(stack, "pybossa")
    assert have(stack) == {"pybossa": "v1", "pybossabak": "v1"}
    assert states(stack) == {"v1": "never tried", "v2": "bad"}
    assert "ZERG_BAD_RELEASE" in refusal(stack.zerg.deploy, "", {"release": "v2"})
    make_release(stack.releases / "v2", "2")
    assert stack.zerg.deploy("", {"release": "v2", "force": True})["outcome"] == "deployed"
    assert states(stack) == {"v1": "never tried", "v2": "good"}


def test_h63_with_keep_the_bad_release_stays_parked(released):
    stack = released(health="", after_rollback="keep")
    make_release(stack.releases / "v2", "2")
    begun = begin_bake(stack, "v2")
    stack.zerg.abort("")
    assert ended(stack)["id"] == begun["id"]
    assert until_warm(stack)["serving"] == "pybossa"
    assert have(stack) == {"pybossa": "v1", "pybossabak": "v2"}


def test_h64_rollback_is_a_swap_where_the_release_is_in_memory(released):
    stack = released()
    assert deploy(stack, "v2", "2")["outcome"] == "deployed"
    with nobody_notices(stack):
        info = stack.zerg.rollback("", {})
        assert (info["outcome"], info["release"], info["kind"]) == ("done", "v1", "rollback")
        assert info["elapsed"] < 2 and get(stack.web).version == "1"
        until_warm(stack)
    assert have(stack) == {"pybossa": "v1", "pybossabak": "v1"}
    assert states(stack)["v2"] == "bad"
    kinds = [e["kind"] for e in history(stack)]
    assert kinds.index("rollback") < kinds.index("rebuild")


def test_h64_rollback_boots_a_release_that_is_not_in_memory(released):
    stack = released()
    assert deploy(stack, "v2", "2")["outcome"] == "deployed"
    assert deploy(stack, "v3", "3")["outcome"] == "deployed"
    with nobody_notices(stack):
        done = stack.zergctl("rollback", "v1")
    assert done.returncode == 0 and "rolled back to v1" in done.stdout, done
    assert get(stack.web).version == "1"
    until_warm(stack)
    assert set(have(stack).values()) == {"v1"}


def test_h65_if_the_old_process_has_ended_it_is_booted_again_from_its_own_release(released):
    stack = released(health="")
    make_release(stack.releases / "v2", "2")
    begin_bake(stack, "v2")
    stack.supervisor.stopProcess("pybossa")
    with nobody_notices(stack):
        info = stack.zerg.abort("")
    assert info["outcome"] == "rolled back", info
    assert get(stack.web).version == "1"
    until_warm(stack)
    assert have(stack) == {"pybossa": "v1", "pybossabak": "v1"}


def test_h66_after_a_restart_users_have_the_release_that_served_last(released):
    stack = released()
    assert deploy(stack, "v2", "2")["outcome"] == "deployed"
    assert have(stack) == {"pybossa": "v1", "pybossabak": "v2"}
    stack.supervisor.restart()
    stack.until(lambda: stack._answers() and stack.info()["serving"] == "pybossa", 40)
    assert get(stack.web).version == "2"
    assert have(stack) == {"pybossa": "v2", "pybossabak": "v2"}


def test_h67_hostile_names_are_refused_and_named(released, tmp_path):
    stack = released()
    (stack.releases / "file").write_text("")
    (stack.releases / "out").symlink_to(tmp_path)
    (stack.releases / "current").symlink_to("v1")
    for name in ("..", "../log", "v1/..", "file", "out", ".zerg", "nowhere", "v1\nv2", "/", "/etc"):
        assert "UNKNOWN_RELEASE" in refusal(stack.zerg.deploy, "", {"release": name}), name
    assert stack.zerg.deploy("", {"release": "current"})["changed"] is False
    assert stack.zerg.deploy("", {"release": str(stack.releases / "v1")})["changed"] is False
    (stack.releases / "größe").mkdir()
    (stack.releases / "a\nb").mkdir()
    assert "UNKNOWN_RELEASE" in refusal(stack.zerg.deploy, "", {"release": "größe"})
    unusable = {name for name, state in states(stack).items() if state == "unusable"}
    assert unusable == {"file", "out", "gr\\xf6\\xdfe", "a\\nb"}


def test_h67_a_release_that_vanishes_while_it_serves_goes_on_and_is_named(released):
    stack = released()
    assert deploy(stack, "v2", "2")["outcome"] == "deployed"
    with nobody_notices(stack):
        shutil.rmtree(stack.releases / "v2")
        problems = stack.info()["problems"]
        assert any("names the release v2, which is gone" in p for p in problems), problems
        assert have(stack) == {"pybossa": "v1", "pybossabak": "v2"}
        assert stack.zerg.rollback("", {})["outcome"] == "done"


def test_h67_what_lies_at_the_place_of_the_link_is_not_replaced(released):
    stack = released()
    link = stack.releases / ".zerg" / "pybossabak"
    link.unlink()
    link.write_text("mine")
    info = deploy(stack, "v2", "2")
    assert info["outcome"] == "failed" and "it is no link" in info["reason"], info
    assert link.read_text() == "mine" and states(stack)["v2"] == "never tried"
    link.unlink()
    assert stack.zerg.deploy("", {"release": "v2"})["outcome"] == "deployed"


def test_h68_a_pair_without_releases_refuses_a_name(managed):
    stack = managed()
    done = stack.zergctl("deploy", "v2")
    assert done.returncode == 2 and "has no 'releases'" in done.stderr
    assert stack.zergctl("rollback").returncode == 2


@pytest.mark.parametrize("version", ["2 raises", "2 dies=0.2"], ids=["raises", "dies"])
def test_h63_a_release_that_is_bad_at_work_never_comes_back(released, dialect, version):
    stack = released(PREFORK, dialect, health="")
    with Traffic(stack.web, clients=4):
        info = deploy(stack, "v2", version, bake=20)
    assert info["outcome"] == "rolled back" and states(stack)["v2"] == "bad", info
    until_warm(stack)
    kill(stack, info["serving"])
    assert set(have(stack).values()) == {"v1"}
    assert {get(stack.web).version for _ in range(8)} == {"1"}


def test_h63_with_retire_stop_the_spare_gets_the_good_release_and_stays_stopped(released):
    stack = released(health="", retire="stop")
    stack.zerg.deploy("", {"release": "v1"})
    make_release(stack.releases / "v2", "2")
    begin_bake(stack, "v2")
    stack.zerg.abort("")
    stack.until(lambda: have(stack) == {"pybossa": "v1", "pybossabak": "v1"})
    stack.until(lambda: stack.instance("pybossabak")["statename"] == "STOPPED")
    assert get(stack.web).version == "1"


def test_h64_with_retire_stop_a_rollback_boots_the_release_before(released):
    stack = released(retire="stop")
    assert deploy(stack, "v2", "2")["outcome"] == "deployed"
    stack.until(lambda: stack.instance("pybossa")["statename"] == "STOPPED")
    with nobody_notices(stack):
        assert stack.zerg.rollback("", {})["outcome"] == "done"
    assert get(stack.web).version == "1"


def test_h65_async_instances_can_be_rolled_back(released):
    pytest.importorskip("gevent")
    stack = released({"gevent": 20, "processes": 2}, health="", retire="stop")
    make_release(stack.releases / "v2", "2")
    begin_bake(stack, "v2")
    stack.until(lambda: stack.instance("pybossa")["statename"] == "STOPPED")
    info = stack.zerg.abort("")
    assert info["outcome"] == "rolled back", info
    assert get(stack.web).version == "1"
    stack.until(lambda: set(have(stack).values()) == {"v1"})


def test_h66_the_target_of_an_interrupted_deploy_gets_the_release_that_served(released):
    stack = released(health="")
    make_release(stack.releases / "v2", "2")
    begin_bake(stack, "v2")
    stack.supervisor.restart()
    stack.until(lambda: stack._answers() and stack.info()["serving"] == "pybossa", 40)
    assert get(stack.web).version == "1"
    assert have(stack) == {"pybossa": "v1", "pybossabak": "v1"}


def test_h63_hooks_get_the_release(released, tmp_path):
    log = tmp_path / "log"
    log.touch()
    hook = f"sh -c 'echo $ZERG_HOOK $ZERG_RELEASE >> {log}'"
    stack = released(before_deploy=hook, on_rollback=hook)
    assert deploy(stack, "v2", "2")["outcome"] == "deployed"
    assert stack.zerg.rollback("", {})["outcome"] == "done"
    stack.until(lambda: log.read_text().count("\n") == 2)
    assert log.read_text().splitlines() == ["before_deploy v2", "on_rollback v1"]


def test_h61_twenty_deploys_and_rollbacks_with_killed_masters(released):
    stack = released(bake="0.3")
    rng = random.Random(61)
    for number in range(2, 22):
        serving = stack.info()["serving"]
        if number % 4 == 0:
            info = stack.zerg.rollback("", {"force": True})
        else:
            info = deploy(stack, f"v{number}", str(number))
        assert info["outcome"] in ("deployed", "done"), info
        until_warm(stack)
        listed = {p: r["release"] for r in stack.zerg.getReleases("") for p in r["instances"]}
        assert listed == have(stack)
        killed = rng.choice(("", serving, info["serving"]))
        if killed:
            kill(stack, killed)
        assert have(stack) == listed
        for program in stack.info()["serving"], stack.info()["parked"]:
            stack.zerg.promote(program)
            assert f"v{get(stack.web).version}" == listed[program]

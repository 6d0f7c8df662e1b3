"""Rows of HISTORIES.rst about deploys: a release reaches users, or they never notice, or they are back within milliseconds."""

import os
import signal
import socket
import sys
import threading
import time
import xmlrpc.client
from pathlib import Path

import pytest

from supervisor_zerg.demo.traffic import Traffic, failed, get
from supervisor_zerg.worklist import STARTS_S

from .conftest import PREFORK, THREADS, assert_nobody_noticed, assert_serves, history, pid_of

APP = {"wsgi-file": Path(__file__).parent / "apps" / "release.py"}
FEW = {"health_interval": "0.1", "health_count": "2", "health_timeout": "1", "bake": "1"}
COMPANION = {"companion": "%(ENV_ZERG_RUN)s/%(program_name)s.companion", "health": "/"}


@pytest.fixture
def make(make_stack, dialect):
    """A pair in each dialect of an application that can be bad; pybossa serves version 1, pybossabak is parked."""

    def make(app=PREFORK, start=True, **pair):
        stack = make_stack(dialect, app={**APP, **app}, pair={**FEW, **pair}, start=start)
        if start:
            stack.until_roles("pybossa", "")
        return stack

    return make


@pytest.fixture
def managed(make_stack):
    """A pair whose copies boot parked."""

    def make(app=PREFORK, **pair):
        return make_stack("managed", app={**APP, **app}, pair={**FEW, **pair})

    return make


def deploy(stack, version, **options):
    stack.version(version)
    return stack.zerg.deploy("", {"label": version.split()[0], **options})


def versions(answers):
    return {a.version for a in answers}


@pytest.mark.parametrize("app", [PREFORK, THREADS], ids=["prefork", "threads"])
def test_h43_a_deploy_brings_the_code_on_disk_to_users_and_keeps_the_old_copy_warm(make, app):
    stack = make(app)
    with Traffic(stack.web, clients=4, paths=("/", "/?s=0.05")) as traffic:
        first = deploy(stack, "2")
        replied = time.monotonic()
        second = deploy(stack, "3")
        answers = traffic.answers()
    assert (first["outcome"], first["target"], second["outcome"], second["target"]) == ("deployed", "pybossabak", "deployed", "pybossa")
    assert_nobody_noticed(answers)
    assert versions(a for a in answers if replied - 0.9 < a.began < replied) == {"2"}
    info = stack.until_roles("pybossa", "pybossabak")
    assert {c["program"]: c["label"] for c in info["copies"]} == {"pybossa": "3", "pybossabak": "2"}
    assert stack.zerg.swap("")["serving"] == "pybossabak" and get(stack.web).version == "2"
    assert [e["what"] for e in history(stack)].count("deploy pybossa") == 1


BAD_AT_BOOT = {
    "h44-does-not-import": ("2 unimportable", {}, "ended while it booted"),
    "h45-hangs": ("2 hangs", {"boot_timeout": "1"}, "was not ready within 1 s"),
}


@pytest.mark.parametrize("version, pair, why", BAD_AT_BOOT.values(), ids=BAD_AT_BOOT)
def test_h44_h45_a_release_that_does_not_boot_is_never_seen(make, version, pair, why):
    stack = make(**pair)
    with Traffic(stack.web, clients=4, paths=("/",)) as traffic:
        told = deploy(stack, version)
        time.sleep(0.5)
        answers = traffic.answers()
    assert told["outcome"] == "failed" and why in told["why"]
    assert_nobody_noticed(answers)
    assert versions(answers) == {"1"}
    stack.until(lambda: stack.supervisor.getProcessInfo("pybossabak")["statename"] in ("STOPPED", "STOPPING", "FATAL"))
    assert any("no warm copy" in p and why in p for p in stack.info()["problems"])
    stack.until(lambda: stack.supervisor.getProcessInfo("pybossabak")["statename"] != "STOPPING", seconds=90)
    assert deploy(stack, "3")["outcome"] == "deployed"


BAD_WHILE_PARKED = {
    "h46-answers-500": ("2 status=500", "500 Bad"),
    "h47-never-answers": ("2 slow=60", "no answer within"),
    "raises": ("2 raises", "500"),
}


@pytest.mark.parametrize("version, why", BAD_WHILE_PARKED.values(), ids=BAD_WHILE_PARKED)
def test_h46_h47_a_release_that_is_not_healthy_is_never_seen(managed, version, why):
    stack = managed(**COMPANION)
    with Traffic(stack.web, clients=4, paths=("/",)) as traffic:
        told = deploy(stack, version)
        answers = traffic.answers()
    assert told["outcome"] == "failed" and why in told["why"], told
    assert_nobody_noticed(answers)
    assert versions(answers) == {"1"}


def test_h46_in_the_hooks_dialect_users_are_back_on_the_old_release(make_stack):
    stack = make_stack("hooks", app=APP, pair={**FEW, "health": "unix://%(ENV_ZERG_RUN)s/web.sock:/"})
    told = deploy(stack, "2 status=500", bake=5)
    assert told["outcome"] == "rolled back" and "500 Bad" in told["why"]
    stack.until_roles("pybossa", "pybossabak")
    assert_serves(stack, "pybossa")


BAD_AT_WORK = {
    "h48-dies": ("2 dies=0.3", "pybossabak ended"),
    "h49-raises": ("2 raises", "exceptions"),
    "h49-crashes": ("2 crashes", "pybossabak"),  # respawned workers, or none that accepts: what is seen first
}


@pytest.mark.parametrize("version, why", BAD_AT_WORK.values(), ids=BAD_AT_WORK)
def test_h48_h49_a_release_that_is_bad_at_work_is_rolled_back(make, version, why):
    stack = make()
    with Traffic(stack.web, clients=2, paths=("/",)) as traffic:
        told = deploy(stack, version, bake=8)
        replied = time.monotonic()
        time.sleep(0.5)
        answers = traffic.answers()
    assert told["outcome"] == "rolled back" and why in told["why"], told
    assert versions(a for a in answers if a.began > replied) == {"1"}
    assert failed(a for a in answers if a.began > replied) == []
    stack.until(lambda: stack.info()["serving"] == "pybossa")


def test_h49_a_request_that_uwsgi_ends_by_harakiri_rolls_back(managed):
    stack = managed(app={"processes": 2, "harakiri": 1})
    stack.version("2 slow=5")
    told = []
    thread = threading.Thread(target=lambda: told.append(deploy(stack, "2 slow=5", bake=8)))
    thread.start()
    stack.until(lambda: stack.info()["serving"] == "pybossabak")
    get(stack.web)
    thread.join()
    assert told[0]["outcome"] == "rolled back" and "harakiri" in told[0]["why"]


def test_h50_a_failing_before_deploy_changes_nothing_and_hooks_are_told_what_happened(managed, tmp_path):
    told = tmp_path / "told"
    hook = "sh -c 'echo $ZERG_HOOK $ZERG_TARGET $ZERG_OLD $ZERG_SERVING $ZERG_LABEL >> %s; test ! -e %s/refuse'" % (told, tmp_path)
    stack = managed(before_deploy=hook, after_deploy=hook, on_rollback=hook, on_failover=hook)
    pid = pid_of(stack, "pybossa")
    assert deploy(stack, "2")["outcome"] == "deployed"
    assert told.read_text().splitlines() == [
        "before_deploy pybossabak pybossa pybossa 2", "after_deploy pybossabak pybossa pybossabak 2",
    ]  # fmt: skip
    (tmp_path / "refuse").touch()
    refused = deploy(stack, "3")
    assert refused["outcome"] == "refused" and "before_deploy failed" in refused["why"]
    assert pid_of(stack, "pybossa") == pid and stack.info()["serving"] == "pybossabak"
    os.kill(pid_of(stack, "pybossabak"), signal.SIGKILL)
    stack.until(lambda: "on_failover pybossa pybossabak pybossa" in told.read_text())


def test_h51_while_a_deploy_runs_nothing_else_moves_the_pair_and_abort_ends_it(make):
    stack = make()
    begun = deploy(stack, "2", wait=False, bake=60)
    assert begun["outcome"] == ""
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.swap("")
    assert refusal.value.faultCode == 308 and begun["id"] in refusal.value.faultString and "a person" in refusal.value.faultString
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.deploy("")
    assert refusal.value.faultCode == 308
    assert begun["id"] in stack.info()["busy"]
    told = stack.zerg.abort("")
    assert told["outcome"] == "rolled back" and "aborted" in told["why"]
    stack.until_roles("pybossa", "pybossabak")
    assert any("was rolled back: aborted" in p for p in stack.info()["problems"])
    time.sleep(1.5)
    assert stack.info()["warm"], "nothing that the deploy had begun stops its copy afterwards"
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.abort("")
    assert refusal.value.faultCode == 321


def test_h51_abort_while_it_boots_leaves_users_where_they_are(make):
    stack = make()
    deploy(stack, "2 hangs", wait=False)
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "booting")
    told = stack.zerg.abort("")
    assert told["outcome"] == "failed" and stack.info()["serving"] == "pybossa"
    assert_serves(stack, "pybossa")


def test_h52_a_client_that_disconnects_ends_no_deploy(make):
    stack = make()
    stack.version("2")
    body = xmlrpc.client.dumps(("", {"bake": 1}), "zerg.deploy").encode()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(stack.url[len("unix://") :])
        client.sendall(b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        stack.until(lambda: stack.zerg.getDeploy("").get("phase"))
    stack.until(lambda: stack.zerg.getDeploy("")["outcome"] == "deployed")
    assert get(stack.web).version == "2"


def test_h53_a_reload_of_supervisord_in_the_middle_leaves_a_pair_that_settles(make):
    stack = make()
    deploy(stack, "2", wait=False, bake=60)
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    stack.process.send_signal(signal.SIGHUP)
    stack.until(lambda: stack._answers() and stack.zerg.getDeploy("") == {}, seconds=60)
    stack.until(lambda: stack.info()["serving"], seconds=60)
    assert deploy(stack, "3")["outcome"] == "deployed"


def test_h54_a_listener_that_is_killed_in_the_middle_takes_no_check_with_it(managed):
    stack = managed(health="command:sleep 0.2", health_count="5")
    deploy(stack, "2", wait=False)
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "checking")
    os.kill(pid_of(stack, "zerg:zerg"), signal.SIGKILL)
    told = stack.until(lambda: (d := stack.zerg.getDeploy(""))["outcome"] and d, seconds=40)
    assert told["outcome"] == "deployed"


def test_h54_without_a_listener_a_deploy_that_needs_it_is_refused(make_stack):
    stack = make_stack("managed", app=APP, pair={**FEW, "health": "command:true"}, start=False)
    stack.set_options("zerg.conf", "eventlistener:zerg", {"autostart": "false"})
    stack.start()
    time.sleep(STARTS_S)
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        deploy(stack, "2")
    assert refusal.value.faultCode == 319


def test_h55_the_procedure_of_the_article_in_one_command(managed):
    stack = managed(update="sh -c 'echo 2 > $ZERG_VERSION_FILE'")
    with Traffic(stack.web, clients=4, paths=("/", "/?s=0.05")) as traffic:
        told = stack.zerg.deploy("", {"backup_first": True})
        answers = traffic.answers()
    assert (told["outcome"], told["target"], told["serving"]) == ("deployed", "pybossa", "pybossa")
    assert_nobody_noticed(answers)
    assert versions(answers) == {"1", "2"}
    stack.until_roles("pybossa", "pybossabak")
    assert stack.zerg.swap("")["serving"] == "pybossabak" and get(stack.web).version == "1"


def test_h56_with_retire_stop_the_old_copy_ends_after_the_bake(make):
    stack = make(retire="stop")
    begun = deploy(stack, "2", wait=False)
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    assert stack.info()["warm"]
    stack.until(lambda: stack.supervisor.getProcessInfo("pybossa")["statename"] == "STOPPED")
    assert stack.zerg.getDeploy("")["outcome"] == "deployed" and stack.zerg.getDeploy("")["id"] == begun["id"]
    assert deploy(stack, "3")["target"] == "pybossa"


def test_h57_any_listener_is_told_what_happened(make_stack):
    stack = make_stack("managed", app=APP, pair=FEW, start=False)
    heard = stack.log / "heard"
    command = "%s %s %s" % (sys.executable, Path(__file__).parent / "apps" / "eavesdrop.py", heard)
    (stack.conf_d / "other.conf").write_text("[eventlistener:other]\ncommand = %s\nevents = ZERG\n" % command)
    stack.start()
    deploy(stack, "2")
    deploy(stack, "3 unimportable")
    told = stack.until(lambda: (text := heard.read_text()).count("ZERG_DEPLOY_FAILED") and text)
    assert "ZERG_PROMOTED pair:pybossa program:pybossabak was:pybossa" in told
    assert "ZERG_DEPLOYED pair:pybossa" in told and "ended while it booted" in told
    deploy(stack, "4")
    os.kill(pid_of(stack, stack.info()["serving"]), signal.SIGKILL)
    stack.until(lambda: "ZERG_FAILED_OVER pair:pybossa" in heard.read_text())


def test_h34_a_request_that_still_drains_finishes_before_its_copy_is_stopped(make):
    stack = make()
    assert deploy(stack, "2")["outcome"] == "deployed"
    answers = []
    thread = threading.Thread(target=lambda: answers.append(get(stack.web, "/?s=2", timeout=10)))
    thread.start()
    stack.until(lambda: stack.copy("pybossabak")["in_flight"] == 1)
    stack.zerg.swap("")
    told = deploy(stack, "3")
    thread.join()
    assert answers[0].status == 200 and answers[0].version == "2"
    assert told["outcome"] == "deployed" and told["cut"] == 0


def test_h34_beyond_the_drain_limit_the_requests_that_are_cut_are_counted(managed):
    stack = managed(drain_timeout="0.5")
    assert deploy(stack, "2")["outcome"] == "deployed"
    thread = threading.Thread(target=lambda: get(stack.web, "/?s=30", timeout=40), daemon=True)
    thread.start()
    stack.until(lambda: stack.copy("pybossabak")["in_flight"] == 1)
    stack.zerg.swap("")
    begun = deploy(stack, "3", wait=False)
    told = stack.until(lambda: (d := stack.zerg.getDeploy(""))["cut"] and d)
    assert told["cut"] == 1 and told["id"] == begun["id"]
    stack.zerg.abort("")


def test_supervisorctl_tells_each_step_and_ends_with_a_status_for_each_outcome(make_stack):
    stack = make_stack("managed", app=APP, pair=FEW)
    dry = stack.ctl("zerg", "deploy", "--dry-run")
    assert dry.returncode == 0 and "start pybossabak" in dry.stdout and stack.zerg.getDeploy("") == {}
    stack.version("2")
    done = stack.ctl("zerg", "deploy", "--label", "v2", "--bake", "0.5")
    assert done.returncode == 0 and "pybossa: deployed v2 in " in done.stdout and "pybossabak bakes" in done.stdout
    stack.version("3 unimportable")
    failing = stack.zergctl("deploy", "--json")
    assert failing.returncode == 4 and '"outcome": "failed"' in failing.stdout
    stack.until(lambda: stack.supervisor.getProcessInfo("pybossa")["statename"] in ("STOPPED", "FATAL"))
    stack.version("4")
    begun = stack.zergctl("deploy", "--no-wait", "--bake", "60")
    assert begun.returncode == 0
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    assert stack.ctl("zerg", "deploy").returncode == 3
    assert "rolled back" in stack.ctl("zerg", "abort").stdout

"""Rows of docs/scenarios.rst about deploys."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from supervisor_zerg.demo.stack import BIN
from supervisor_zerg.demo.traffic import Traffic, failed, get
from supervisor_zerg.deploy.stopper import KILL_AFTER_S
from supervisor_zerg.jobs.queue import STARTS_S

from .conftest import APP, PREFORK, QUICK, THREADS, assert_serves, history, pid_of
from .releases import ASKED, begin, deploy, ended, nobody_notices, promotions, versions


@pytest.mark.parametrize("app", [PREFORK, THREADS], ids=["prefork", "threads"])
def test_h43_a_deploy_brings_the_code_on_disk_to_users_and_keeps_the_old_instance_warm(make, app):
    stack = make(app)
    with nobody_notices(stack, paths=("/", "/?s=0.05")) as traffic:
        first = deploy(stack, "2")
        replied = time.monotonic()
        second = deploy(stack, "3")
    answers = traffic.answers()
    assert len(promotions(stack)) == 2
    assert (first["outcome"], first["target"], second["outcome"], second["target"]) == (
        "deployed",
        "pybossabak",
        "deployed",
        "pybossa",
    )
    assert versions(a for a in answers if replied - 0.9 < a.began < replied) == {"2"}
    info = stack.until_roles("pybossa", "pybossabak")
    assert {c["program"]: c["label"] for c in info["instances"]} == {
        "pybossa": "3",
        "pybossabak": "2",
    }
    assert stack.zerg.swap("")["serving"] == "pybossabak" and get(stack.web).version == "2"
    deploys = [e["program"] for e in history(stack) if e["kind"] == "deploy"]
    assert deploys.count("pybossa") == 1


BAD_AT_BOOT = {
    "h44-does-not-import": ("2 unimportable", {}, "ended while it booted"),
    "h45-hangs": ("2 hangs", {"boot_timeout": "1"}, "was not ready within 1 s"),
}


@pytest.mark.parametrize("version, pair, reason", BAD_AT_BOOT.values(), ids=BAD_AT_BOOT)
def test_h44_h45_a_release_that_does_not_boot_is_never_seen(make, version, pair, reason):
    stack = make(**pair)
    with nobody_notices(stack) as traffic:
        info = deploy(stack, version)
        replied = time.monotonic()
        time.sleep(0.5)
    assert info["outcome"] == "failed" and reason in info["reason"]
    assert versions(traffic.answers()) == {"1"}
    stack.until(
        lambda: (
            stack.supervisor.getProcessInfo("pybossabak")["statename"]
            in ("STOPPED", "STOPPING", "FATAL")
        )
    )
    assert any("no warm instance" in p and reason in p for p in stack.info()["problems"])
    stack.until(
        lambda: stack.supervisor.getProcessInfo("pybossabak")["statename"] != "STOPPING", seconds=90
    )
    assert time.monotonic() - replied < KILL_AFTER_S + 2.0, (
        "a hanging boot is not waited for as long as stopwaitsecs"
    )
    assert deploy(stack, "3")["outcome"] == "deployed"


BAD_WHILE_PARKED = {
    "h46-answers-500": ("2 status=500", "500 Bad"),
    "h47-never-answers": ("2 slow=60", "no answer within"),
    "raises": ("2 raises", "500"),
}


@pytest.mark.parametrize("version, reason", BAD_WHILE_PARKED.values(), ids=BAD_WHILE_PARKED)
def test_h46_h47_a_release_that_is_not_healthy_is_never_seen(managed, version, reason):
    stack = managed(**ASKED)
    with nobody_notices(stack) as traffic:
        info = deploy(stack, version)
    assert info["outcome"] == "failed" and reason in info["reason"], info
    assert versions(traffic.answers()) == {"1"}


@pytest.mark.parametrize("version, reason", BAD_WHILE_PARKED.values(), ids=BAD_WHILE_PARKED)
@pytest.mark.parametrize("bake", [0, 0.5])
def test_h46_h47_in_the_hooks_dialect_users_are_back_on_the_old_release(
    make_stack, version, reason, bake
):
    stack = make_stack("hooks", app=APP, pair={**QUICK, **ASKED})
    info = deploy(stack, version, bake=bake)
    assert info["outcome"] == "rolled back" and reason in info["reason"], info
    stack.until_roles("pybossa", "pybossabak")
    assert_serves(stack, "pybossa")


BAD_AT_WORK = {
    "h48-dies": ("2 dies=0.3", "pybossabak ended"),
    "h49-raises": ("2 raises", "exceptions"),
    "h49-crashes": (
        "2 crashes",
        ("respawned workers", "does not accept", "end while it boots", "end while it is promoted"),
    ),  # whichever is observed first
}


@pytest.mark.parametrize("version, reason", BAD_AT_WORK.values(), ids=BAD_AT_WORK)
def test_h48_h49_a_release_that_is_bad_at_work_is_rolled_back(make, version, reason):
    stack = make(health="")
    with Traffic(stack.web, clients=2, paths=("/",)) as traffic:
        info = deploy(stack, version, bake=8)
        replied = time.monotonic()
        time.sleep(0.5)
        answers = traffic.answers()
    assert info["outcome"] == "rolled back"
    assert any(w in info["reason"] for w in ((reason,) if isinstance(reason, str) else reason)), (
        info
    )
    assert versions(a for a in answers if a.began > replied) == {"1"}
    assert failed(a for a in answers if a.began > replied) == []
    stack.until(lambda: stack.info()["serving"] == "pybossa")


def test_h48_a_master_that_dies_in_the_bake_is_replaced_at_once_and_its_respawn_is_parked(make):
    stack = make(health="")
    begin(stack, "2", "baking", bake=60)
    stack.until(lambda: stack.instance("pybossabak")["statename"] == "RUNNING")
    with Traffic(stack.web, clients=2, paths=("/",)) as traffic:
        killed = time.monotonic()
        os.kill(pid_of(stack, "pybossabak"), signal.SIGKILL)
        info = ended(stack)
        time.sleep(0.3)
        first = min(
            a.ended for a in traffic.answers() if a.program == "pybossa" and a.handled > killed
        )
    assert info["outcome"] == "rolled back" and "pybossabak ended" in info["reason"]
    assert first - killed < 0.5, (
        "milliseconds, as make bench measures; a loaded machine may take longer"
    )
    stack.until_roles("pybossa", "pybossabak")


def test_h49_a_request_that_uwsgi_ends_by_harakiri_rolls_back(make):
    stack = make(app={"processes": 2, "harakiri": 1}, health="")
    begin(stack, "2 slow=5", "baking", bake=8)
    get(stack.web)
    info = ended(stack)
    assert info["outcome"] == "rolled back" and "harakiri" in info["reason"]


def test_h50_a_failing_before_deploy_changes_nothing_and_hooks_know_what_happened(
    managed, tmp_path
):
    heard = tmp_path / "heard"
    echo = "echo $ZERG_HOOK $ZERG_TARGET $ZERG_OLD $ZERG_SERVING $ZERG_LABEL $ZERG_REASON"
    hook = f"sh -c '{echo} >> {heard}; test ! -e {tmp_path}/refuse'"
    stack = managed(before_deploy=hook, after_deploy=hook, on_rollback=hook, on_failover=hook)
    pid = pid_of(stack, "pybossa")
    assert deploy(stack, "2")["outcome"] == "deployed"
    assert heard.read_text().splitlines() == [
        "before_deploy pybossabak pybossa pybossa 2",
        "after_deploy pybossabak pybossa pybossabak 2",
    ]
    (tmp_path / "refuse").touch()
    refused = deploy(stack, "3")
    assert refused["outcome"] == "refused" and "before_deploy failed" in refused["reason"]
    assert pid_of(stack, "pybossa") == pid and stack.info()["serving"] == "pybossabak"
    os.kill(pid_of(stack, "pybossabak"), signal.SIGKILL)
    stack.until(lambda: "on_failover pybossa pybossabak pybossa" in heard.read_text())
    (tmp_path / "refuse").unlink()
    stack.until_roles("pybossa", "pybossabak")
    begin(stack, "4", "baking", bake=60)
    stack.zerg.abort("")
    stack.until(
        lambda: "on_rollback pybossabak pybossa pybossa 4 aborted by operator" in heard.read_text()
    )


def test_h51_while_a_deploy_runs_nothing_else_moves_the_pair_and_abort_ends_it(make):
    stack = make()
    begun = deploy(stack, "2", wait=False, bake=60)
    assert begun["outcome"] == ""
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.swap("")
    assert (
        refusal.value.faultCode == 308
        and begun["id"] in refusal.value.faultString
        and "operator" in refusal.value.faultString
    )
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.deploy("")
    assert refusal.value.faultCode == 308
    busy = stack.info()["busy"]
    assert (busy["kind"], busy["id"], busy["by"]) == ("deploy", begun["id"], "operator")
    info = stack.zerg.abort("")
    assert info["outcome"] == "rolled back" and "aborted" in info["reason"]
    stack.until_roles("pybossa", "pybossabak")
    assert any("was rolled back: aborted" in p for p in stack.info()["problems"])
    time.sleep(1.5)
    assert stack.info()["warm"], "the deploy stopped its instance after its end"
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.abort("")
    assert refusal.value.faultCode == 321


def test_h52_a_client_that_disconnects_ends_no_deploy(make):
    stack = make()
    stack.version("2")
    body = xmlrpc.client.dumps(("", {"bake": 1}), "zerg.deploy").encode()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(stack.url[len("unix://") :])
        client.sendall(
            b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        stack.until(lambda: stack.zerg.getDeploy("").get("phase"))
    stack.until(lambda: stack.zerg.getDeploy("")["outcome"] == "deployed")
    assert get(stack.web).version == "2"


def test_h54_a_listener_that_is_killed_in_the_middle_takes_no_check_with_it(managed):
    stack = managed(health="command:sleep 0.2", health_count="5")
    begin(stack, "2", "checking")
    os.kill(pid_of(stack, "zerg:zerg"), signal.SIGKILL)
    assert ended(stack)["outcome"] == "deployed"


def test_h54_a_hook_of_a_listener_that_is_killed_counts_as_failed(managed, tmp_path):
    stack = managed(before_deploy=f"sh -c 'touch {tmp_path}/begun; sleep 60'")
    begin(stack, "2", "preparing")
    stack.until((tmp_path / "begun").exists)
    os.kill(pid_of(stack, "zerg:zerg"), signal.SIGKILL)
    info = ended(stack)
    assert (
        info["outcome"] == "refused"
        and "before_deploy failed: the listener ended while it ran" in info["reason"]
    )


def test_h54_without_a_listener_a_deploy_that_needs_it_is_refused(make_stack):
    stack = make_stack("managed", app=APP, pair={**QUICK, "health": "command:true"}, start=False)
    stack.set_options("zerg.conf", "eventlistener:zerg", {"autostart": "false"})
    stack.start()
    time.sleep(STARTS_S)
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        deploy(stack, "2")
    assert refusal.value.faultCode == 319


def test_h55_backup_first_follows_the_article_in_one_command(managed):
    stack = managed(update="sh -c 'echo 2 > $ZERG_VERSION_FILE'")
    with nobody_notices(stack, paths=("/", "/?s=0.05")) as traffic:
        info = stack.zerg.deploy("", {"backup_first": True})
    assert (info["outcome"], info["target"], info["serving"]) == ("deployed", "pybossa", "pybossa")
    assert versions(traffic.answers()) == {"1", "2"}
    stack.until_roles("pybossa", "pybossabak")
    assert stack.zerg.swap("")["serving"] == "pybossabak" and get(stack.web).version == "1"


def test_h55_an_update_that_fails_is_no_refusal_since_users_are_on_the_backup_by_then(managed):
    stack = managed(update="false")
    info = stack.zerg.deploy("", {"backup_first": True})
    assert (info["outcome"], info["serving"]) == (
        "failed",
        "pybossabak",
    ) and "update failed" in info["reason"]
    assert get(stack.web).version == "1"


def test_h56_with_retire_stop_the_old_instance_ends_after_the_bake(make):
    stack = make(retire="stop")
    begun = begin(stack, "2", "baking")
    assert stack.info()["warm"]
    stack.until(lambda: stack.supervisor.getProcessInfo("pybossa")["statename"] == "STOPPED")
    assert (
        stack.zerg.getDeploy("")["outcome"] == "deployed"
        and stack.zerg.getDeploy("")["id"] == begun["id"]
    )
    info = deploy(stack, "3")
    assert (info["target"], info["outcome"]) == ("pybossa", "deployed")


def test_h57_any_listener_gets_the_events(make_stack):
    stack = make_stack("managed", app=APP, pair=QUICK, start=False)
    heard = stack.log / "heard"
    command = f"{sys.executable} {Path(__file__).parent / 'apps' / 'eavesdrop.py'} {heard}"
    (stack.conf_d / "other.conf").write_text(
        f"[eventlistener:other]\ncommand = {command}\nevents = ZERG\n"
    )
    stack.start()
    deploy(stack, "2")
    deploy(stack, "3 unimportable")
    announced = stack.until(
        lambda: (text := heard.read_text()).count("ZERG_DEPLOY_FAILED") and text
    )
    assert "ZERG_PROMOTED pair:pybossa program:pybossabak was:pybossa" in announced
    assert "ZERG_DEPLOYED pair:pybossa" in announced and "ended while it booted" in announced
    deploy(stack, "4")
    os.kill(pid_of(stack, stack.info()["serving"]), signal.SIGKILL)
    stack.until(lambda: "ZERG_FAILED_OVER pair:pybossa" in heard.read_text())
    stack.until(lambda: stack.info()["warm"])
    begin(stack, "5", "baking", bake=60)
    stack.zerg.abort("")
    stack.until(lambda: "ZERG_ROLLED_BACK pair:pybossa" in heard.read_text())


def drains(stack, seconds, timeout=10):
    """Park pybossabak, which serves, with a request of so many seconds.

    Returns the thread of the request and its answers.
    """
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(get(stack.web, f"/?s={seconds}", timeout=timeout))
    )
    thread.start()
    stack.until(lambda: stack.instance("pybossabak")["in_flight"] == 1)
    stack.zerg.swap("")
    return thread, answers


def test_h34_a_request_that_still_drains_finishes_before_its_instance_is_stopped(make):
    stack = make()
    assert deploy(stack, "2")["outcome"] == "deployed"
    thread, answers = drains(stack, 2)
    info = deploy(stack, "3")
    thread.join()
    assert answers[0].status == 200 and answers[0].version == "2"
    assert info["outcome"] == "deployed" and info["killed_requests"] == 0


@pytest.mark.parametrize("lasts, killed_requests", [(2, 0), (60, 1)], ids=["short", "long"])
def test_h34_beyond_the_drain_limit_requests_get_three_seconds_and_are_then_killed_and_counted(
    make, lasts, killed_requests
):
    stack = make(drain_timeout="0.5", health="")
    assert deploy(stack, "2")["outcome"] == "deployed"
    thread, answers = drains(stack, lasts, timeout=70)
    info = deploy(stack, "3")
    thread.join(1.0)
    assert (info["outcome"], info["killed_requests"]) == ("deployed", killed_requests)
    assert [a.status for a in answers] == [0 if killed_requests else 200], (
        "the count is what the client saw"
    )
    assert history(stack)[-1]["killed_requests"] == killed_requests


def test_h34_supervisorctl_stop_lets_a_draining_instance_finish_and_does_not_start_it(make):
    stack = make(health="")
    assert deploy(stack, "2")["outcome"] == "deployed"
    thread, answers = drains(stack, 3)
    assert "stopped" in stack.ctl("stop", "pybossabak").stdout
    thread.join()
    assert answers[0].status == 200 and answers[0].version == "2"
    time.sleep(1.5)
    assert stack.supervisor.getProcessInfo("pybossabak")["statename"] == "STOPPED"
    assert_serves(stack, "pybossa")


def test_an_instance_announces_by_an_event_of_supervisor_that_it_is_ready(make_stack, dialect):
    stack = make_stack(dialect, app=APP, pair=QUICK, start=False)
    heard = stack.log / "heard"
    command = f"{sys.executable} {Path(__file__).parent / 'apps' / 'eavesdrop.py'} {heard}"
    (stack.conf_d / "other.conf").write_text(
        f"[eventlistener:other]\ncommand = {command}\nevents = PROCESS_COMMUNICATION\n"
    )
    stack.start()
    assert deploy(stack, "2")["outcome"] == "deployed"
    for program in ("pybossa", "pybossabak"):
        stack.until(
            lambda p=program: any(
                f"processname:{p} " in line and "zerg ready" in line
                for line in heard.read_text().splitlines()
            )
        )


def on_a_terminal(stack, *words):
    """Run zergctl on a terminal of its own. Returns its exit status and output."""
    master, slave = os.openpty()
    command = [str(BIN / "zergctl"), "-s", stack.url, *words]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=stack.environment
    )
    os.close(slave)
    written = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while chunk := os.read(master, 4096):
            written += chunk
    os.close(master)
    return process.wait(), written.decode()


def test_on_a_terminal_a_deploy_is_one_line_that_is_rewritten(managed):
    stack = managed()
    stack.version("2")
    status, written = on_a_terminal(stack, "deploy")
    assert status == 0
    assert written.count("\r\x1b[Kpybossa: pybossabak bakes, ") > 1, "the time goes on"
    *_, last = written.rpartition("\x1b[K")
    assert last.startswith("pybossa: deployed in ") and last.count("\n") == 1


def test_each_outcome_has_an_exit_status_of_its_own(managed):
    stack = managed(health="")
    for outcome, spoil in (
        (6, lambda: os.kill(pid_of(stack, "pybossabak"), signal.SIGKILL)),
        (
            8,
            lambda: (
                os.kill(pid_of(stack, "pybossa"), signal.SIGKILL),
                stack.until(lambda: stack.info()["warm"]),
                stack.zerg.abort(""),
            ),
        ),
        (9, lambda: stack.process.send_signal(signal.SIGHUP)),
    ):
        stack.version("2")
        with ThreadPoolExecutor() as pool:
            deploying = pool.submit(stack.zergctl, "deploy", "--bake", "60")
            stack.until(lambda: stack.zerg.getDeploy("").get("phase") == "baking")
            spoil()
            ended_with = deploying.result(90)
        assert ended_with.returncode == outcome, ended_with
        if outcome != 9:
            stack.until(lambda: stack.info()["serving"])
            stack.supervisor.stopProcess("pybossabak")
            stack.supervisor.startProcess("pybossa", False) if stack.info()[
                "serving"
            ] != "pybossa" else None
            stack.until(lambda: stack.info()["serving"] == "pybossa")


def test_supervisorctl_shows_each_step_and_has_an_exit_status_for_each_outcome(make_stack):
    stack = make_stack("managed", app=APP, pair=QUICK)
    dry = stack.ctl("zerg", "deploy", "--dry-run")
    assert (
        dry.returncode == 0 and "start pybossabak" in dry.stdout and stack.zerg.getDeploy("") == {}
    )
    stack.version("2")
    done = stack.ctl("zerg", "deploy", "--label", "v2", "--bake", "0.5")
    assert (
        done.returncode == 0
        and "pybossa: deployed v2 in " in done.stdout
        and "pybossabak bakes" in done.stdout
    )
    assert "label v2" in stack.ctl("zerg", "status").stdout
    entry = "deploy pybossabak v2 by operator: deployed, took "
    assert entry in stack.ctl("zerg", "history").stdout
    stack.version("3 unimportable")
    failing = stack.zergctl("deploy", "--json")
    assert failing.returncode == 4 and '"outcome": "failed"' in failing.stdout
    stack.until(
        lambda: stack.supervisor.getProcessInfo("pybossa")["statename"] in ("STOPPED", "FATAL")
    )
    stack.version("4")
    begun = stack.zergctl("deploy", "--no-wait", "--bake", "60")
    assert begun.returncode == 0
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    assert stack.ctl("zerg", "deploy").returncode == 3
    assert "rolled back" in stack.ctl("zerg", "abort").stdout


def test_h73_a_deploy_that_nobody_can_connect_to_is_not_called_deployed(make_stack, dialect):
    """uWSGI does not understand the address, and listens at 255.255.255.255."""
    stack = make_stack(dialect, pair={"health": "", "bake": "0"}, start=False)
    served = {"zerg-pool": "$(ZERG_RUN)/pool.sock:[::1]:8000"}
    stack.set_options("uwsgi/zergpool.ini", "uwsgi", served)
    stack.start()
    stack.warm_up()
    info = stack.zerg.deploy("", {"label": "2"})
    assert info["outcome"] == "rolled back" and "nobody can connect" in info["reason"]
    assert info["serving"] == "pybossabak"


def test_h73_a_deploy_at_a_tcp_address_is_asked_there(make_stack, dialect):
    stack = make_stack(dialect, pair={"health": "", "bake": "0"}, start=False)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    served = {"zerg-pool": f"$(ZERG_RUN)/pool.sock:127.0.0.1:{port}"}
    stack.set_options("uwsgi/zergpool.ini", "uwsgi", served)
    stack.start()
    stack.warm_up()
    assert stack.zerg.deploy("", {"label": "2"})["outcome"] == "deployed"
    assert get(str(port)).program == "pybossa"

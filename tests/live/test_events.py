"""Scenarios of what happens by itself: starts, stops, deaths, restarts."""

import json
import os
import signal
import socket
import threading
import time

import pytest

from supervisor_zerg.demo.traffic import Traffic, failed, get

from .conftest import (
    PREFORK,
    THREADS,
    actions_text,
    assert_nobody_noticed,
    assert_serves,
    both_run,
    history,
    pid_of,
    slots,
)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


def ran_at(moment, answers):
    """Were all of these requests under way at that moment?"""
    return all(a.began < moment < a.ended + 0.05 for a in answers)


def restart(stack, program):
    """As ``supervisorctl restart`` does."""
    stack.supervisor.stopProcess(program)
    stack.supervisor.startProcess(program, False)


def workers_of(stack, program):
    return children_of(stack.instance(program)["master"])


def children_of(master):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == master:
                    found.append(int(name))
        except OSError:
            pass
    return found


def test_h05_restarting_the_parked_instance_releases_the_new_code_and_keeps_the_old_warm(warm):
    warm.version("2")
    with Traffic(warm.web, clients=4, paths=("/", "/?s=0.05")) as traffic:
        restart(warm, "pybossa")
        warm.until_roles("pybossa", "pybossabak")
        time.sleep(0.2)
        answers = traffic.answers()
    assert_nobody_noticed(answers)
    assert get(warm.web).version == "2"
    assert warm.zerg.swap("")["serving"] == "pybossabak"
    assert get(warm.web).version == "1"


def test_supervisor_issue_53_h06_restarting_the_serving_instance_makes_nobody_wait_for_the_boot(
    make_stack, dialect
):
    stack = make_stack(dialect, environment={"ZERG_BOOT_S": "4"}, loglevel="debug")
    stack.warm_up()
    both_run(stack)
    with Traffic(stack.web, clients=4, paths=("/", "/?s=0.05")) as traffic:
        time.sleep(1)
        asked = time.monotonic()
        stack.supervisor.stopProcess("pybossabak", False)
        assert stack.info()["serving"] == "pybossa"
        stack.until(lambda: not pid_of(stack, "pybossabak"))
        stack.supervisor.startProcess("pybossabak", False)
        stack.until_roles("pybossabak", "pybossa")
        time.sleep(0.2)
        answers = traffic.answers()
    assert_nobody_noticed(answers)
    before = max(a.ended - a.began for a in answers if a.ended < asked)
    assert max(a.ended - a.began for a in answers) < before + 0.25, "somebody waited for the boot"
    lines = [
        line
        for line in stack.supervisord_log().splitlines()
        if "zerg: action done" in line or "killing pybossabak" in line
    ]
    stop = next(
        n for n, line in enumerate(lines) if "killing pybossabak" in line
    )  # what comes next is done before the signal is sent
    assert 'action="resume pybossa to running"' in lines[stop + 1]


def test_h07_when_the_serving_master_is_killed_the_parked_instance_serves_at_once(mature):
    victim = pid_of(mature, "pybossabak")
    with Traffic(mature.web, clients=4, paths=("/",)) as traffic:
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        mature.until(lambda: any(a.program == "pybossa" for a in traffic.answers()))
        first = min(a.ended for a in traffic.answers() if a.program == "pybossa")
        mature.until_roles("pybossa", "pybossabak")
        time.sleep(
            3
        )  # the hooks of a respawn move the slots by themselves: they must have been put right
        answers = traffic.answers()
    assert first - killed < 0.5
    assert len(failed(answers)) <= 4 and ran_at(killed, failed(answers)), (
        "more than the requests that ran in the killed process"
    )
    mature.until_roles("pybossa", "pybossabak")
    assert pid_of(mature, "pybossabak") not in (0, victim)
    assert_serves(mature, "pybossa")


def test_h08_a_serving_program_that_goes_fatal_leaves_the_other_serving_and_no_warm_instance(
    mature,
):
    mature.write_app({"processes": 4, "module": "no_such_module", "wsgi-file": None})
    os.kill(pid_of(mature, "pybossabak"), signal.SIGKILL)
    mature.until(
        lambda: mature.supervisor.getProcessInfo("pybossabak")["statename"] == "FATAL", seconds=40
    )
    info = mature.info()
    assert (info["serving"], info["warm"]) == ("pybossa", False)
    assert any("no warm instance: pybossabak is FATAL" in p for p in info["problems"])
    assert_serves(mature, "pybossa")


def test_h09_a_respawn_of_the_parked_instance_never_takes_over(mature):
    with Traffic(mature.web, clients=4, paths=("/",)) as traffic:
        os.kill(pid_of(mature, "pybossa"), signal.SIGKILL)
        mature.until(lambda: pid_of(mature, "pybossa") and mature.instance("pybossa")["workers"])
        time.sleep(3)
        answers = traffic.answers()
    mature.until_roles("pybossabak", "pybossa")
    assert_nobody_noticed(answers)
    assert_serves(mature, "pybossabak")


def test_h10_when_both_die_the_first_that_is_ready_serves_and_the_other_is_parked(mature):
    before = {program: pid_of(mature, program) for program in ("pybossabak", "pybossa")}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    mature.until(
        lambda: not any(pid_of(mature, program) in (0, pid) for program, pid in before.items())
    )
    time.sleep(3)  # the hooks of the second one may have taken over for a moment
    info = mature.until(lambda: (i := mature.info())["serving"] and i["parked"] and i)
    mature.until_roles(info["serving"], info["parked"])
    assert_serves(mature, info["serving"])


def test_h11_a_restarted_pool_gets_its_instances_back_one_after_the_other(warm):
    warm.supervisor.stopProcess("zergpool")
    warm.supervisor.startProcess("zergpool", False)
    named = warm.until(lambda: [p for p in warm.info()["problems"] if "no longer serves" in p])
    assert named
    answer = get(
        warm.web, timeout=30
    )  # waits in the new socket's queue until an instance has attached
    assert answer.status == 200
    warm.until(
        lambda: (
            (i := warm.info())["parked"]
            and not [p for p in i["problems"] if "no longer serves" in p]
        ),
        seconds=40,
    )
    time.sleep(3)  # the hooks of the second one
    info = warm.info()
    warm.until_roles(info["serving"], info["parked"])
    assert_serves(warm, info["serving"])
    assert "restart" in actions_text(warm)


def test_h11_on_tcp_a_restarted_pool_cannot_bind_and_status_says_so_while_the_instances_serve(
    make_stack,
):
    stack = make_stack("managed", start=False)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    ini = stack.conf_d / "uwsgi" / "zergpool.ini"
    ini.write_text(ini.read_text().replace("$(ZERG_RUN)/web.sock", f"127.0.0.1:{port}"))
    stack.start()
    stack.warm_up()
    with Traffic(port, clients=3, paths=("/", "/?s=0.1")) as traffic:
        stack.supervisor.stopProcess("zergpool")
        stack.supervisor.startProcess("zergpool", False)
        stack.until(
            lambda: stack.supervisor.getProcessInfo("zergpool")["statename"] == "FATAL", seconds=40
        )
        named = stack.until(
            lambda: [p for p in stack.info()["problems"] if "the pool zergpool is FATAL" in p]
        )
        assert "on TCP it cannot bind" in named[0]
        assert stack.zerg.swap("")["serving"] == "pybossa"
        answers = traffic.answers()
    assert_nobody_noticed(answers)
    stack.until_roles("pybossa", "pybossabak")
    assert "restart" not in actions_text(stack), "a restarted instance could not attach"


def test_h12_a_restarted_supervisord_believes_the_kernel_and_not_the_files(warm):
    warm.process.send_signal(signal.SIGTERM)
    warm.process.wait(90)
    for slot in ("new", "running", "sleeping"):
        path = warm.run / (f"{slot}.fifo")
        if not path.exists():
            os.mkfifo(path)
    warm.start()
    info = warm.until_roles("pybossa", "")
    assert any("no warm instance" in p for p in info["problems"])
    assert_serves(warm, "pybossa")


def test_h24_a_removed_program_makes_the_pair_incomplete_until_it_comes_back(warm):
    path = warm.conf_d / "pybossa.conf"
    text = path.read_text()
    path.rename(warm.folder / "pybossa.conf")
    assert warm.ctl("update").returncode == 0
    info = warm.until(
        lambda: (i := warm.info()) and any("incomplete" in p for p in i["problems"]) and i
    )
    assert info["serving"] == "pybossabak"
    path.write_text(text.replace("autostart = true", "autostart = false"))
    assert warm.ctl("update").returncode == 0
    warm.supervisor.startProcess("pybossa", False)
    warm.until_roles("pybossa", "pybossabak")
    assert_serves(warm, "pybossa")


def test_h29_when_an_operator_stops_both_nothing_comes_back(warm):
    warm.supervisor.stopProcess("pybossa")
    warm.supervisor.stopProcess("pybossabak")
    warm.zerg.reconcileAll()
    time.sleep(1.5)
    info = warm.info()
    assert info["serving"] == "" and {c["condition"] for c in info["instances"]} == {"stopped"}
    assert "nobody serves" in info["problems"]


def test_h31_while_supervisord_shuts_down_or_reloads_nothing_is_moved(warm):
    before = len(history(warm))
    warm.supervisor.restart()
    warm.until(
        lambda: (i := _info_or_none(warm)) and i["serving"] == "pybossa" and not i["parked"],
        seconds=90,
    )
    warm.until_roles("pybossa", "", seconds=90)
    moved = [e for e in history(warm)[before:] if e["actions"]]
    assert all(
        e["serving"] == "pybossa" and "pybossabak" not in str(e["actions"]) for e in moved
    ), "the instance that was stopped was moved"
    assert_serves(warm, "pybossa")
    running = time.time()
    warm.process.send_signal(signal.SIGTERM)
    warm.process.wait(60)
    written_since = [
        json.loads(line)
        for path in warm.log.glob("zerg-history.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert [e for e in written_since if e["at"] > running and e["actions"]] == []


def _info_or_none(stack):
    try:
        return stack.info()
    except Exception:
        return None


@pytest.mark.parametrize("app", [PREFORK, THREADS], ids=["prefork", "threads"])
def test_h37_orphaned_workers_of_a_killed_parked_master_are_named_and_ended(
    make_stack, dialect, app
):
    stack = make_stack(dialect, app=app)
    stack.warm_up()
    both_run(stack)
    orphans = workers_of(stack, "pybossa")
    assert len(orphans) >= 2
    os.kill(pid_of(stack, "pybossa"), signal.SIGKILL)
    stack.until(lambda: not any(alive(pid) for pid in orphans))
    named = stack.until(
        lambda: [m for e in history(stack) for m in e["actions"] if "end orphan pybossa" in m]
    )
    assert set(map(str, orphans)) <= set(" ".join(named).replace(":", " ").split())
    stack.until_roles("pybossabak", "pybossa")
    assert_serves(stack, "pybossabak")


def test_h37_an_orphan_that_began_after_the_last_observation_is_ended(mature):
    """The master dies after it has replaced a worker, and nothing has seen the new one."""
    master = mature.instance("pybossa")["master"]
    before = set(workers_of(mature, "pybossa"))
    mature.zerg.setAuto("", False)
    os.kill(min(before), signal.SIGKILL)
    starting = mature.until(lambda: set(children_of(master)) - before, every=0.001)
    os.kill(master, signal.SIGKILL)
    mature.zerg.setAuto("", True)
    orphans = before | starting
    mature.until(lambda: not any(alive(pid) for pid in orphans))
    mature.until_roles("pybossabak", "pybossa")


def test_h37_a_request_in_flight_in_an_orphan_finishes_first(mature):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(get(mature.web, "/?s=2")))
    thread.start()
    mature.until(lambda: mature.instance("pybossabak")["in_flight"] == 1)
    mature.zerg.swap("")
    os.kill(pid_of(mature, "pybossabak"), signal.SIGKILL)
    mature.until(
        lambda: any("outlived their master" in p for p in mature.info()["problems"]), seconds=5
    )
    thread.join()
    assert answers[0].status == 200
    mature.until_roles("pybossa", "pybossabak")


def test_uwsgi_issue_854_h42_a_reload_by_hand_is_a_death_and_a_boot(mature):
    with Traffic(mature.web, clients=3, paths=("/",)) as traffic:
        os.kill(pid_of(mature, "pybossabak"), signal.SIGHUP)
        mature.until(lambda: mature.info()["serving"] == "pybossa")
        mature.until_roles("pybossa", "pybossabak", seconds=30)
        time.sleep(3)
        answers = traffic.answers()
    mature.until_roles("pybossa", "pybossabak", seconds=30)
    assert len(failed(answers)) <= 3, "more than what ran in the instance that a reload ends"
    assert slots(mature) == {"pybossa": "running", "pybossabak": "sleeping"}


def test_h42_a_parked_instance_that_is_reloaded_ends_parked(mature):
    os.kill(pid_of(mature, "pybossa"), signal.SIGHUP)
    time.sleep(1)
    mature.until_roles("pybossabak", "pybossa", seconds=30)
    assert_serves(mature, "pybossabak")


def test_stopping_a_parked_threaded_instance_does_not_hang(make_stack, dialect):
    stack = make_stack(dialect, app=THREADS)
    stack.warm_up()
    began = time.monotonic()
    stack.supervisor.stopProcess("pybossa")
    assert time.monotonic() - began < 10
    assert_serves(stack, "pybossabak")


@pytest.mark.parametrize("prints", [10, 440, 470, 480])
def test_a_flood_of_ready_prints_neither_closes_the_output_nor_stalls_the_pair(make_stack, prints):
    """Supervisor recurses twice for each print (supervisor/dispatchers.py ``record_output``)."""
    stack = make_stack("managed", loglevel="debug")
    output = os.open(f"/proc/{pid_of(stack, 'pybossa')}/fd/1", os.O_WRONLY)
    try:
        for _ in range(10):
            stack.process.send_signal(signal.SIGSTOP)  # so that it reads them all at once
            os.write(output, b"<!--XSUPERVISOR:BEGIN-->zerg ready<!--XSUPERVISOR:END-->" * prints)
            stack.process.send_signal(signal.SIGCONT)
            time.sleep(0.2)
        os.write(output, b"the flood is over, and the output is still captured\n")
    finally:
        os.close(output)
    stack.until(lambda: "the flood is over" in stack.supervisord_log(), 10)
    log = stack.supervisord_log()
    assert "RecursionError" not in log and "this is a bug" not in log
    assert stack.zerg.reconcile("")["serving"] == "pybossa"

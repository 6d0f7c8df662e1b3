"""Long lives: of the listener whatever happens to it, and of supervisord, which leaks nothing."""

import os
import signal
import time
from pathlib import Path

from supervisor_zerg.demo.traffic import get

from .conftest import actions_text, pid_of, slots
from .test_events import restart


def test_the_listener_survives_being_killed_hung_and_overflowed(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    stack.until(lambda: stack.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
    first = pid_of(stack, "zerg:zerg")
    os.kill(first, signal.SIGSTOP)
    for _ in range(60):
        stack.supervisor.sendRemoteCommEvent("noise", "x" * 100)
    assert stack.zerg.swap("")["serving"] == "pybossa"
    os.kill(first, signal.SIGKILL)
    stack.until(lambda: pid_of(stack, "zerg:zerg") not in (0, first))
    stack.until(lambda: stack.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
    stack.until_roles("pybossa", "pybossabak")


def test_a_missed_event_heals_itself_at_the_next_tick(make_stack):
    """SIGTSTP toggles the pause without touching a FIFO, so only an observation finds it."""
    stack = make_stack("managed")
    stack.warm_up()
    stack.until(lambda: stack.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
    time.sleep(2)  # the observations after the last action are over
    os.kill(pid_of(stack, "pybossabak"), signal.SIGTSTP)
    answer = get(stack.web, timeout=20)
    assert answer.status == 200
    stack.until_roles("pybossabak", "pybossa")
    stack.until(lambda: "periodic check" in str(stack.zerg.getHistory("", 20)))


def test_hold_and_auto_outlive_a_restart_of_supervisord(make_stack):
    stack = make_stack("managed")
    stack.zerg.setAuto("", False)
    stack.process.send_signal(signal.SIGTERM)
    stack.process.wait(60)
    stack.start(wait=False)
    assert stack.info()["auto"] is False
    time.sleep(2)
    assert (
        stack.info()["serving"] == ""
    )  # a managed instance boots parked, and nothing moves by itself
    stack.zerg.setAuto("", True)
    stack.until_roles("pybossa", "")


def descriptors(pid):
    return sorted(os.readlink(p).split(":")[0] for p in Path(f"/proc/{pid}/fd").iterdir())


def test_supervisord_leaks_nothing_over_two_hundred_swaps_kills_restarts_and_reloads(make_stack):
    stack = make_stack("managed", app={"processes": 1})
    stack.warm_up()
    zerg = stack.zerg
    pid = stack.process.pid
    time.sleep(2)
    before = len(os.listdir(f"/proc/{pid}/fd"))
    for _ in range(170):
        zerg.swap("")
    for _ in range(10):
        serving = stack.info()["serving"]
        os.kill(pid_of(stack, serving), signal.SIGKILL)
        stack.until(lambda: stack.info()["serving"] not in ("", serving))
        stack.until(
            lambda: (
                (i := stack.info())["warm"]
                and all(c["statename"] == "RUNNING" for c in i["instances"])
            ),
            seconds=30,
        )
    for number in range(10):
        restart(stack, stack.info()["serving" if number % 2 else "parked"])
        stack.until(
            lambda: (
                (i := stack.info())["warm"]
                and i["parked"]
                and all(c["statename"] == "RUNNING" for c in i["instances"])
            )
        )
    for _ in range(10):
        gone = stack.instance("pybossa")["pid"]
        stack.supervisor.restart()
        stack.until(lambda: _runs_anew(stack, gone), seconds=40, every=0.1)
    stack.warm_up()
    assert stack.process.poll() is None and stack.process.pid == pid
    time.sleep(2)
    after = len(os.listdir(f"/proc/{pid}/fd"))
    assert abs(after - before) <= 1, (before, after, descriptors(pid))
    assert "this is a bug" not in stack.supervisord_log()
    assert cpu_seconds(pid, 2.0) < 0.2, "supervisord spins"
    assert slots(stack)["pybossabak"] == "running" and actions_text(stack)


def _runs_anew(stack, gone):
    try:
        return stack.info()["serving"] == "pybossa" and stack.instance("pybossa")["pid"] != gone
    except Exception:
        return False


def cpu_seconds(pid, seconds):
    def used():
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(seconds)
    return used() - before

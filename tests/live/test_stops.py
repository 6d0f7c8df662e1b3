"""A parked instance stops as fast as one that serves."""

import contextlib
import os
import signal
import time

import pytest

from supervisor_zerg.demo.traffic import Traffic, get

from .conftest import both_run, echo, pid_of

#: One worker, the first that is asked for it, takes no SIGINT any more.
IGNORES = """
import signal
def application(environ, start_response):
    if environ["PATH_INFO"] == "/ignore":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    start_response("200 OK", [])
    return [b"pybossa 1 0 1"]
"""
THROTTLED = "worker respawning too fast"
THROTTLE_S = 20.0
STOPPED_S = 4.0  # far below the 30 s of a close observation and the 60 s of stopwaitsecs


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(text) for text in file.read().split()]


@pytest.mark.parametrize("loaded", [False, True], ids=["idle", "loaded"])
@pytest.mark.parametrize("app", [{"processes": 2, "threads": 2}, {"processes": 2}])
def test_stopping_a_parked_instance_takes_no_longer_than_a_serving_one(
    make_stack, dialect, app, loaded
):
    stack = make_stack(dialect, app=app)
    stack.warm_up()
    both_run(stack)
    with contextlib.ExitStack() as load:
        if loaded:
            load.enter_context(Traffic(stack.web, clients=2, paths=("/", "/?s=0.02")))
        time.sleep(1)
        began = time.monotonic()
        stack.supervisor.stopProcess("pybossa")
        took = time.monotonic() - began
    assert took < STOPPED_S
    assert stack.info()["serving"] == "pybossabak"


def test_a_parked_instance_whose_master_sleeps_in_its_respawn_throttle_stops(make_stack):
    """uWSGI sleeps 2 s where its workers end too fast (core/master.c:1097)."""
    stack = make_stack("managed", app={"processes": 2}, loglevel="debug")
    stack.warm_up()
    both_run(stack)
    master = pid_of(stack, "pybossa")
    limit = time.monotonic() + THROTTLE_S
    while THROTTLED not in stack.supervisord_log() and time.monotonic() < limit:
        for worker in children(master):
            os.kill(worker, signal.SIGKILL)
        time.sleep(0.05)
    began = time.monotonic()
    stack.supervisor.stopProcess("pybossa")
    assert time.monotonic() - began < STOPPED_S + 2
    assert THROTTLED in stack.supervisord_log()


@pytest.mark.parametrize("app", [{"processes": 2, "threads": 2}, {"processes": 2}])
def test_a_parked_instance_that_is_told_to_end_by_hand_ends_and_is_started_again(make_stack, app):
    stack = make_stack("managed", app=app)
    stack.warm_up()
    both_run(stack)
    master = pid_of(stack, "pybossa")
    echo(stack, "sleeping", "q")
    stack.until(lambda: pid_of(stack, "pybossa") != master)
    stack.until_roles("pybossabak", "pybossa")
    assert stack.info()["problems"] == []


def test_status_names_workers_that_are_not_replaced_since_their_master_is_ending(make_stack):
    """So does a hook that fails in one worker while another one starts (core/hooks.c:728)."""
    stack = make_stack("managed", start=False)
    (stack.folder / "ignores.py").write_text(IGNORES)
    stack.write_app({"processes": 2, "wsgi-file": stack.folder / "ignores.py"})
    stack.start()
    assert get(stack.web, "/ignore").status == 200
    os.kill(pid_of(stack, "pybossa"), signal.SIGINT)
    stack.until(lambda: "pybossa runs 1 of 2 workers" in " ".join(stack.info()["problems"]))

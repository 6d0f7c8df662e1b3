"""Kinds of instances: frozen while they are parked, and async ones, which cannot be."""

import os
import signal
import threading
import time
import xmlrpc.client

import pytest

from supervisor_zerg.demo.traffic import Traffic, failed, get

from .conftest import THREADS, assert_nobody_noticed, assert_serves, pid_of, swap_under_load
from .test_events import restart


def strength(stack, clients=8):
    """Ask for as many slow requests at once as the instance has threads. :returns: seconds until
    the last was taken up.
    """
    answers = []
    asked = time.monotonic()
    threads = [
        threading.Thread(target=lambda: answers.append(get(stack.web, "/?s=0.4")))
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed(answers) == []
    return max(a.handled for a in answers) - asked


def test_h41_a_frozen_threaded_instance_has_its_full_strength_at_once(make_stack, dialect):
    stack = make_stack(dialect, app=THREADS, pair={"freeze": "true"})
    stack.warm_up()
    stack.until(lambda: stack.instance("pybossa")["frozen"])
    time.sleep(10.5)  # the timers of the parked threads have to run out once
    with Traffic(stack.web, clients=2, paths=("/",)) as traffic:
        assert stack.zerg.swap("")["serving"] == "pybossa"
        assert strength(stack, clients=6) < 0.25
        stack.until(lambda: stack.instance("pybossabak")["frozen"])
        time.sleep(10.5)
        os.kill(pid_of(stack, "pybossa"), signal.SIGKILL)
        stack.until(lambda: stack.info()["serving"] == "pybossabak", every=0.005)
        assert strength(stack, clients=6) < 0.25
        answers = traffic.answers()
    assert len(failed(answers)) <= 2
    stack.until_roles("pybossabak", "pybossa")


def test_h41_a_frozen_instance_is_thawed_before_anything_else_is_done_to_it(make_stack):
    stack = make_stack("managed", pair={"freeze": "true"})
    stack.warm_up()
    stack.until(lambda: stack.instance("pybossa")["frozen"])
    began = time.monotonic()
    restart(stack, "pybossa")
    assert time.monotonic() - began < 5, "a frozen instance hung when it was stopped"
    stack.until_roles("pybossa", "pybossabak")
    assert stack.zerg.swap("")["serving"] == "pybossabak"
    assert_serves(stack, "pybossabak")
    answers, swaps = swap_under_load(stack, 20, pause=0.1)
    assert_nobody_noticed(answers, swaps)


def test_h39_an_async_instance_is_ended_gracefully_in_place_of_being_parked(make_stack):
    stack = make_stack("managed", app=gevent(), pair={"retire": "stop"})
    with Traffic(stack.web, clients=4, paths=("/", "/?s=0.3")) as traffic:
        for serving, old in (("pybossabak", "pybossa"), ("pybossa", "pybossabak")):
            stack.supervisor.startProcess(serving, False)
            stack.until(lambda: stack.supervisor.getProcessInfo(old)["statename"] == "STOPPED")
            assert stack.info()["serving"] == serving
        time.sleep(0.3)
        answers = traffic.answers()
    assert_nobody_noticed(answers)


def test_h39_without_leave_to_stop_it_a_swap_away_from_an_async_instance_is_refused(make_stack):
    stack = make_stack("managed", app=gevent())
    stack.supervisor.startProcess("pybossabak", False)
    stack.until(lambda: stack.instance("pybossabak")["condition"] == "parked")
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.swap("")
    assert refusal.value.faultCode == 313 and "retire = stop" in refusal.value.faultString
    assert any("pybossa is asynchronous" in p for p in stack.info()["problems"])
    assert_serves(stack, "pybossa")


def gevent():
    pytest.importorskip("gevent", reason="gevent is not installed: pip install -e .[test]")
    return {"processes": 2, "gevent": 20, "gevent-early-monkey-patch": "true"}

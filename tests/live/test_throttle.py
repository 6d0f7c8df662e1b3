"""A pair whose masters sleep because their workers end too fast (uWSGI core/master.c:1097)."""

import subprocess
import sys
import time
import xmlrpc.client

from supervisor_zerg.demo.traffic import Traffic, failed

from .conftest import assert_serves

#: Under load a worker ends every few hundred milliseconds: sooner or later uWSGI sleeps.
RECYCLING = {"processes": 4, "max-requests": 1000, "min-worker-lifetime": 0}
THROTTLE = "worker respawning too fast"
THROTTLED_S = 2.0  # uWSGI's forkbomb-delay
MOST_SWAPS = 300
THROTTLES = 4


def test_a_throttled_instance_says_so_and_is_observed_anew_once_it_serves_again(make_stack):
    stack = make_stack("managed", app=RECYCLING)
    stack.warm_up()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        with Traffic(stack.web, clients=8, seconds=240, paths=("/",)) as traffic:
            swaps = 0
            while throttles(stack) < THROTTLES and swaps < MOST_SWAPS:
                swaps += 1
                swap(stack)
                time.sleep(0.2)
            answers = traffic.answers()
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert failed(answers) == []
    assert throttles(stack) >= THROTTLES
    stack.until(lambda: stack.info()["problems"] == [])
    assert_serves(stack, stack.info()["serving"])


def throttles(stack):
    return sum(stack.child_log(program).count(THROTTLE) for program in ("pybossa", "pybossabak"))


def swap(stack):
    """Swap. It may be refused after 10 s, because an instance is throttled again and again."""
    try:
        stack.zerg.swap("")
    except xmlrpc.client.Fault as refusal:
        assert "workers end too fast" in refusal.faultString, (refusal.faultString, stack.info())


def test_status_names_a_throttled_instance_and_a_swap_towards_it_waits(make_stack):
    stack = make_stack("managed", app={"processes": 2, "min-worker-lifetime": 0})
    stack.warm_up()
    parked = stack.info()["parked"]
    until_throttled(stack, parked)
    assert any(
        parked in problem and "workers end too fast" in problem
        for problem in stack.info()["problems"]
    )
    began = time.monotonic()
    assert stack.zerg.swap("")["serving"] == parked
    assert time.monotonic() - began < THROTTLED_S + 2.0
    assert_serves(stack, parked)


def until_throttled(stack, program):
    """Kill the workers of an instance until its master sleeps."""
    before = stack.child_log(program).count(THROTTLE)
    end = time.monotonic() + 20
    while stack.child_log(program).count(THROTTLE) == before:
        assert time.monotonic() < end
        master = stack.instance(program)["master"]
        for pid in children(master):
            subprocess.run(["kill", "-9", str(pid)], stderr=subprocess.DEVNULL)
        time.sleep(0.05)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]

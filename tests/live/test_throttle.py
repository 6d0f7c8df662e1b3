"""A pair whose masters sleep because their workers end too fast (uWSGI core/master.c:1097)."""

import subprocess
import sys
import time
import xmlrpc.client

from supervisor_zerg.demo.traffic import Traffic, failed

#: A worker ends every few hundred milliseconds under load; several at once make uWSGI sleep.
RECYCLING = {"processes": 4, "max-requests": 1000, "min-worker-lifetime": 0}
THROTTLE = "worker respawning too fast"
SWAPS = 40
THROTTLED_S = 2.0  # uWSGI's forkbomb-delay


def test_a_throttled_instance_is_observed_anew_once_it_serves_again(make_stack):
    stack = make_stack("managed", app=RECYCLING)
    stack.warm_up()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        with Traffic(stack.web, clients=8, seconds=240, paths=("/",)) as traffic:
            longest = 0.0
            for _ in range(SWAPS):
                longest = max(longest, swap(stack))
                time.sleep(0.25)
            answers = traffic.answers()
    finally:
        for process in busy:
            process.kill()
            process.wait()
    count = sum(stack.child_log(p).count(THROTTLE) for p in ("pybossa", "pybossabak"))
    print("throttled", count, "longest", longest, len(answers))
    assert failed(answers) == []
    assert longest < THROTTLED_S + 4.0
    stack.until(lambda: stack.info()["serving"])


def swap(stack):
    """Swap; a refusal names the throttle. Returns the seconds that it took."""
    began = time.monotonic()
    try:
        stack.zerg.swap("")
    except xmlrpc.client.Fault as refusal:
        print(time.monotonic() - began, refusal.faultString, stack.info())
        assert "too fast" in refusal.faultString, refusal.faultString
    return time.monotonic() - began

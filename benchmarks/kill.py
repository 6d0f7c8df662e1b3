"""kill -9 of the serving master under load: how soon the other instance answers, and what is lost."""

import os
import signal
import time

from supervisor_zerg.demo.traffic import failed

from .load import AT_ONCE, PREFORK, QUICK, THREADS, quick_load, slow_load, warm_stack
from .table import Row, Target

CALM_S = 0.3


def run(options):
    few, many = (2, 4) if options.quick else (10, options.runs)
    for mode, app, runs in (("prefork 4", PREFORK, many), ("2 x 4 threads", THREADS, few)):
        with (
            warm_stack(app) as stack,
            quick_load(stack, paths=(AT_ONCE, QUICK)) as quick,
            slow_load(stack) as slow,
        ):
            yield from kills(stack, (quick, slow), mode, runs)


def kills(stack, traffics, mode, runs):
    took, inside, beyond, total = [], 0, 0, 0
    for _ in range(runs):
        killed, heir = kill(stack)
        answers = [a for traffic in traffics for a in traffic.new_answers()]
        bad = failed(answers)
        cut = [a for a in bad if a.began <= killed <= a.ended]
        took.append(
            (min(a.ended for a in answers if a.program == heir and a.handled > killed) - killed)
            * 1000
        )
        inside, beyond, total = (
            inside + len(cut),
            beyond + len(bad) - len(cut),
            total + len(answers),
        )
    told = "of %d requests %d cut inside the killed process, %d failed beyond" % (
        total,
        inside,
        beyond,
    )
    yield Row(
        f"kill -9 to the first answer of the other instance, {mode}",
        took,
        target=Target("median", 10),
        note=told,
    )


def kill(stack):
    """Kill the serving master and wait until the pair is whole again. :returns: (when, the program that took over)"""
    info = stack.info()
    serving, heir = info["serving"], info["parked"]
    master = next(c["master"] for c in info["instances"] if c["program"] == serving)
    killed = time.monotonic()
    os.kill(master, signal.SIGKILL)
    time.sleep(CALM_S)
    stack.until_roles(heir, serving)
    stack.until(
        lambda: all(c["statename"] == "RUNNING" for c in stack.info()["instances"])
    )  # or Supervisor would give it up some time
    time.sleep(CALM_S)
    return killed, heir

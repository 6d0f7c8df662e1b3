"""kill -9 of the serving master under load: how soon the other instance answers, what is lost."""

from __future__ import annotations

import os
import signal
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence

from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Traffic, failed

from .load import AT_ONCE, PREFORK, QUICK, THREADS, quick_load, slow_load, warm_stack
from .table import Row, Target

CALM_S = 0.3


def run(options: Namespace) -> Iterator[Row]:
    """The rows of this group."""
    few, many = (2, 4) if options.quick else (10, options.runs)
    for mode, app, runs in (("prefork 4", PREFORK, many), ("2 x 4 threads", THREADS, few)):
        with (
            warm_stack(app) as stack,
            quick_load(stack, paths=(AT_ONCE, QUICK)) as quick,
            slow_load(stack) as slow,
        ):
            yield kills(stack, (quick, slow), mode, runs)


def kills(stack: Stack, traffics: Sequence[Traffic], mode: str, runs: int) -> Row:
    """From each kill to the first answer of the other instance."""
    took = []
    inside = 0
    beyond = 0
    total = 0
    for _ in range(runs):
        killed, successor = kill(stack)
        answers = [a for traffic in traffics for a in traffic.new_answers()]
        cut = [a for a in failed(answers) if a.began <= killed <= a.ended]
        theirs = [a.ended for a in answers if a.program == successor and a.handled > killed]
        took.append((min(theirs) - killed) * 1000)
        inside += len(cut)
        beyond += len(failed(answers)) - len(cut)
        total += len(answers)
    name = f"kill -9 to the first answer of the other instance, {mode}"
    note = f"of {total} requests {inside} cut inside the killed process, {beyond} failed beyond it"
    return Row(name, took, target=Target("median", 10), note=note)


def kill(stack: Stack) -> tuple[float, str]:
    """Kill the serving master and wait until the pair is whole again.

    Returns:
        When it was killed, and the program that took over.
    """
    info = stack.info()
    serving = info["serving"]
    parked = info["parked"]
    master = next(found["master"] for found in info["instances"] if found["program"] == serving)
    killed = time.monotonic()
    os.kill(master, signal.SIGKILL)
    time.sleep(CALM_S)
    stack.until_roles(parked, serving)
    stack.until(lambda: both_run(stack))  # or Supervisor would give it up at some time
    time.sleep(CALM_S)
    return killed, parked


def both_run(stack: Stack) -> bool:
    """Whether Supervisor calls both programs RUNNING."""
    return all(found["statename"] == "RUNNING" for found in stack.info()["instances"])

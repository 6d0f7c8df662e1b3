"""Swaps and promotes under load: how long the RPC takes, how long supervisord's loop is away, what the clients notice."""

import time

from supervisor_zerg.demo.traffic import failed, stale
from supervisor_zerg.demo.verdict import slowest_ms

from .load import PREFORK, THREADS, ms, quick_load, warm_stack
from .table import Row, Target

BETWEEN_S = 0.05
MODES = (("prefork 4", PREFORK, 5), ("2 x 4 threads", THREADS, 15))
NOTED_SWAPS = 100


def run(options):
    for mode, app, target in MODES:
        with warm_stack(app) as stack, quick_load(stack) as traffic:
            yield from swap(stack, mode, target, options.runs)
            yield from promote(stack, mode, target, options.runs)
            yield from noticed(stack, traffic, mode, 20 if options.quick else NOTED_SWAPS)


def swap(stack, mode, target, runs):
    zerg, stall = stack.zerg, stack.proxy().stall
    took, blocked_elsewhere, idle = [], [], []
    for _ in range(runs):
        stall.take()
        took.append(ms(lambda: zerg.swap(""))[1])
        blocked_elsewhere.append(stall.take())
        time.sleep(BETWEEN_S)
        zerg.getAPIVersion()
        idle.append(stall.take())
    yield Row(f"swap, {mode}, RPC round trip under load", took, target=Target("median", target))
    yield Row(
        "  supervisord's loop away from poll during a swap",
        blocked_elsewhere,
        target=Target("worst", 5),
    )
    yield Row("  the same in the 50 ms after it", idle)


def promote(stack, mode, target, runs):
    zerg, took = stack.zerg, []
    for _ in range(runs):
        parked = stack.info()["parked"]
        took.append(ms(lambda: zerg.promote(parked))[1])
        time.sleep(BETWEEN_S)
    yield Row(f"promote, {mode}, RPC round trip under load", took, target=Target("median", target))


def noticed(stack, traffic, mode, swaps):
    """The same load for the same time, with swaps and without."""
    zerg, done = stack.zerg, []
    traffic.new_answers()
    began = time.monotonic()
    for _ in range(swaps):
        asked = time.monotonic()
        serving = zerg.swap("")["serving"]
        done.append((asked, time.monotonic(), serving))
        time.sleep(BETWEEN_S)
    seconds = time.monotonic() - began
    answers = traffic.new_answers()
    time.sleep(seconds)
    calm = traffic.new_answers()
    told = f"{len(failed(answers))} failed, {len(stale(answers, done))} stale"
    yield Row(
        "answer time of a 5 ms request, %s, %d swaps" % (mode, swaps), times(answers), note=told
    )
    yield Row("  the same load without swaps", times(calm), note=f"{len(failed(calm))} failed")


def times(answers):
    return [slowest_ms([answer]) for answer in answers]

"""Swaps and promotions under load: the RPC, supervisord's loop, and what clients notice."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from functools import partial

from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Answer, Traffic, failed, stale
from supervisor_zerg.demo.verdict import slowest_ms

from .load import PREFORK, THREADS, quick_load, timed_ms, warm_stack
from .table import Row, Target

BETWEEN_S = 0.05
MODES = (("prefork 4", PREFORK, 5), ("2 x 4 threads", THREADS, 15))
SWAPS = 100
QUICK_SWAPS = 20


def run(options: Namespace) -> Iterator[Row]:
    """The rows of this group."""
    for mode, app, target_ms in MODES:
        with warm_stack(app) as stack, quick_load(stack) as traffic:
            yield from swap(stack, mode, target_ms, options.runs)
            yield from promote(stack, mode, target_ms, options.runs)
            swaps = QUICK_SWAPS if options.quick else SWAPS
            yield from seen_by_clients(stack, traffic, mode, swaps)


def swap(stack: Stack, mode: str, target_ms: float, runs: int) -> Iterator[Row]:
    """The swap itself, and the loop during it and after it."""
    zerg = stack.zerg
    stall = stack.proxy().stall
    took = []
    during = []
    after = []
    for _ in range(runs):
        stall.take()
        took.append(timed_ms(lambda: zerg.swap(""))[1])
        during.append(stall.take())
        time.sleep(BETWEEN_S)
        zerg.getAPIVersion()
        after.append(stall.take())
    target = Target("median", target_ms)
    yield Row(f"swap, {mode}, RPC round trip under load", took, target=target)
    name = "  supervisord's loop away from poll during a swap"
    yield Row(name, during, target=Target("worst", 5))
    yield Row("  the same in the 50 ms after it", after)


def promote(stack: Stack, mode: str, target_ms: float, runs: int) -> Iterator[Row]:
    """Promotions of the parked instance."""
    zerg = stack.zerg
    took = []
    for _ in range(runs):
        parked = stack.info()["parked"]
        took_ms = timed_ms(partial(zerg.promote, parked))[1]
        took.append(took_ms)
        time.sleep(BETWEEN_S)
    target = Target("median", target_ms)
    yield Row(f"promote, {mode}, RPC round trip under load", took, target=target)


def seen_by_clients(stack: Stack, traffic: Traffic, mode: str, swaps: int) -> Iterator[Row]:
    """The same load for the same time, with swaps and without."""
    zerg = stack.zerg
    done = []
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
    note = f"{len(failed(answers))} failed, {len(stale(answers, done))} stale"
    yield Row(f"answer time of a 5 ms request, {mode}, {swaps} swaps", times(answers), note=note)
    yield Row("  the same load without swaps", times(calm), note=f"{len(failed(calm))} failed")


def times(answers: Iterable[Answer]) -> list[float]:
    """How long each request took, in ms."""
    return [slowest_ms([answer]) for answer in answers]

"""Swaps under load in both dialects, behind nginx and without: what clients notice."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator

from supervisor_zerg.demo.nginx import nginx_path
from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Traffic, failed, stale
from supervisor_zerg.demo.verdict import slowest_ms

from .deploys import behind_nginx
from .load import AT_ONCE, MAX_TRAFFIC_S, PREFORK, QUICK, THREADS, warm_stack

SWAPS = 100
QUICK_SWAPS = 20
BETWEEN_S = 0.03
END_S = 30.0
RECYCLED = {**PREFORK, "max-requests": 100, "min-worker-lifetime": 0, "forkbomb-delay": 0}
MODES = (
    ("prefork 4", PREFORK, 1),
    ("2 x 4 threads", THREADS, 1),
    ("prefork 4, max-requests = 100", RECYCLED, 2),
)


def run(options: Namespace) -> Iterator[str]:
    """The lines of this group."""
    for mode, app, times in MODES:
        for dialect in ("managed", "hooks"):
            with warm_stack(app, dialect=dialect) as stack:
                swaps = (QUICK_SWAPS if options.quick else SWAPS) * times
                yield seen_by_clients(stack, stack.web, swaps, f"{mode}, {dialect}")
                if nginx_path():
                    with behind_nginx(stack) as port:
                        yield seen_by_clients(stack, port, swaps, f"{mode}, {dialect}, nginx")


def seen_by_clients(stack: Stack, address: str, swaps: int, name: str) -> str:
    """Swap so many times under load, and describe the answers in one line."""
    done = []
    with Traffic(address, clients=6, seconds=MAX_TRAFFIC_S, paths=(AT_ONCE, QUICK)) as traffic:
        for _ in range(swaps):
            asked = time.monotonic()
            serving = stack.zerg.swap("")["serving"]
            done.append((asked, time.monotonic(), serving))
            time.sleep(BETWEEN_S)
        unanswered = "" if traffic.end(END_S) else ", some NEVER ANSWERED"
        answers = traffic.answers()
    counts = f"{len(failed(answers))} failed, {len(stale(answers, done))} stale{unanswered}"
    return (
        f"{swaps} swaps, {name}: of {len(answers)} requests {counts};"
        f" {floods(stack)} floods; slowest {slowest_ms(answers):.0f} ms"
    )


def floods(stack: Stack) -> int:
    """How many signal loops of a worker the plugin had to end."""
    entries = stack.zerg.getHistory("", 200)
    return sum(action.count("end flood") for entry in entries for action in entry["actions"])

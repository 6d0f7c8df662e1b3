"""The page, its JSON and its metrics: CPU of supervisord for each view, and stalls of its loop."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator

from supervisor.xmlrpc import UnixStreamHTTPConnection

from .farm import Farm
from .idle import counted, cpu_s
from .table import Row, Target

PATHS = ("/zerg.html", "/zerg.json", "/zerg/metrics")
REST_S = 0.3  # longer than one observation answers several viewers
MAX_MS = {1: 5, 100: 50}  # of CPU
DEFAULT_MAX_MS = 50


def run(options: Namespace) -> Iterator[Row]:
    """The rows of this group."""
    for pairs in (1, 10 if options.quick else 100):
        with Farm(pairs) as farm:
            idle = idle_rate(farm)
            for path in PATHS:
                yield from views(farm, path, max(5, options.runs // 3), idle)


def idle_rate(farm: Farm) -> float:
    """Seconds of CPU in each second without viewers."""
    before = cpu_s(farm.pid)
    time.sleep(10 * REST_S)
    return (cpu_s(farm.pid) - before) / (10 * REST_S)


def views(farm: Farm, path: str, runs: int, idle: float) -> Iterator[Row]:
    """What each view of a path costs beyond the idle rate."""
    stall = farm.proxy().stall
    pairs = len(farm.names)
    cost = []
    stalls = []
    size = 0
    for _ in range(runs):
        time.sleep(REST_S)
        stall.take()
        before = cpu_s(farm.pid)
        began = time.monotonic()
        size = view(farm, path)
        time.sleep(0.05)
        own = cpu_s(farm.pid) - before - idle * (time.monotonic() - began)
        cost.append(own * 1000)
        stalls.append(stall.take())
    target = Target("median", MAX_MS.get(pairs, DEFAULT_MAX_MS))
    note = f"{size >> 10} KB; includes the observation of every pair"
    name = f"CPU of supervisord for {path}, {counted(pairs)}"
    yield Row(name, cost, target=target, note=note)
    yield Row("  supervisord's loop away from poll", stalls, target=Target("worst", 5))


def view(farm: Farm, path: str) -> int:
    """The size of an answer.

    Raises:
        RuntimeError: It is not a page.
    """
    connection = UnixStreamHTTPConnection("localhost")
    connection.socketfile = farm.url[len("unix://") :]
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body: bytes = answer.read()
    finally:
        connection.close()
    if answer.status != 200 or not body:
        text = body.decode(errors="replace").strip()[:200]
        raise RuntimeError(f"{path} answers {answer.status} {answer.reason}: {text}")
    return len(body)

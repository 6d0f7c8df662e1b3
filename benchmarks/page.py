"""What a view of the page, its JSON and its metrics costs supervisord: CPU a view, and how long its loop is away from poll."""

import time

from supervisor.xmlrpc import UnixStreamHTTPConnection

from .farm import Farm
from .idle import cpu_s, named
from .table import Row, Target

PATHS = ("/zerg.html", "/zerg.json", "/zerg/metrics")
REST_S = 0.3  # longer than a look serves another viewer
MOST_MS = {1: 5, 100: 50}  # of CPU, as promised


def run(options):
    for pairs in (1, 10 if options.quick else 100):
        with Farm(pairs) as farm:
            idle = rate(farm)
            for path in PATHS:
                yield from viewed(farm, pairs, path, max(5, options.runs // 3), idle)


def rate(farm):
    """Seconds of CPU a second while nobody looks."""
    before = cpu_s(farm.process.pid)
    time.sleep(10 * REST_S)
    return (cpu_s(farm.process.pid) - before) / (10 * REST_S)


def viewed(farm, pairs, path, runs, idle):
    stall, cost, stalls = farm.proxy().stall, [], []
    for _ in range(runs):
        time.sleep(REST_S)
        stall.take()
        before, began = cpu_s(farm.process.pid), time.monotonic()
        size = view(farm, path)
        time.sleep(0.05)
        cost.append((cpu_s(farm.process.pid) - before - idle * (time.monotonic() - began)) * 1000)
        stalls.append(stall.take())
    note = "%d KB; the look at every pair included" % (size >> 10)
    yield Row(
        f"CPU of supervisord for {path}, {named(pairs)}",
        cost,
        target=Target("median", MOST_MS.get(pairs, 50)),
        note=note,
    )
    yield Row("  supervisord's loop away from poll", stalls, target=Target("worst", 5))


def view(farm, path):
    """:returns: how many bytes the answer has"""
    connection = UnixStreamHTTPConnection("localhost")
    connection.socketfile = farm.url[len("unix://") :]
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200 and body
        return len(body)
    finally:
        connection.close()

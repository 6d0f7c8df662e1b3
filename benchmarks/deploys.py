"""Deploys in a row behind nginx; what a bad release costs; a pool that restarts."""

from __future__ import annotations

import os
import signal
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from supervisor_zerg.demo.nginx import Nginx, nginx_path
from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Answer, Traffic, failed, get, stale
from supervisor_zerg.demo.verdict import slowest_ms

from . import article
from .load import AT_ONCE, MAX_TRAFFIC_S, PREFORK, QUICK, THREADS, TOP, quick_load, warm_stack
from .table import Row, Target

BOOT_S = 2.0
BAKE_S = 0.5
CLIENTS = 12
WRITTEN_S = 0.05  # from the end of a promotion to its history entry, on a busy machine
HUNG_S = 20.0  # a request without an answer by then never gets one
GIVE_UP_S = 8.0
REPAIR_S = 30.0
SLOW_PATHS = ("/", "/?s=0.05", "/?s=1", "/?s=3")
BAD_APP = {**PREFORK, "wsgi-file": Path(TOP) / "tests" / "live" / "apps" / "release.py"}


def run(options: Namespace) -> Iterator[Row | str]:
    """The rows of this group."""
    many, tens, times, few = (3, 1, 2, 1) if options.quick else (20, 10, 8, 3)
    if nginx_path():
        for mode, app in (("prefork 4", PREFORK), ("2 x 4 threads", THREADS)):
            yield in_a_row(app, mode, many)
        yield of_the_article(tens)
    else:
        yield "nginx is not installed: no deploys behind it were measured"
    yield overhead(times, {"health": ""}, 0.0, "no health check")
    yield overhead(few, {}, 2.0, "three health checks, one each second")
    yield crash(times)
    yield bad_answers(few)
    yield pool_restart("with supervisor_zerg", few, True)
    yield pool_restart("without a repair", 1, False)


def in_a_row(app: Mapping[str, Any], mode: str, times: int) -> str:
    """What clients saw of so many deploys, in one line."""
    pair = {"bake": str(BAKE_S), "health_interval": "0.1"}
    environment = {"ZERG_BOOT_S": str(BOOT_S)}
    with (
        warm_stack(app, pair=pair, environment=environment) as stack,
        behind_nginx(stack) as port,
        slow_load(port) as traffic,
    ):
        for number in range(times):
            deploy = stack.zerg.deploy("", {"label": str(number)})
            if deploy["outcome"] != "deployed":
                return f"deploy {number} {deploy['outcome']}: {deploy['reason']}"
        seen = describe(traffic, stack)
    boot = f"boot {BOOT_S:.0f} s, requests of 0 to 3 s"
    return f"{times} deploys behind nginx, {boot}, {mode}: {seen}"


def slow_load(address: str) -> Traffic:
    """Clients whose requests take 0 to 3 s."""
    return Traffic(address, clients=CLIENTS, seconds=MAX_TRAFFIC_S, paths=SLOW_PATHS)


def describe(traffic: Traffic, stack: Stack | None = None) -> str:
    """End the traffic and describe its answers; stale ones only for a stack with the plugin."""
    answered = "all answered" if traffic.end(HUNG_S) else "some NEVER ANSWERED"
    answers = traffic.answers()
    counts = f"of {len(answers)} requests {len(failed(answers))} failed"
    if stack:
        counts += f", {len(stale(answers, promotions(stack)))} stale"
    return f"{counts}, {answered}; slowest {slowest_ms(answers):.0f} ms"


def promotions(stack: Stack) -> list[tuple[float, float, str]]:
    """When each promotion was asked, when it was replied, and its program.

    From the reply of one until the next is asked, the other instance may answer nothing. An entry
    is written a moment after the end, so the time when it was asked would be too late by that.
    """
    shift = time.monotonic() - time.time()
    return [
        (
            entry["at"] - entry["took_ms"] / 1000 - WRITTEN_S + shift,
            entry["at"] + shift,
            entry["program"],
        )
        for entry in stack.zerg.getHistory("", 200)
        if entry["kind"] == "promote" and entry["outcome"] == "done"
    ]


def of_the_article(times: int) -> str:
    """The same load on the article's own procedure."""
    environment = {"ZERG_BOOT_S": str(BOOT_S)}
    with (
        article.without_plugin(article.ARTICLE, environment) as stack,
        behind_nginx(stack) as port,
        slow_load(port) as traffic,
    ):
        for _ in range(times):
            for program in ("pybossabak", "pybossa"):
                stack.ctl("restart", program)
                time.sleep(BOOT_S + article.CALM_S)
        seen = describe(traffic)
    return f"{times} of the article's deploys, the same load: {seen}"


@contextmanager
def behind_nginx(stack: Stack) -> Iterator[str]:
    """The port of an nginx in front of a stack."""
    nginx = Nginx(stack)
    try:
        yield nginx.port
    finally:
        nginx.stop()


def until_listener_runs(stack: Stack) -> None:
    """Wait until health checks can run."""
    stack.until(lambda: stack.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")


def overhead(times: int, pair: Mapping[str, str], checks_s: float, mode: str) -> Row:
    """What a deploy adds to the boot of the application and to the time between its checks."""
    took = []
    pair = {"bake": "0", **pair}
    environment = {"ZERG_BOOT_S": str(BOOT_S)}
    with (
        warm_stack(PREFORK, pair=pair, environment=environment) as stack,
        quick_load(stack),
    ):
        until_listener_runs(stack)
        for _ in range(times):
            asked = time.monotonic()
            stack.zerg.deploy("")
            took.append((time.monotonic() - asked - BOOT_S - checks_s) * 1000)
    less = f"less {BOOT_S:.0f} s of boot and {checks_s:.0f} s between checks"
    note = f"{mode}; includes uWSGI's own start of about 60 ms"
    return Row(f"a deploy without bake, {less}", took, target=Target("median", 300), note=note)


def crash(times: int) -> Row:
    """kill -9 of the new instance while it bakes."""
    took = []
    pair = {"bake": "30", "health_interval": "0.1"}
    with (
        warm_stack(PREFORK, pair=pair) as stack,
        quick_load(stack, paths=(AT_ONCE, QUICK)) as traffic,
    ):
        for _ in range(times):
            took.append(crash_ms(stack, traffic))
            stack.until(lambda: stack.info()["warm"])
            time.sleep(1.2)
    name = "kill -9 in the bake to the first answer of the old instance"
    return Row(name, took, target=Target("median", 10))


def crash_ms(stack: Stack, traffic: Traffic) -> float:
    """From the kill of a new instance to the first answer of the old one."""
    deploy = stack.zerg.deploy("", {"wait": False})
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    time.sleep(1.2)  # until Supervisor calls it RUNNING
    master = stack.instance(deploy["target"])["master"]
    traffic.new_answers()
    killed = time.monotonic()
    os.kill(master, signal.SIGKILL)
    time.sleep(0.3)  # a poll now would use the loop that is measured
    stack.until(lambda: stack.zerg.getDeploy("")["outcome"] == "rolled back")
    theirs = [
        answer.ended
        for answer in traffic.new_answers()
        if answer.program == deploy["old"] and answer.handled > killed
    ]
    return (min(theirs) - killed) * 1000


def bad_answers(times: int) -> Row:
    """For how long users see a release that answers 500, if only health checks after it notice.

    That is so in the hooks dialect.
    """
    took = []
    pair = {
        "bake": "20",
        "health": "unix://%(ENV_ZERG_RUN)s/web.sock:/",
        "health_interval": "0.2",
        "health_count": "2",
    }
    with warm_stack(BAD_APP, pair=pair) as stack, quick_load(stack, paths=("/",)) as traffic:
        until_listener_runs(stack)
        for _ in range(times):
            stack.version("2 status=500")
            traffic.new_answers()
            stack.zerg.deploy("")
            took.append(span_ms(traffic.new_answers()))
            stack.version("1")
            stack.zerg.deploy("", {"bake": 0})
    name = "a release that answers 500: from the first bad answer to the last"
    return Row(name, took, note="checked each 200 ms, 2 failures in a row")


def span_ms(answers: list[Answer]) -> float:
    """From the first to the last 500."""
    bad = [answer.ended for answer in answers if answer.status == 500]
    return (max(bad) - min(bad)) * 1000


def pool_restart(mode: str, times: int, auto: bool) -> Row:
    """The pool restarts: it has a new unix socket, and both instances hold the old one."""
    took = []
    with warm_stack(PREFORK) as stack:
        stack.zerg.setAuto("", auto)
        for _ in range(times):
            took.append(outage_ms(stack, REPAIR_S if auto else GIVE_UP_S))
            if auto:
                stack.until(lambda: is_whole(stack), 60)
            time.sleep(1.5)
    note = "" if auto else "given up then: no request would ever have been answered"
    return Row(f"the pool restarts, {mode}: the next request waits", took, note=note)


def is_whole(stack: Stack) -> bool:
    """Whether the pair has a warm instance and no problem."""
    info = stack.info()
    return bool(info["warm"] and not info["problems"])


def outage_ms(stack: Stack, give_up_s: float) -> float:
    """Restart the pool, and return how long the next request waits."""
    before = os.stat(stack.web).st_ino
    stack.supervisor.stopProcess("zergpool")
    stack.supervisor.startProcess("zergpool", False)
    stack.until(lambda: os.path.exists(stack.web) and os.stat(stack.web).st_ino != before)
    answer = get(stack.web, timeout=give_up_s)
    return (answer.ended - answer.began) * 1000

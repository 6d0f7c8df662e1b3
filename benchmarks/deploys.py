"""Deploys in a row behind nginx, with a slow boot and slow requests; what a bad release costs; a pool that restarts."""

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

from supervisor_zerg.demo.nginx import Nginx, nginx_path
from supervisor_zerg.demo.traffic import Traffic, failed, get, stale
from supervisor_zerg.demo.verdict import slowest_ms

from . import article
from .load import AT_ONCE, MOST_S, PREFORK, QUICK, THREADS, TOP, quick_load, warm_stack
from .table import Row, Target

BOOT_S = 2.0
BAKE_S = 0.5
CLIENTS = 12
WRITTEN_S = 0.05  # on a crowded machine, from the end of a promotion to its line in the history
HUNG_S = 20.0  # a request that is not answered by then never will be
GIVE_UP_S = 8.0
SLOW_PATHS = ("/", "/?s=0.05", "/?s=1", "/?s=3")
BAD_APP = {**PREFORK, "wsgi-file": Path(TOP) / "tests" / "live" / "apps" / "release.py"}


def run(options):
    many, tens, times, few = (3, 1, 2, 1) if options.quick else (20, 10, 8, 3)
    if nginx_path():
        for mode, app in (("prefork 4", PREFORK), ("2 x 4 threads", THREADS)):
            yield in_a_row(app, mode, many)
        yield articles(tens)
    else:
        yield "nginx is not installed: no deploys behind it were measured"
    yield overhead(times, {"health": ""}, 0.0, "no health")
    yield overhead(few, {}, 2.0, "three answers of its health, one a second")
    yield crash(times)
    yield bad_answers(few)
    yield from pool(few)


def in_a_row(app, mode, times):
    """:returns: a line: what clients saw of so many deploys."""
    pair = {"bake": str(BAKE_S), "health_interval": "0.1"}
    with (
        warm_stack(app, pair=pair, environment={"ZERG_BOOT_S": str(BOOT_S)}) as stack,
        behind_nginx(stack) as port,
    ):
        with Traffic(port, clients=CLIENTS, seconds=MOST_S, paths=SLOW_PATHS) as traffic:
            for number in range(times):
                told = stack.zerg.deploy("", {"label": str(number)})
                if told["outcome"] != "deployed":
                    return "deploy %d %s: %s" % (number, told["outcome"], told["reason"])
            answers, words = ended(traffic)
        what = "%d deploys behind nginx, boot %.0f s, requests of 0 to 3 s, %s" % (
            times,
            BOOT_S,
            mode,
        )
        return "%s: of %d requests %d failed, %d stale, %s; slowest %.0f ms" % (
            what,
            len(answers),
            len(failed(answers)),
            len(stale(answers, promotions(stack))),
            words,
            slowest_ms(answers),
        )


def ended(traffic):
    """:returns: (what was answered, words for what was not)."""
    words = "all answered" if traffic.end(HUNG_S) else "some NEVER ANSWERED"
    return traffic.answers(), words


def promotions(stack):
    """[(asked, replied, program)] of every promotion: from its reply until the next one is asked the other instance may answer nobody. Its
    line is written a moment after its end, so what is told of its beginning is too late by that."""
    shift = time.monotonic() - time.time()
    done = [
        e
        for e in stack.zerg.getHistory("", 200)
        if e["what"].startswith("promote ") and e["outcome"] == "done"
    ]
    return [
        (e["at"] - e["took_ms"] / 1000 - WRITTEN_S + shift, e["at"] + shift, e["what"].split()[1])
        for e in done
    ]


def articles(times):
    """The same load on the article's own procedure."""
    with (
        article.without_plugin(article.ARTICLE, {"ZERG_BOOT_S": str(BOOT_S)}) as stack,
        behind_nginx(stack) as port,
    ):
        with Traffic(port, clients=CLIENTS, seconds=MOST_S, paths=SLOW_PATHS) as traffic:
            for _ in range(times):
                stack.ctl("restart", "pybossabak")
                time.sleep(BOOT_S + article.CALM_S)
                stack.ctl("restart", "pybossa")
                time.sleep(BOOT_S + article.CALM_S)
            answers, words = ended(traffic)
    told = (
        "%d of the article's deploys, the same load: of %d requests %d failed, %s; slowest %.0f ms"
    )
    return told % (times, len(answers), len(failed(answers)), words, slowest_ms(answers))


@contextmanager
def behind_nginx(stack):
    nginx = Nginx(stack)
    try:
        yield nginx.port
    finally:
        nginx.stop()


def overhead(times, pair, waits_s, words):
    """What a deploy adds to the application's own boot and to the bake, by the clock of who asks for it. :param waits_s: of its checks."""
    took = []
    with (
        warm_stack(
            PREFORK, pair={"bake": "0", **pair}, environment={"ZERG_BOOT_S": str(BOOT_S)}
        ) as stack,
        quick_load(stack),
    ):
        stack.until(lambda: stack.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
        for _ in range(times):
            asked = time.monotonic()
            stack.zerg.deploy("")
            took.append((time.monotonic() - asked - BOOT_S - waits_s) * 1000)
    what = f"a deploy, less the {BOOT_S:.0f} s of its application's boot and {waits_s:.0f} s between checks, no bake"
    return Row(
        what,
        took,
        target=Target("median", 300),
        note=f"{words}; with uWSGI's own start of about 60 ms",
    )


def crash(times):
    """kill -9 of the new instance while it bakes."""
    took = []
    with (
        warm_stack(PREFORK, pair={"bake": "30", "health_interval": "0.1"}) as stack,
        quick_load(stack, paths=(AT_ONCE, QUICK)) as traffic,
    ):
        for _ in range(times):
            begun = stack.zerg.deploy("", {"wait": False})
            stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
            time.sleep(1.2)  # Supervisor calls it RUNNING by then
            master = stack.instance(begun["target"])["master"]
            traffic.new_answers()
            killed = time.monotonic()
            os.kill(master, signal.SIGKILL)
            time.sleep(0.3)  # whoever polls now takes from the loop that is measured
            stack.until(lambda: stack.zerg.getDeploy("")["outcome"] == "rolled back")
            took.append(
                (
                    min(
                        a.ended
                        for a in traffic.new_answers()
                        if a.program == begun["old"] and a.handled > killed
                    )
                    - killed
                )
                * 1000
            )
            stack.until(lambda: stack.info()["warm"])
            time.sleep(1.2)
    return Row(
        "kill -9 in the bake to the first answer of the old instance",
        took,
        target=Target("median", 10),
    )


def bad_answers(times):
    """A release that answers 500, found by its health while it serves (as in the hooks dialect): for how long do users see it?"""
    took = []
    pair = {
        "bake": "20",
        "health": "unix://%(ENV_ZERG_RUN)s/web.sock:/",
        "health_interval": "0.2",
        "health_count": "2",
    }
    with warm_stack(BAD_APP, pair=pair) as stack, quick_load(stack, paths=("/",)) as traffic:
        stack.until(lambda: stack.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
        for _ in range(times):
            stack.version("2 status=500")
            traffic.new_answers()
            stack.zerg.deploy("")
            bad = [a.ended for a in traffic.new_answers() if a.status == 500]
            took.append((max(bad) - min(bad)) * 1000)
            stack.version("1")
            stack.zerg.deploy("", {"bake": 0})
    return Row(
        "a release that answers 500: from the first bad answer to the last",
        took,
        note="asked each 200 ms, 2 bad ones in a row",
    )


def pool(times):
    """The pool's program restarts: its unix socket is a new one, and both instances hold the old one."""
    for name, auto in (("with supervisor_zerg", True), ("with nobody who does anything", False)):
        took = []
        with warm_stack(PREFORK) as stack:
            stack.zerg.setAuto("", auto)
            for _ in range(times if auto else 1):
                took.append(outage_ms(stack, 30.0 if auto else GIVE_UP_S))
                stack.until(
                    lambda: stack.info()["warm"] and not stack.info()["problems"] or not auto, 60
                )
                time.sleep(1.5)
        told = "" if auto else "it was given up then: nobody would ever have answered"
        yield Row(f"the pool restarts, {name}: the next request waits", took, note=told)


def outage_ms(stack, most_s):
    before = os.stat(stack.web).st_ino
    stack.supervisor.stopProcess("zergpool")
    stack.supervisor.startProcess("zergpool", False)
    stack.until(lambda: os.path.exists(stack.web) and os.stat(stack.web).st_ino != before)
    answer = get(stack.web, timeout=most_s)
    return (answer.ended - answer.began) * 1000

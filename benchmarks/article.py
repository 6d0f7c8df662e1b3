"""Beside it, on the same application and under the same load: the article's own procedure, and a plain restart.

The article is "Zerg Dance" of the Crowdcrafting developers: three FIFOs, hooks in the uWSGI ini, two programs, two echoes to roll back.
"""

import os
import subprocess
import time
from collections import namedtuple
from contextlib import contextmanager

from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import failed, get
from supervisor_zerg.demo.verdict import slowest_ms

from .load import PREFORK, quick_load, slow_load

BOOT_S = 0.5
CALM_S = 2.5  # after a deploy; longer than the boot and startsecs
SWAP_CALM_S = 0.5
HANGS_S = 2.0
ENVIRONMENT = {"ZERG_BOOT_S": str(BOOT_S)}
ROW = "%-52s %5s %9s %8s %15s %15s"
HEAD = ROW % ("", "times", "requests", "failed", "longest answer", "longest silence")
Outcome = namedtuple("Outcome", "answers began ended")

# As published. Only the second line is ours: without it the first boot races with the pool's, and an instance that loses it ends.
ARTICLE = """\
[uwsgi]
wait-for-socket = $(ZERG_RUN)/pool.sock
master = true
; fifo '0'
master-fifo = $(ZERG_RUN)/new.fifo
; fifo '1'
master-fifo = $(ZERG_RUN)/running.fifo
; fifo '2'
master-fifo = $(ZERG_RUN)/sleeping.fifo
; attach to zerg
zerg = $(ZERG_RUN)/pool.sock
; destroy the currently sleeping instance
if-exists = $(ZERG_RUN)/sleeping.fifo
hook-accepting1-once = writefifo:$(ZERG_RUN)/sleeping.fifo Q
endif =
; force the currently running instance to became sleeping (slot 2) and place it in pause mode
if-exists = $(ZERG_RUN)/running.fifo
hook-accepting1-once = writefifo:$(ZERG_RUN)/running.fifo 2p
endif =
; force this instance to became the running one (slot 1)
hook-accepting1-once = writefifo:$(ZERG_RUN)/new.fifo 1
"""

PLAIN = """\
[uwsgi]
master = true
socket = $(ZERG_RUN)/web.sock
; SIGTERM finishes requests first
hook-master-start = unix_signal:15 gracefully_kill_them_all
"""


def run(options):
    times, swaps = (1, 10) if options.quick else (5, 50)
    yield HEAD
    with without_plugin(PLAIN) as stack:
        yield told("supervisorctl restart, one program, no plugin", repeat(stack, times, restart))
    with without_plugin(ARTICLE) as stack:
        yield told("the article's deploy", repeat(stack, times, article_deploy))
    with without_plugin(ARTICLE) as stack:
        stack.ctl("start", "pybossabak")
        time.sleep(CALM_S)
        echoes = Echoes(stack)
        yield told(
            "the article's roll-back: echo 1p, echo 2p",
            repeat(stack, swaps, echoes.roll_back, SWAP_CALM_S),
        )
        yield "  after them the instance that answers holds the slot %s; %d echoes hung" % (
            slot_of_answering(stack),
            echoes.hung,
        )
    stack = Stack(app=PREFORK, environment=ENVIRONMENT)
    try:
        stack.start().warm_up()
        yield told(
            "supervisor_zerg, deploy: restart the parked instance",
            repeat(stack, times, zerg_deploy),
        )
        yield told(
            "supervisor_zerg, roll-back: swap", repeat(stack, swaps, zerg_roll_back, SWAP_CALM_S)
        )
    finally:
        stack.stop()


@contextmanager
def without_plugin(ini, environment=ENVIRONMENT):
    stack = Stack(dialect="article", app=PREFORK, environment=environment)
    (stack.conf_d / "uwsgi" / "article.ini").write_text(
        ini.replace("$(ZERG_RUN)", str(stack.run))
    )  # if-exists expands no variable
    (stack.conf_d / "zerg.conf").unlink()
    if ini is PLAIN:
        for filename in ("zergpool.conf", "pybossabak.conf"):
            (stack.conf_d / filename).unlink()
    try:
        stack.start(wait=False)
        stack.until(lambda: get(stack.web, timeout=10).status == 200)
        time.sleep(CALM_S)
        yield stack
    finally:
        stack.stop()


def repeat(stack, times, procedure, calm=CALM_S):
    """:returns: [Outcome, ...]: what clients saw from the start of a procedure until calm after it."""
    outcomes = []
    with quick_load(stack, clients=3) as quick, slow_load(stack) as slow:
        for _ in range(times):
            began = time.monotonic()
            procedure(stack)
            time.sleep(calm)
            outcomes.append(
                Outcome(quick.new_answers() + slow.new_answers(), began, time.monotonic())
            )
    return outcomes


def restart(stack):
    stack.ctl("restart", "pybossa")


def article_deploy(stack):
    """Boot the backup server to have an instance of what runs; then restart the default server with the new code."""
    stack.ctl("restart", "pybossabak")
    time.sleep(CALM_S)
    stack.ctl("restart", "pybossa")


class Echoes:
    """The article's two commands. An echo into a FIFO that nobody reads hangs."""

    def __init__(self, stack):
        self.run, self.hung = stack.run, 0

    def roll_back(self, stack):
        self.echo("1p", "running")
        self.echo("2p", "sleeping")

    def echo(self, text, slot):
        try:
            subprocess.run(["sh", "-c", f"echo {text} > {self.run}/{slot}.fifo"], timeout=HANGS_S)
        except subprocess.TimeoutExpired:
            self.hung += 1


def zerg_deploy(stack):
    info = stack.info()
    stack.ctl("restart", info["parked"])
    stack.until_roles(info["parked"], info["serving"])


def zerg_roll_back(stack):
    stack.zerg.swap("")


def told(what, outcomes):
    answers = [a for outcome in outcomes for a in outcome.answers]
    silence = max(silence_ms(outcome) for outcome in outcomes)
    return ROW % (
        what,
        len(outcomes),
        len(answers),
        len(failed(answers)),
        f"{slowest_ms(answers):.0f} ms",
        f"{silence:.0f} ms",
    )


def silence_ms(outcome):
    """The longest time in which nobody was answered."""
    moments = sorted(
        a.ended
        for a in outcome.answers
        if a.status == 200 and outcome.began <= a.ended <= outcome.ended
    )
    gaps = zip([outcome.began, *moments], [*moments, outcome.ended])
    return max(after - before for before, after in gaps) * 1000


def slot_of_answering(stack):
    """By the kernel: which FIFO does the master of the instance that answers hold?"""
    answering = get(stack.web, timeout=10).program
    master = stack.supervisor.getProcessInfo(answering)["pid"]
    links = [
        os.readlink(entry.path) for entry in os.scandir("/proc/%d/fd" % master)
    ]  # " (deleted)" where another took the path
    return next(
        (s for s in ("new", "running", "sleeping") if str(stack.run / (f"{s}.fifo")) in links),
        "that no path leads to",
    )

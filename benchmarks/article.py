"""For comparison, with the same application and load: the article's procedure, a plain restart.

The article is "Zerg Dance" of the Crowdcrafting developers: three FIFOs, hooks in the uWSGI ini,
two programs, and two echoes to roll back.
"""

from __future__ import annotations

import os
import subprocess
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Callable, NamedTuple

from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Answer, failed, get
from supervisor_zerg.demo.verdict import slowest_ms

from .load import PREFORK, quick_load, slow_load

BOOT_S = 0.5
CALM_S = 2.5  # after a deploy; longer than the boot and startsecs
SWAP_CALM_S = 0.5
HANGS_S = 2.0
ENVIRONMENT = {"ZERG_BOOT_S": str(BOOT_S)}

# As published, but for the second line. Without it the first boot races with the pool's, and an
# instance that loses the race ends.
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


class Outcome(NamedTuple):
    """What clients saw from the start of a procedure until the calm after it."""

    answers: list[Answer]
    began: float
    ended: float


def run(options: Namespace) -> Iterator[str]:
    """The lines of this group."""
    times, swaps = (1, 10) if options.quick else (5, 50)
    yield _line("", "times", "requests", "failed", "longest answer", "longest silence")
    with without_plugin(PLAIN) as stack:
        outcomes = repeat(stack, times, restart)
        yield row("supervisorctl restart, one program, no plugin", outcomes)
    with without_plugin(ARTICLE) as stack:
        yield row("the article's deploy", repeat(stack, times, article_deploy))
    with without_plugin(ARTICLE) as stack:
        stack.ctl("start", "pybossabak")
        time.sleep(CALM_S)
        echoes = Echoes(stack)
        outcomes = repeat(stack, swaps, echoes.roll_back, SWAP_CALM_S)
        yield row("the article's roll-back: echo 1p, echo 2p", outcomes)
        slot = slot_of_answering(stack)
        yield f"  then the instance that answers holds the slot {slot}; {echoes.hung} echoes hung"
    stack = Stack(app=PREFORK, environment=ENVIRONMENT)
    try:
        stack.start().warm_up()
        outcomes = repeat(stack, times, zerg_deploy)
        yield row("supervisor_zerg, deploy: restart the parked instance", outcomes)
        outcomes = repeat(stack, swaps, zerg_roll_back, SWAP_CALM_S)
        yield row("supervisor_zerg, roll-back: swap", outcomes)
    finally:
        stack.stop()


@contextmanager
def without_plugin(ini: str, environment: Mapping[str, str] = ENVIRONMENT) -> Iterator[Stack]:
    """A stack with this ini and without supervisor_zerg."""
    stack = Stack(dialect="article", app=PREFORK, environment=environment)
    path = stack.conf_d / "uwsgi" / "article.ini"
    path.write_text(ini.replace("$(ZERG_RUN)", str(stack.run)))  # if-exists expands no variable
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


def repeat(
    stack: Stack, times: int, procedure: Callable[[Stack], object], calm_s: float = CALM_S
) -> list[Outcome]:
    """Repeat a procedure under load."""
    outcomes = []
    with quick_load(stack, clients=3) as quick, slow_load(stack) as slow:
        for _ in range(times):
            began = time.monotonic()
            procedure(stack)
            time.sleep(calm_s)
            answers = quick.new_answers() + slow.new_answers()
            outcomes.append(Outcome(answers, began, time.monotonic()))
    return outcomes


def restart(stack: Stack) -> None:
    """A plain restart."""
    stack.ctl("restart", "pybossa")


def article_deploy(stack: Stack) -> None:
    """Boot the backup with the current code, then restart the default server with the new code."""
    stack.ctl("restart", "pybossabak")
    time.sleep(CALM_S)
    stack.ctl("restart", "pybossa")


class Echoes:
    """The article's two commands. An echo into a FIFO that nobody reads hangs."""

    def __init__(self, stack: Stack) -> None:
        self.run = stack.run
        self.hung = 0

    def roll_back(self, stack: Stack) -> None:
        """Roll back as the article does."""
        self._echo("1p", "running")
        self._echo("2p", "sleeping")

    def _echo(self, text: str, slot: str) -> None:
        try:
            subprocess.run(["sh", "-c", f"echo {text} > {self.run}/{slot}.fifo"], timeout=HANGS_S)
        except subprocess.TimeoutExpired:
            self.hung += 1


def zerg_deploy(stack: Stack) -> None:
    """Restart the parked instance, which then takes over."""
    info = stack.info()
    stack.ctl("restart", info["parked"])
    stack.until_roles(info["parked"], info["serving"])


def zerg_roll_back(stack: Stack) -> None:
    """Swap back."""
    stack.zerg.swap("")


def row(name: str, outcomes: list[Outcome]) -> str:
    """The line of one procedure."""
    answers = [answer for outcome in outcomes for answer in outcome.answers]
    silence = max(silence_ms(outcome) for outcome in outcomes)
    counts = (str(len(outcomes)), str(len(answers)), str(len(failed(answers))))
    return _line(name, *counts, f"{slowest_ms(answers):.0f} ms", f"{silence:.0f} ms")


def _line(name: str, times: str, requests: str, failures: str, longest: str, silence: str) -> str:
    return f"{name:<52} {times:>5} {requests:>9} {failures:>8} {longest:>15} {silence:>15}"


def silence_ms(outcome: Outcome) -> float:
    """The longest time in which no request was answered."""
    began, ended = outcome.began, outcome.ended
    good = [answer.ended for answer in outcome.answers if answer.status == 200]
    moments = sorted(moment for moment in good if began <= moment <= ended)
    gaps = zip([began, *moments], [*moments, ended])
    return max(after - before for before, after in gaps) * 1000


def slot_of_answering(stack: Stack) -> str:
    """Which FIFO the master of the answering instance holds, according to the kernel."""
    answering = get(stack.web, timeout=10).program
    master = stack.supervisor.getProcessInfo(answering)["pid"]
    # a link ends with " (deleted)" where another master took the path
    links = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{master}/fd")]
    slots = ("new", "running", "sleeping")
    held = [slot for slot in slots if str(stack.run / f"{slot}.fifo") in links]
    return held[0] if held else "that no path leads to"

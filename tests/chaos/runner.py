"""Applies the steps, group by group, and checks after each group."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from .checker import Checker, failures, stale
from .duties import do_duties
from .faults import ALL
from .faults.fault import Undo
from .load import Load
from .steps import Step, Steps, as_text, groups
from .target import LISTENER, NotPossible, Target

CONVERGES_S = 60.0
DUTIES_S = 2.0  # an operator looks this often
POLL_S = 0.05
STABLE_S = 0.8  # converged means that it stays so: the effect of a fault may still be on its way
WATCHED_S = 0.3  # so long the converged pair is watched for stale answers
GAP_S = 0.3  # at most, between two faults that overlap

Say = Callable[[str], None]


@dataclass(frozen=True)
class Violation:
    """What was wrong after a group. ``steps``: all that its stack went through, that group last."""

    text: str
    steps: Steps
    group: Steps
    evidence: str = ""

    @property
    def kind(self) -> str:
        return self.text.partition(":")[0]


@dataclass
class Figures:
    """What a run did and saw."""

    faults: int = 0
    skipped: int = 0
    requests: int = 0
    failed_excused: int = 0
    slowest_s: float = 0.0
    started_by_operator: int = 0
    converged_s: list[float] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    def lines(self) -> list[str]:
        times = sorted(self.converged_s) or [0.0]
        median = times[len(times) // 2]
        return [
            f"{self.faults} faults, {self.skipped} not possible, {self.requests} requests,"
            f" {self.failed_excused} of them cut inside killed processes,"
            f" slowest {self.slowest_s:.1f} s",
            f"converged {len(self.converged_s)} times: median {median:.2f} s,"
            f" worst {times[-1]:.1f} s;"
            f" {self.started_by_operator} programs started by the operator",
            f"{len(self.violations)} violations",
        ]


class Run:
    """One stack, and the steps that it goes through until the first violation."""

    def __init__(self, dialect: str, app: str, figures: Figures, say: Say) -> None:
        self.figures = figures
        self.say = say
        self.target = Target(dialect, app)
        self.loads: list[Load] = []

    def until_violation(self, steps: Sequence[Step]) -> int:
        """Run the groups. Returns how many steps were used up; violations are in the figures."""
        used = 0
        try:
            self.target.start()
            if not self._ready():
                self._record(["start: the stack did not converge before any fault"], (), ())
                return len(steps)
            for group in groups(steps):
                used += len(group)
                found = self._group(group)
                if used == len(steps) and not found:
                    found = self._at_the_end()
                if found:
                    self._record(found, tuple(steps[:used]), group)
                    break
            return used
        finally:
            self._stop()

    def _ready(self) -> bool:
        self.target.stack.until(lambda: self.target.pid_of(LISTENER))
        time.sleep(1.5)  # past startsecs
        self.load = Load(self.target.stack.web)
        self.loads.append(self.load)
        self.checker = Checker(self.target)
        return not self._converge()[1]

    def _stop(self) -> None:
        for load in self.loads:
            load.traffic.stop()
            load.new_answers()
            self.figures.requests += load.requests
            self.figures.slowest_s = max(self.figures.slowest_s, load.slowest_s)
        self.figures.failed_excused += self.target.ledger.excused
        self.figures.started_by_operator += self.target.started_by_operator
        self.target.stop()

    def _group(self, group: Steps) -> list[str]:
        began = time.monotonic()
        self.target.written_by_hand = False
        applied = [(step, undo) for step in group if (undo := self._apply(step))]
        lasts_s = max((ALL[step.fault].lasts_s for step, _ in applied), default=0.0)
        time.sleep(random.Random(group[0].seed).random() * lasts_s)
        # what lies at a path is taken away before anything waits, such as for supervisorctl
        applied.reverse()
        applied.sort(key=lambda pair: ALL[pair[0].fault].lasts_s == 0)
        for _, undo in applied:
            try:
                undo()
            except NotPossible:
                pass
        seconds, missing = self._converge(max(ALL[step.fault].ends_within_s for step in group))
        self.say(
            f"{as_text(group)}  {time.monotonic() - began:.1f} s, converged in {seconds:.1f} s"
        )
        found = self.checker.violations()
        if missing:
            found += [f"converge: {text}" for text in missing]
        elif self.checker.alive():
            self.figures.converged_s.append(seconds)
            found += self._watch()
        return found

    def _apply(self, step: Step) -> Undo | None:
        rng = random.Random(step.seed)
        time.sleep(rng.random() * GAP_S)
        try:
            undo = ALL[step.fault].apply(self.target, rng)
        except NotPossible as reason:
            self.figures.skipped += 1
            self.say(f"  {step}: not possible, {reason}")
            return None
        self.figures.faults += 1
        return undo

    def _converge(self, more_s: float = 0.0) -> tuple[float, list[str]]:
        """Poll until nothing is missing for a while. Returns the seconds, and what is missing."""
        began = time.monotonic()
        duties_at = began
        fine_since = None
        while True:
            missing = self.checker.unsettled()
            now = time.monotonic()
            fine_since = None if missing else fine_since or now
            if (fine_since and now - fine_since > STABLE_S) or not self.checker.alive():
                return (fine_since or now) - began, missing
            if missing and now - began > CONVERGES_S + more_s:
                return now - began, missing
            if now >= duties_at:
                do_duties(self.target)
                duties_at = now + DUTIES_S
            time.sleep(POLL_S)

    def _watch(self) -> list[str]:
        """What the clients saw, and whether the pair stays as it is."""
        since = time.monotonic()
        self.target.serves_again()
        serving = self.target.info()["serving"]
        time.sleep(WATCHED_S)
        last, answered = self.load.renew()
        answers = last + self.load.new_answers()
        found = stale(answers, since, serving)
        failed = [a for a in answers if a.status != 200]
        found += failures(self.target.ledger.unexcused(failed))
        return found + ([] if answered else ["request: a client was never answered"])

    def _at_the_end(self) -> list[str]:
        answers, answered = self.load.end()
        failed = [a for a in answers if a.status != 200]
        found = failures(self.target.ledger.unexcused(failed))
        found += [] if answered else ["request: a client was never answered"]
        return found + self.checker.spins()

    def _record(self, found: list[str], steps: Steps, group: Steps) -> None:
        with tempfile.NamedTemporaryFile(
            "w", prefix="chaos-", suffix=".txt", delete=False, errors="replace"
        ) as file:
            file.write("\n".join([*found, as_text(steps), self.target.stack.report(), ""]))
            for path in sorted(Path(self.target.stack.log).glob("*stdout*")):
                file.write(f"--- {path.name}\n{path.read_text(errors='replace')[-20000:]}\n")
            file.write((self.target.stack.supervisord_log())[-60000:])
        for text in found:
            self.say(f"VIOLATION {text[:1000]}")
        self.say(f"  evidence: {file.name}")
        self.figures.violations += [Violation(text, steps, group, file.name) for text in found]


def run(dialect: str, app: str, steps: Steps, say: Say, keep_going: bool = False) -> Figures:
    """Run the steps; after a violation end, or go on with the rest on a new stack."""
    figures = Figures()
    left = steps
    while left:
        left = left[Run(dialect, app, figures, say).until_violation(left) :]
        if figures.violations and not keep_going:
            break
    return figures

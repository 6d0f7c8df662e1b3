"""Shows who serves: a line each second, or on a terminal one line that is updated. ASCII only."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Mapping
from typing import TextIO

from .traffic import Answer, Traffic
from .verdict import count, slowest_ms

PLAIN_EVERY_S = 1.0
TERMINAL_EVERY_S = 0.2


class Screen:
    """Shows the answers of each kind of traffic, and collects them in ``answers``."""

    def __init__(self, traffics: Mapping[str, Traffic], out: TextIO | None = None) -> None:
        self.traffics = traffics
        self.out = out or sys.stdout
        self.answers: dict[str, list[Answer]] = {kind: [] for kind in traffics}
        self.began = time.monotonic()
        self.live = self.out.isatty()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Screen:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._collect()

    def say(self, sentence: str) -> None:
        """Print a line that stays."""
        with self._lock:
            self._wipe()
            self.out.write(f"{time.monotonic() - self.began:6.2f} s  * {sentence}\n")
            self.out.flush()

    def _collect(self) -> list[Answer]:
        """Collect and return the answers since the last call."""
        fresh = []
        for kind, traffic in self.traffics.items():
            answers = traffic.new_answers()
            self.answers[kind] += answers
            fresh += answers
        return fresh

    def _watch(self) -> None:
        while not self._over.wait(TERMINAL_EVERY_S if self.live else PLAIN_EVERY_S):
            fresh = self._collect()
            with self._lock:
                self._wipe()
                self.out.write(self._line(fresh) + ("" if self.live else "\n"))
                self.out.flush()

    def _wipe(self) -> None:
        if self.live:
            self.out.write(f"\r{' ' * (shutil.get_terminal_size().columns - 1)}\r")

    def _line(self, answers: list[Answer]) -> str:
        line = f"{time.monotonic() - self.began:6.2f} s    {served_by(answers)}"
        return line[: shutil.get_terminal_size().columns - 1] if self.live else line


def served_by(answers: list[Answer]) -> str:
    """Who answered: ``served by pybossa v1: 312   slowest 8 ms``."""
    by = count(f"{a.program} v{a.version}" for a in answers if a.status == 200)
    served = ", ".join(f"{who}: {number}" for who, number in sorted(by.items())) or "nobody"
    failures = sum(a.status != 200 for a in answers)
    note = f"   FAILED {failures}" if failures else ""
    return f"served by {served}   slowest {slowest_ms(answers):.0f} ms{note}"

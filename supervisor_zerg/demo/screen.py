"""Shows live who serves: a line each second, or on a terminal one line that is written anew. ASCII only."""

import shutil
import sys
import threading
import time

from .verdict import count, slowest_ms

PLAIN_EVERY_S = 1.0
TERMINAL_EVERY_S = 0.2


class Screen:
    """:param traffics: whose fresh answers are shown and kept: {kind: Traffic}; the answers are in ``answers`` afterwards."""

    def __init__(self, traffics, out=None):
        self.traffics, self.out = traffics, out or sys.stdout
        self.answers = {kind: [] for kind in traffics}
        self.began = time.monotonic()
        self.live = self.out.isatty()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        self.collect()

    def say(self, sentence):
        """A line that stays."""
        with self._lock:
            self._wipe()
            self.out.write(f"{time.monotonic() - self.began:6.2f} s  * {sentence}\n")
            self.out.flush()

    def collect(self):
        """:returns: the answers since the last time."""
        newly_accepting = []
        for kind, traffic in self.traffics.items():
            some = traffic.newly_accepting()
            self.answers[kind] += some
            newly_accepting += some
        return newly_accepting

    def _watch(self):
        while not self._over.wait(TERMINAL_EVERY_S if self.live else PLAIN_EVERY_S):
            newly_accepting = self.collect()
            with self._lock:
                self._wipe()
                self.out.write(self._line(newly_accepting) + ("" if self.live else "\n"))
                self.out.flush()

    def _wipe(self):
        if self.live:
            self.out.write(f"\r{' ' * (shutil.get_terminal_size().columns - 1)}\r")

    def _line(self, newly_accepting):
        line = f"{time.monotonic() - self.began:6.2f} s    {told(newly_accepting)}"
        return line[: shutil.get_terminal_size().columns - 1] if self.live else line


def told(answers):
    """Who answered: ``served by pybossa v1: 312   slowest 8 ms``."""
    by = count(f"{a.program} v{a.version}" for a in answers if a.status == 200)
    served = ", ".join("%s: %d" % (who, number) for who, number in sorted(by.items())) or "nobody"
    bad = sum(a.status != 200 for a in answers)
    return "served by {}   slowest {:.0f} ms{}".format(
        served,
        slowest_ms(answers),
        "   FAILED %d" % bad if bad else "",
    )

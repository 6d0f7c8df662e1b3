"""A machine that is full or overloaded."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

from ..target import NotPossible, Target
from .fault import Fault, Undo

BUSY_S = 6.0
BUSY = (
    "import sys, time\n"
    "end = time.monotonic() + float(sys.argv[1])\n"
    "while time.monotonic() < end: pass"
)

LASTS_S = 4.0


def full_disk(target: Target, rng: random.Random) -> Undo:
    """The file system of the history."""
    if target.disk is None:
        raise NotPossible("only root can make a small file system")
    ballast = target.disk / "ballast"
    if ballast.exists():
        raise NotPossible("it is full already")
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass

    return ballast.unlink


def overloaded(target: Target, rng: random.Random) -> Undo:
    """More busy processes than cores, for a few seconds."""
    count = (os.cpu_count() or 1) + rng.randrange(1, 3)
    seconds = rng.uniform(1, BUSY_S)
    busy = [
        subprocess.Popen([sys.executable, "-c", BUSY, str(seconds)], stdin=subprocess.DEVNULL)
        for _ in range(count)
    ]

    def undo() -> None:
        time.sleep(0.5)
        for process in busy:
            process.kill()
            process.wait()

    return undo


FAULTS = (
    Fault("full-disk", full_disk, lasts_s=LASTS_S),
    Fault("overload", overloaded, weight=3),
)

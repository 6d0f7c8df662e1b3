"""Random faults under constant load.

python -m tests.chaos --seed 7 --faults 100                       100 faults made from this seed
python -m tests.chaos --faults kill-master:12+,fifo-file:34       exactly these, to replay a failure
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time

from .faults import ALL, WEIGHTS
from .runner import Figures, run
from .shrink import shrink
from .steps import Steps, as_text, from_text, generate
from .target import APPS

DIALECTS = ("managed", "hooks")


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the stack ends in order
    if options.list:
        for fault in ALL.values():
            print(f"{fault.name:24} requests that may fail: {fault.loses}")
        return 0
    status = 0
    for dialect in DIALECTS if options.dialect == "both" else (options.dialect,):
        for app in APPS if options.app == "both" else (options.app,):
            status |= _one(options, dialect, app)
    return status


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--faults", default="30", help="a number, or FAULT:SEED,FAULT:SEED+ ...")
    parser.add_argument("--dialect", choices=(*DIALECTS, "both"), default="both")
    parser.add_argument("--app", choices=(*APPS, "both"), default="both")
    parser.add_argument("--only", default="", help="names of faults, with commas between them")
    parser.add_argument("--keep-going", action="store_true", help="a new stack after a violation")
    parser.add_argument("--shrink", type=int, default=30, metavar="RUNS", help="0: do not shrink")
    parser.add_argument("--list", action="store_true", help="tell the faults, and end")
    return parser.parse_args()


def steps_of(faults: str, seed: int, only: str = "") -> Steps:
    """A number of faults from the seed, or the faults themselves."""
    if not faults.isdigit():
        return from_text(faults)
    wanted = only.split(",") if only else list(WEIGHTS)
    return generate(seed, int(faults), {name: WEIGHTS[name] for name in wanted})


def replay(dialect: str, app: str, steps: Steps) -> str:
    return f"make chaos DIALECT={dialect} APP={app} FAULTS={as_text(steps)}"


def _one(options: argparse.Namespace, dialect: str, app: str) -> int:
    steps = steps_of(options.faults, options.seed, options.only)
    _say(f"chaos: seed {options.seed}, {len(steps)} faults, dialect {dialect}, app {app}")
    figures = run(dialect, app, steps, _say, options.keep_going)
    for line in figures.lines():
        _say(line)
    if not figures.violations:
        return 0
    _say(f"seed {options.seed}; to replay: {replay(dialect, app, figures.violations[0].steps)}")
    if options.shrink and not options.keep_going:
        shortest = _shrunk(options, dialect, app, figures)
        _say(f"shortest that fails: {replay(dialect, app, shortest)}")
    return 1


def _shrunk(options: argparse.Namespace, dialect: str, app: str, figures: Figures) -> Steps:
    """The same kind of violation from as few steps as possible."""
    violation = figures.violations[0]

    def fails(steps: Steps) -> bool:
        _say(f"shrink: {as_text(steps)}")
        again = run(dialect, app, steps, lambda text: None)
        return any(other.kind == violation.kind for other in again.violations)

    return shrink(violation.steps, fails, options.shrink)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

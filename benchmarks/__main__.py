"""Measure supervisor_zerg, and beside it what it replaces, on one application.

    python -m benchmarks [--runs N] [--quick] [--only WORD ...]

Takes some 20 minutes, with --quick 5; every process that is started is ended.
"""

import argparse
import shlex
import signal
import sys
import time

from . import article, deploys, everywhere, idle, kill, machine, page, restart, strength, swaps
from .table import HEAD

ROOMS = (swaps, everywhere, kill, restart, strength, deploys, idle, page, article)
GROUPS = {room.__name__.rpartition(".")[2]: room.run for room in ROOMS}


def main(arguments=None):
    options = parser().parse_args(arguments)
    options.runs = options.runs or (15 if options.quick else 50)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    print(
        f"$ python -m benchmarks {shlex.join(arguments if arguments is not None else sys.argv[1:])}"
    )
    print(f"{machine.observed()}\n\n{HEAD}", flush=True)
    for name in options.only or GROUPS:
        print(
            "-- {}: {}".format(name, sys.modules[GROUPS[name].__module__].__doc__.split("\n")[0]),
            flush=True,
        )
        for row in GROUPS[name](options):
            print(row, flush=True)
    print(f"\n{time.monotonic() - began:.0f} s")
    return 0


def parser():
    found = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.split("\n\n")[0]
    )
    found.add_argument(
        "--runs", type=int, help="of what can be repeated quickly (50, with --quick 15)"
    )
    found.add_argument("--quick", action="store_true", help="fewer runs and pairs")
    found.add_argument(
        "--only", nargs="+", choices=GROUPS, metavar="GROUP", help=f"of {', '.join(GROUPS)}"
    )
    return found


if __name__ == "__main__":
    sys.exit(main())

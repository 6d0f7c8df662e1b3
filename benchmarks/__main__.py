"""Measure supervisor_zerg, and beside it what it replaces, with one application.

    python -m benchmarks [--runs N] [--quick] [--only GROUP ...]

Takes some 20 minutes, with --quick 5. Every process that is started is ended. If a group fails, the
reason is printed, the others go on, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Sequence

from . import article, deploys, everywhere, idle, kill, machine, page, restart, strength, swaps
from .table import HEAD

MODULES = (swaps, everywhere, kill, restart, strength, deploys, idle, page, article)
GROUPS = {module.__name__.rpartition(".")[2]: module for module in MODULES}
RUNS = 50
QUICK_RUNS = 15


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the groups.

    Returns:
        The exit status.
    """
    options = parser().parse_args(arguments)
    options.runs = options.runs or (QUICK_RUNS if options.quick else RUNS)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    words = sys.argv[1:] if arguments is None else arguments
    print(f"$ python -m benchmarks {shlex.join(words)}\n{machine.describe()}\n\n{HEAD}", flush=True)
    failed = [name for name in options.only or GROUPS if not run_group(name, options)]
    print(f"\n{time.monotonic() - began:.0f} s")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def run_group(name: str, options: argparse.Namespace) -> bool:
    """Print the rows of a group, or why it failed.

    Returns:
        Whether it ran to its end.
    """
    module = GROUPS[name]
    print(f"-- {name}: {(module.__doc__ or '').partition(chr(10))[0]}", flush=True)
    try:
        for row in module.run(options):
            print(row, flush=True)
    except Exception as error:
        traceback.print_exc()
        reason = str(error).partition("\n")[0]
        print(f"-- {name} FAILED: {type(error).__name__}: {reason}", flush=True)
        return False
    return True


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    description = (__doc__ or "").split("\n\n")[0]
    found = argparse.ArgumentParser(prog="python -m benchmarks", description=description)
    runs = f"runs of what can be repeated quickly ({RUNS}, with --quick {QUICK_RUNS})"
    found.add_argument("--runs", type=int, help=runs)
    found.add_argument("--quick", action="store_true", help="fewer runs and pairs")
    groups = f"of {', '.join(GROUPS)}"
    found.add_argument("--only", nargs="+", choices=GROUPS, metavar="GROUP", help=groups)
    return found


if __name__ == "__main__":
    sys.exit(main())

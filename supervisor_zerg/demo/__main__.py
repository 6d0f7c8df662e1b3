"""The demo: a real stack in a temporary folder, and swaps, a deploy and a kill -9 under load.

    python -m supervisor_zerg.demo [--keep] [--swaps N] [--processes N] [--threads N]

It needs neither root nor a network. The exit status is 0 only if no request failed and none was
answered by a parked instance. Requests inside the process that gets kill -9 are counted apart.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence

from . import keep
from .processes import children
from .screen import Screen
from .stack import Stack
from .traffic import Traffic
from .verdict import NEVER, Act, Verdict

BOOT_S = 0.7  # how long the application takes to load
BETWEEN_S = 0.5
QUICK = "of 5 ms"
SLOW = "of 0.5 s"
TRAFFIC_S = 90.0
END_S = 10.0  # how long open requests may take when the demo ends
OLD = "1"
NEW = "2"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo.

    Returns:
        The exit status.
    """
    options = parser().parse_args(arguments)
    if options.end:
        return keep.end(options.end)
    for number in (signal.SIGTERM, signal.SIGHUP):  # these, too, end the processes of the demo
        signal.signal(number, signal.default_int_handler)
    print("Starting supervisord, a zerg pool and two uWSGI instances", end="")
    print(f" that take {BOOT_S:.1f} s to load ...", flush=True)
    stack = Stack(
        app={"processes": options.processes, "threads": options.threads},
        environment={"ZERG_BOOT_S": str(BOOT_S)},
    )
    kept = False
    try:
        verdict = Demo(stack.start(), options.swaps).run()
        kept = options.keep
    except KeyboardInterrupt:
        print("\ninterrupted")
        return 130
    finally:
        if not kept:
            stack.stop()
    if kept:
        print("\n" + "\n".join(keep.commands(stack)), flush=True)
    return 0 if verdict.good else 1


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    description = (__doc__ or "").split("\n\n")[0]
    found = argparse.ArgumentParser(prog="python -m supervisor_zerg.demo", description=description)
    add = found.add_argument
    add("--keep", action="store_true", help="keep the stack running and print commands to try")
    add("--end", metavar="FOLDER", help="end a demo that --keep left running")
    add("--swaps", type=int, default=8, help="number of swaps (8)")
    add("--processes", type=int, default=4, help="uWSGI processes of each instance (4)")
    add("--threads", type=int, help="uWSGI threads of each process (none)")
    return found


class Demo:
    """The acts of the demo, in order. Each prints a line when it is done."""

    def __init__(self, stack: Stack, swaps: int) -> None:
        self.stack = stack
        self.swaps = swaps
        self.acts: list[Act] = []
        self.killed = NEVER
        self.orphans: list[int] = []

    def run(self) -> Verdict:
        """Play all acts under load, and print the verdict."""
        self.stack.warm_up()
        quick = Traffic(self.stack.web, clients=3, seconds=TRAFFIC_S, paths=("/?s=0.005",))
        slow = Traffic(self.stack.web, clients=1, seconds=TRAFFIC_S, paths=("/?s=0.5",))
        try:
            with quick, slow, Screen({QUICK: quick, SLOW: slow}) as self.screen:
                self._play()
                unanswered = sum(not traffic.end(END_S) for traffic in (quick, slow))
        finally:
            for traffic in (quick, slow):
                traffic.stop()
        verdict = Verdict(self.screen.answers, self.acts, self.killed, self.orphans, unanswered)
        self._report(verdict)
        return verdict

    def _play(self) -> None:
        parked, serving = self._roles()
        self.screen.say(
            f"4 clients send requests without a pause;"
            f" {serving} serves version {OLD}, {parked} is parked"
        )
        for _ in range(self.swaps):
            self._swap("swap", OLD)
        self._deploy()
        self._swap("roll back: swap", OLD)
        self._swap("forward again: swap", NEW)
        self._kill()

    def _swap(self, name: str, version: str) -> None:
        asked = time.monotonic()
        serving = self.stack.zerg.swap("")["serving"]
        took_ms = self._record(name, asked, serving, version)
        self.screen.say(f"{name}: {serving} serves after {took_ms:.1f} ms")
        time.sleep(BETWEEN_S)

    def _deploy(self) -> None:
        parked, serving = self._roles()
        self.stack.version(NEW)
        self.screen.say(f"deploy: version {NEW} is on disk; supervisorctl restart {parked}")
        asked = time.monotonic()
        self.stack.ctl("restart", parked)
        self.stack.until_roles(parked, serving)
        took_s = self._record("deploy", asked, parked, NEW) / 1000
        self.screen.say(
            f"deploy: {parked} was ready and took over, {serving} is parked;"
            f" {took_s:.1f} s with the boot"
        )
        time.sleep(2 * BETWEEN_S)

    def _kill(self) -> None:
        parked, serving = self._roles()
        pid = self.stack.instance(serving)["master"]
        self.orphans = children(pid)
        self.killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        self.stack.until(lambda: self.stack.info()["serving"] == parked)
        took_ms = self._record("kill -9", self.killed, parked, OLD)
        self.screen.say(
            f"kill -9 of the serving master, pid {pid}:"
            f" {parked} was seen serving after {took_ms:.1f} ms"
        )
        self.stack.until_roles(parked, serving)
        self.screen.say(f"Supervisor started {serving} again; it is loaded and parked")
        time.sleep(BETWEEN_S)

    def _roles(self) -> tuple[str, str]:
        """The parked and the serving program."""
        info = self.stack.info()
        return info["parked"], info["serving"]

    def _record(self, name: str, asked: float, serving: str, version: str) -> float:
        """Record an act that is done. Returns how long it took, in ms."""
        replied = time.monotonic()
        self.acts.append(Act(name, asked, replied, serving, version))
        return (replied - asked) * 1000

    def _report(self, verdict: Verdict) -> None:
        print("\nWhat happened (zerg history):")
        print(self.stack.zergctl("history").stdout.rstrip())
        print(f"\nWhat {verdict.requests} requests saw:")
        print("\n".join(verdict.lines()), flush=True)


if __name__ == "__main__":
    sys.exit(main())

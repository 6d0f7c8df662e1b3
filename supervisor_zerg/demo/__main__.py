"""The demo: a real stack in a temporary folder, real traffic, and everything that usually hurts, done while clients ask.

    python -m supervisor_zerg.demo [--keep] [--swaps N] [--processes N] [--threads N]

Needs no root and no network. The exit status is 0 only if no request failed (what ran inside the process that was killed with
SIGKILL is counted apart) and none was answered by an instance that had been parked.
"""

import argparse
import os
import signal
import sys
import time

from . import keep
from .screen import Screen
from .stack import Stack
from .traffic import Traffic
from .verdict import Act, Verdict

BOOT_S = 0.7  # how long the application takes to load
BETWEEN_S = 0.5
QUICK, SLOW = "that take 5 ms", "that take 0.5 s"
TRAFFIC_S = 90.0
END_S = 10.0  # how long requests that are under way may take when the demo ends
STARTED, DEPLOYED = "1", "2"


def main(arguments=None):
    options = parser().parse_args(arguments)
    if options.end:
        return keep.end(options.end)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(
            number, signal.default_int_handler
        )  # whoever ends the demo ends its processes
    print(
        f"Starting supervisord, a zerg pool and two uWSGI instances that load for {BOOT_S:.1f} s ...",
        flush=True,
    )
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


def parser():
    found = argparse.ArgumentParser(
        prog="python -m supervisor_zerg.demo", description=__doc__.split("\n\n")[0]
    )
    found.add_argument("--keep", action="store_true", help="leave it running and tell what to type")
    found.add_argument("--end", metavar="FOLDER", help="end what --keep left running")
    found.add_argument("--swaps", type=int, default=8, help="swaps back and forth (8)")
    found.add_argument(
        "--processes", type=int, default=4, help="uWSGI processes of each instance (4)"
    )
    found.add_argument("--threads", type=int, help="uWSGI threads of each process (none)")
    return found


class Demo:
    """The acts, in order, each told when it is done."""

    def __init__(self, stack, swaps):
        self.stack, self.swaps, self.acts = stack, swaps, []
        self.killed, self.orphans = float("inf"), ()
        self.clock_offset = time.time() - time.monotonic()

    def run(self):
        self.stack.warm_up()
        quick = Traffic(self.stack.web, clients=3, seconds=TRAFFIC_S, paths=("/?s=0.005",))
        slow = Traffic(self.stack.web, clients=1, seconds=TRAFFIC_S, paths=("/?s=0.5",))
        try:
            with quick, slow, Screen({QUICK: quick, SLOW: slow}) as self.screen:
                self.screen.say(
                    f"4 clients ask without pause; pybossabak serves version {STARTED}, pybossa is parked"
                )
                self.play()
                unanswered = sum(not traffic.end(END_S) for traffic in (quick, slow))
        finally:
            for traffic in (quick, slow):
                traffic.stop()
        verdict = Verdict(self.screen.answers, self.acts, self.killed, self.orphans, unanswered)
        self.tell(verdict)
        return verdict

    def play(self):
        for _ in range(self.swaps):
            self.swap("swap", STARTED)
        self.deploy()
        self.swap("roll back: swap", STARTED)
        self.swap("forward again: swap", DEPLOYED)
        self.kill()

    def swap(self, name, version):
        asked = time.monotonic()
        serving = self.stack.zerg.swap("")["serving"]
        took = self.noted(name, asked, serving, version)
        self.screen.say(f"{name}: {serving} serves after {took:.1f} ms")
        time.sleep(BETWEEN_S)

    def deploy(self):
        parked, other = self.roles()
        self.stack.version(DEPLOYED)
        self.screen.say(
            f"deploy: version {DEPLOYED} is on disk; supervisorctl restart {parked} (the parked instance)"
        )
        asked = time.monotonic()
        self.stack.ctl("restart", parked)
        self.stack.until_roles(parked, other)
        took = self.noted("deploy", asked, parked, DEPLOYED)
        self.screen.say(
            f"deploy: {parked} was ready, took over, and {other} is parked: {took / 1000:.1f} s with the boot"
        )
        time.sleep(2 * BETWEEN_S)

    def kill(self):
        parked, serving = self.roles()
        pid = self.stack.instance(serving)["master"]
        self.orphans = children(pid)
        self.killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        self.stack.until(lambda: self.stack.info()["serving"] == parked)
        took = self.noted("kill -9", self.killed, parked, STARTED)
        self.screen.say(
            "kill -9 of the serving master, pid %d: %s was seen serving after %.1f ms"
            % (pid, parked, took)
        )
        self.stack.until_roles(parked, serving)
        self.screen.say(f"Supervisor started {serving} again; it is loaded and parked")
        time.sleep(BETWEEN_S)

    def roles(self):
        """(parked, serving)"""
        info = self.stack.info()
        return info["parked"], info["serving"]

    def noted(self, name, asked, serving, version):
        """:returns: how long it took, in ms."""
        replied = time.monotonic()
        self.acts.append(Act(name, asked, replied, serving, version))
        return (replied - asked) * 1000

    def tell(self, verdict):
        print("\nWhat happened (zerg history):")
        for entry in self.stack.zerg.getHistory("", 100):
            since = entry["at"] - entry["took_ms"] / 1000 - self.clock_offset - self.screen.began
            words = (
                since,
                entry["what"],
                entry["took_ms"],
                entry["serving"] or "-",
                entry["by"],
                entry["outcome"],
            )
            print("%7.2f s  %-22s %9.1f ms   serving %-11s by %s, %s" % words)
        print("\nWhat %d requests saw:" % verdict.requests)
        print("\n".join(verdict.lines()), flush=True)


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(child) for child in file.read().split()]


if __name__ == "__main__":
    sys.exit(main())

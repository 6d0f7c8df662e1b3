"""What must be true of the stack once the faults are over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from xmlrpc.client import Fault, ProtocolError

from supervisor_zerg.demo.traffic import Answer

from . import kernel
from .target import LISTENER, PROGRAMS, NotPossible, Target

SPARE_DESCRIPTORS = 3
MOST_GROWTH_KB = 48 << 10
SPIN_S = 2.0
MOST_SPIN = 0.3
BAD_WORDS = ("Traceback", "this is a bug", "RecursionError", "uncaptured python exception")
#: sentences of status about a healthy pair
KNOWN_PROBLEMS = ("holds the release",)


class Checker:
    """Compares the stack with what it was before the first fault."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.supervisord = target.supervisord.pid
        self.log_size = 0
        self.signals_seen = 0
        self.processes = len(target.processes())
        self.descriptors = len(kernel.descriptors(self.supervisord))
        self.listener_descriptors = len(kernel.descriptors(target.pid_of(LISTENER)))
        self.memory_kb = kernel.resident_kb(self.supervisord)

    # until it holds

    def unsettled(self) -> list[str]:
        """What is not yet as it must become; empty for a pair that has converged."""
        if not self.alive():
            return []  # told by violations()
        try:
            info = self.target.info()
        except NotPossible as error:
            return [str(error)]
        return [*role_faults(info), *self._labels(info), *self._listener(), *self._leaks()]

    def _labels(self, info: dict[str, Any]) -> Iterator[str]:
        """The kernel's view: what each master reads, and that it lies at its path."""
        wanted = {info["serving"]: "running", info["parked"]: "sleeping"}
        for instance in info["instances"]:
            read = kernel.slots_read(instance["master"], self.target.fifos)
            slot = wanted.get(instance["program"], "")
            if slot and read != {slot: True}:
                yield f"labels: {instance['program']} reads {read}, not {slot}"

    def _listener(self) -> Iterator[str]:
        try:
            listener = self.target.stack.supervisor.getProcessInfo(LISTENER)
        except (OSError, Fault, ProtocolError) as error:
            yield f"supervisord does not answer: {error}"
            return
        if listener["statename"] != "RUNNING":
            yield f"the listener is {listener['statename']}"
            return
        count = len(kernel.descriptors(listener["pid"]))
        if count > self.listener_descriptors + SPARE_DESCRIPTORS:
            yield f"leak: {count} descriptors of the listener, {self.listener_descriptors} before"

    def _leaks(self) -> Iterator[str]:
        links = kernel.descriptors(self.supervisord)
        if len(links) > self.descriptors + SPARE_DESCRIPTORS:
            kinds = sorted(link for link in links.values() if not link.startswith("/tmp"))
            yield f"leak: {len(links)} descriptors, {self.descriptors} before: {kinds}"
        processes = self.target.processes()
        if len(processes) != self.processes:
            yield f"leak: {len(processes)} processes, {self.processes} before: {processes}"

    def alive(self) -> bool:
        return self.target.supervisord.poll() is None

    # at once

    def violations(self) -> list[str]:
        """What must never be, whatever has happened."""
        found = list(self.target.complaints)
        self.target.complaints = []
        if not self.alive():
            status = self.target.supervisord.returncode
            return [*found, f"supervisord: ended with {status}"]
        signals = self.target.signalled()
        found += [f"signal: {line}" for line in signals[self.signals_seen :]]
        self.signals_seen = len(signals)
        found += [f"log: {line}" for line in self._bad_lines()]
        memory = kernel.resident_kb(self.supervisord)
        if memory > self.memory_kb + MOST_GROWTH_KB:
            found.append(f"leak: {memory} KB of memory, {self.memory_kb} before")
        return found

    def _bad_lines(self) -> list[str]:
        log = self.target.stack.supervisord_log()
        new = log[self.log_size :]
        self.log_size = len(log)
        lines = new.splitlines()
        bad = [n for n, line in enumerate(lines) if any(word in line for word in BAD_WORDS)]
        return [" / ".join(lines[n : n + 40]) for n in bad[:1]]

    def spins(self) -> list[str]:
        """Does supervisord compute while nothing happens?"""
        before = kernel.cpu_s(self.supervisord)
        time.sleep(SPIN_S)
        used = kernel.cpu_s(self.supervisord) - before
        return (
            [f"spins: {used:.2f} s of CPU in {SPIN_S:.0f} s"] if used > SPIN_S * MOST_SPIN else []
        )


def role_faults(info: dict[str, Any]) -> Iterator[str]:
    """What is not as in a healthy pair with a warm instance."""
    states = {i["program"]: i["statename"] for i in info["instances"]}
    conditions = {i["program"]: i["condition"] for i in info["instances"]}
    if set(states.values()) != {"RUNNING"}:
        yield f"states: {states}"
    if sorted(conditions.values()) != ["parked", "serving"]:
        yield f"roles: {conditions}"
    if {info["serving"], info["parked"]} != set(PROGRAMS):
        yield f"roles: {info['serving']!r} serves, {info['parked']!r} is parked"
    if info["busy"]:
        yield f"busy: {info['busy']}"
    for problem in info["problems"]:
        if not any(known in problem for known in KNOWN_PROBLEMS):
            yield f"problem: {problem}"


def stale(answers: list[Answer], since: float, serving: str) -> list[str]:
    """Requests that began after the pair had converged and that the parked instance took up."""
    late = [a for a in answers if a.status == 200 and a.began > since and a.program != serving]
    return [f"stale: {len(late)} requests answered by {late[0].program}"] if late else []


def failures(answers: list[Answer]) -> list[str]:
    """Failed requests as sentences."""
    return [
        f"request: {a.status or a.program}, began {a.began:.3f}, ended {a.ended:.3f}"
        for a in answers
    ]

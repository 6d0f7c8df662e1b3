"""Clients that ask all the time, and an account of which of their requests may fail."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from supervisor_zerg.demo.traffic import Answer, Traffic

CLIENTS = 5
PATHS = ("/", "/?s=0.02", "/?s=0.1", "/?s=0.4")
RENEW_S = 600.0  # the clients of one process end by themselves after 900 s
LAST_ANSWERS_S = 60.0
REACTION_S = 0.05  # between the clock of a fault and its effect


@dataclass
class Loss:
    """A process ended by a fault. Of the requests inside it, at most ``left`` more may fail."""

    since: float
    until: float
    left: int
    reason: str

    def covers(self, answer: Answer) -> bool:
        return self.left > 0 and answer.began <= self.until and answer.ended >= self.since


@dataclass
class Ledger:
    """What the faults were allowed to cost, and how much of that was used."""

    losses: list[Loss] = field(default_factory=list)
    excused: int = 0

    def allow(self, now: float, seconds: float, limit: int, reason: str) -> Loss:
        loss = Loss(now - REACTION_S, now + seconds, limit, reason)
        self.losses.append(loss)
        return loss

    def unexcused(self, failures: Sequence[Answer]) -> list[Answer]:
        """The failures that no loss covers. Each other one uses up the newest loss."""
        found = []
        for answer in sorted(failures, key=lambda a: a.ended):
            loss = next((loss for loss in reversed(self.losses) if loss.covers(answer)), None)
            if loss is None:
                found.append(answer)
            else:
                loss.left -= 1
                self.excused += 1
        return found


class Load:
    """The clients. ``new_answers`` returns each answer once."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.requests = 0
        self.slowest_s = 0.0
        self._start()

    def _start(self) -> None:
        self.began = time.monotonic()
        self.offset = 0
        self.traffic = Traffic(self.address, clients=CLIENTS, seconds=900, paths=PATHS)

    def new_answers(self) -> list[Answer]:
        data = os.pread(self.traffic.file.fileno(), 1 << 30, self.offset)
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        found = [_answer(line) for line in whole.decode().splitlines()]
        self.requests += len(found)
        self.slowest_s = max([self.slowest_s] + [a.ended - a.began for a in found])
        return found

    def end(self) -> tuple[list[Answer], bool]:
        """The last answers, and whether every client was answered in time."""
        answered = self.traffic.end(LAST_ANSWERS_S)
        return self.new_answers(), answered

    def renew(self) -> tuple[list[Answer], bool]:
        """As ``end``; then other clients go on. Only where the present ones are about to end."""
        if time.monotonic() - self.began < RENEW_S:
            return [], True
        last = self.end()
        self.traffic.file.close()
        self._start()
        return last


def _answer(line: str) -> Answer:
    began, ended, status, program, pid, handled, version = line.split(" ", 6)
    return Answer(
        float(began), float(ended), int(status), program, int(pid), float(handled), version
    )

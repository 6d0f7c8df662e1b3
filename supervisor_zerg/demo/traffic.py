"""HTTP traffic from a process of its own, with a record of every request.

    python -m supervisor_zerg.demo.traffic ADDRESS CLIENTS SECONDS PATH...

ADDRESS is a unix path or a port of 127.0.0.1; there is no other target. Each request is one line on
stdout: ``began ended status program pid handled version``. Times are CLOCK_MONOTONIC seconds, which
are the same in every process.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

REQUEST_TIMEOUT_S = 60.0
MAX_SECONDS = 900.0
START_S = 20.0
RETRY_S = 0.01  # a client that was refused does not ask again at once
MAX_BYTES = 1 << 30  # of the record


class Answer(NamedTuple):
    """One request. ``status`` is 0 if it failed; ``program`` is then the name of the error."""

    began: float
    ended: float
    status: int
    program: str
    pid: int
    handled: float
    version: str


def get(address: str, path: str = "/", timeout: float = REQUEST_TIMEOUT_S) -> Answer:
    """Make one request; never raises because of the network."""
    began = time.monotonic()
    try:
        status, body = _exchange(address, path, timeout)
        program, pid, handled, version = body.split()[:4] if status == 200 else ("?", "0", "0", "?")
        return Answer(began, time.monotonic(), status, program, int(pid), float(handled), version)
    except (OSError, ValueError, IndexError) as error:
        return Answer(began, time.monotonic(), 0, type(error).__name__, 0, 0.0, "?")


def _exchange(address: str, path: str, timeout: float) -> tuple[int, str]:
    unix = address.startswith("/")
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as connection:
        connection.settimeout(timeout)
        connection.connect(address if unix else ("127.0.0.1", int(address)))
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: demo\r\n\r\n".encode())
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split(None, 2)[1]), body.decode()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run clients until the time is over or a signal comes; open requests are then finished."""
    address, clients, seconds, *paths = arguments or sys.argv[1:]
    end = time.monotonic() + min(float(seconds), MAX_SECONDS)
    enough = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: enough.set())
    raw = getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)  # one write for each line

    def client() -> None:
        choices = itertools.cycle(random.sample(paths, len(paths)))
        while time.monotonic() < end and not enough.is_set():
            answer = get(address, next(choices))
            raw.write(_line(answer).encode())
            if answer.status != 200:
                time.sleep(RETRY_S)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(int(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Traffic:
    """Clients in another process: ``with Traffic(address, clients=4) as traffic: ...``."""

    def __init__(
        self,
        address: str,
        clients: int = 4,
        seconds: float = 120.0,
        paths: Sequence[str] = ("/",),
    ) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115
        command = [sys.executable, "-m", __name__, address, str(clients), str(seconds), *paths]
        self.process = subprocess.Popen(command, stdout=self.file, stdin=subprocess.DEVNULL)
        self._fetched = 0

    def __enter__(self) -> Traffic:
        deadline = time.monotonic() + START_S
        while not self.answers() and time.monotonic() < deadline:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the clients at once; open requests are not recorded."""
        self.process.kill()
        self.process.wait()

    def end(self, seconds: float) -> bool:
        """Start no more requests and wait for the open ones.

        Returns:
            False if one was not answered in time.
        """
        self.process.terminate()
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            self.stop()
            return False

    def finish(self) -> None:
        """Wait until all clients are done."""
        self.process.wait()

    def answers(self) -> list[Answer]:
        """Every answer so far."""
        return _parsed(os.pread(self.file.fileno(), MAX_BYTES, 0))

    def new_answers(self) -> list[Answer]:
        """The answers since the last call."""
        data = os.pread(self.file.fileno(), MAX_BYTES, self._fetched)
        whole = data[: data.rfind(b"\n") + 1]
        self._fetched += len(whole)
        return _parsed(whole)


def _parsed(data: bytes) -> list[Answer]:
    return [_answer(line) for line in data.decode().split("\n")[:-1]]


def _line(a: Answer) -> str:
    times = f"{a.began:.6f} {a.ended:.6f} {a.status}"
    return f"{times} {a.program} {a.pid} {a.handled:.6f} {a.version}\n"


def _answer(line: str) -> Answer:
    began, ended, status, program, pid, handled, version = line.split(" ", 6)
    return Answer(
        float(began), float(ended), int(status), program, int(pid), float(handled), version
    )


def failed(answers: Iterable[Answer]) -> list[Answer]:
    """The answers other than 200."""
    return [a for a in answers if a.status != 200]


def stale(answers: Iterable[Answer], swaps: Sequence[tuple[float, float, str]]) -> list[Answer]:
    """Requests that began after the reply of a swap and that the parked instance took up.

    Args:
        swaps: When each was asked, when it was replied, and the program that serves from the reply
            until the next one is asked.
    """
    answered = [a for a in answers if a.status == 200]
    ends = [asked for asked, _, _ in swaps[1:]] + [float("inf")]
    return [
        a
        for (_, replied, serving), end in zip(swaps, ends)
        for a in answered
        if replied < a.began and a.handled < end and a.program != serving
    ]


if __name__ == "__main__":
    main()

"""Bounded HTTP traffic from a process of its own, every request recorded: when it began and ended, and who answered.

    python -m supervisor_zerg.demo.traffic ADDRESS CLIENTS SECONDS PATH...

ADDRESS is a unix path or a port of 127.0.0.1; nothing else is ever a target. One line a request goes to stdout:
``began ended status program pid handled version``; times are CLOCK_MONOTONIC seconds, the same in every process.
"""

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
from collections import namedtuple

REQUEST_TIMEOUT_S = 60.0
MOST_SECONDS = 900.0
RETRY_S = 0.01  # a client that was refused does not ask again at once
Answer = namedtuple("Answer", "began ended status program pid handled version")


def get(address, path="/", timeout=REQUEST_TIMEOUT_S):
    """One request. :returns: Answer; status 0 with the error's name for ``program`` when it failed."""
    began = time.monotonic()
    try:
        status, body = _exchange(address, path, timeout)
        words = body.split() if status == 200 else ["?", "0", "0", "?"]
        return Answer(
            began, time.monotonic(), status, words[0], int(words[1]), float(words[2]), words[3]
        )
    except (OSError, ValueError, IndexError) as error:
        return Answer(began, time.monotonic(), 0, type(error).__name__, 0, 0.0, "?")


def _exchange(address, path, timeout):
    unix = address.startswith("/")
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as connection:
        connection.settimeout(timeout)
        connection.connect(address if unix else ("127.0.0.1", int(address)))
        connection.sendall(b"GET %s HTTP/1.0\r\nHost: demo\r\n\r\n" % path.encode())
        data = b""
        while True:
            chunk = connection.recv(65536)
            if not chunk:
                break
            data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split(None, 2)[1]), body.decode()


def main(arguments=None):
    address, clients, seconds, *paths = arguments or sys.argv[1:]
    end = time.monotonic() + min(float(seconds), MOST_SECONDS)
    enough = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: enough.set())
    write = (
        sys.stdout.buffer.raw.write
        if hasattr(sys.stdout.buffer, "raw")
        else sys.stdout.buffer.write
    )

    def client(number):
        choices = itertools.cycle(random.sample(paths, len(paths)))
        while time.monotonic() < end and not enough.is_set():
            answer = get(address, next(choices))
            write(("%.6f %.6f %d %s %d %.6f %s\n" % answer).encode())
            if answer.status != 200:
                time.sleep(RETRY_S)

    threads = [threading.Thread(target=client, args=(n,), daemon=True) for n in range(int(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Traffic:
    """Clients in another process. ``with Traffic(address, clients=4) as traffic: ...`` then ``traffic.answers()``."""

    def __init__(self, address, clients=4, seconds=120.0, paths=("/",)):
        self.file = tempfile.TemporaryFile()
        command = [sys.executable, "-m", __name__, address, str(clients), str(seconds), *paths]
        self.process = subprocess.Popen(command, stdout=self.file, stdin=subprocess.DEVNULL)
        self._fetched = 0

    def __enter__(self):
        deadline = time.monotonic() + 20
        while not self.answers() and time.monotonic() < deadline:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Let nobody start another request, wait for nothing: what is under way is not counted."""
        self.process.kill()
        self.process.wait()

    def end(self, seconds):
        """Let nobody start another request, and wait for what is under way. :returns: False if that was not answered in time."""
        self.process.terminate()
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            self.stop()
            return False

    def finish(self):
        """Wait until all clients are done."""
        self.process.wait()

    def answers(self):
        """Every Answer so far."""
        data = os.pread(self.file.fileno(), 1 << 30, 0)
        return [_parsed(line) for line in data.decode().split("\n")[:-1]]

    def newly_accepting(self):
        """The answers since the last call."""
        data = os.pread(self.file.fileno(), 1 << 30, self._fetched)
        whole = data[: data.rfind(b"\n") + 1]
        self._fetched += len(whole)
        return [_parsed(line) for line in whole.decode().split("\n")[:-1]]


def _parsed(line):
    began, ended, status, program, pid, handled, version = line.split(" ", 6)
    return Answer(
        float(began), float(ended), int(status), program, int(pid), float(handled), version
    )


def failed(answers):
    return [a for a in answers if a.status != 200]


def stale(answers, swaps):
    """Requests that began after the reply of a swap and that the parked instance took up before the next was asked.

    :param swaps: [(asked, replied, program that serves from the reply on)], in order.
    """
    found = []
    for (_, since, serving), following in zip(swaps, list(swaps[1:]) + [(float("inf"),)]):
        found += [
            a
            for a in answers
            if since < a.began
            and a.handled < following[0]
            and a.status == 200
            and a.program != serving
        ]
    return found


if __name__ == "__main__":
    main()

"""Clients that vanish."""

from __future__ import annotations

import random
import socket
import threading
import time

from ..target import NotPossible, Target
from .fault import Fault, Undo

REQUEST = b"GET /?s=0.2 HTTP/1.0\r\nHost: chaos\r\n\r\n"
CALL = (
    b"<?xml version='1.0'?><methodCall><methodName>zerg.%s</methodName>"
    b"<params>%s</params></methodCall>"
)
PAIR = b"<param><value><string></string></value></param>"
HEAD = b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n"
SILENT_S = 2.0


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(2)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise NotPossible(f"nobody listens: {error}") from error
    return connection


def users_vanish(target: Target, rng: random.Random) -> None:
    """Some in the middle of their request, some before the answer."""
    for _ in range(rng.randrange(1, 5)):
        with _connect(target.stack.web) as connection:
            length = rng.choice((0, 1, 10, len(REQUEST)))
            connection.sendall(REQUEST[:length])
            time.sleep(rng.random() * 0.1)


def user_says_nothing(target: Target, rng: random.Random) -> Undo:
    """It connects, and a worker waits for it."""
    connection = _connect(target.stack.web)
    seconds = rng.uniform(0.1, SILENT_S)

    def wait() -> None:
        time.sleep(seconds)
        connection.close()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread.join


def callers_vanish(target: Target, rng: random.Random) -> None:
    """Clients of supervisord that do not wait for the answer, or do not finish their call."""
    for _ in range(rng.randrange(1, 5)):
        method = rng.choice((b"swap", b"reconcile", b"getPairInfo", b"abort", b"getMetrics"))
        body = CALL % (method, b"" if method == b"getMetrics" else PAIR)
        data = HEAD % len(body) + body
        with _connect(str(target.stack.run / "supervisor.sock")) as connection:
            connection.sendall(data[: rng.choice((20, len(data) // 2, len(data), len(data)))])
            time.sleep(rng.random() * 0.05)


FAULTS = (
    Fault("users-vanish", users_vanish),
    Fault("silent-user", user_says_nothing),
    Fault("callers-vanish", callers_vanish),
)

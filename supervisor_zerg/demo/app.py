"""The application of the demo and of the live tests.

It answers with its program, its pid, the time when it took up the request, and its version.
``?s=0.5`` sleeps, ``?burn=0.1`` computes, ``?exit=1`` ends the worker. A body is read first.

``ZERG_BOOT_S`` makes the import slow. ``ZERG_VERSION_FILE`` names a file with the version of the
code, which is read at import.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any, Callable
from urllib.parse import parse_qs

PROGRAM = os.environ.get("SUPERVISOR_PROCESS_NAME", "?")


def _version() -> str:
    try:
        with open(os.environ.get("ZERG_VERSION_FILE", "")) as file:
            return file.read().strip()
    except OSError:
        return "1"


VERSION = _version()
time.sleep(float(os.environ.get("ZERG_BOOT_S", "0")))


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """The WSGI application."""
    handled = time.monotonic()
    query = parse_qs(environ.get("QUERY_STRING", ""))
    environ["wsgi.input"].read()
    time.sleep(float(query.get("s", ["0"])[0]))
    end = time.perf_counter() + float(query.get("burn", ["0"])[0])
    while time.perf_counter() < end:
        pass
    if "exit" in query:
        os._exit(1)
    body = f"{PROGRAM} {os.getpid()} {handled:.6f} {VERSION}\n".encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]

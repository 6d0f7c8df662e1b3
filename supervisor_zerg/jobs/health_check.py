"""Runs one health check or one hook once: an HTTP request, or a command.

It runs in the listener, never in supervisord.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .. import __version__
from . import subprocesses

BODY_BYTES = 64 << 10
HEALTHY = "200-399"
MAX_TIMEOUT_S = 86400.0
MIN_TIMEOUT_S = 0.001
HEADERS = {  # http.client adds Host
    "User-Agent": f"supervisor_zerg/{__version__}",
    "Accept": "*/*",
    "Connection": "close",
}


def run(job: Mapping[str, Any]) -> tuple[bool, str]:
    """Run a job once. Never raises: what cannot be done has failed.

    A check is ``http://...``, ``https://...`` (the certificate must be valid),
    ``unix:///path/to.sock:/path`` or ``command:...``; that of a hook is a command line. A redirect
    is a status like any other and is not followed.

    Args:
        job: The struct that ``zerg.claimJobs`` returns. Its ``timeout`` is in seconds, from the
            name lookup to the last byte.

    Returns:
        Whether it succeeded, and a message: one line of ASCII under 200 characters, such as
        ``503 Service Unavailable, expected 200-399``.
    """
    try:
        timeout_s = min(max(float(job["timeout"]), MIN_TIMEOUT_S), MAX_TIMEOUT_S)
        line = _command_line(job)
        if line is None:
            return _request(job["check"], job["expect"], timeout_s)
        prefix = f"{job['pair']} {job['name']}: "
        return subprocesses.run(line, job["environment"], timeout_s, prefix, job["id"])
    except Exception as error:  # from the configuration or from the server: anything may be wrong
        return False, subprocesses.one_line(_reason(error))


def expected_ranges(expect: str) -> list[tuple[int, int]]:
    """Parse ``200,204,300-302`` into ranges; an empty text means 200-399.

    Raises:
        ValueError: It is something else.
    """
    try:
        ends = [part.strip().partition("-") for part in (expect.strip() or HEALTHY).split(",")]
        return [(int(low), int(high if dash else low)) for low, dash, high in ends]
    except ValueError:
        raise ValueError(f"the status {expect!r} is not like 200-399 or 200,204") from None


def _command_line(job: Mapping[str, Any]) -> str | None:
    """The command line of a hook or of a ``command:`` check; None for a request."""
    check: str = job["check"]
    scheme, colon, rest = check.partition(":")
    if colon and scheme == "command":
        return rest
    return check if job["kind"] == "hook" else None


def _request(check: str, expect: str, timeout_s: float) -> tuple[bool, str]:
    ranges = expected_ranges(expect)
    connection, target = _connection(check, timeout_s)
    began = time.monotonic()
    try:
        status, phrase = _Exchange(connection, target).within(timeout_s)
    except (TimeoutError, socket.timeout):  # the same from Python 3.10 on
        return False, f"no answer within {timeout_s:.1f} s"
    if any(low <= status <= high for low, high in ranges):
        return True, f"{status} in {round((time.monotonic() - began) * 1000)} ms"
    answer = f"{status} {phrase}".strip()
    return False, subprocesses.one_line(f"{answer}, expected {expect.strip() or HEALTHY}")


def _connection(check: str, timeout_s: float) -> tuple[http.client.HTTPConnection, str]:
    """The connection, not yet made, and the path to request.

    Raises:
        ValueError: The address is of no known kind.
    """
    if check.startswith("unix://"):
        path, _, rest = check[len("unix://") :].partition(":/")
        return _UnixConnection(path, timeout_s), f"/{rest}"
    url = urlsplit(check)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(
            f"{check!r} begins with none of http://HOST, https://HOST, unix://, command:"
        )
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    if url.scheme == "http":
        return http.client.HTTPConnection(url.hostname, url.port or 80, timeout=timeout_s), target
    secure = http.client.HTTPSConnection(
        url.hostname, url.port or 443, timeout=timeout_s, context=ssl.create_default_context()
    )
    return secure, target


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class _Exchange(threading.Thread):
    """One request and its answer, in a thread that can be left behind.

    A socket's time-out does not cover the name lookup, and begins anew with each byte.
    """

    def __init__(self, connection: http.client.HTTPConnection, target: str) -> None:
        super().__init__(daemon=True)
        self.connection = connection
        self.target = target
        self.sock: socket.socket | None = None
        self.answer: tuple[int, str] | None = None
        self.error: Exception | None = None
        self.left = False

    def within(self, timeout_s: float) -> tuple[int, str]:
        """The status and its phrase.

        Raises:
            TimeoutError: There was no answer in time.
            OSError, HTTPException, ValueError: There is no answer.
        """
        self.start()
        self.join(timeout_s)
        if self.is_alive():
            self._leave()
        elif self.error is not None:
            raise self.error
        elif self.answer is not None:
            return self.answer
        raise TimeoutError

    def run(self) -> None:
        try:
            self.connection.connect()
            # http.client forgets its socket as soon as only the body is left to come
            self.sock = self.connection.sock
            if not self.left:
                self.answer = self._ask()
        except Exception as error:
            self.error = error
        finally:
            self.connection.close()

    def _ask(self) -> tuple[int, str]:
        self.connection.request("GET", self.target, headers=HEADERS)
        with self.connection.getresponse() as response:
            response.read(BODY_BYTES)
            return response.status, response.reason

    def _leave(self) -> None:
        """End the thread's wait; if it has no socket yet, it sees ``left`` when it gets one."""
        self.left = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                # SSLSocket's own shutdown would change what the thread reads from
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"no answer: the certificate is not valid: {error.verify_message}"
    if isinstance(error, OSError):
        failed = f"cannot run {error.filename}" if error.filename else "no answer"
        return f"{failed}: {error.strerror or error}"
    if isinstance(error, http.client.HTTPException):
        return f"no HTTP answer: {type(error).__name__} {error}"
    if isinstance(error, ValueError):
        return f"cannot be run: {error}"
    return f"cannot be run: {type(error).__name__}: {error}"

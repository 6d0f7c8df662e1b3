"""One health check or one hook, once: a question over HTTP, or a command. Runs in the listener, never in supervisord."""

import http.client
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from .. import __version__
from . import subprocesses

BODY_BYTES = 64 << 10
HEALTHY = "200-399"
LONGEST_S = 86400.0
SHORTEST_S = 0.001
HEADERS = {
    "User-Agent": f"supervisor_zerg/{__version__}",
    "Accept": "*/*",
    "Connection": "close",
}  # http.client adds Host


def run(job):
    """Do what a job says, once. Never raises: what cannot be done is a check that failed.

    A check is ``http://...``, ``https://...`` (the certificate must be good), ``unix:///path/to.sock:/path`` or ``command:...``; that of a
    hook is a command line. A redirect is a status like any other and is not followed.

    :param job: the struct that ``zerg.claimJobs`` gives. ``timeout``: seconds for everything, from the name look-up to the last byte.
    :returns: (ok, words): one line of ASCII under 200 characters, such as ``503 Service Unavailable, wanted 200-399``.
    """
    try:
        limit_s = min(max(float(job["timeout"]), SHORTEST_S), LONGEST_S)
        line = _command_line(job)
        if line is None:
            return _ask(job["check"], job["expect"], limit_s)
        return subprocesses.run(
            line, job["environment"], limit_s, f"{job['pair']} {job['what']}: ", job["id"]
        )
    except (
        Exception
    ) as error:  # written by people and answered by strangers: there is no end to what can be wrong
        return False, subprocesses.one_line(_complaint(error))


def wanted(expect):
    """``200,204,300-302`` -> [(200, 200), (204, 204), (300, 302)]; empty means 200-399.

    :raises ValueError: it is something else.
    """
    try:
        ends = [part.strip().partition("-") for part in (expect.strip() or HEALTHY).split(",")]
        return [(int(low), int(high if dash else low)) for low, dash, high in ends]
    except ValueError:
        raise ValueError(f"the wanted status {expect!r} is not like 200-399 or 200,204") from None


def _command_line(job):
    """The command line of a hook or of a ``command:`` check; None for a question over HTTP."""
    scheme, colon, rest = job["check"].partition(":")
    if colon and scheme == "command":
        return rest
    return job["check"] if job["kind"] == "hook" else None


def _ask(check, expect, limit_s):
    ranges = wanted(expect)
    connection, target = _open(check, limit_s)
    began = time.monotonic()
    try:
        status, reason = _Exchange(connection, target).within(limit_s)
    except (TimeoutError, socket.timeout):  # the same from Python 3.10 on
        return False, f"no answer within {limit_s:.1f} s"
    if any(low <= status <= high for low, high in ranges):
        return True, "%d in %d ms" % (status, round((time.monotonic() - began) * 1000))
    return False, subprocesses.one_line(
        "{}, wanted {}".format(("%d %s" % (status, reason)).strip(), expect.strip() or HEALTHY)
    )


def _open(check, limit_s):
    """(connection that is yet to be made, path to ask for). :raises ValueError: it is no address that we know."""
    if check.startswith("unix://"):
        path, _, rest = check[len("unix://") :].partition(":/")
        return _UnixConnection(path, limit_s), f"/{rest}"
    url = urlsplit(check)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(
            f"{check!r} begins with none of http://HOST, https://HOST, unix:// and command:"
        )
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    if url.scheme == "http":
        return http.client.HTTPConnection(url.hostname, url.port or 80, timeout=limit_s), target
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(
        url.hostname, url.port or 443, timeout=limit_s, context=context
    ), target


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, limit_s):
        super().__init__("localhost", timeout=limit_s)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class _Exchange(threading.Thread):
    """A question and its answer, in a thread that can be left behind: no limit of a socket reaches the look-up of a name, and each byte
    of a server that drips would begin it anew."""

    def __init__(self, connection, target):
        super().__init__(daemon=True)
        self.connection, self.target, self.sock = connection, target, None
        self.answer, self.error, self.left = None, None, False

    def within(self, limit_s):
        """(status, reason). :raises TimeoutError: the limit was over first. :raises OSError, HTTPException, ValueError: no answer."""
        self.start()
        self.join(limit_s)
        if self.is_alive():
            self._leave()
            raise TimeoutError()
        if self.error is not None:
            raise self.error
        return self.answer

    def run(self):
        try:
            self.connection.connect()
            self.sock = (
                self.connection.sock
            )  # http.client forgets it as soon as the body is the last thing to come
            if not self.left:
                self.answer = self._speak()
        except Exception as error:
            self.error = error
        finally:
            self.connection.close()

    def _speak(self):
        self.connection.request("GET", self.target, headers=HEADERS)
        with self.connection.getresponse() as response:
            response.read(BODY_BYTES)
            return response.status, response.reason

    def _leave(self):
        """End the thread's wait. Where it has no socket yet it sees ``left`` when it gets one."""
        self.left = True
        if self.sock is not None:
            try:
                socket.socket.shutdown(
                    self.sock, socket.SHUT_RDWR
                )  # that of SSLSocket would change what the thread reads from
            except OSError:
                pass


def _complaint(error):
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"no answer: the certificate is not good: {error.verify_message}"
    if isinstance(error, OSError):
        what = f"cannot run {error.filename}" if error.filename else "no answer"
        return f"{what}: {error.strerror or error}"
    if isinstance(error, http.client.HTTPException):
        return f"no HTTP answer: {type(error).__name__} {error}"
    if isinstance(error, ValueError):
        return f"cannot be done: {error}"
    return f"cannot be done: {type(error).__name__}: {error}"

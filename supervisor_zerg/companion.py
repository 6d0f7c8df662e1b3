"""Imported by uWSGI into the application's own interpreter: boots the copy *parked*, calls what users would call first, and answers
for the application's health while it is parked.

    shared-py-import = /path/to/companion.py
    env = ZERG_COMPANION_SOCKET=/run/pybossa/$(SUPERVISOR_PROCESS_NAME).companion
    env = ZERG_WARM=/ /about

Free of any dependency, Python 3.8 or newer. It runs in the master before the workers are forked, so that each is born with
uWSGI's suspended flag set (core/master_utils.c:739: a respawn keeps it); lazy-apps included. One ``p`` releases the copy.

A parked copy's own sockets do not answer, but a thread in its first worker does: it asks the application object, in the very process
that will serve, over a private unix socket (mode 0600). Nothing in here may end or disturb the copy: whatever goes wrong is a line in
its log. ``ZERG_BOOT=serving`` keeps the copy from being parked, for an ini whose own hooks move the slots.
"""

import ctypes
import io
import os
import socket
import stat
import sys
import threading
import time
import traceback

import uwsgi

CLIENT_S = 10.0  # a client that does not speak is not waited for any longer
HEAD_BYTES = 64 << 10
BODY_BYTES = 1 << 20
RETRY_S = 0.05  # lazy-apps: how often to look whether the application is there
LOAD_S = 3600.0


def _environment(name):
    """A variable of the process. What the ini's ``env`` sets is not in os.environ where Python was there before uWSGI (pyuwsgi)."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    return (getenv(name.encode()) or b"").decode()


SOCKET = _environment("ZERG_COMPANION_SOCKET")
WARM = _environment("ZERG_WARM").split()


def log(sentence):
    """A line in the copy's log."""
    sys.stderr.write("supervisor_zerg: %s\n" % sentence)
    sys.stderr.flush()


# parked


def _uwsgi_library():
    """The library that holds uWSGI's own symbols: the executable, or the extension module of the pyuwsgi wheel."""
    executable = ctypes.CDLL(None)
    if hasattr(executable, "suspend_resume_them_all"):
        return executable
    with open("/proc/self/maps") as maps:
        paths = {line.split(None, 5)[-1].strip() for line in maps if "pyuwsgi" in line}
    for path in paths:
        if os.path.basename(path).startswith("pyuwsgi.") and os.path.isfile(path):
            return ctypes.CDLL(path)
    raise RuntimeError("supervisor_zerg: no suspend_resume_them_all in this uWSGI, so it cannot boot parked; use hooks.ini")


# the application


def application():
    """The WSGI callable that uWSGI serves, or None while it is not loaded (or could not be).

    uWSGI puts a ``wsgi-file`` into sys.modules as ``uwsgi_file_`` and its path without ``.py`` and with ``_`` for ``/`` and ``.``
    (plugins/python/pyloader.c ``uwsgi_file_loader``), a ``module`` under its own name.
    """
    name, _, attribute = _option("module", "wsgi").partition(":")
    path = _option("wsgi-file", "file")
    path = path[:-3] if path.endswith(".py") else path
    for module in filter(None, (name, path and "uwsgi_file_" + path.replace(".", "_").replace("/", "_"))):
        found = getattr(sys.modules.get(module), attribute or _option("callable") or "application", None)
        if callable(found):
            return found
    return None


def _option(*names):
    """The last value of an option of the ini, as text; empty if there is none."""
    for name in names:
        value = uwsgi.opt.get(name, uwsgi.opt.get(name.encode(), b""))
        value = value[-1] if isinstance(value, list) else value
        if value:
            return value.decode() if isinstance(value, bytes) else str(value)
    return ""


def ask(app, target):
    """Call the application with a GET. :returns: (status line, headers, body). What it raises is a 500."""
    path, _, query = target.partition("?")
    answer = {"status": "500 No Answer", "headers": []}

    def start_response(status, headers, exc_info=None):
        answer.update(status=status, headers=headers)
        return lambda data: None

    try:
        chunks = app(_environ(path, query), start_response)
        try:
            body = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        return answer["status"], answer["headers"], body
    except Exception:
        log("the application raised for %s\n%s" % (target, traceback.format_exc()))
        return "500 Raised", [], traceback.format_exc().encode()


def _environ(path, query):
    return {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.0", "HTTP_HOST": "localhost", "HTTP_USER_AGENT": "supervisor_zerg companion",
        "REMOTE_ADDR": "127.0.0.1", "REQUEST_URI": path + ("?" + query if query else ""), "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
        "zerg.companion": True,
    }  # fmt: skip


# in each worker


class Companion:
    """What goes on in one worker besides its requests."""

    def __init__(self):
        self.failed = []  # what the warm-up could not do

    def warm(self, app):
        """Call what users would call first, so that what is loaded lazily is loaded before they come."""
        for path in WARM:
            status = ask(app, path)[0]
            if status.startswith("5"):
                self.failed.append("%s: %s" % (path, status))
                log("worker %d: the warm-up of %s failed: %s" % (uwsgi.worker_id(), path, status))

    def start(self):
        """After the fork. With lazy-apps the application is loaded later than that."""
        app = application()
        if app is not None:
            self.warm(app)
        if app is None and WARM or SOCKET and uwsgi.worker_id() == 1:
            threading.Thread(target=self._run, args=(app is None,), name="supervisor_zerg", daemon=True).start()

    def _run(self, cold):
        server = _listen(SOCKET) if SOCKET and uwsgi.worker_id() == 1 else None
        if cold and WARM:
            threading.Thread(target=self._warm_later, daemon=True).start()
        while server is not None:
            client, _ = server.accept()
            try:
                with client:
                    client.settimeout(CLIENT_S)
                    self._answer(client)
            except OSError:
                pass  # the client has gone, or never spoke

    def _warm_later(self):
        end = time.monotonic() + LOAD_S
        while application() is None and time.monotonic() < end:
            time.sleep(RETRY_S)
        self.warm(application() or _missing)

    def _answer(self, client):
        target = _target(client)
        app = application() or _missing
        status, headers, body = ask(app, target)
        if self.failed:
            status, headers, body = "503 Not Warm", [], ("the warm-up failed: %s\n" % "; ".join(self.failed)).encode()
        kept = [(name, value) for name, value in headers if name.lower() not in ("connection", "content-length", "transfer-encoding")]
        head = ["HTTP/1.0 %s" % status, *("%s: %s" % item for item in kept), "Content-Length: %d" % len(body), "Connection: close", "", ""]
        client.sendall("\r\n".join(head).encode("latin-1", "replace") + body[:BODY_BYTES])


def _missing(environ, start_response):
    start_response("503 No Application", [("Content-Type", "text/plain")])
    return [b"supervisor_zerg: uWSGI has loaded no application; see the copy's log\n"]


def _target(client):
    """What the request line asks for."""
    head, end = b"", time.monotonic() + CLIENT_S
    while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES:
        client.settimeout(max(0.01, end - time.monotonic()))
        chunk = client.recv(4096)
        if not chunk:
            break
        head += chunk
    words = head.split(None, 2)
    if len(words) < 2 or words[0] not in (b"GET", b"HEAD"):
        raise OSError("no request")
    return words[1].decode("latin-1")


def _listen(path):
    """The private socket, in the place of the one that an earlier worker has left."""
    try:
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
    except FileNotFoundError:
        pass
    try:
        server = socket.socket(socket.AF_UNIX)
        draft = "%s.%d" % (path, os.getpid())
        server.bind(draft)
        os.chmod(draft, 0o600)
        server.listen(8)
        os.rename(draft, path)
        return server
    except OSError as error:
        log("no health can be asked at %s: %s" % (path, error))
        return None


def _after_fork():
    try:
        Companion().start()
    except Exception:
        log("the companion could not be started\n%s" % traceback.format_exc())


def _chain():
    """Run after each fork, besides what the application asks for: uwsgidecorators keeps a list, and puts it into uWSGI's one place."""
    try:
        import uwsgidecorators

        uwsgidecorators.postfork(_after_fork)
    except Exception:
        uwsgi.post_fork_hook = _after_fork


if SOCKET or WARM:
    _chain()
if _environment("ZERG_BOOT") != "serving":
    _uwsgi_library().suspend_resume_them_all(0)

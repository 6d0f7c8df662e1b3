"""Imported by uWSGI into the application: boots it *parked*, warms it up, answers for its health.

    shared-py-import = /path/to/companion.py

It depends on nothing but Python 3.8 or newer. The master imports it before it forks workers, so
each starts with uWSGI's suspended flag set (core/master_utils.c:739: a respawn keeps it), also with
lazy-apps. One ``p`` releases the instance. Variables (``env = NAME=value`` in the ini) ask for
more:

``ZERG_BOOT``              ``serving``: do not boot parked
``ZERG_WARM``              paths, separated by spaces, that each worker asks of its application
                           before it accepts a request
``ZERG_COMPANION_SOCKET``  a private unix socket, mode 0600, where the instance answers GET, also
                           while it is parked or draining: ``/.zerg/ready`` with 200 or 503 and
                           JSON, any other path with what the application says
``ZERG_HOST``              the Host of a request that names none (``localhost``), for applications
                           that check it

The master binds the socket; one worker answers, and when it ends another takes over (cheaper ends
the oldest first, core/master_utils.c:197). It asks in a thread of its own, one request at a time,
in parallel with the worker's requests: the application must tolerate that, and must not use uWSGI's
API of the current request there. A frozen instance does not answer.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import io
import json
import mmap
import os
import signal
import socket
import stat
import sys
import threading
import time
from typing import Any, Dict, List, Sequence, Tuple
from urllib.parse import unquote_to_bytes
from wsgiref.util import setup_testing_defaults

Header = Tuple[str, str]
Headers = List[Header]
Response = Tuple[str, Headers, bytes]  # status, headers, body

CLIENT_S = 2.0  # how long a client may take to send its request, and again to take the answer
MOST = 1 << 20  # bytes of a request, and of an answer, which is cut there
NOTE = 256  # bytes for what failed in a worker
UNLOADED = "no application was loaded at / in the first interpreter: see the log of the instance"


def say(sentence: str) -> None:
    """Write one line to the instance's log."""
    os.write(2, f"supervisor_zerg: {sentence}\n".encode("utf-8", "replace"))


def setting(name: str, default: str = "") -> str:
    """Return a variable of the process, which pyuwsgi sets after Python has read os.environ."""
    getenv = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_char_p)(("getenv", ctypes.CDLL(None)))
    return os.fsdecode(getenv(name.encode()) or b"") or default


def describe(error: BaseException) -> str:
    """Return an exception as one short line of ASCII."""
    line = " ".join(f"{type(error).__name__}: {error}".split())
    return line.encode("ascii", "replace").decode()[: NOTE // 2]


def environ_of(target: str, threads: bool, headers: Sequence[Header] = ()) -> Dict[str, Any]:
    """Return the WSGI environ of a GET of a path and query, as they stand in a request."""
    path, _, query = target.partition("?")
    environ = {
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "SERVER_NAME": "localhost",
        "HTTP_HOST": setting("ZERG_HOST", "localhost"),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": threads,
        "wsgi.multiprocess": True,
        "zerg.companion": True,
        **{f"HTTP_{n.upper().replace('-', '_')}": v.strip() for n, v in headers},
    }
    setup_testing_defaults(environ)  # the rest of a GET
    return environ


def ask(application: Any, environ: Dict[str, Any]) -> Response:
    """Call a WSGI application. An exception is a status 500 that names it; none gets out."""
    head: List[Any] = []
    body = io.BytesIO()

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Any:
        head[:] = status, headers
        return body.write

    try:
        chunks = application(environ, start_response)
        try:
            any(body.write(chunk) and body.tell() > MOST for chunk in chunks)
        finally:
            getattr(chunks, "close", int)()
        return f"{int(head[0][:3]):03}{head[0][3:]}", head[1], body.getvalue()[:MOST]
    except BaseException as error:  # also a SystemExit: a health request must not end the worker
        return f"500 {describe(error)}", [], describe(error).encode() + b"\n"


def receive(client: socket.socket, until: float) -> Tuple[str, str, Headers]:
    """Return method, target and headers of a request, sent before a monotonic time.

    OSError: it is not. ValueError: it is no request.
    """
    data = b""
    while b"\r\n\r\n" not in data:
        client.settimeout(max(until - time.monotonic(), 0.001))
        chunk = client.recv(4096)
        data += chunk
        if not chunk or len(data) > MOST or time.monotonic() > until:
            raise ValueError("no request")
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = [line.partition(":") for line in lines if ":" in line]
    return method, target, [(name, value) for name, _, value in pairs]


def answer(client: socket.socket, status: str, headers: Headers, body: bytes) -> None:
    """Send a response. Raises OSError where the client does not take it in time."""
    ours = ("content-length", "connection", "transfer-encoding")
    kept = [f"{name}: {value}" for name, value in headers if name.lower() not in ours]
    lines = [f"HTTP/1.0 {status}", *kept, f"Content-Length: {len(body)}", "Connection: close"]
    client.settimeout(CLIENT_S)  # for the whole of it
    client.sendall("\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body)


def listen(path: str) -> socket.socket:
    """Return the listening socket, in place of an old one. OSError: another instance answers."""
    if os.path.lexists(path):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError("there is something there that is no socket")
        owner = _listener(path)
        if owner not in (0, os.getpid()):
            raise OSError(f"process {owner} listens there: each instance needs a path of its own")
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    os.fchmod(listener.fileno(), 0o600)  # the path gets it (Linux net/unix/af_unix.c unix_bind)
    listener.bind(path)
    listener.listen(16)
    return listener


def _listener(path: str) -> int:
    """The living process that called listen() on a socket (unix(7), SO_PEERCRED), or 0."""
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.settimeout(CLIENT_S)
        probe.connect(path)
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4)
        pid = int.from_bytes(credentials, sys.byteorder)
        return pid if os.path.exists(f"/proc/{pid}") else 0
    return 0


class Companion:
    """The companion of one instance: its master makes it and binds the socket; workers use it."""

    def __init__(self, uwsgi: Any, path: str, warm: List[str]) -> None:
        self.uwsgi = uwsgi
        self.paths = warm
        self.loaded, self.worker = False, 0
        self.application: Any = None
        self.warm: Dict[str, str] = {}
        self.notes = mmap.mmap(-1, NOTE * (uwsgi.numproc + 1))  # shared: what failed, by worker
        self.turn = os.memfd_create("zerg-companion")  # the worker that answers holds its lock
        self.listener: Any = None
        try:
            self.listener = listen(path) if path else None
        except OSError as error:
            say(f"no health at {path}: {error}")
        self.threads = bool(self.listener) or uwsgi.cores > 1  # that may call the application

    def step(self, _argument: bytes) -> int:
        """uWSGI's hook: after applications were loaded, which lazy-apps do last, and each fork."""
        loaded, self.loaded = self.loaded, True
        try:
            if loaded and self.uwsgi.worker_id():
                signal.signal(signal.SIGINT, signal.SIG_DFL)  # so a master ends it; no exception
                self.begin()
        except BaseException as error:
            say(f"no warm-up and no health in worker {self.uwsgi.worker_id()}: {describe(error)}")
        return 0  # anything else would end the instance (core/hooks.c:745)

    def begin(self) -> None:
        """In a worker that is about to accept: warm it up, and be ready to answer."""
        self.worker = self.uwsgi.worker_id()
        if self.uwsgi.loop or {"async", "ugreen"} & set(self.uwsgi.opt):
            say(f"no warm-up and no health in worker {self.worker}: it is asynchronous")
            return
        self.application, self.reason = self.find()
        self.note(self.reason)
        for path in self.paths if self.application else ():
            self.warm[path] = status = ask(self.application, environ_of(path, self.threads))[0]
            if int(status[:3]) >= 500:
                self.note(f"the warm-up of {path} failed: {status}")
        if self.listener and not self.uwsgi.has_threads:
            say(f"no health from worker {self.worker}: this uWSGI needs enable-threads for it")
        elif self.listener:
            # Signals are for the thread that waits in the pause.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                threading.Thread(target=self.serve, name="zerg-companion", daemon=True).start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def find(self) -> Tuple[Any, str]:
        """Return uWSGI's application at / (plugins/python/uwsgi_pymodule.c:2517), or why not."""
        apps = self.uwsgi.workers()[self.worker - 1]["apps"]
        for app in apps:
            first = app["interpreter"] == apps[0]["interpreter"]
            if app["mountpoint"] in (b"", b"/") and app["modifier1"] == 0 and first:
                return ctypes.cast(app["callable"], ctypes.py_object).value, ""
        return None, UNLOADED

    def note(self, reason: str) -> None:
        """Keep what failed last in this worker, for the worker that answers, and log it."""
        at = self.worker * NOTE
        self.notes[at : at + NOTE] = reason.encode("ascii", "replace")[:NOTE].ljust(NOTE, b"\0")
        if reason:
            say(f"worker {self.worker}: {reason}")

    def ready(self) -> Response:
        """Answer ``/.zerg/ready``."""
        notes = [self.notes[at : at + NOTE] for at in range(0, len(self.notes), NOTE)]
        texts = enumerate(note.rstrip(b"\0").decode() for note in notes)
        reason = self.reason or "; ".join(f"worker {n}: {text}" for n, text in texts if text)
        document: Dict[str, Any] = {"ready": not reason, **({"reason": reason} if reason else {})}
        document.update(warm=self.warm, pid=os.getpid(), worker=self.worker)
        status = "503 Service Unavailable" if reason else "200 OK"
        body = json.dumps(document).encode() + b"\n"
        return status, [("Content-Type", "application/json")], body

    def reply(self, method: str, target: str, headers: Headers) -> Response:
        """Answer a request."""
        if method != "GET":
            return "405 Method Not Allowed", [("Allow", "GET")], b"only GET is answered here\n"
        if target.partition("?")[0] == "/.zerg/ready":
            return self.ready()
        if not self.application:
            plain = [("Content-Type", "text/plain")]
            return "503 Service Unavailable", plain, self.reason.encode() + b"\n"
        return ask(self.application, environ_of(target, self.threads, headers))

    def serve(self) -> None:
        """Wait until no other worker answers, then answer for the rest of the worker's life."""
        fcntl.lockf(self.turn, fcntl.LOCK_EX)
        while True:
            try:
                with self.listener.accept()[0] as client:
                    with contextlib.suppress(OSError, ValueError):  # a client that is gone or lies
                        answer(client, *self.reply(*receive(client, time.monotonic() + CLIENT_S)))
            except Exception as error:
                say(f"a health request failed: {describe(error)}")
                time.sleep(1)


def _uwsgi() -> ctypes.CDLL:
    """The library with uWSGI's symbols: the executable, or the module of the pyuwsgi wheel."""
    executable = ctypes.CDLL(None)
    if hasattr(executable, "suspend_resume_them_all"):
        return executable
    with open("/proc/self/maps") as maps:
        paths = {line.split(None, 5)[-1].strip() for line in maps if "pyuwsgi" in line}
    for path in paths:
        if os.path.basename(path).startswith("pyuwsgi.") and os.path.isfile(path):
            return ctypes.CDLL(path)
    raise RuntimeError("supervisor_zerg: this uWSGI cannot boot parked; use hooks.ini")


def _install() -> Tuple[Any, ...]:
    """Register a hook of our own, not ``uwsgi.post_fork_hook``; return what it points to."""
    path = setting("ZERG_COMPANION_SOCKET")
    companion = Companion(importlib.import_module("uwsgi"), path, setting("ZERG_WARM").split())
    step = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)(companion.step)
    name = ctypes.create_string_buffer(b"zerg-companion")
    call = ctypes.create_string_buffer(b"!zerg-companion:")
    _uwsgi().uwsgi_register_hook(name, step)
    for phase in (b"hook-post-app", b"hook-post-fork"):
        _uwsgi().uwsgi_manage_opt(phase, call)
    return step, name, call


if setting("ZERG_BOOT") != "serving":
    _uwsgi().suspend_resume_them_all(0)
if setting("ZERG_COMPANION_SOCKET") or setting("ZERG_WARM"):
    try:
        _kept = _install()
    except Exception as error:
        say(f"no warm-up and no health: {describe(error)}")

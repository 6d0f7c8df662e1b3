"""Imported by uWSGI into the application's own interpreter: boots the instance *parked*, warms it up, and answers for its health.

    shared-py-import = /path/to/companion.py

Free of any dependency, Python 3.8 or newer. It runs in the master before the workers are forked, so that each is born with
uWSGI's suspended flag set (core/master_utils.c:739: a respawn keeps it); lazy-apps included. One ``p`` releases the instance.
The environment (``env = NAME=value`` in the ini) asks for the rest:

``ZERG_BOOT``              ``serving``: do not boot parked
``ZERG_WARM``              paths, separated by spaces, that each worker asks of its application before it accepts a request
``ZERG_COMPANION_SOCKET``  a private unix socket, mode 0600, where the instance answers GET, also while it is parked or draining:
                           ``/.zerg/ready`` with 200 or 503 and JSON, any other path with what the application says
``ZERG_HOST``              the Host of a request that names none (``localhost``), for applications that check it

The master binds the socket. One worker answers, and when it ends another takes over: cheaper ends the oldest first
(core/master_utils.c:197). It asks in a thread of its own, one request at a time, beside the requests that the worker serves: the
application has to bear that, and must not ask uWSGI's API about the current request there. A frozen instance does not answer.
"""

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
from urllib.parse import unquote_to_bytes

CLIENT_S = 2.0  # how long a client may take to send its request, and again to take the answer
MOST = 1 << 20  # bytes of a request, and of an answer, which is cut there
NOTE = 256  # bytes for what failed in a worker
UNLOADED = "no application was loaded at / in the first interpreter (did its import fail? the log of the instance says why)"


def say(sentence):
    """One line in the instance's log."""
    os.write(2, (f"supervisor_zerg: {sentence}\n").encode("utf-8", "replace"))


def setting(name, otherwise=""):
    """A variable of the process: ``env =`` of the ini is set after Python was, where uWSGI is the pyuwsgi wheel, and not in os.environ."""
    getenv = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_char_p)(("getenv", ctypes.CDLL(None)))
    return os.fsdecode(getenv(name.encode()) or b"") or otherwise


def words(error):
    """An exception in one line of ASCII."""
    return (
        " ".join(f"{type(error).__name__}: {error}".split())
        .encode("ascii", "replace")
        .decode()[: NOTE // 2]
    )


def environ_of(target, multithread, headers=()):
    """The WSGI environ of a GET. :param target: path and query as they stand in a request. :param headers: (name, value) pairs."""
    path, _, query = target.partition("?")
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "SERVER_PROTOCOL": "HTTP/1.0",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": setting("ZERG_HOST", "localhost"),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.run_once": False,
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": True,
        "zerg.companion": True,
        **{f"HTTP_{n.upper().replace('-', '_')}": v.strip() for n, v in headers},
    }


def ask(application, environ):
    """Call a WSGI application. :returns: (status, headers, body). An exception is a status 500 that names it; none gets out."""
    head, body = [], io.BytesIO()

    def start_response(status, headers, exc_info=None):
        head[:] = status, headers
        return body.write

    try:
        chunks = application(environ, start_response)
        try:
            any(body.write(chunk) and body.tell() > MOST for chunk in chunks)
        finally:
            getattr(chunks, "close", int)()
        return f"{int(head[0][:3]):03}{head[0][3:]}", head[1], body.getvalue()[:MOST]
    except BaseException as error:  # a SystemExit, too: a worker must not end of being asked
        return f"500 {words(error)}", [], words(error).encode() + b"\n"


def receive(client, until):
    """The head of a request. :param until: monotonic time limit. :raises OSError: in time. :raises ValueError: for what is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        client.settimeout(max(until - time.monotonic(), 0.001))
        chunk = client.recv(4096)
        data += chunk
        if not chunk or len(data) > MOST or time.monotonic() > until:
            raise ValueError("no request")
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    return method, target, [line.split(":", 1) for line in lines if ":" in line]


def answer(client, status, headers, body):
    """Send it all. :raises OSError: where the client does not take it in time."""
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in ("content-length", "connection", "transfer-encoding")
    ]
    lines = [
        "{}: {}".format(*pair)
        for pair in kept + [("Content-Length", len(body)), ("Connection", "close")]
    ]
    client.settimeout(CLIENT_S)  # for the whole of it
    client.sendall(
        "\r\n".join([f"HTTP/1.0 {status}"] + lines + ["", ""]).encode("latin-1", "replace") + body
    )


def listen(path):
    """The listening socket, in place of an old one of ours. :raises OSError: where it cannot be, or another instance answers there."""
    if os.path.lexists(path):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError("there is something there that is no socket")
        if _listener(path) not in (0, os.getpid()):
            raise OSError(
                "process %d listens there: each instance needs a path of its own" % _listener(path)
            )
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    os.fchmod(
        listener.fileno(), 0o600
    )  # the path is born with it (Linux net/unix/af_unix.c unix_bind)
    listener.bind(path)
    listener.listen(16)
    return listener


def _listener(path):
    """The living process that called listen() on the socket at a path (unix(7), SO_PEERCRED), or 0: what outlives it is no instance."""
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.settimeout(CLIENT_S)
        probe.connect(path)
        pid = int.from_bytes(
            probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), sys.byteorder
        )
        return pid if os.path.exists("/proc/%d" % pid) else 0
    return 0


class Companion:
    """The companion of one instance: made in the master, where it binds the socket, and at work in each of its workers."""

    def __init__(self, uwsgi, path, warm):
        self.uwsgi, self.paths, self.listener, self.loaded, self.warm = uwsgi, warm, None, False, {}
        self.notes = mmap.mmap(
            -1, NOTE * (uwsgi.numproc + 1)
        )  # shared: what failed, worker by worker
        self.turn = os.memfd_create("zerg-companion")  # whose lock the worker holds that answers
        try:
            self.listener = listen(path) if path else None
        except OSError as error:
            say(f"no health at {path}: {error}")
        self.threads = (
            bool(self.listener) or uwsgi.cores > 1
        )  # more than one may call the application

    def step(self, _argument):
        """uWSGI's hook: after applications were loaded, be it in the master or (lazy-apps) in a worker, and after each fork."""
        loaded, self.loaded = self.loaded, True  # in a worker of lazy-apps the fork comes first
        try:
            if loaded and self.uwsgi.worker_id():
                self.begin()
        except BaseException as error:
            say(
                "no warm-up and no health in worker %d: %s" % (self.uwsgi.worker_id(), words(error))
            )
        return 0  # anything else would end the instance (core/hooks.c:745)

    def begin(self):
        """In a worker that is about to accept."""
        self.worker = self.uwsgi.worker_id()
        if self.uwsgi.loop or {"async", "ugreen"} & set(self.uwsgi.opt):
            return say("no warm-up and no health in worker %d: it is asynchronous" % self.worker)
        self.application, self.why = self.find()
        self.note(self.why)
        for path in self.paths if self.application else ():
            self.warm[path] = status = ask(self.application, environ_of(path, self.threads))[0]
            if int(status[:3]) >= 500:
                self.note(f"the warm-up of {path} failed: {status}")
        if self.listener and not self.uwsgi.has_threads:
            say("no health from worker %d: this uWSGI needs enable-threads for it" % self.worker)
        elif self.listener:
            mask = signal.pthread_sigmask(
                signal.SIG_BLOCK, signal.valid_signals()
            )  # they are for the thread that waits in the pause
            try:
                threading.Thread(target=self.serve, name="zerg-companion", daemon=True).start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def find(self):
        """The application at / as uWSGI has it, whatever loaded it (plugins/python/uwsgi_pymodule.c:2517). :returns: (it, why not)."""
        apps = self.uwsgi.workers()[self.worker - 1]["apps"]
        for app in apps:
            if (
                app["mountpoint"] in (b"", b"/")
                and app["modifier1"] == 0
                and app["interpreter"] == apps[0]["interpreter"]
            ):
                return ctypes.cast(app["callable"], ctypes.py_object).value, ""
        return None, UNLOADED

    def note(self, why):
        """What failed last in this worker, for whoever answers, and for the log."""
        self.notes[self.worker * NOTE : (self.worker + 1) * NOTE] = why.encode("ascii", "replace")[
            :NOTE
        ].ljust(NOTE, b"\0")
        if why:
            say("worker %d: %s" % (self.worker, why))

    def ready(self):
        """(status, headers, body) of ``/.zerg/ready``."""
        notes = enumerate(
            self.notes[at : at + NOTE].rstrip(b"\0").decode()
            for at in range(0, len(self.notes), NOTE)
        )
        why = self.why or "; ".join("worker %d: %s" % pair for pair in notes if pair[1])
        told = {
            "ready": not why,
            **({"reason": why} if why else {}),
            "warm": self.warm,
            "pid": os.getpid(),
            "worker": self.worker,
        }
        return (
            "503 Service Unavailable" if why else "200 OK",
            [("Content-Type", "application/json")],
            json.dumps(told).encode() + b"\n",
        )

    def reply(self, method, target, headers):
        """(status, headers, body) for a request."""
        if method != "GET":
            return "405 Method Not Allowed", [("Allow", "GET")], b"only GET is answered here\n"
        if target.partition("?")[0] == "/.zerg/ready":
            return self.ready()
        if not self.application:
            return (
                "503 Service Unavailable",
                [("Content-Type", "text/plain")],
                self.why.encode() + b"\n",
            )
        return ask(self.application, environ_of(target, self.threads, headers))

    def serve(self):
        """Wait until no other worker answers, then do so for the rest of the worker's life."""
        fcntl.lockf(self.turn, fcntl.LOCK_EX)
        while True:
            try:
                with self.listener.accept()[0] as client:
                    with contextlib.suppress(
                        OSError, ValueError
                    ):  # a client that says nothing, or nonsense, or is gone
                        answer(client, *self.reply(*receive(client, time.monotonic() + CLIENT_S)))
            except Exception as error:
                say(f"a health request failed: {words(error)}")
                time.sleep(1)


def _uwsgi():
    """The library that holds uWSGI's own symbols: the executable, or the extension module of the pyuwsgi wheel."""
    executable = ctypes.CDLL(None)
    if hasattr(executable, "suspend_resume_them_all"):
        return executable
    with open("/proc/self/maps") as maps:
        for path in {line.split(None, 5)[-1].strip() for line in maps if "pyuwsgi" in line}:
            if os.path.basename(path).startswith("pyuwsgi.") and os.path.isfile(path):
                return ctypes.CDLL(path)
    raise RuntimeError(
        "supervisor_zerg: no suspend_resume_them_all in this uWSGI, so it cannot boot parked; use hooks.ini"
    )


def _install():
    """Have uWSGI call the companion by a hook of its own, so that ``uwsgi.post_fork_hook`` is left to the application."""
    companion = Companion(
        importlib.import_module("uwsgi"),
        setting("ZERG_COMPANION_SOCKET"),
        setting("ZERG_WARM").split(),
    )
    step = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)(companion.step)
    name, call = (
        ctypes.create_string_buffer(b"zerg-companion"),
        ctypes.create_string_buffer(b"!zerg-companion:"),
    )
    _uwsgi().uwsgi_register_hook(name, step)
    for phase in (b"hook-post-app", b"hook-post-fork"):
        _uwsgi().uwsgi_manage_opt(phase, call)
    return step, name, call


if setting("ZERG_BOOT") != "serving":
    _uwsgi().suspend_resume_them_all(0)
if setting("ZERG_COMPANION_SOCKET") or setting("ZERG_WARM"):
    try:
        _kept = _install()  # uWSGI keeps pointers to these
    except Exception as error:
        say(f"no warm-up and no health: {words(error)}")

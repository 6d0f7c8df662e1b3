"""Imported by uWSGI into the application's own interpreter: boots the copy *parked*, warms it up, and answers for its health.

    shared-py-import = /path/to/companion.py

Free of any dependency, Python 3.8 or newer. It runs in the master before the workers are forked, so that each is born with
uWSGI's suspended flag set (core/master_utils.c:739: a respawn keeps it); lazy-apps included. One ``p`` releases the copy.
The rest is asked for by the environment (``env = NAME=value`` in the ini), and absent without:

``ZERG_BOOT``              ``serving``: do not boot parked
``ZERG_WARM``              paths, separated by spaces, that each worker asks of its application before it accepts a request
``ZERG_COMPANION_SOCKET``  a private unix socket, mode 0600, where the copy answers GET, also while it is parked or draining:
                           ``/.zerg/ready`` with 200 or 503 and JSON, any other path with what the application says
``ZERG_HOST``              the Host of a request that names none (``localhost``), for applications that check it

The socket is bound by the master and lives as long as that. One worker answers, and when it ends the next one takes over: uWSGI's
cheaper mode ends the oldest worker first (core/master_utils.c:197), so it must not always be the first. It asks from a thread of its
own, one request at a time, beside the requests that the worker serves: the application has to bear a second thread, and uWSGI's
API about the *current* request must not be used in what health asks for. A frozen copy (SIGSTOP) does not answer before it is thawed.
"""

import ctypes
import fcntl
import io
import json
import mmap
import os
import signal
import socket
import stat
import struct
import sys
import threading
import time
from urllib.parse import unquote_to_bytes

CLIENT_S = 2.0  # how long a client may take to send its request, and again to take the answer
HEAD_MOST = 16384  # bytes of a request
BODY_MOST = 1 << 20  # bytes of an answer; what is longer is cut
NOTE = 256  # bytes for what failed in a worker
READY = "/.zerg/ready"
UNLOADED = "the application was not loaded (its import failed, or none is mounted at /): the log of the copy says why"
FOREIGN = "the application at / lives in an interpreter of its own, where it cannot be asked: set single-interpreter"


def say(sentence):
    """One line in the copy's log."""
    os.write(2, ("supervisor_zerg: %s\n" % sentence).encode("utf-8", "replace"))


def setting(name, otherwise=""):
    """A variable of the process: ``env =`` of the ini is set after Python was, where uWSGI is the pyuwsgi wheel, and not in os.environ."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    return os.fsdecode(getenv(name.encode()) or b"") or otherwise


def words(error):
    """An exception in one line of ASCII."""
    return " ".join(("%s: %s" % (type(error).__name__, error)).split()).encode("ascii", "replace").decode()[: NOTE // 2]


# asking the application


def environ_of(target, headers=(), multithread=True, multiprocess=True):
    """The WSGI environ of a GET. :param target: path and query as they stand in a request. :param headers: (name, value) pairs."""
    path, _, query = target.partition("?")
    host = setting("ZERG_HOST", "localhost")
    environ = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query,
        "REQUEST_URI": target, "SERVER_PROTOCOL": "HTTP/1.0", "SERVER_NAME": host.split(":")[0], "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": host, "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.multithread": multithread, "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False, "zerg.companion": True,
    }  # fmt: skip
    environ.update(("HTTP_" + name.strip().upper().replace("-", "_"), value.strip()) for name, value in headers)
    return environ


def ask(application, environ):
    """Call a WSGI application. :returns: (status, headers, body). An exception is a status 500 that names it; none gets out."""
    head, body = [], io.BytesIO()

    def start_response(status, headers, exc_info=None):
        head[:] = status, headers
        return body.write

    try:
        chunks = application(environ, start_response)
        try:
            for chunk in chunks:
                body.write(chunk)
                if body.tell() > BODY_MOST:
                    break
        finally:
            getattr(chunks, "close", int)()
        return head[0], head[1], body.getvalue()[:BODY_MOST]
    except BaseException as error:  # a SystemExit, too: a worker must not end of being asked
        return "500 " + words(error), [], words(error).encode() + b"\n"


# the health server


def receive(client, until):
    """The head of a request. :param until: monotonic time limit. :raises OSError: in time. :raises ValueError: for what is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        client.settimeout(max(until - time.monotonic(), 0.001))
        chunk = client.recv(4096)
        data += chunk
        if not chunk or len(data) > HEAD_MOST or time.monotonic() > until:
            raise ValueError("no request")
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    return method, target, [line.split(":", 1) for line in lines if ":" in line]


def answer(client, status, headers, body):
    kept = [(name, value) for name, value in headers if name.lower() not in ("content-length", "connection", "transfer-encoding")]
    lines = ["%s: %s" % pair for pair in kept + [("Content-Length", len(body)), ("Connection", "close")]]
    client.settimeout(CLIENT_S)  # for the whole of it
    client.sendall("\r\n".join(["HTTP/1.0 " + status] + lines + ["", ""]).encode("latin-1", "replace") + body)


def listen(path):
    """The listening socket, in place of an old one of ours. :raises OSError: where it cannot be, or another copy answers there."""
    if os.path.lexists(path):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError("there is something there that is no socket")
        owner = _listener(path)
        if owner not in (0, os.getpid()):
            raise OSError("process %d listens there: each copy needs a path of its own" % owner)
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(16)
    return listener


def _listener(path):
    """The living process that called listen() on the socket at a path (unix(7), SO_PEERCRED), or 0: what outlives it is no copy."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(CLIENT_S)
        try:
            probe.connect(path)
            pid = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            os.kill(pid, 0)
            return pid
        except PermissionError:
            return -1
        except OSError:
            return 0


class Companion:
    """The companion of one copy: made in the master, where it binds the socket, and at work in each of its workers."""

    def __init__(self, uwsgi, path, warm):
        self.uwsgi, self.paths, self.listener, self.loaded, self.warm = uwsgi, warm, None, False, {}
        self.notes = mmap.mmap(-1, NOTE * (uwsgi.numproc + 1))  # shared: what failed, worker by worker
        self.turn = os.memfd_create("zerg-companion")  # whose lock the worker holds that answers
        try:
            self.listener = listen(path) if path else None
        except OSError as error:
            say("no health at %s: %s" % (path, error))

    def step(self, _argument):
        """uWSGI's hook: after applications were loaded, be it in the master or (lazy-apps) in a worker, and after each fork."""
        loaded, self.loaded = self.loaded, True  # in a worker of lazy-apps the fork comes first
        try:
            if loaded and self.uwsgi.worker_id():
                self.begin()
        except BaseException as error:
            say("no warm-up and no health in worker %d: %s" % (self.uwsgi.worker_id(), words(error)))
        return 0  # anything else would end the copy (core/hooks.c:745)

    def begin(self):
        """In a worker that is about to accept."""
        self.worker = self.uwsgi.worker_id()
        if self.uwsgi.loop or {"async", "ugreen"} & set(self.uwsgi.opt):
            return say("no warm-up and no health in worker %d: it is asynchronous" % self.worker)
        self.application, self.why = self.find()
        self.note(self.why)
        for path in self.paths if self.application else ():
            self.warm[path] = status = ask(self.application, self.environ(path))[0]
            if status >= "5":
                self.note("the warm-up of %s failed: %s" % (path, status))
        if self.listener and not self.uwsgi.has_threads:
            return say("no health from worker %d: this uWSGI needs enable-threads for it" % self.worker)
        if self.listener:
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))  # they are for the thread that waits in the pause
            threading.Thread(target=self.serve, name="zerg-companion", daemon=True).start()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def find(self):
        """The application at / as uWSGI has it, whatever loaded it (plugins/python/uwsgi_pymodule.c:2517). :returns: (it, why not)."""
        apps = self.uwsgi.workers()[self.worker - 1]["apps"]
        app = next((app for app in apps if app["mountpoint"] in (b"", b"/") and app["modifier1"] == 0 and app["callable"]), None)
        if not app or app["interpreter"] != apps[0]["interpreter"]:
            return None, FOREIGN if app else UNLOADED
        return ctypes.cast(app["callable"], ctypes.py_object).value, ""

    def environ(self, target, headers=()):
        threads = self.listener is not None or self.uwsgi.cores > 1
        return environ_of(target, headers, threads, self.uwsgi.numproc > 1)

    def note(self, why):
        """What failed last in this worker, for whoever answers, and for the log."""
        self.notes[self.worker * NOTE : (self.worker + 1) * NOTE] = why.encode("ascii", "replace")[:NOTE].ljust(NOTE, b"\0")
        if why:
            say("worker %d: %s" % (self.worker, why))

    def ready(self):
        """(status, headers, body) of READY."""
        notes = [self.notes[n * NOTE : (n + 1) * NOTE].rstrip(b"\0").decode() for n in range(len(self.notes) // NOTE)]
        why = self.why or "; ".join("worker %d: %s" % pair for pair in enumerate(notes) if pair[1])
        told = {"ready": not why, "warm": self.warm, "pid": os.getpid(), "worker": self.worker, **({"why": why} if why else {})}
        status = "503 Service Unavailable" if why else "200 OK"
        return status, [("Content-Type", "application/json")], json.dumps(told).encode() + b"\n"

    def reply(self, method, target, headers):
        if method != "GET":
            return "405 Method Not Allowed", [("Allow", "GET")], b"only GET is answered here\n"
        if target.partition("?")[0] == READY:
            return self.ready()
        if not self.application:
            return "503 Service Unavailable", [("Content-Type", "text/plain")], self.why.encode() + b"\n"
        return ask(self.application, self.environ(target, headers))

    def serve(self):
        """Wait until no other worker answers, then do so for the rest of the worker's life."""
        fcntl.lockf(self.turn, fcntl.LOCK_EX)
        while True:
            try:
                with self.listener.accept()[0] as client:
                    try:
                        answer(client, *self.reply(*receive(client, time.monotonic() + CLIENT_S)))
                    except (OSError, ValueError):
                        pass  # a client that says nothing, or nonsense, or is gone
            except Exception as error:
                say("a health request failed: %s" % words(error))
                time.sleep(1)


# into uWSGI


def _uwsgi():
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


def _install(library):
    """Have uWSGI call the companion, by a hook of its own, so that ``uwsgi.post_fork_hook`` is left to the application."""
    path, warm = setting("ZERG_COMPANION_SOCKET"), setting("ZERG_WARM").split()
    if not (path or warm):
        return None
    try:
        import uwsgi

        step = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)(Companion(uwsgi, path, warm).step)
        name, call = ctypes.create_string_buffer(b"zerg-companion"), ctypes.create_string_buffer(b"!zerg-companion:")
        library.uwsgi_register_hook(name, step)
        library.uwsgi_manage_opt(b"hook-post-app", call)
        library.uwsgi_manage_opt(b"hook-post-fork", call)
        return step, name, call
    except Exception as error:
        say("no warm-up and no health: %s" % words(error))


if setting("ZERG_BOOT") != "serving":
    _uwsgi().suspend_resume_them_all(0)
_kept = _install(_uwsgi())  # uWSGI keeps pointers to these

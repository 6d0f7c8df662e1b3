"""The real thing in a temporary folder: supervisord, zerg pool, two uWSGI instances, from the files of conf.d/ as they are."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from pathlib import Path

from supervisor.xmlrpc import SupervisorTransport

START_S = 30.0
STOP_S = 10.0
PACKAGE = Path(__file__).resolve().parent.parent
CONF_D = next(
    p
    for p in (PACKAGE.parent / "conf.d", Path(sys.prefix) / "share/supervisor_zerg/conf.d")
    if p.is_dir()
)
BIN = Path(sys.executable).parent

MAIN = """\
[unix_http_server]
file = {run}/supervisor.sock

[supervisord]
logfile = {log}/supervisord.log
pidfile = {run}/supervisord.pid
childlogdir = {log}
loglevel = {loglevel}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{run}/supervisor.sock

[ctlplugin:zerg]
supervisor.ctl_factory = supervisor_zerg.controllerplugin:make_zerg_controllerplugin

[include]
files = conf.d/*.conf
"""


class Stack:
    """``with Stack() as stack: stack.zerg.swap("")``

    :param dialect: ``managed`` or ``hooks``.
    :param app: lines for the application's ini, as a dict: ``{"processes": 2, "threads": 4}``.
    :param pair: options that replace those of ``[zerg:pybossa]``.
    :param environment: for supervisord and everything below it.
    :param http: also listen on ``127.0.0.1:self.port``: True, or lines for that section as a dict, such as its username.
    :param keep: leave the folder behind.
    """

    def __init__(
        self,
        dialect="managed",
        app=None,
        pair=None,
        environment=None,
        keep=False,
        loglevel="info",
        http=None,
    ):
        self.folder = Path(tempfile.mkdtemp(prefix="zerg-"))
        self.run, self.log, self.conf_d = (
            self.folder / "run",
            self.folder / "log",
            self.folder / "conf.d",
        )
        self.keep, self.process, self.url = keep, None, f"unix://{self.run}/supervisor.sock"
        self.folder.chmod(0o711)  # nginx and instances may run as other users
        self.run.mkdir()
        self.log.mkdir()
        shutil.copytree(CONF_D, self.conf_d)
        self.conf = self.folder / "supervisord.conf"
        self.conf.write_text(MAIN.format(run=self.run, log=self.log, loglevel=loglevel))
        self.port = self._add_http({} if http is True else http) if http else 0
        self.app_ini = self.folder / "app.ini"
        self.write_app(app or {"processes": 4})
        self.version("1")
        self.set_pair(pair or {})
        self.environment = {
            **os.environ,
            "PATH": "{}:{}".format(BIN, os.environ.get("PATH", "")),
            "ZERG_RUN": str(self.run),
            "ZERG_CONF": str(self.conf_d),
            "ZERG_UWSGI": str(BIN / "uwsgi"),
            "ZERG_APP": str(self.app_ini),
            "ZERG_COMPANION": str(PACKAGE / "uwsgi" / "companion.py"),
            "ZERG_DIALECT": dialect,
            "ZERG_VERSION_FILE": str(self.folder / "version"),
            **(environment or {}),
        }

    # before it runs

    def _add_http(self, options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        lines = [
            "{} = {}".format(*pair) for pair in {"port": "127.0.0.1:%d" % port, **options}.items()
        ]
        self.conf.write_text(
            self.conf.read_text() + "\n[inet_http_server]\n" + "\n".join(lines) + "\n"
        )
        return port

    def write_app(self, options):
        options = {"wsgi-file": PACKAGE / "demo" / "app.py", "protocol": "http", **options}
        lines = [f"{key} = {value}" for key, value in options.items() if value is not None]
        self.app_ini.write_text("[uwsgi]\n" + "\n".join(lines) + "\n")

    def version(self, text):
        """The version of the code on disk: what an instance that is started from now on answers."""
        (self.folder / "version").write_text(text)

    def set_pair(self, options):
        """Replace or add options of the [zerg:pybossa] section."""
        self.set_options("zerg.conf", "zerg:pybossa", options)

    def set_options(self, filename, section, options):
        """Replace or add options in a section of one of the copied files."""
        path = self.conf_d / filename
        head, title, rest = path.read_text().partition(f"[{section}]")
        body, following, tail = rest.partition("\n[")
        for option, value in options.items():
            body = re.sub(rf"(?m)^{re.escape(option)} *=.*\n?", "", body)
            body = body.rstrip("\n") + f"\n{option} = {value}\n"
        path.write_text(head + title + body + following + tail)

    # life

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self, wait=True, command=None, user=None):
        """:param wait: until some instance serves. :param command: another supervisord. :param user: to run it as."""
        command = (command or [str(BIN / "supervisord")]) + ["-n", "-c", str(self.conf)]
        with open(self.log / "supervisord.out", "ab") as out:
            self.process = subprocess.Popen(
                command,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                user=user,
                start_new_session=True,  # a Ctrl-C is for whoever runs the stack, who then ends it in order
            )
        self.until(self._answers, START_S)
        if wait:
            self.until(lambda: self.info()["serving"], START_S)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(
                "supervisord ended: {}".format((self.log / "supervisord.out").read_text())
            )
        try:
            return self.supervisor.getState()["statename"] == "RUNNING"
        except (OSError, xmlrpc.client.Fault):  # it is not there yet, or shutting down
            return False

    def stop(self):
        """End supervisord first, so that it starts nothing anew, and then, by pid, every process below it, however they are."""
        if self.process:
            self.process.kill()
            self.process.wait()
        end = time.monotonic() + STOP_S
        while self.kill_all() and time.monotonic() < end:
            time.sleep(0.02)
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill_all(self, but=0):
        """:param but: a pid that is spared. :returns: how many there were"""
        pids = [pid for pid in self.pids() if pid != but]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return len(pids)

    def pids(self):
        return pids_of(self.run)

    # talking to it

    def proxy(self):
        return xmlrpc.client.ServerProxy(
            "http://127.0.0.1", transport=SupervisorTransport(None, None, self.url)
        )

    @property
    def supervisor(self):
        return self.proxy().supervisor

    @property
    def zerg(self):
        return self.proxy().zerg

    @property
    def web(self):
        """The served socket."""
        return str(self.run / "web.sock")

    def info(self):
        return self.zerg.getPairInfo("")

    def instance(self, program):
        return next(c for c in self.info()["instances"] if c["program"] == program)

    def ctl(self, *words, **options):
        """Run supervisorctl. :returns: CompletedProcess with text."""
        command = [str(BIN / "supervisorctl"), "-c", str(self.conf), *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=120, **options
        )

    def zergctl(self, *words):
        command = [str(BIN / "zergctl"), "-s", self.url, *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=120
        )

    def until(self, true, seconds=20.0, every=0.02):
        """Poll until something is true. :returns: its value. :raises TimeoutError: with what the pair looks like."""
        end = time.monotonic() + seconds
        while True:
            value = true()
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds:.0f} s:\n{self.report()}")
            time.sleep(every)

    def until_roles(self, serving, parked, seconds=20.0):
        """Wait until the pair is reconciled with these roles and the slots agree."""

        def settled():
            info = self.info()
            slots = {c["program"]: c["slot"] for c in info["instances"]}
            fine = (
                info["serving"] == serving
                and info["parked"] == parked
                and slots.get(serving) == "running"
            )
            return fine and (not parked or slots.get(parked) == "sleeping") and info

        return self.until(settled, seconds)

    def warm_up(self):
        """Start the spare: pybossabak serves, pybossa is parked."""
        self.until_roles("pybossa", "")
        self.supervisor.startProcess("pybossabak", False)
        return self.until_roles("pybossabak", "pybossa")

    def report(self):
        """Everything that helps to understand a stack that did not do what it should."""
        try:
            info = self.info()
            masters = [instance["master"] for instance in info["instances"] if instance["master"]]
        except Exception as error:
            info, masters = error, []
        lines = [line[:1000] for line in self.supervisord_log().splitlines()[-80:]]
        return "\n".join([repr(info), *map(threads_below, masters), "--- supervisord.log", *lines])

    def supervisord_log(self):
        path = self.log / "supervisord.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def child_log(self, program):
        return "".join(
            p.read_text(errors="replace") for p in self.log.glob(f"{program}-stdout---*")
        )


def threads_below(master):
    """Each thread of a master's workers and the system call that it is in."""
    lines = ["--- the workers of master %d" % master]
    for path in sorted(Path("/proc").glob("[0-9]*/task/[0-9]*")):
        try:
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == master:
                lines.append("{} {} {}".format(path, state, (path / "syscall").read_text().strip()))
        except OSError:
            pass  # it ended
    return "\n".join(lines)


def pids_of(run):
    """Every process that carries the environment of the stack whose sockets are in this folder or below it."""
    mark = re.compile(b"ZERG_RUN=%s[/\0]" % re.escape(str(run).encode()))
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and mark.search(Path("/proc", name, "environ").read_bytes()):
                found.append(int(name))
        except OSError:
            pass
    return found

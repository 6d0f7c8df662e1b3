"""The real stack in a temporary folder: supervisord, a zerg pool and two instances."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, TypeVar

from supervisor.xmlrpc import SupervisorTransport

from .files import MAIN, Options, with_options
from .processes import pids_of, send, worker_threads
from .releases import begin_with_releases

T = TypeVar("T")
START_S = 30.0
STOP_S = 10.0
COMMAND_S = 120.0
LOG_LINES = 80  # of supervisord's log in a report
LOG_COLUMNS = 1000
PACKAGE = Path(__file__).resolve().parent.parent
PLACES = (PACKAGE.parent / "conf.d", Path(sys.prefix) / "share/supervisor_zerg/conf.d")
CONF_D = next(place for place in PLACES if place.is_dir())
BIN = Path(sys.executable).parent


class Stack:
    """A stack: ``with Stack() as stack: stack.zerg.swap("")``.

    Args:
        dialect: ``managed`` or ``hooks``.
        app: Options of the application's ini: ``{"processes": 2, "threads": 4}``.
        pair: Options that replace those of ``[zerg:pybossa]``.
        environment: For supervisord and everything below it.
        keep: Whether the folder stays.
        releases: Whether each instance boots the release that its own link names. Both name v1.
        http: Options of an ``[inet_http_server]`` on ``port`` of 127.0.0.1; True for none.
    """

    def __init__(
        self,
        dialect: str = "managed",
        app: Options | None = None,
        pair: Options | None = None,
        environment: Mapping[str, str] | None = None,
        keep: bool = False,
        loglevel: str = "info",
        http: Options | bool | None = None,
        releases: bool = False,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="zerg-"))
        self.run = self.folder / "run"
        self.log = self.folder / "log"
        self.conf_d = self.folder / "conf.d"
        self.conf = self.folder / "supervisord.conf"
        self.app_ini = self.folder / "app.ini"
        self.url = f"unix://{self.run}/supervisor.sock"
        self.keep = keep
        self.process: subprocess.Popen[bytes] | None = None
        self.folder.chmod(0o711)  # nginx and instances may run as other users
        self.run.mkdir()
        self.log.mkdir()
        shutil.copytree(CONF_D, self.conf_d)
        self.conf.write_text(MAIN.format(run=self.run, log=self.log, loglevel=loglevel))
        self.port = self._add_http({} if http is True else http) if http else 0
        self.write_app(app or {"processes": 4})
        self.version("1")
        self.set_pair(
            {**({"releases": self.folder / "releases"} if releases else {}), **(pair or {})}
        )
        self.environment = {**self._environment(dialect), **(environment or {})}
        self.releases = self.folder / "releases"
        if releases:
            begin_with_releases(self.releases, self.conf_d, self.environment)

    def _environment(self, dialect: str) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{BIN}:{os.environ.get('PATH', '')}",
            "ZERG_RUN": str(self.run),
            "ZERG_CONF": str(self.conf_d),
            "ZERG_UWSGI": str(BIN / "uwsgi"),
            "ZERG_APP": str(self.app_ini),
            "ZERG_COMPANION": str(PACKAGE / "uwsgi" / "companion.py"),
            "ZERG_DIALECT": dialect,
            "ZERG_VERSION_FILE": str(self.folder / "version"),
        }

    # its files, before it starts

    def _add_http(self, options: Options) -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        all_options = {"port": f"127.0.0.1:{port}", **options}
        lines = [f"{option} = {value}" for option, value in all_options.items()]
        with self.conf.open("a") as file:
            file.write("\n[inet_http_server]\n" + "\n".join(lines) + "\n")
        return port

    def write_app(self, options: Options) -> None:
        """Write the application's ini; an option that is None is left out."""
        options = {"wsgi-file": PACKAGE / "demo" / "app.py", "protocol": "http", **options}
        lines = [f"{key} = {value}" for key, value in options.items() if value is not None]
        self.app_ini.write_text("[uwsgi]\n" + "\n".join(lines) + "\n")

    def version(self, text: str) -> None:
        """Write the version of the code: what an instance that starts from now on answers."""
        (self.folder / "version").write_text(text)

    def set_pair(self, options: Options) -> None:
        """Replace or add options of the ``[zerg:pybossa]`` section."""
        self.set_options("zerg.conf", "zerg:pybossa", options)

    def set_options(self, filename: str, section: str, options: Options) -> None:
        """Replace or add options in a section of one of the copied files."""
        path = self.conf_d / filename
        path.write_text(with_options(path.read_text(), section, options))

    # start and end

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(
        self, wait: bool = True, command: Sequence[str] = (), user: str | None = None
    ) -> Stack:
        """Start supervisord.

        Args:
            wait: Until an instance serves.
            command: Another supervisord.
            user: Its user.
        """
        supervisord = list(command) or [str(BIN / "supervisord")]
        with open(self.log / "supervisord.out", "ab") as out:
            self.process = subprocess.Popen(
                [*supervisord, "-n", "-c", str(self.conf)],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                user=user,
                start_new_session=True,  # Ctrl-C goes to the caller, who ends the stack in order
            )
        self.until(self._answers, START_S)
        if wait:
            self.until(lambda: self.info()["serving"], START_S)
        return self

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            output = (self.log / "supervisord.out").read_text()
            raise RuntimeError(f"supervisord ended: {output}")
        try:
            return bool(self.supervisor.getState()["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Fault):  # it does not listen yet, or shuts down
            return False

    def stop(self) -> None:
        """Kill supervisord, so that it starts nothing again, and then every process below it."""
        if self.process:
            self.process.kill()
            self.process.wait()
        deadline = time.monotonic() + STOP_S
        while self.kill_all() and time.monotonic() < deadline:
            time.sleep(0.02)
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill_all(self, but: int = 0) -> int:
        """Kill every process of the stack but one, by pid. Returns how many there were."""
        pids = [pid for pid in self.pids() if pid != but]
        for pid in pids:
            send(pid, signal.SIGKILL)
        return len(pids)

    def pids(self) -> list[int]:
        """The pids of all processes of the stack."""
        return pids_of(self.run)

    # its interfaces

    def proxy(self) -> Any:
        """A new XML-RPC connection."""
        transport = SupervisorTransport(None, None, self.url)
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)

    @property
    def supervisor(self) -> Any:
        """Supervisor's RPC namespace."""
        return self.proxy().supervisor

    @property
    def zerg(self) -> Any:
        """The plugin's RPC namespace."""
        return self.proxy().zerg

    @property
    def web(self) -> str:
        """The served socket."""
        return str(self.run / "web.sock")

    def info(self) -> dict[str, Any]:
        """``zerg.getPairInfo`` of the pair."""
        info: dict[str, Any] = self.zerg.getPairInfo("")
        return info

    def instance(self, program: str) -> dict[str, Any]:
        """What ``zerg.getPairInfo`` says about one instance."""
        instances: list[dict[str, Any]] = self.info()["instances"]
        return next(found for found in instances if found["program"] == program)

    def ctl(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run supervisorctl."""
        return self._run("supervisorctl", "-c", str(self.conf), *words, **options)

    def zergctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run zergctl."""
        return self._run("zergctl", "-s", self.url, *words)

    def _run(self, name: str, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        options = {"env": self.environment, "timeout": COMMAND_S, **options}
        command = [str(BIN / name), *words]
        return subprocess.run(command, capture_output=True, text=True, **options)

    # waiting

    def until(self, condition: Callable[[], T], seconds: float = 20.0, every: float = 0.02) -> T:
        """Poll a condition until it is true, and return its value.

        Raises:
            TimeoutError: It did not become true; the message describes the pair.
        """
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:.0f} s:\n{self.report()}")
            time.sleep(every)

    def until_roles(
        self, serving: str, parked: str, seconds: float = 20.0
    ) -> dict[str, Any] | None:
        """Wait until the pair has these roles and the slots agree; returns ``info()``."""

        def reconciled() -> dict[str, Any] | None:
            info = self.info()
            slots = {found["program"]: found["slot"] for found in info["instances"]}
            roles = (info["serving"], info["parked"]) == (serving, parked)
            in_place = slots.get(serving) == "running"
            in_place = in_place and (not parked or slots.get(parked) == "sleeping")
            return info if roles and in_place else None

        return self.until(reconciled, seconds)

    def warm_up(self) -> dict[str, Any] | None:
        """Start the spare: pybossabak then serves, and pybossa is parked."""
        self.until_roles("pybossa", "")
        self.supervisor.startProcess("pybossabak", False)
        return self.until_roles("pybossabak", "pybossa")

    # for a failed test

    def report(self) -> str:
        """What helps to understand a stack that did not do what it should."""
        try:
            info = self.info()
            masters = [found["master"] for found in info["instances"] if found["master"]]
            pair = repr(info)
        except Exception as error:
            masters = []
            pair = repr(error)
        lines = [line[:LOG_COLUMNS] for line in self.supervisord_log().splitlines()[-LOG_LINES:]]
        return "\n".join([pair, *map(worker_threads, masters), "--- supervisord.log", *lines])

    def supervisord_log(self) -> str:
        """The log of supervisord."""
        path = self.log / "supervisord.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def child_log(self, program: str) -> str:
        """What a program printed."""
        logs = self.log.glob(f"{program}-stdout---*")
        return "".join(path.read_text(errors="replace") for path in logs)

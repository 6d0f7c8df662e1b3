"""The stack that the faults hit, who is who in it, and what a fault may cost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable
from xmlrpc.client import Fault, ProtocolError

from supervisor_zerg.demo.stack import Stack

from . import kernel
from .bystander import Bystander
from .load import Ledger, Loss

PROGRAMS = ("pybossa", "pybossabak")
SLOTS = ("new", "running", "sleeping")
LISTENER = "zerg:zerg"
DISK_KB = 512
BAD_OUTPUT = ("Traceback", "ProtocolError")  # of supervisorctl; Supervisor's refusals are fine
ANSWERS_S = 30.0  # supervisord must answer any request of a client within this time
#: health checks that fail quickly, so that a deploy takes seconds
PAIR = {"health_interval": "0.1", "health_count": "2", "health_timeout": "1", "bake": "1"}
APPS: dict[str, dict[str, int]] = {
    "prefork": {"processes": 4},
    "threads": {"processes": 2, "threads": 2},
}
QUIET = {"disable-logging": "true"}
HELD_BY_KILL_S = 1.0  # workers notice within this time that their master is gone


class NotPossible(Exception):
    """The fault does not apply to what is there now."""


class Target:
    """A stack, its bystanders, and an account of what the faults may cost."""

    def __init__(self, dialect: str, app: str) -> None:
        self.dialect = dialect
        self.app = app
        self.stack = Stack(dialect, app={**APPS[app], **QUIET}, pair=PAIR)
        self.ledger = Ledger()
        self.open_losses: list[Loss] = []
        self.complaints: list[str] = []
        self.bystanders: list[Bystander] = []
        self.disk = self._small_disk()
        self.version = 1
        self.written_by_hand = False
        self.started_by_operator = 0
        self.release_text = self.stack.app_ini.read_text()

    def start(self) -> None:
        socket.setdefaulttimeout(ANSWERS_S)
        users = ["", "www-data"] if os.geteuid() == 0 else [""]
        self.bystanders = [Bystander(user) for user in users]
        self.stack.start()
        self.stack.warm_up()
        self.stack.until(lambda: all(bystander.ready() for bystander in self.bystanders))

    def stop(self) -> None:
        socket.setdefaulttimeout(None)
        for bystander in self.bystanders:
            bystander.end()
        if self.disk:
            self.stack.keep = True
        self.stack.stop()
        if self.disk:
            subprocess.run(["umount", "--lazy", str(self.disk)], check=False)
            self.stack.keep = False
            self.stack.stop()

    def _small_disk(self) -> Path | None:
        """A file system of its own for the history, so that it can be filled. Needs root."""
        if os.geteuid() != 0:
            return None
        disk = self.stack.folder / "disk"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KB}k", "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True).returncode:
            return None
        history = {"history": str(disk / "history.jsonl")}
        self.stack.set_options("zerg.conf", "rpcinterface:zerg", history)
        return disk

    # who is who

    @property
    def supervisord(self) -> subprocess.Popen[bytes]:
        assert self.stack.process is not None
        return self.stack.process

    def info(self) -> dict[str, Any]:
        try:
            return dict(self.stack.info())
        except (OSError, Fault, ProtocolError) as error:
            raise NotPossible(f"supervisord does not answer: {error}") from error

    def instance(self, rng: random.Random) -> dict[str, Any]:
        """One of the two that has a master."""
        running = [dict(i) for i in self.info()["instances"] if i["master"]]
        if not running:
            raise NotPossible("no instance runs")
        return rng.choice(sorted(running, key=lambda i: str(i["program"])))

    def worker(self, rng: random.Random) -> tuple[dict[str, Any], int]:
        """One of the two, and one of its workers."""
        instance = self.instance(rng)
        workers = kernel.children(instance["master"])
        if not workers:
            raise NotPossible("it has no workers")
        return instance, rng.choice(workers)

    def pid_of(self, program: str) -> int:
        try:
            return int(self.stack.supervisor.getProcessInfo(program)["pid"])
        except (OSError, Fault, ProtocolError) as error:
            raise NotPossible(f"supervisord does not answer: {error}") from error

    def fifo(self, slot: str) -> Path:
        return Path(self.stack.run) / f"{slot}.fifo"

    @property
    def fifos(self) -> dict[str, Path]:
        return {slot: self.fifo(slot) for slot in SLOTS}

    def capacity(self) -> int:
        """How many requests one instance handles at once."""
        app = APPS[self.app]
        return app["processes"] * app.get("threads", 1)

    # acting

    def allow(self, seconds: float, limit: int, reason: str) -> Loss:
        """So many requests may fail that begin within this time."""
        return self.ledger.allow(time.monotonic(), seconds, limit, reason)

    def everything_lost(self) -> None:
        """Supervisor ends every process: any request may fail until the pair serves again."""
        self.open_losses.append(self.allow(float("inf"), 10**9, "supervisord is reloaded"))

    def serves_again(self) -> None:
        for loss in self.open_losses:
            loss.until = time.monotonic()
        self.open_losses = []

    def send(self, pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError as error:
            raise NotPossible(f"process {pid} has ended") from error

    def stop_for(self, pid: int, seconds: float) -> Callable[[], None]:
        """SIGSTOP now, SIGCONT after some seconds, or earlier where the fault is undone."""
        began = _start_time(pid)
        self.send(pid, signal.SIGSTOP)
        done = threading.Event()

        def go_on() -> None:
            done.wait(seconds)
            if began and _start_time(pid) == began:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

        thread = threading.Thread(target=go_on)
        thread.start()
        return thread.join

    def ctl(self, *words: str) -> Callable[[], None]:
        """Start supervisorctl. The returned function waits for its end."""
        command = [self.stack.environment["PATH"].split(":")[0] + "/supervisorctl"]
        process = subprocess.Popen(
            [*command, "-c", str(self.stack.conf), *words],
            env={**self.stack.environment, "ZERG_RUN": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

        def wait() -> None:
            output, _ = process.communicate(timeout=150)
            if any(word in output for word in BAD_OUTPUT):
                self.complaints.append(f"supervisorctl {' '.join(words)}: {output[-500:]}")

        return wait

    def signalled(self) -> list[str]:
        """Every signal that reached a bystander."""
        return [line for bystander in self.bystanders for line in bystander.signals()]

    def processes(self) -> list[int]:
        return sorted(self.stack.pids())


def _start_time(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def pause(rng: random.Random, most: float) -> None:
    time.sleep(rng.random() * most)

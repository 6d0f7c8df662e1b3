"""Runs the command lines of hooks and health checks: no shell, a time limit, output to the log.

Each command leads a session of its own, so that everything it starts ends with it: at the limit,
when it exits and leaves something behind, and when the listener ends. Only what makes itself a
session of its own (a daemon) goes on.
"""

from __future__ import annotations

import contextlib
import glob
import os
import selectors
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any, Callable, cast

MAX_LINES = 200  # of a command's output that are logged
LINE_BYTES = 1024
MESSAGE_CHARACTERS = 199
CHUNK_BYTES = 64 << 10
PIPE_CHUNKS = 16  # what a pipe can hold: 1 MiB, /proc/sys/fs/pipe-max-size
GRACE_S = 1.0  # between SIGTERM and SIGKILL
KILL_S = 1.0  # after SIGKILL; a process that hangs in the kernel longer is not waited for
POLL_S = 0.5  # without pidfd the end of a command is noticed this much later
STEP_S = 0.01


def run(
    line: str, environment: Mapping[str, str], timeout_s: float, prefix: str, id: str = ""
) -> tuple[bool, str]:
    """Run a command line until it exits, its time is over, or the listener ends.

    Args:
        environment: Variables in addition to those of this process.
        timeout_s: Then its process group gets SIGTERM and, GRACE_S later, SIGKILL.
        prefix: Begins each line of its output in the log.
        id: By which ``RUNNING.end`` finds it.

    Returns:
        Whether it exited with 0, and a message that says how it ended.

    Raises:
        OSError, ValueError: It cannot be run.
    """
    process = RUNNING.begin(shlex.split(line), environment, id)
    pipe = _stdout(process)
    output = Output(prefix)
    try:
        in_time = _follow(process, output, time.monotonic() + timeout_s)
    finally:
        _end_group(process)
        output.drain(pipe)
        RUNNING.forget(process)
    end = _how_it_ended(process.returncode) if in_time else f"no end within {timeout_s:.1f} s"
    message = one_line(f"{end}: {output.last}" if output.last else end)
    return in_time and process.returncode == 0, message


def one_line(text: str) -> str:
    """The text as a message: one line of printable ASCII, under 200 characters."""
    ascii_text = _printable(text).encode("ascii", "backslashreplace").decode("ascii")
    return " ".join(ascii_text.split())[:MESSAGE_CHARACTERS]


def _stdout(process: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", process.stdout)  # each of ours has a pipe


class Running:
    """The commands that run now, so that they can be ended. Once closed it begins no other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: dict[subprocess.Popen[bytes], str] = {}
        self._closed = False

    def begin(
        self, arguments: list[str], environment: Mapping[str, Any], id: str = ""
    ) -> subprocess.Popen[bytes]:
        """Start a command.

        Raises:
            OSError, ValueError: It cannot be run.
        """
        if not arguments:
            raise ValueError("there is no command")
        added = {str(name): str(value) for name, value in environment.items()}
        with self._lock:
            if self._closed:
                raise OSError("the listener is ending")
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
                env={**os.environ, **added},
            )
            self._processes[process] = id
        os.set_blocking(_stdout(process).fileno(), False)
        return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Forget a command that has ended."""
        _stdout(process).close()
        with self._lock:
            self._processes.pop(process, None)

    def end(self, id: str) -> None:
        """End the command with an id and what it started. Returns at once."""
        with self._lock:
            found = [process for process, its_id in self._processes.items() if its_id == id]
        for process in found:
            threading.Thread(target=_end_group, args=(process,), daemon=True).start()

    def close(self) -> None:
        """End all commands. Returns when they are gone, after GRACE_S and KILL_S at the latest."""
        with self._lock:
            self._closed = True
        for number, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, KILL_S)):
            for process in list(self._processes):
                _signal_group(process, number)
            _wait(lambda: not self._processes, wait_s)


RUNNING = Running()


class Output:
    """What a command prints: the first lines are logged, and the last one is kept in ``last``.

    All of it is read, so that the command never blocks on its output.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.last = ""
        self._begun = b""
        self._count = 0

    def read(self, pipe: IO[bytes]) -> bool:
        """Read once. Returns False at the end, or if there is nothing at the moment."""
        data: bytes | None = pipe.read(CHUNK_BYTES)
        *lines, rest = (self._begun + (data or b"")).split(b"\n")
        self._begun = rest[:LINE_BYTES]
        if self._count > MAX_LINES:  # only the last line still matters
            lines = [line for line in lines if line.strip()][-1:]
        for line in lines:
            self._line(line)
        return bool(data)

    def drain(self, pipe: IO[bytes]) -> None:
        """Read the rest when the command has ended."""
        for _ in range(PIPE_CHUNKS):
            if not self.read(pipe):
                break
        if self._begun:
            self._line(self._begun)
            self._begun = b""

    def _line(self, line: bytes) -> None:
        text = _printable(line[:LINE_BYTES].decode("utf-8", "replace")).rstrip()
        self.last = text or self.last
        self._count += 1
        if self._count <= MAX_LINES:
            self._log(text)
        elif self._count == MAX_LINES + 1:
            self._log(f"(more than {MAX_LINES} lines; the others are not shown)")

    def _log(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # supervisord or the stream is gone
            sys.stderr.write(f"{self.prefix}{text}\n")
            sys.stderr.flush()


def _follow(process: subprocess.Popen[bytes], output: Output, deadline: float) -> bool:
    """Read the output until the process has exited. Returns False if the deadline came first."""
    pipe = _stdout(process)
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        pidfd = _watch_exit(selector, process)
        try:
            while process.poll() is None:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                ready = [key.fileobj for key, _ in selector.select(min(left_s, POLL_S))]
                if pipe in ready and not output.read(pipe):
                    selector.unregister(pipe)
            return True
        finally:
            if pidfd is not None:
                os.close(pidfd)


def _watch_exit(selector: selectors.BaseSelector, process: subprocess.Popen[bytes]) -> int | None:
    try:
        pidfd = os.pidfd_open(process.pid)
    except (OSError, AttributeError):
        return None
    selector.register(pidfd, selectors.EVENT_READ)
    return pidfd


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a command and of what it started: nothing, as a rule."""
    for number, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, KILL_S)):
        if not _signal_group(process, number) or _wait(lambda: _is_gone(process), wait_s):
            return


def _is_gone(process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is None:
        return False
    return not (_signal_group(process, 0) and _has_members(process.pid))


def _has_members(group: int) -> bool:
    """Whether a process group has a member that is no zombie.

    The init of a container may reap late; nobody has to wait for that.
    """
    for path in glob.iglob("/proc/[0-9]*/stat"):
        try:
            with open(path, "rb") as file:
                state, _, its_group = file.read().rpartition(b")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(its_group) == group and state not in b"ZX":
            return True
    return False


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Returns False if the group has no member that we may signal."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _wait(done: Callable[[], bool], wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(STEP_S)
    return True


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return f"ended by signal {-status} ({signal.strsignal(-status)})"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)

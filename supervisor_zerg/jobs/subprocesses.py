"""Runs the command lines of health checks and hooks: without a shell, within a limit, their output in the log of the listener.

Each command is the leader of a session of its own, so that whatever it starts ends with it: at the limit, when it has exited and left
something behind, and when the listener is ended. Only what makes itself a session of its own (a daemon) goes on.
"""

import glob
import os
import selectors
import shlex
import signal
import subprocess
import sys
import threading
import time

LINES = 200  # of a command's output that are logged
LINE_BYTES = 1024
WORDS_CHARACTERS = 199
CHUNK_BYTES = 64 << 10
PIPE_CHUNKS = 16  # what can be left in a pipe: 1 MiB, /proc/sys/fs/pipe-max-size
GRACE_S = 1.0  # between SIGTERM and SIGKILL
KILL_S = (
    1.0  # after SIGKILL: a process that is still there hangs in the kernel and is not waited for
)
LOOK_S = 0.5  # where there is no pidfd, the end of a command is noticed this much later
STEP_S = 0.01


def run(line, environment, limit_s, prefix, identifier=""):
    """Run a command line until it exits, its limit is over or the listener ends.

    :param environment: variables that are added to those of this process.
    :param limit_s: seconds; then its process group gets SIGTERM and, GRACE_S later, SIGKILL.
    :param prefix: begins each line of its output in the log.
    :param identifier: by which ``RUNNING.end`` can end it.
    :returns: (exit status is 0, words that say how it ended).
    :raises OSError, ValueError: it cannot be run.
    """
    process, output = RUNNING.begin(shlex.split(line), environment, identifier), Output(prefix)
    try:
        in_time = _follow(process, output, time.monotonic() + limit_s)
    finally:
        _end_group(process)
        output.drain(process.stdout)
        RUNNING.over(process)
    how = _how_it_ended(process.returncode) if in_time else f"no end within {limit_s:.1f} s"
    return in_time and process.returncode == 0, one_line(
        f"{how}: {output.last}" if output.last else how
    )


def one_line(text):
    """Words that may go everywhere: one line of printable ASCII, under 200 characters."""
    return " ".join(_printable(text).encode("ascii", "backslashreplace").decode("ascii").split())[
        :WORDS_CHARACTERS
    ]


class Running:
    """The commands that run now, so that they can be ended together. Once closed it begins no other."""

    def __init__(self):
        self._lock, self._processes, self._closed = threading.Lock(), {}, False

    def begin(self, arguments, environment, identifier=""):
        """:raises OSError, ValueError: it cannot be run."""
        if not arguments:
            raise ValueError("no command is named")
        with self._lock:
            if self._closed:
                raise OSError("the listener is being ended")
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
                env={
                    **os.environ,
                    **{str(name): str(value) for name, value in environment.items()},
                },
            )
            self._processes[process] = identifier
        os.set_blocking(process.stdout.fileno(), False)
        return process

    def over(self, process):
        process.stdout.close()
        with self._lock:
            self._processes.pop(process, None)

    def end(self, identifier):
        """End the command of that name and what it started. Returns at once."""
        with self._lock:
            found = [process for process, name in self._processes.items() if name == identifier]
        for process in found:
            threading.Thread(target=_end_group, args=(process,), daemon=True).start()

    def close(self):
        """End all of them. Returns when they are gone, after GRACE_S and KILL_S at the latest."""
        with self._lock:
            self._closed = True
        for number, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, KILL_S)):
            for process in list(self._processes):
                _signal_group(process, number)
            _wait(lambda: not self._processes, wait_s)


RUNNING = Running()


class Output:
    """What a command says. Its first lines are logged, the last one is kept in ``last``, and all of it is read: nothing blocks it."""

    def __init__(self, prefix):
        self.prefix, self.last = prefix, ""
        self._begun, self._count = b"", 0

    def read(self, pipe):
        """Read once. Returns False at the end, or where there is nothing at the moment."""
        data = pipe.read(CHUNK_BYTES)
        *lines, rest = (self._begun + (data or b"")).split(b"\n")
        self._begun = rest[:LINE_BYTES]
        for line in (
            lines if self._count <= LINES else [line for line in lines if line.strip()][-1:]
        ):
            self._line(line)
        return bool(data)

    def drain(self, pipe):
        """Read what is left when the command has ended."""
        for _ in range(PIPE_CHUNKS):
            if not self.read(pipe):
                break
        if self._begun:
            self._line(self._begun)
            self._begun = b""

    def _line(self, line):
        text = _printable(line[:LINE_BYTES].decode("utf-8", "replace")).rstrip()
        self.last = text or self.last
        self._count += 1
        if self._count <= LINES:
            self._log(text)
        elif self._count == LINES + 1:
            self._log("(more than %d lines; the others are not shown)" % LINES)

    def _log(self, text):
        try:
            sys.stderr.write(f"{self.prefix}{text}\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # supervisord is gone, or the stream is closed
            pass


def _follow(process, output, until):
    """Read the output until the process has exited. Returns False when the limit came first."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        pidfd = _watch_exit(selector, process)
        try:
            while process.poll() is None:
                left_s = until - time.monotonic()
                if left_s <= 0:
                    return False
                ready = [key.fileobj for key, _ in selector.select(min(left_s, LOOK_S))]
                if process.stdout in ready and not output.read(process.stdout):
                    selector.unregister(process.stdout)
            return True
        finally:
            if pidfd is not None:
                os.close(pidfd)


def _watch_exit(selector, process):
    try:
        pidfd = os.pidfd_open(process.pid)
    except (OSError, AttributeError):
        return None
    selector.register(pidfd, selectors.EVENT_READ)
    return pidfd


def _end_group(process):
    """End what there is of a command and of what it started: nothing, as a rule."""
    for number, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, KILL_S)):
        if not _signal_group(process, number) or _wait(lambda: _is_gone(process), wait_s):
            return


def _is_gone(process):
    return process.poll() is not None and not (_signal_group(process, 0) and _lives(process.pid))


def _lives(group):
    """Has a process group a member that is no zombie? An init that reaps late, as in containers, must keep nobody waiting."""
    for path in glob.iglob("/proc/[0-9]*/stat"):
        try:
            with open(path, "rb") as file:
                state, _, its_group = file.read().rpartition(b")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(its_group) == group and state not in b"ZX":
            return True
    return False


def _signal_group(process, number):
    """Returns False where nobody is left in the group whom we may signal."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _wait(done, wait_s):
    until = time.monotonic() + wait_s
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(STEP_S)
    return True


def _how_it_ended(status):
    return (
        "exit status %d" % status
        if status >= 0
        else "ended by signal %d (%s)" % (-status, signal.strsignal(-status))
    )


def _printable(text):
    return "".join(character if character.isprintable() else " " for character in text)

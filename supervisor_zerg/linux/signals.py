"""The only place that sends signals, and only to processes that the kernel proves to be ours.

An instance is not trusted: whatever it says of itself, a signal goes to a process only if, at that
moment, /proc shows it to be a descendant of the program's process, which is a child of this
supervisord, with no other user than that of the program. The process is held by a pidfd meanwhile,
so its pid cannot be reused (pidfd_open(2), Linux 5.3).

A worker that outlived its master is no descendant any more. It is proven by a :class:`Sighting`,
which was made while it was one: same start time, session, users and program. Or, if it was never
seen below its master, by the process group that the master had led.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .processes import Process, Processes

DEPTH_LIMIT = 16  # generations between a program and its descendant
PIDFD_GETFD = 438  # on every machine
NUDGE_S = 0.0001  # between SIGSTOP and SIGCONT

_MADE_HERE = object()
_libc = ctypes.CDLL(None, use_errno=True)


class NotProven(PermissionError):
    """A process is not shown by the kernel to belong to the program."""


class Sighting(NamedTuple):
    """What a process was when it was proven to be a descendant of its program."""

    pid: int
    start: int
    session: int
    users: frozenset[int]
    command: bytes


class ProvenProcess:
    """A process that may get a signal. Only :class:`Signals` makes one.

    Attributes:
        pid: its number, for messages and /proc.
    """

    __slots__ = ("_pidfd", "pid")

    def __init__(self, made_here: object, pid: int, pidfd: int) -> None:
        if made_here is not _MADE_HERE:
            raise TypeError("only Signals proves processes")
        self.pid = pid
        self._pidfd = pidfd

    def send(self, number: int) -> bool:
        """Send a signal. Returns False when the process is gone.

        Raises:
            PermissionError: no right to signal it.
        """
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return False
        return True

    def duplicate(self, descriptor: int, inode: int) -> socket.socket | None:
        """Return a duplicate of a socket that the process holds (pidfd_getfd(2), Linux 5.6).

        Returns:
            None when the process is gone, or holds another file there.

        Raises:
            OSError: no right to do so, or this kernel cannot.
        """
        number = _libc.syscall(PIDFD_GETFD, self._pidfd, descriptor, 0)
        if number < 0:
            error = ctypes.get_errno()
            if error in (errno.ESRCH, errno.EBADF):
                return None
            raise OSError(error, os.strerror(error))
        if os.fstat(number).st_ino != inode or not stat.S_ISSOCK(os.fstat(number).st_mode):
            os.close(number)
            return None
        return socket.socket(fileno=number)


class Signals:
    """Proves processes, so that they can get signals.

    Args:
        processes: what the kernel shows.
        supervisor: pid of supervisord, for tests; it is this process, whose pid is not kept: it
            changes when supervisord becomes a daemon.
    """

    def __init__(self, processes: Processes, supervisor: int = 0) -> None:
        self.processes = processes
        self._supervisor = supervisor

    @property
    def supervisor(self) -> int:
        """The pid of supervisord."""
        return self._supervisor or os.getpid()

    @contextlib.contextmanager
    def proven(self, pids: Sequence[int], program: int) -> Iterator[list[ProvenProcess]]:
        """Prove processes and hold them. Those that are gone are left out.

        Args:
            pids: numbers of the processes.
            program: pid of the program's process, which is a child of supervisord.

        Raises:
            NotProven: one of them is no descendant of the program, or has another user.
        """
        with contextlib.ExitStack() as held:
            found = [self._held(pid, held) for pid in pids]
            targets = [target for target in found if target]
            if targets:
                owner = self._owner(program)
                targets = [t for t in targets if self._is_proven(t.pid, program, owner)]
            yield targets

    @contextlib.contextmanager
    def proven_orphans(self, sightings: Sequence[Sighting]) -> Iterator[list[ProvenProcess]]:
        """Prove workers that outlived their master, and hold them. Others are left out."""
        with contextlib.ExitStack() as held:
            targets = [self._held(sighting.pid, held) for sighting in sightings]
            yield [
                target
                for target, sighting in zip(targets, sightings)
                if target and self.sight(sighting.pid) == sighting
            ]

    def sight(self, pid: int) -> Sighting | None:
        """Return what a process is now, or None when it is gone.

        It proves something later only if the process is known to be a descendant of a program.
        """
        process = self.processes.get(pid)
        if process is None or not process.alive or pid in (0, 1, self.supervisor):
            return None
        users = self.processes.user_ids(pid)
        return Sighting(pid, process.start, process.session, users, process.command)

    def descends(self, pid: int, ancestor: int) -> bool:
        """Return whether the kernel shows one process below another, at this moment.

        A parent starts before its child, so a pid that was reused on the way up gives no wrong
        answer.
        """
        return self._descends(self.processes.get(pid), ancestor)

    def _descends(self, process: Process | None, ancestor: int) -> bool:
        for _ in range(DEPTH_LIMIT):
            if process is None or process.ppid == 0:
                return False
            parent = self.processes.get(process.ppid)
            if parent is None or parent.start > process.start:
                return False
            if parent.pid == ancestor:
                return True
            process = parent
        return False

    def _held(self, pid: int, held: contextlib.ExitStack) -> ProvenProcess | None:
        if pid in (0, 1, self.supervisor):
            raise NotProven(f"process {pid} is no worker")
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        held.callback(os.close, pidfd)
        return ProvenProcess(_MADE_HERE, pid, pidfd)

    def _owner(self, program: int) -> frozenset[int]:
        """Return the users of a program's process, or an empty set when it is gone."""
        process = self.processes.get(program)
        if process is None:
            return frozenset()
        if process.ppid != self.supervisor:
            raise NotProven(f"process {program} was not started by this supervisord")
        return self.processes.user_ids(program)

    def _is_proven(self, pid: int, program: int, owner: frozenset[int]) -> bool:
        """Return False when the process is gone.

        Raises:
            NotProven: it is alive, and not ours.
        """
        process = self.processes.get(pid)
        if process is None or not process.alive:
            return False
        if pid != program and not self._descends(process, program):
            if not self.processes.alive(pid, process.start):
                return False
            raise NotProven(f"process {pid} is no descendant of process {program}")
        users = self.processes.user_ids(pid)
        # A program that runs as root may start its workers as another user (uWSGI's uid option).
        if users and 0 not in owner and not users <= owner:
            raise NotProven(f"process {pid} runs as another user than process {program}")
        return bool(users)


def nudge(targets: Sequence[ProvenProcess]) -> None:
    """Make waiting threads go round their loop. Sleeps NUDGE_S.

    SIGSTOP, then SIGCONT makes epoll_wait return EINTR (signal(7)). Without the moment between the
    two the second often cancels the first before a thread has woken: with it, every nudge parks one
    more thread of each worker (2 x 4 threads: 3 nudges, 3 ms; without: 3 to 9, up to 26 ms).
    """
    for target in targets:
        target.send(signal.SIGSTOP)
    time.sleep(NUDGE_S)
    for target in targets:
        target.send(signal.SIGCONT)


@contextlib.contextmanager
def stopped_briefly(processes: Processes, targets: Sequence[ProvenProcess]) -> Iterator[bool]:
    """Stop processes for a moment, so that none of them ends within it.

    Yields:
        Whether all of them are alive.
    """
    for target in targets:
        target.send(signal.SIGSTOP)
    try:
        found = [processes.get(target.pid) for target in targets]
        yield all(_stays(process) for process in found)
    finally:
        for target in targets:
            target.send(signal.SIGCONT)


def _stays(process: Process | None) -> bool:
    return process is not None and process.alive and not process.exits

"""Where the threads of a uWSGI process are: in its pause, waiting for a request, or elsewhere."""

from __future__ import annotations

import os
import platform
from typing import NamedTuple, Optional

from ..linux.descriptors import Descriptors
from ..linux.pieces import Pacer, Pieces, TooLarge


class SystemCalls(NamedTuple):
    """Numbers of system calls. ``poll`` is None where it is made of ppoll."""

    poll: Optional[int]
    ppoll: int
    restart_syscall: int
    epoll: tuple[int, ...]
    futex: int
    sleep: tuple[int, ...]  # nanosleep, clock_nanosleep
    wait4: int


ALL_CALLS = {
    "x86_64": SystemCalls(7, 271, 219, (232, 281), 202, (35, 230), 61),
    "aarch64": SystemCalls(None, 73, 128, (22,), 98, (101, 115), 260),
}
#: Those of this machine; None where they are not known.
CALLS = ALL_CALLS.get(platform.machine())
PAUSE_MS = 10000
THREADS_LIMIT = 2048  # of one process
Call = list[bytes]  # the fields of /proc/PID/task/TID/syscall
GONE: Call = [b"-1", b"0x0", b"0x0", b"0x0"]  # instead of the system call of a zombie


class ThreadReading(NamedTuple):
    """How many threads a process has, and where they are.

    The main thread is the one that a pause and a resume reach at once: uWSGI blocks signals in all
    others (uWSGI core/loop.c ``uwsgi_setup_thread_req``).

    Attributes:
        waiting: descriptors of the epolls in which threads wait.
        running: threads that run or are about to.
        polling: how many threads wait for one descriptor, as for a next request on a connection.
        main_away: the main thread is blocked in something else than waiting for a request or a
            lock.
        ended: the process is a zombie.
    """

    total: int = 0
    paused: int = 0
    main_paused: bool = False
    main_waits: bool = False
    polling: int = 0
    main_away: bool = False
    waiting: tuple[int, ...] = ()
    running: tuple[int, ...] = ()
    ended: bool = False


class Threads:
    """The threads of a process. One that is gone has none.

    Every method raises PermissionError without the right to ptrace the process, and OSError where
    this kernel does not show it.

    Args:
        descriptors: of the processes.
        pacer: divides long readings.
        proc: where procfs is mounted.
    """

    def __init__(
        self, descriptors: Descriptors, pacer: Optional[Pacer] = None, proc: str = "/proc"
    ) -> None:
        self.descriptors = descriptors
        self.pacer = pacer or Pacer()
        self.proc = proc

    def read(self, pid: int, main_only: bool = False) -> Pieces[ThreadReading]:
        """Read where the threads of a process are.

        Args:
            main_only: only its main thread takes requests, so nothing else is read.

        Raises:
            TooLarge: it has more than THREADS_LIMIT.
        """
        calls: dict[int, Optional[Call]] = {}
        folder = f"{self.proc}/{pid}/task"
        try:
            if main_only:
                calls[pid] = self._call(f"{folder}/{pid}/syscall")
            else:
                with os.scandir(folder) as tasks:
                    for task in tasks:
                        calls[int(task.name)] = self._call(f"{task.path}/syscall")
                        if len(calls) > THREADS_LIMIT:
                            raise TooLarge(f"process {pid} has more than {THREADS_LIMIT} threads")
                        if self.pacer.due():
                            yield
        except (FileNotFoundError, ProcessLookupError):
            pass
        return _reading(pid, calls)

    def cpu_ns(self, pid: int, tid: int) -> Optional[int]:
        """Return the nanoseconds that a thread has run; None where the kernel does not count."""
        try:
            with open(f"{self.proc}/{pid}/task/{tid}/schedstat", "rb", buffering=0) as file:
                return int(file.read().split()[0])
        except OSError:
            return None

    def is_polling(self, pid: int) -> bool:
        """Return whether the main thread waits in epoll: a master then takes commands at once."""
        return CALLS is not None and self._blocked_in(pid) in CALLS.epoll

    def is_blocked(self, pid: int) -> bool:
        """Return whether the main thread is blocked elsewhere: a master then takes no command."""
        call = self._blocked_in(pid)
        return call is not None and CALLS is not None and call not in CALLS.epoll

    def is_sleeping(self, pid: int) -> bool:
        """Return whether the main thread sleeps, as in a throttled master (core/master.c:1097)."""
        return CALLS is not None and self._blocked_in(pid) in CALLS.sleep

    def awaited(self, pid: int) -> int:
        """Return the child whose end the main thread waits for; 0: it waits for no single one.

        A master that was told to end waits so for one worker after the other, and takes no command
        meanwhile (uWSGI core/uwsgi.c:1349 ``gracefully_kill_them_all``).
        """
        try:
            call = self._call(f"{self.proc}/{pid}/syscall")
        except (FileNotFoundError, ProcessLookupError):
            return 0
        if not call or CALLS is None or int(call[0]) != CALLS.wait4:
            return 0
        options = int(call[3], 16)
        child = int(call[1], 16)
        return child if not options and child < 1 << 31 else 0

    def _blocked_in(self, pid: int) -> Optional[int]:
        """The system call in which the main thread is blocked; None: it runs, or is gone."""
        try:
            call = self._call(f"{self.proc}/{pid}/syscall")
        except (FileNotFoundError, ProcessLookupError):
            return None
        return int(call[0]) if call and call is not GONE else None

    def _call(self, path: str) -> Optional[Call]:
        """The system call in which a thread is blocked, or None where it runs."""
        with open(path, "rb", buffering=0) as file:
            words = file.read().split()
        if len(words) > 3:
            return words
        # "-1 SP PC": blocked, but not in a system call. Without a stack pointer there is no task
        # any more (kernel fs/proc/base.c proc_pid_syscall).
        return GONE if len(words) == 3 and words[1] == b"0x0" else None

    def queues(self, pid: int, served: frozenset[int]) -> Pieces[frozenset[int]]:
        """Read the epolls in which a worker waits for requests from one of the served sockets.

        There is one for each thread that takes requests (uWSGI core/loop.c ``simple_loop_run``).
        None at all: the process is no worker, or not yet.
        """
        epolls = yield from self.descriptors.epolls(pid)
        return frozenset(epoll.descriptor for epoll in epolls if epoll.sockets & served)

    def served(self, master: int, listening: dict[int, str]) -> Pieces[frozenset[int]]:
        """Read which of its listening sockets a master leaves to its workers.

        Its stats socket is none of them: it waits there itself, and a worker that was just forked
        still holds the epoll in which it does so.
        """
        epolls = yield from self.descriptors.epolls(master)
        return frozenset(listening).difference(*(epoll.sockets for epoll in epolls))


def _reading(pid: int, calls: dict[int, Optional[Call]]) -> ThreadReading:
    waiting = [int(call[1], 16) for call in calls.values() if call and is_in_epoll(call)]
    main = calls.get(pid)
    main_paused = in_pause(main)
    main_waits = is_in_epoll(main)
    ended = main is GONE
    away = main is not None and not (main_paused or main_waits or ended or _is_in_futex(main))
    return ThreadReading(
        total=len(calls),
        paused=sum(map(in_pause, calls.values())),
        main_paused=main_paused,
        main_waits=main_waits,
        polling=sum(map(in_poll, calls.values())),
        main_away=away,
        waiting=tuple(waiting),
        running=tuple(tid for tid, call in calls.items() if call is None),
        ended=ended,
    )


def is_in_epoll(call: Optional[Call]) -> bool:
    """Whether this is the system call of a thread that waits for events."""
    return bool(call) and CALLS is not None and int((call or GONE)[0]) in CALLS.epoll


def _is_in_futex(call: Call) -> bool:
    return CALLS is not None and int(call[0]) == CALLS.futex


def in_poll(call: Optional[Call]) -> bool:
    """Whether this is the system call of a thread that waits for one descriptor.

    uWSGI waits so for the next request on a kept connection (uWSGI core/reader.c
    ``uwsgi_simple_wait_read_hook``). So may an application for its database.
    """
    if not call or CALLS is None:
        return False
    return int(call[0]) in (CALLS.poll, CALLS.ppoll) and int(call[2], 16) == 1


def in_pause(call: Optional[Call]) -> bool:
    """Whether this is the system call of a parked thread.

    uWSGI's pause is poll(NULL, 0, 10000) in a loop (uWSGI core/utils.c:1396), also seen as
    restart_syscall after a signal; where poll is made of ppoll the third argument is a pointer.
    """
    if not call or CALLS is None or int(call[1], 16) or int(call[2], 16):
        return False
    number = int(call[0])
    if number == CALLS.ppoll:
        return CALLS.poll is None
    return number in (CALLS.poll, CALLS.restart_syscall) and int(call[3], 16) == PAUSE_MS

"""What Linux knows: who holds which FIFO, which threads can still accept, who is whose child; and signals.

Everything is read when it is asked for; what is kept (a descriptor's number, the process table) is checked before it is
believed. A process that is gone, or was never there, reads as None or as nothing. No right to look is ``PermissionError``.
"""

import os
import platform
import re
import stat
import time
from collections import namedtuple

from ..core.pair_state import PathKind
from .processes import Processes
from .sockets import listening_sockets

# System call numbers. uWSGI's pause is poll(NULL, 0, 10000) in a loop (uWSGI core/utils.c:1396), also seen as restart_syscall
# after a signal; where poll is made of ppoll the third argument is a pointer.
CALLS = {
    "x86_64": {"poll": 7, "ppoll": 271, "restart_syscall": 219, "waits": (232, 281), "futex": 202},
    "aarch64": {"poll": None, "ppoll": 73, "restart_syscall": 128, "waits": (22,), "futex": 98},
}.get(platform.machine())
PAUSE_MS = 10000
GONE = (b"-1", b"0x0", b"0x0", b"0x0")  # instead of the system call of a zombie
DELETED = " (deleted)"
PROCESSES_A_SPELL = 10  # about a millisecond of reading descriptors
OFFERED_S = 1.0  # how long the sockets of a pool are believed
PASS_S = 120  # how long a pass over everybody's descriptors is believed

#: A FIFO that a process holds open: descriptor number, index of its path, identity of the inode, lies it at its path.
HeldFifo = namedtuple("HeldFifo", "fd slot dev ino fifo_in_place")
#: ``waiting``: descriptors of the epolls in which threads wait. ``running``: threads that run or are about to. ``main_away``:
#: the main thread is blocked in something else than waiting for a request or a lock. ``ended``: it is a zombie.
Threads = namedtuple(
    "Threads", "total paused main_paused main_waits main_away waiting running ended"
)
PATH_KINDS = {
    stat.S_IFIFO: PathKind.FIFO,
    stat.S_IFDIR: PathKind.DIRECTORY,
    stat.S_IFLNK: PathKind.SYMLINK,
    stat.S_IFREG: PathKind.REGULAR_FILE,
}


class Kernel(Processes):
    """The real one. Tests of the pure rooms never need it; everybody else gets it handed in."""

    def __init__(self, proc="/proc"):
        super().__init__(proc)
        self._offers = {}
        self._passed_at, self._fifo_holders = 0, {}

    # FIFOs

    def held(self, pid, paths, hint=None):
        """The FIFO among ``paths`` that a process reads, also when its path was deleted or replaced.

        :param paths: canonical paths in slot order.
        :param hint: descriptor number where it was seen last; looked at first.
        :returns: Held, or None.
        :raises PermissionError: no right to look.
        """
        folder = "%s/%d/fd" % (self.proc, pid)
        if hint is not None:
            found = self._held_at(folder, hint, paths)
            if found:
                return found
        try:
            numbers = os.listdir(folder)
        except (FileNotFoundError, ProcessLookupError):
            return None
        for number in numbers:
            found = self._held_at(folder, number, paths)
            if found:
                return found
        return None

    def _held_at(self, folder, number, paths):
        link = f"{folder}/{number}"
        try:
            path = os.readlink(link)
            path = path[: -len(DELETED)] if path.endswith(DELETED) else path
            if path not in paths or not self._is_read(link):
                return None
            info = os.stat(link)
        except (FileNotFoundError, ProcessLookupError):
            return None
        if not stat.S_ISFIFO(info.st_mode):
            return None
        return HeldFifo(
            int(number),
            paths.index(path),
            info.st_dev,
            info.st_ino,
            self._inode(path) == (info.st_dev, info.st_ino),
        )

    @staticmethod
    def _is_read(link):
        """A descriptor is open for reading; one that a hook writes to (``writefifo``) makes nobody the owner of the FIFO."""
        return bool(os.lstat(link).st_mode & stat.S_IRUSR)

    @staticmethod
    def _inode(path):
        try:
            info = os.lstat(path)
        except OSError:
            return None
        return info.st_dev, info.st_ino

    def path_kind(self, path: str) -> PathKind:
        """What lies at a slot's path."""
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return PathKind.ABSENT
        except OSError:
            return PathKind.UNREADABLE
        return PATH_KINDS.get(stat.S_IFMT(mode), PathKind.OTHER)

    def identity(self, path):
        """(device, inode, ctime) of what lies at a path, or None: changes with every command that a master executes, also where
        the file system gives the new FIFO the number of the old one."""
        try:
            info = os.lstat(path)
        except OSError:
            return None
        return info.st_dev, info.st_ino, info.st_ctime_ns

    def reader(self, identity):
        """Generator: who else holds a FIFO open? Yields None between short spells of work and, last, a pid or 0.

        One pass over all processes serves every FIFO that was there before it, for as long as PASS_S.
        """
        inode, made = identity[:2], identity[2]
        if self._passed_at < made or time.time_ns() - self._passed_at > PASS_S * 10**9:
            yield from self._pass()
        pid = self._fifo_holders.get(inode, 0)
        yield pid if pid and self.reads(pid, identity) else 0

    def reads(self, pid, identity):
        """Does a process still hold this FIFO open for reading?"""
        return identity[:2] in self._open_fifos(pid)

    def _pass(self):
        began, holders = time.time_ns(), {}
        pids = [int(name) for name in os.listdir(self.proc) if name.isdigit()]
        for count, pid in enumerate(pids):
            holders.update(dict.fromkeys(self._open_fifos(pid), pid))
            if count % PROCESSES_A_SPELL == PROCESSES_A_SPELL - 1:
                yield None
        self._passed_at, self._fifo_holders = began, holders

    def _open_fifos(self, pid):
        try:
            for number, target in self._links(pid):
                if target.startswith("/"):
                    link = "%s/%d/fd/%d" % (self.proc, pid, number)
                    info = os.stat(link)
                    if stat.S_ISFIFO(info.st_mode) and self._is_read(link):
                        yield info.st_dev, info.st_ino
        except OSError:
            pass  # hidden, or gone

    # threads

    def threads(self, pid, main_only=False):
        """How many threads a process has and how many of them wait in uWSGI's pause.

        :param main_only: only its main thread takes requests, so look at nothing else.
        :returns: Threads; ``main_paused`` and ``main_waits`` tell where the main thread is: it is the one that a pause and a
            resume reach at once, since uWSGI blocks signals in all others (uWSGI core/loop.c ``uwsgi_setup_thread_req``).
        :raises PermissionError: no right to look. :raises OSError: this kernel does not tell.
        """
        total = paused = 0
        main_paused = main_waits = main_away = ended = False
        waiting, running = [], []
        folder = "%s/%d/task" % (self.proc, pid)
        try:
            for tid in [str(pid)] if main_only else os.listdir(folder):
                call = self._call(f"{folder}/{tid}/syscall")
                is_paused, is_polling = (
                    in_pause(call),
                    bool(call) and int(call[0]) in CALLS["waits"],
                )
                total += 1
                paused += is_paused
                if is_polling:
                    waiting.append(int(call[1], 16))
                if call is None:
                    running.append(int(tid))
                if int(tid) == pid:
                    main_paused, main_waits, ended = is_paused, is_polling, call is GONE
                    main_away = bool(call) and not (
                        is_paused or is_polling or ended or int(call[0]) == CALLS["futex"]
                    )
        except (FileNotFoundError, ProcessLookupError):
            pass
        return Threads(total, paused, main_paused, main_waits, main_away, waiting, running, ended)

    def cpu_ns(self, pid, tid):
        """Nanoseconds that a thread has run; None where the kernel does not count."""
        try:
            with open("%s/%d/task/%d/schedstat" % (self.proc, pid, tid), "rb", buffering=0) as file:
                return int(file.read().split()[0])
        except OSError:
            return None

    def _call(self, path):
        with open(path, "rb", buffering=0) as file:
            words = file.read().split()
        if (
            len(words) == 3
        ):  # no system call; without a stack pointer there is no task any more (kernel fs/proc/base.c)
            return GONE if words[1] == b"0x0" else None
        return words if len(words) > 3 else None

    def is_polling(self, pid):
        """The main thread of a process waits in epoll: a uWSGI master that does takes its next command at once."""
        return self._blocked(pid) in CALLS["waits"]

    def is_blocked(self, pid):
        """The main thread of a process is blocked elsewhere: a uWSGI master that is takes no command and answers nobody."""
        return self._blocked(pid) not in (None, *CALLS["waits"])

    def _blocked(self, pid):
        """The number of the system call in which the main thread of a process is blocked; None where it runs, or is gone."""
        try:
            call = self._call("%s/%d/syscall" % (self.proc, pid))
        except (FileNotFoundError, ProcessLookupError):
            return None
        return int(call[0]) if call and call is not GONE else None

    # sockets

    def listening(self, pid):
        """Inode -> address of the listening sockets that a process holds."""
        inodes = {inode for _, inode in self._sockets(pid)}
        return (
            {inode: name for inode, name in listening_sockets(self.proc).items() if inode in inodes}
            if inodes
            else {}
        )

    def offered(self, pid):
        """Path -> inode of the unix sockets that a process listens on, OFFERED_S ago at most: one look serves all pairs of a pool."""
        now = time.monotonic()
        if pid not in self._offers or now - self._offers[pid][0] >= OFFERED_S:
            self._offers = {
                p: offer for p, offer in self._offers.items() if now - offer[0] < OFFERED_S
            }
            self._offers[pid] = (
                now,
                {
                    name: inode
                    for inode, name in self.listening(pid).items()
                    if name.startswith("/")
                },
            )
        return self._offers[pid][1]

    def _links(self, pid):
        """(descriptor, target) of what a process holds open; one that is closed meanwhile is left out."""
        try:
            numbers = os.listdir("%s/%d/fd" % (self.proc, pid))
        except (FileNotFoundError, ProcessLookupError):
            return
        for number in numbers:
            try:
                yield int(number), os.readlink("%s/%d/fd/%s" % (self.proc, pid, number))
            except (FileNotFoundError, ProcessLookupError):
                pass

    def _sockets(self, pid):
        return [
            (number, int(target[8:-1]))
            for number, target in self._links(pid)
            if target.startswith("socket:[")
        ]

    def queues(self, pid, listening):
        """Descriptors of the epolls in which a worker waits for requests from one of the ``listening`` inodes: one for each
        thread that takes requests (uWSGI core/loop.c ``simple_loop_run``). Empty: the process is no worker, or not yet."""
        return {number for number, inodes in self._polls(pid) if inodes & set(listening)}

    def served(self, master, listening):
        """Those of the ``listening`` inodes that a master leaves to its workers. Its stats socket is none of them: it waits there
        itself, and a newborn worker still holds the epoll that it does so with."""
        own = [inodes for _, inodes in self._polls(master)]
        return set(listening).difference(*own)

    def _polls(self, pid):
        """(descriptor of an epoll, inodes of the sockets that it watches)."""
        links = list(self._links(pid))
        sockets = {
            number: int(target[8:-1]) for number, target in links if target.startswith("socket:[")
        }
        polls = [number for number, target in links if target == "anon_inode:[eventpoll]"]
        return [
            (poll, {sockets[number] for number in self._watched(pid, poll) if number in sockets})
            for poll in polls
        ]

    def _watched(self, pid, number):
        try:
            with open("%s/%d/fdinfo/%d" % (self.proc, pid, number)) as file:
                return {int(fd) for fd in re.findall(r"^tfd:\s*(\d+)", file.read(), re.M)}
        except (FileNotFoundError, ProcessLookupError):
            return set()


def in_pause(call):
    """Is this the system call of a parked thread? ``call`` is the split text of /proc/PID/task/TID/syscall."""
    if not call:
        return False
    number, first, second, third = int(call[0]), int(call[1], 16), int(call[2], 16), call[3]
    if first or second:
        return False
    if number == CALLS["ppoll"]:
        return CALLS["poll"] is None
    return number in (CALLS["poll"], CALLS["restart_syscall"]) and (int(third, 16) == PAUSE_MS)

"""What a process holds open, as /proc/PID/fd tells."""

from __future__ import annotations

import os
import re
import stat
from typing import NamedTuple

from .pieces import Pacer, Pieces, TooLarge

DESCRIPTORS_LIMIT = 65_536  # of one process: reading that many takes about 1.5 s, in pieces
AT_ONCE = 16  # so many descriptors are read in 30 us: the clock is read after them
#: A process with more is not asked what its epolls watch: the kernel writes the list of one epoll
#: in one go (fs/eventpoll.c ep_show_fdinfo), which would hold the loop.
EPOLL_LIMIT = 2000

Inode = tuple[int, int]  # device, number


class Epoll(NamedTuple):
    """An epoll of a process: its descriptor, and the inodes of the sockets that it watches."""

    descriptor: int
    sockets: frozenset[int]


class Descriptors:
    """The descriptors of a process. One that is gone holds nothing.

    Every method raises PermissionError without the right to read the process.

    Args:
        pacer: divides long readings.
        proc: where procfs is mounted.
    """

    def __init__(self, pacer: Pacer | None = None, proc: str = "/proc") -> None:
        self.pacer = pacer or Pacer()
        self.proc = proc

    def link(self, pid: int, number: int) -> str:
        """Return the path of a descriptor, to be opened or read."""
        return f"{self.proc}/{pid}/fd/{number}"

    def targets(self, pid: int) -> Pieces[dict[int, str]]:
        """Read descriptor -> target. One that is closed meanwhile is left out.

        Raises:
            TooLarge: there are more than DESCRIPTORS_LIMIT.
        """
        targets: dict[int, str] = {}
        try:
            with os.scandir(f"{self.proc}/{pid}/fd") as entries:
                for count, entry in enumerate(entries, 1):
                    try:
                        targets[int(entry.name)] = os.readlink(entry.path)
                    except (FileNotFoundError, ProcessLookupError):
                        continue
                    if count > DESCRIPTORS_LIMIT:
                        raise TooLarge(f"process {pid} has more than {DESCRIPTORS_LIMIT} files")
                    if count % AT_ONCE == 0 and self.pacer.due():
                        yield
        except (FileNotFoundError, ProcessLookupError):
            pass
        if self.pacer.due():
            yield
        return targets

    def sockets(self, pid: int) -> Pieces[frozenset[int]]:
        """Read the inodes of the sockets that a process holds."""
        inodes = yield from self.socket_inodes(pid)
        return frozenset(inodes.values())

    def socket_inodes(self, pid: int) -> Pieces[dict[int, int]]:
        """Read descriptor -> inode of the sockets that a process holds."""
        targets = yield from self.targets(pid)
        return _sockets(targets)

    def epolls(self, pid: int) -> Pieces[list[Epoll]]:
        """Read the epolls of a process.

        Raises:
            TooLarge: it holds more than EPOLL_LIMIT descriptors.
        """
        targets = yield from self.targets(pid)
        epolls = [number for number, name in targets.items() if name == "anon_inode:[eventpoll]"]
        if epolls and len(targets) > EPOLL_LIMIT:
            raise TooLarge(f"process {pid} has more than {EPOLL_LIMIT} files: epolls not read")
        sockets = _sockets(targets)
        found = []
        for number in epolls:
            watched = self._watched(pid, number)
            found.append(Epoll(number, frozenset(sockets[n] for n in watched if n in sockets)))
            if self.pacer.due():
                yield
        return found

    def _watched(self, pid: int, number: int) -> set[int]:
        try:
            with open(f"{self.proc}/{pid}/fdinfo/{number}") as file:
                return {int(fd) for fd in re.findall(r"^tfd:\s*(\d+)", file.read(), re.M)}
        except (FileNotFoundError, ProcessLookupError):
            return set()

    def fifos_read(self, pid: int) -> Pieces[frozenset[Inode]]:
        """Read the FIFOs that a process holds open for reading; none where it hides them."""
        found = set()
        try:
            targets = yield from self.targets(pid)
            for number, target in targets.items():
                if not target.startswith("/"):
                    continue
                link = self.link(pid, number)
                info = os.stat(link)
                if stat.S_ISFIFO(info.st_mode) and is_read(link):
                    found.add((info.st_dev, info.st_ino))
                if self.pacer.due():
                    yield
        except OSError:
            pass  # hidden, or gone
        return frozenset(found)


def _sockets(targets: dict[int, str]) -> dict[int, int]:
    """Descriptor -> inode of the sockets."""
    return {
        number: int(target[8:-1])
        for number, target in targets.items()
        if target.startswith("socket:[")
    }


def is_read(link: str) -> bool:
    """Return whether a descriptor is open for reading.

    One that a hook writes to (``writefifo``) makes no process the owner of the FIFO.
    """
    return bool(os.lstat(link).st_mode & stat.S_IRUSR)

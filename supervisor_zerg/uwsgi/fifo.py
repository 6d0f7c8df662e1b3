"""Master FIFOs: which one a master reads, commands through it, and changes made by others."""

from __future__ import annotations

import os
import stat
import time
from typing import NamedTuple, Protocol

from ..core.pair_state import PathKind
from ..linux.descriptors import Descriptors, Inode, is_read
from ..linux.pieces import Pacer, Pieces

DELETED = " (deleted)"
#: The kernel's time of a file lags by up to 10 ms, and who makes a FIFO opens it a moment later.
NEW_NS = 100_000_000
PASS_S = 120  # how long one pass over the descriptors of all processes is valid
PATH_KINDS = {
    stat.S_IFIFO: PathKind.FIFO,
    stat.S_IFDIR: PathKind.DIRECTORY,
    stat.S_IFLNK: PathKind.SYMLINK,
    stat.S_IFREG: PathKind.REGULAR_FILE,
}


class HeldFifo(NamedTuple):
    """A FIFO that a process holds open for reading.

    Attributes:
        fd: number of the descriptor.
        slot: index of its path.
        fifo_in_place: it is what lies at that path.
    """

    fd: int
    slot: int
    dev: int
    ino: int
    fifo_in_place: bool


class Identity(NamedTuple):
    """What lies at a path; each executed command changes it, even if the inode number is reused."""

    dev: int
    ino: int
    ctime_ns: int

    @property
    def inode(self) -> Inode:
        return self.dev, self.ino


class Fifos:
    """Finds FIFOs and who reads them.

    Args:
        descriptors: of the processes.
        pacer: divides long readings.
    """

    def __init__(self, descriptors: Descriptors, pacer: Pacer | None = None) -> None:
        self.descriptors = descriptors
        self.pacer = pacer or Pacer()
        self._passed_at = 0  # ns since the epoch
        self._readers: dict[Inode, int] = {}

    def find(
        self, pid: int, paths: tuple[str, ...], hint: int | None = None
    ) -> Pieces[HeldFifo | None]:
        """Read which of the FIFOs a process reads, also when its path was deleted or replaced.

        Args:
            pid: of the process.
            paths: canonical paths in slot order.
            hint: descriptor where it was seen last; read first.

        Raises:
            PermissionError: no right to read the process.
            TooLarge: the process holds too many files.
        """
        found = self.at(pid, hint, paths) if hint is not None else None
        if found:
            return found
        targets = yield from self.descriptors.targets(pid)
        for number, target in targets.items():
            if _path(target) in paths:
                found = self.at(pid, number, paths)
                if found:
                    return found
        return None

    def at(self, pid: int, number: int, paths: tuple[str, ...]) -> HeldFifo | None:
        """Return the FIFO that a process reads through this descriptor, if it is one of these."""
        link = self.descriptors.link(pid, number)
        try:
            path = _path(os.readlink(link))
            if path not in paths or not is_read(link):
                return None
            info = os.stat(link)
        except (FileNotFoundError, ProcessLookupError):
            return None
        if not stat.S_ISFIFO(info.st_mode):
            return None
        lying = self.identity(path)
        in_place = lying is not None and lying.inode == (info.st_dev, info.st_ino)
        return HeldFifo(number, paths.index(path), info.st_dev, info.st_ino, in_place)

    def path_kind(self, path: str) -> PathKind:
        """Return what lies at the path of a slot."""
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return PathKind.ABSENT
        except OSError:
            return PathKind.UNREADABLE
        return PATH_KINDS.get(stat.S_IFMT(mode), PathKind.OTHER)

    def identity(self, path: str) -> Identity | None:
        """Return the identity of what lies at a path, or None."""
        try:
            info = os.lstat(path)
        except OSError:
            return None
        return Identity(info.st_dev, info.st_ino, info.st_ctime_ns)

    def reader(self, fifo: Identity) -> Pieces[int]:
        """Read the pid of a process that reads a FIFO, or 0.

        One pass over all processes serves every FIFO that was there before it, for PASS_S.
        """
        if self._passed_at < fifo.ctime_ns + NEW_NS or (
            time.time_ns() - self._passed_at > PASS_S * 10**9
        ):
            yield from self._pass()
        pid = self._readers.get(fifo.inode, 0)
        reads = yield from self.reads(pid, fifo)
        return pid if reads else 0

    def is_new(self, fifo: Identity) -> bool:
        """Whether a FIFO was made so recently that its reader may not have opened it yet."""
        return time.time_ns() - fifo.ctime_ns < NEW_NS

    def reads(self, pid: int, fifo: Identity) -> Pieces[bool]:
        """Read whether a process still holds this FIFO open for reading."""
        if not pid:
            return False
        fifos = yield from self.descriptors.fifos_read(pid)
        return fifo.inode in fifos

    def _pass(self) -> Pieces[None]:
        began = time.time_ns()
        readers: dict[Inode, int] = {}
        pids = [int(name) for name in os.listdir(self.descriptors.proc) if name.isdigit()]
        for pid in pids:
            fifos = yield from self.descriptors.fifos_read(pid)
            readers.update(dict.fromkeys(fifos, pid))
            if self.pacer.due():
                yield
        self._passed_at = began
        self._readers = readers


def _path(target: str) -> str:
    """The path of what a descriptor points at."""
    return target[: -len(DELETED)] if target.endswith(DELETED) else target


class FifoCommand:
    """A command for one master, to be sent through the FIFO that it reads.

    uWSGI reads the FIFO byte by byte and, at its end, closes it and makes a new one (core/fifo.c):
    the command was executed to its end when the master holds another FIFO than the one that was
    written to. While it holds none it is about to make one, and another master that does the same
    at the same path now would kill it.

    Args:
        master: pid of the master.
        held: the FIFO that it reads.
        command: the bytes.
        expects: uWSGI's suspended flag once a ``p`` is executed; None: it has to be observed.
    """

    def __init__(
        self, master: int, held: HeldFifo, command: bytes, expects: bool | None = None
    ) -> None:
        self.expects = expects
        self.toggles = b"p" in command
        self.command = command.decode().strip() or "relink"
        self.identity: Inode = (held.dev, held.ino)
        self._bytes = command
        self._fd = held.fd
        self._link = f"/proc/{master}/fd/{held.fd}"
        self._handle: int | None = None

    def send(self) -> None:
        """Write the command.

        Raises:
            FileNotFoundError: the master reads another FIFO by now; nothing was written.
            OSError: it cannot be written to.
        """
        # The handle keeps the number of the inode from being used again.
        self._handle = os.open(self._link, os.O_PATH | os.O_CLOEXEC)
        try:
            self._require_identity(self._handle)
            descriptor = os.open(self._link, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                self._require_identity(descriptor)
                os.write(descriptor, self._bytes)
            finally:
                os.close(descriptor)
        except BaseException:
            self.close()
            raise

    def _require_identity(self, descriptor: int) -> None:
        info = os.fstat(descriptor)
        if (info.st_dev, info.st_ino) != self.identity:
            raise FileNotFoundError("the master has just moved to another FIFO")

    def executed(self, held: HeldFifo | None) -> bool:
        """Return whether the master has executed the whole command. Closes the handle if it has.

        Args:
            held: the FIFO that the master holds now, or None.
        """
        if self._handle is None:
            return True
        now = self._inode_now()
        if now == self.identity or (now is None and (held is None or held.fd == self._fd)):
            return False
        self.close()
        return True

    def _inode_now(self) -> Inode | None:
        try:
            info = os.stat(self._link)
        except OSError:
            return None
        return info.st_dev, info.st_ino

    def close(self) -> None:
        """Forget the command. It may yet be executed."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Identifies(Protocol):
    """Tells what lies at a path (:class:`Fifos`)."""

    def identity(self, path: str) -> Identity | None: ...


class FifoChanges:
    """Notices commands that were not ours.

    Each command that a master executes changes what lies at the path of a slot.

    Args:
        fifos: for the identity of what lies at a path.
        paths: of the FIFOs, canonical.
    """

    def __init__(self, fifos: Identifies, paths: tuple[str, ...]) -> None:
        self.fifos = fifos
        self.paths = paths
        self._known: list[Identity | None] | None = None

    def ours(self) -> None:
        """Take every change until now for ours."""
        self._known = self._now()

    def take(self) -> bool:
        """Return whether there were such commands since the last call of this or :meth:`ours`."""
        before = self._known
        self._known = self._now()
        return before not in (None, self._known)

    def pending(self) -> bool:
        """Return what :meth:`take` would, and change nothing."""
        return self._known not in (None, self._now())

    def _now(self) -> list[Identity | None]:
        return [self.fifos.identity(path) for path in self.paths]

"""Commands through a master FIFO, and changes at the FIFOs of a pair that somebody else made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from ..linux.procfs import HeldFifo, Kernel

Inode = tuple[int, int]


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
        self, master: int, held: HeldFifo, command: bytes, expects: Optional[bool] = None
    ) -> None:
        self.expects = expects
        self.toggles = b"p" in command
        self.command = command.decode().strip() or "relink"
        self.identity: Inode = (held.dev, held.ino)
        self._bytes = command
        self._fd = held.fd
        self._link = f"/proc/{master}/fd/{held.fd}"
        self._handle: Optional[int] = None

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

    def executed(self, held: Optional[HeldFifo]) -> bool:
        """Has the master taken the whole command? Closes the handle when it has.

        Args:
            held: the FIFO that the master holds now, or None.
        """
        if self._handle is None:
            return True
        now = self._inode_now()
        if now == self.identity or now is None and (held is None or held.fd == self._fd):
            return False
        self.close()
        return True

    def _inode_now(self) -> Optional[Inode]:
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


class FifoChanges:
    """Notices commands that somebody else gave.

    Each command that a master executes changes what lies at the path of a slot.

    Args:
        kernel: for the identity of what lies at a path.
        paths: of the FIFOs, canonical.
    """

    def __init__(self, kernel: Kernel, paths: tuple[str, ...]) -> None:
        self.kernel = kernel
        self.paths = paths
        self._known: Optional[list[object]] = None  # what lay at each path when last observed

    def ours(self) -> None:
        """What has changed until now was our doing. What changes from now on is not."""
        self._known = self._now()

    def take(self) -> bool:
        """Did somebody give a command since this, or :meth:`ours`, was called last?"""
        before = self._known
        self._known = self._now()
        return before not in (None, self._known)

    def pending(self) -> bool:
        """The answer of :meth:`take`, which can be asked again."""
        return self._known not in (None, self._now())

    def _now(self) -> list[object]:
        return [self.kernel.identity(path) for path in self.paths]

"""A file of ours in a folder that others may be able to write to."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from secrets import token_hex

MODE = 0o640
ALWAYS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not hold supervisord up
ROOT = 0


class UnsafeFile(OSError):
    """What lies at the path is no regular file that only we can write to."""


class StateFile:
    """Read and written through a descriptor of its folder, without following links.

    Every method raises OSError where the system refuses, and UnsafeFile where something else than
    a file of ours lies at the path. None follows it, waits for it or writes to it. A character
    device, such as /dev/null, can only be made by root: it is written to, and never read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._folder, self._name = os.path.split(path)

    def read_tail(self, size: int) -> bytes:
        """Return the last bytes.

        Raises:
            FileNotFoundError: There is no file.
        """
        with self._open_folder() as folder, self._open(folder, os.O_RDONLY) as descriptor:
            info = os.fstat(descriptor)
            if stat.S_ISCHR(info.st_mode):
                return b""
            return os.pread(descriptor, size, max(0, info.st_size - size))

    def append(self, line: bytes, rotate_above: int = 0) -> None:
        """Append a line, to a new one if the last line is not complete.

        Args:
            rotate_above: A file of more bytes is renamed to NAME.1 before; 0: never.
        """
        with self._open_folder() as folder:
            with self._open(folder, os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor:
                length = os.fstat(descriptor).st_size
                if not rotate_above or length <= rotate_above:
                    if length and os.pread(descriptor, 1, length - 1) != b"\n":
                        line = b"\n" + line
                    _write(descriptor, line)
                    return
            os.replace(self._name, f"{self._name}.1", src_dir_fd=folder, dst_dir_fd=folder)
            with self._open(folder, os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor:
                _write(descriptor, line)

    def replace(self, content: bytes) -> None:
        """Write a draft with an unpredictable name, and rename it over whatever is there."""
        draft = f".{self._name}.{token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | ALWAYS
        with self._open_folder() as folder:
            descriptor = os.open(draft, flags, MODE, dir_fd=folder)
            try:
                try:
                    _write(descriptor, content)
                finally:
                    os.close(descriptor)
                os.replace(draft, self._name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(draft, dir_fd=folder)
                raise

    def put_aside(self) -> str:
        """Rename what lies at the path. Returns its new path.

        Raises:
            UnsafeFile: It is a device, a socket or a folder, which others may need where it is.
        """
        mode = os.lstat(self.path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISFIFO(mode)):
            raise UnsafeFile("move it away")
        aside = f"{self._name}.damaged-{time.time_ns()}"
        with self._open_folder() as folder:
            os.rename(self._name, aside, src_dir_fd=folder, dst_dir_fd=folder)
        return os.path.join(self._folder, aside)

    @contextlib.contextmanager
    def _open_folder(self) -> Iterator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        folder = os.open(self._folder or ".", flags)
        try:
            yield folder
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _open(self, folder: int, flags: int) -> Iterator[int]:
        try:
            descriptor = os.open(self._name, flags | ALWAYS, MODE, dir_fd=folder)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise UnsafeFile(f"{self.path} is a symbolic link") from error
            if error.errno in (errno.EISDIR, errno.ENXIO):
                raise UnsafeFile(f"{self.path} is no regular file") from error
            raise
        try:
            self._require_safe(os.fstat(descriptor))
            yield descriptor
        finally:
            os.close(descriptor)

    def _require_safe(self, info: os.stat_result) -> None:
        if stat.S_ISCHR(info.st_mode):
            return
        if not stat.S_ISREG(info.st_mode):
            raise UnsafeFile(f"{self.path} is no regular file")
        if info.st_uid not in (os.geteuid(), ROOT):
            raise UnsafeFile(f"{self.path} belongs to user {info.st_uid}")
        if info.st_nlink != 1:
            raise UnsafeFile(f"{self.path} has another name elsewhere (a hard link)")
        if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise UnsafeFile(f"{self.path} can be written to by others")


def _write(descriptor: int, content: bytes) -> None:
    if os.write(descriptor, content) < len(content):
        raise OSError(errno.ENOSPC, "the disk is full")

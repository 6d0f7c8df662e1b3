"""Writes files, and keeps what was there."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import tempfile
from collections.abc import Mapping

from ..command import UsageError

MODE = 0o644
FOLDER_MODE = 0o2750  # the group may enter, and owns the sockets that are made there


class Writer:
    """Writes some files.

    A file that has its text already is left alone. Another one is only replaced with ``force``, and
    kept as ``NAME.bak``.

    Raises:
        UsageError: a file is in the way.
    """

    def __init__(self, texts: Mapping[str, str], force: bool) -> None:
        self._texts = texts
        self._existing = {path: _read(path) for path in texts}
        changed = [path for path in texts if self._existing[path] not in (None, texts[path])]
        if changed and not force:
            raise UsageError(
                f"{', '.join(changed)} would be changed; --force replaces it and keeps a backup"
            )

    def write(self) -> list[str]:
        """Write the files. Returns what was done, as lines.

        Raises:
            UsageError: a file cannot be written.
        """
        return [self._write(path, text) for path, text in self._texts.items()]

    def _write(self, path: str, text: str) -> str:
        if self._existing[path] == text:
            return f"unchanged {path}"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            backup = (
                "" if self._existing[path] is None else f", kept the old one as {_back_up(path)}"
            )
            _replace(path, text)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error}") from error
        return f"wrote {path}{backup}"


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _back_up(path: str) -> str:
    """Give the file another name, which no pattern for ``*.conf`` or ``*.ini`` matches."""
    backup = f"{path}.bak"
    number = 1
    while os.path.lexists(backup):
        number += 1
        backup = f"{path}.bak{number}"
    os.link(path, backup)
    return backup


def _replace(path: str, text: str) -> None:
    """Write a file so that at no moment half of it is there."""
    descriptor, draft = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".zergctl-")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), MODE)
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def make_run_folder(path: str, user: str, group: str) -> str:
    """Make the folder of sockets and FIFOs. Returns what was done, as a line.

    Raises:
        UsageError: it cannot be made.
    """
    if os.path.isdir(path):
        return f"unchanged {path}"
    try:
        os.makedirs(path)
        if os.geteuid() == 0 and user:
            account = pwd.getpwnam(user)
            gid = grp.getgrnam(group).gr_gid if group else account.pw_gid
            os.chown(path, account.pw_uid, gid)
        os.chmod(path, FOLDER_MODE)
    except (OSError, KeyError) as error:
        raise UsageError(f"the folder {path} cannot be made: {error}; give --run FOLDER") from error
    return f"made {path}"

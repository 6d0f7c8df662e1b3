"""A folder of releases, and the link of each instance that names the release which it boots."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ..core import errors
from ..core.pair_config import PairConfig

LINKS = ".zerg"  # the folder of the links, inside that of the releases
NAME_LIMIT = 255
PATH_LIMIT = 4096
ENTRIES_LIMIT = 2000  # of the folder; with more, `zerg releases` shows a part
SHOWN_CHARS = 100
DELETED = " (deleted)"  # what the kernel adds to a path that is gone


class Entry(NamedTuple):
    """What lies in the folder. `problem` says why it cannot be deployed, or is empty."""

    name: str
    problem: str
    modified: float


class Link(NamedTuple):
    """What the link of an instance names. `problem` is a clause that follows its path."""

    release: str
    problem: str = ""


@dataclass(frozen=True)
class ReleaseFolder:
    """The option ``releases`` of a pair, and what lies there. Every answer is read anew."""

    pair: PairConfig

    @property
    def path(self) -> str:
        return os.path.realpath(self.pair.releases)

    def find(self, text: str) -> str:
        """Return the name of the release that an operator means: a name, or a path.

        A link inside the folder to a release means that release.

        Raises:
            UnknownRelease: it is no folder that lies directly in the folder of releases.
        """
        problem = _path_problem(text)
        real = "" if problem else os.path.realpath(os.path.join(self.path, text))
        problem = problem or self._problem(real)
        if problem:
            raise errors.UnknownRelease(f"'{shown(text)}' {problem}")
        return os.path.basename(real)

    def _problem(self, real: str) -> str:
        """Why this path is no release, as a clause."""
        if os.path.dirname(real) != self.path:
            return f"does not lie directly in {shown(self.path)}"
        return _name_problem(os.path.basename(real)) or _folder_problem(real)

    def entries(self) -> Iterator[Entry]:
        """Yield what lies in the folder, without what begins with a dot.

        Raises:
            OSError: the folder cannot be read.
        """
        with os.scandir(self.path) as found:
            for _, entry in zip(range(ENTRIES_LIMIT), found):
                if entry.name.startswith("."):
                    continue
                problem = _name_problem(entry.name) or self._problem(os.path.realpath(entry.path))
                if entry.is_symlink() and not problem:
                    continue  # another name of a release
                yield Entry(entry.name, problem, entry.stat(follow_symlinks=False).st_mtime)

    # the links

    def link_path(self, program: str) -> str:
        """The link of an instance."""
        return self.pair.release_link_of(program) or os.path.join(
            self.pair.releases, LINKS, program.rpartition(":")[2]
        )

    def link(self, program: str) -> Link:
        """Return what the link of an instance names."""
        path = self.link_path(program)
        try:
            os.readlink(path)
        except FileNotFoundError:
            return Link("", "does not exist: the instance cannot boot")
        except OSError as error:
            return Link("", f"is no link: {error.strerror}")
        real = os.path.realpath(path)
        if os.path.dirname(real) != self.path:
            return Link("", f"leads to {shown(real)}, which is no release in {shown(self.path)}")
        name = os.path.basename(real)
        if _name_problem(name):
            return Link("", f"names {shown(name)}, which {_name_problem(name)}")
        if not os.path.isdir(real):
            return Link(name, f"names the release {name}, which is gone")
        return Link(name)

    def point(self, program: str, release: str) -> None:
        """Let the link of an instance name a release.

        The link is replaced by a rename in a folder that is held open, and no link on the way to it
        is followed from the folder of the links on: another user may own what lies there.

        Raises:
            OSError: it cannot be done; the link is as it was.
        """
        problem = _name_problem(release) or self._problem(os.path.join(self.path, release))
        if problem:
            raise FileNotFoundError(f"the release {shown(release)} {problem}")
        name = os.path.basename(self.link_path(program))
        folder = self._open_links(program)
        try:
            _require_link_or_nothing(name, folder)
            draft = f".{name}.{secrets.token_hex(4)}"
            os.symlink(os.path.join(self.path, release), draft, dir_fd=folder)
            try:
                os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                os.unlink(draft, dir_fd=folder)
                raise
        finally:
            os.close(folder)

    def _open_links(self, program: str) -> int:
        """Open the folder of a link."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        if self.pair.release_link_of(program):
            return os.open(os.path.dirname(self.link_path(program)), flags)
        releases = os.open(self.path, flags)
        try:
            try:
                os.mkdir(LINKS, 0o755, dir_fd=releases)
            except FileExistsError:
                pass
            return os.open(LINKS, flags, dir_fd=releases)
        finally:
            os.close(releases)

    # what runs

    def running(self, pid: int) -> str:
        """Return the release that is the current folder of a process, or an empty string.

        The kernel still shows that folder after the link was changed or the folder was removed.
        """
        try:
            folder = os.readlink(f"/proc/{pid}/cwd") if pid else ""
        except OSError:
            return ""
        if not folder.startswith(f"{self.path}/"):
            return ""
        name = folder[len(self.path) + 1 :].split("/")[0]
        if folder.endswith(f"/{name}") and name.endswith(DELETED):
            name = name[: -len(DELETED)]
        return "" if _name_problem(name) else name


def shown(text: str) -> str:
    """What somebody else chose, in printable ASCII and not too long."""
    return "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in text[:SHOWN_CHARS])


def _name_problem(name: str) -> str:
    """Why a release cannot have this name, as a clause."""
    if not name or len(name) > NAME_LIMIT:
        return f"is no name: it has from 1 to {NAME_LIMIT} characters"
    if any(not "!" <= c <= "~" for c in name):
        # Supervisor counts characters for bytes (supervisor/xmlrpc.py, Content-Length).
        return "is no name of a release: it contains another character than printable ASCII"
    if name.startswith((".", "-")):
        return "is no name of a release: it begins with a dot or a hyphen"
    return ""


def _path_problem(text: str) -> str:
    if not text or not text.isprintable() or len(text) > PATH_LIMIT:
        return "is no name of a release"
    if ".." in text.split("/"):
        return "is not accepted: '..' leads out of a folder"
    return ""


def _folder_problem(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return f"does not exist: {error.strerror}"
    return "" if stat.S_ISDIR(mode) else "is not a folder"


def _require_link_or_nothing(name: str, folder: int) -> None:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISLNK(mode):
        raise FileExistsError(f"{name} is in the way of the link: it is no link; move it away")

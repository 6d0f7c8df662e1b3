"""What supervisord's main file says already, and what it lacks."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePath
from typing import NamedTuple

from ...lint.supervisor_files import Section, read_supervisor_files
from ...lint.uwsgi_ini import Unreadable
from ..command import UsageError
from ..configuration import reading_options
from .render import CTL_PLUGIN, HTTP_SERVER


class MainFile(NamedTuple):
    """supervisord's main file, with what it includes.

    Attributes:
        path: Empty if there is none.
        sections: The names of all sections.
        plugin_file: The file that configures our plugin; empty if none does.
        patterns: The patterns of its includes, absolute.
    """

    path: str
    sections: Collection[str]
    plugin_file: str
    patterns: tuple[str, ...]

    def includes(self, path: str) -> bool:
        return any(PurePath(path).match(pattern) for pattern in self.patterns)

    def default_output(self) -> str:
        """The folder of the first include; empty if there is none."""
        return os.path.dirname(self.patterns[0]) if self.patterns else ""

    def suffix_in(self, folder: str) -> str:
        """The ending of the files that are included from a folder."""
        for suffix in (".conf", ".ini"):
            if self.includes(f"{folder}/zerg{suffix}"):
                return suffix
        return ".conf"

    def lacks(self, path: str) -> Iterator[str]:
        """What must be added to this file so that ``path`` works, as sections."""
        if not {"unix_http_server", "inet_http_server"}.intersection(self.sections):
            yield HTTP_SERVER
        if not any(name.startswith("ctlplugin:zerg") for name in self.sections):
            yield CTL_PLUGIN
        if not self.includes(path):
            folder, name = os.path.split(path)
            pattern = f"{folder}/*{os.path.splitext(name)[1]}"
            yield f"[include]\nfiles = {' '.join([*self.patterns, pattern])}\n"


NONE = MainFile("", (), "", ())


def read_main_file(path: str, expansions: Mapping[str, str]) -> MainFile:
    """Read the main file; there may be none.

    Raises:
        UsageError: it cannot be read.
    """
    if not path:
        return NONE
    path = os.path.abspath(path)
    here = os.path.dirname(path)
    try:
        files = read_supervisor_files(reading_options(path, expansions))
    except Unreadable as error:
        raise UsageError(str(error)) from error
    include = files.sections.get("include")
    patterns = include.get("files").split() if include else []
    plugins = [section.file for section in files.of_kind("rpcinterface:") if _is_ours(section)]
    return MainFile(
        path,
        tuple(files.sections),
        plugins[0] if plugins else "",
        tuple(os.path.join(here, pattern) for pattern in patterns),
    )


def _is_ours(section: Section) -> bool:
    return section.get("supervisor.rpcinterface_factory").startswith("supervisor_zerg.")

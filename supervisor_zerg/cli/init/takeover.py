"""A program that a pair takes the place of."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...lint.config_model import Program
from ...lint.config_reader import read_program
from ...lint.supervisor_files import processes, read_supervisor_files
from ...lint.uwsgi_ini import Unreadable, read_text
from ..command import Invocation, UsageError
from ..configuration import reading_options
from .adopt import Adoption, adopt
from .adopted_files import adopted_files
from .main_file import MainFile
from .render import Needs
from .site import Site, checked_name, checked_run

NOT_WITH_ADOPT = (
    "module",
    "wsgi-file",
    "chdir",
    "venv",
    "user",
    "group",
    "processes",
    "threads",
    "socket",
    "http",
    "dialect",
    "nginx",
)


class Takeover(NamedTuple):
    """``site`` is the new pair, ``adoption`` what it keeps of the old program."""

    site: Site
    adoption: Adoption

    @property
    def old(self) -> Program:
        return self.adoption.program

    @property
    def uwsgi(self) -> str:
        """The uWSGI of the old program."""
        path = self.adoption.prefix[-1]
        return path if os.path.isabs(path) else shutil.which(path) or path

    def files(self, needs: Needs) -> dict[str, str]:
        return adopted_files(self.site, needs, self.adoption)

    def preface(self, texts: Mapping[str, str]) -> Iterator[str]:
        """What changes in the ini, as a diff, and what an operator should know."""
        if self.adoption.ini:
            yield from difflib.unified_diff(
                read_text(self.adoption.ini).splitlines(),
                texts[self.site.instance_ini].splitlines(),
                self.adoption.ini,
                self.site.instance_ini,
                lineterm="",
            )
            yield ""
        for note in self.adoption.notes:
            yield f"note: {note}"


def read_takeover(
    invocation: Invocation, main: MainFile, output: str, expansions: Mapping[str, str]
) -> Takeover:
    """Read the program that is to be adopted.

    Raises:
        UsageError: there is no such program, or it cannot be adopted.
    """
    options = invocation.options
    senseless = [f"--{name}" for name in NOT_WITH_ADOPT if name in options]
    if senseless:
        raise UsageError(f"{', '.join(senseless)} is that of the program that is adopted")
    program = _read_program(options["adopt"], main, expansions)
    name = checked_name(invocation.arguments["NAME"])
    adoption = adopt(program)
    site = Site(
        name=name,
        application=("", ""),
        chdir="",
        virtualenv="",
        user=adoption.user,
        group="",
        processes=0,
        threads=0,
        address=adoption.address,
        speaks_http=adoption.speaks_http,
        dialect="managed",
        run=checked_run(name, options),
        output=output,
        suffix=main.suffix_in(output),
    )
    if program.name in (*site.programs, site.pool):
        raise UsageError(
            f"{program.name} runs until the pair serves, so give the pair another name"
        )
    return Takeover(site, adoption)


def _read_program(name: str, main: MainFile, expansions: Mapping[str, str]) -> Program:
    if not main.path:
        raise UsageError("no configuration file was found; give -c FILE")
    try:
        files = read_supervisor_files(reading_options(main.path, expansions))
    except Unreadable as error:
        raise UsageError(str(error)) from error
    known = processes(files)
    if name not in known:
        raise UsageError(f"{main.path} has no program {name!r}; it has: {', '.join(sorted(known))}")
    return read_program(files, known[name])

"""The variables of one letter in uWSGI's files, such as ``%p`` (core/utils.c magic_sub)."""

from __future__ import annotations

import os
import re
import socket
from functools import cache

# Time, user, group, inode, hash and binary: only the running instance knows them.
UNKNOWN = "tTuUgGijbV"


def expand_letters(text: str, file: str, first_file: str, section: str, folder: str) -> str:
    """The text of a line with its letters replaced; uWSGI removes letters without a meaning.

    Args:
        file: The file with the line.
        first_file: The first file that the program reads.
        section: The section with the line, if its name was given (``FILE:SECTION``).
        folder: The working directory of the program.
    """
    letters = {
        **_of_path(file),
        **{letter.upper(): value for letter, value in _of_path(first_file).items()},
        **_of_machine(),
        "v": folder,
        "x": section,
        "%": "%",
        "(": "%(",
    }

    def replaced(found: re.Match[str]) -> str:
        return found[0] if found[1] in UNKNOWN else letters.get(found[1], "")

    return re.sub("%(.)", replaced, text)


def _of_path(file: str) -> dict[str, str]:
    """The letters for the parts of a path (core/uwsgi.c config_magic_table_fill)."""
    path = os.path.abspath(file)
    folder, base = os.path.split(path)
    stem, dot, extension = base.rpartition(".")
    parts = folder.strip("/").split("/")
    return {
        **{str(number): part for number, part in enumerate(parts[:10])},
        "o": file,
        "p": path,
        "s": base,
        "d": f"{folder.rstrip('/')}/",
        "n": stem if dot else base,
        "e": extension if dot else "",
        "c": os.path.basename(folder),
    }


@cache
def _of_machine() -> dict[str, str]:
    return {"h": socket.gethostname(), "k": str(os.sysconf("SC_NPROCESSORS_ONLN"))}

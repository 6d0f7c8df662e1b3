"""The pages of the documentation, their code blocks and their terminal sessions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).parent.parent
DOCS = TOP / "docs"
PAGES = (TOP / "README.rst", *sorted(DOCS.glob("*.rst")))
NAMES = {path: str(path.relative_to(TOP)) for path in PAGES}


class Command(NamedTuple):
    """One command of a terminal session, and the lines that the page shows below it."""

    words: list[str]
    shown: list[str]


def blocks(path: Path, language: str) -> list[str]:
    """The code blocks of a page in one language, without their indentation."""
    pattern = rf"(?m)^( *)\.\. code-block:: {language}\n\n((?:(?:\1 +.*)?\n)+)"
    return [_dedented(body) for _, body in re.findall(pattern, path.read_text() + "\n")]


def _dedented(text: str) -> str:
    lines = text.rstrip().splitlines()
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[indent:] for line in lines) + "\n"


def session(path: Path) -> list[Command]:
    """Every command of the console blocks of a page, in order."""
    commands: list[Command] = []
    for line in "".join(blocks(path, "console")).splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:].partition("#")[0].split(), []))
        elif line.strip():
            commands[-1].shown.append(line.strip())
    return commands


WITH_SESSIONS = [path for path in PAGES if session(path)]

"""Reads a program's ``command``: the uWSGI options on it and in the inis that it names."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping

from .uwsgi_ini import CONFIGURATIONS, IniReader, Place, Unreadable
from .uwsgi_options import takes_word

SHORT = {
    "s": "socket",
    "p": "processes",
    "t": "harakiri",
    "x": "xml",
    "S": "set",
    "d": "daemonize",
    "l": "listen",
    "v": "max-vars",
    "b": "buffer-size",
    "R": "max-requests",
    "z": "socket-timeout",
    "A": "sharedarea",
    "Q": "spooler",
    "y": "yaml",
    "j": "json",
    "w": "module",
    "H": "home",
    "O": "optimize",
    "J": "test",
}
SHORT_FLAGS = {
    "T": "enable-threads",
    "M": "master",
    "i": "single-interpreter",
    "L": "disable-logging",
    "r": "reaper",
    "m": "memory-report",
    "C": "chmod-socket",
    "a": "abstract-socket",
    "c": "cgi-mode",
}
OTHER_FORMATS = frozenset(
    "yaml yml json js xml xmlconfig config sqlite ldap ini-paste ini-paste-logged paste".split()
)
PASTE_DEPLOY = ("ini-paste", "ini-paste-logged")  # an ini that has a [uwsgi] section, too
# uwsgi-core, uwsgi_python3, uwsgi-2.0.30; not uwsgi.sh, not uwsgi.ini
UWSGI = re.compile(r"(py)?uwsgi([-_]?[a-z0-9]+)*(\.[0-9]+)*$")


def read_command(
    command: str, at: Place, folder: str, environment: Mapping[str, str]
) -> tuple[IniReader, str]:
    """Read the options of a program.

    Args:
        command: The command line, which is written at a place.
        folder: The working directory of the program.
        environment: The environment of the program.

    Returns:
        The reader with the options, and a sentence if a file cannot be read, else an empty text.
    """
    reader = IniReader(folder, environment)
    try:
        words = shlex.split(command)
    except ValueError as error:
        reader.unread.append((at, f"the command cannot be split into words: {error}"))
        return reader, ""
    start = next((i for i, word in enumerate(words) if UWSGI.match(os.path.basename(word))), None)
    if start is None:
        started = words[0] if words else "nothing"
        reader.unread.append((at, f"the command is {started}, which hides how it runs uWSGI"))
        return reader, ""
    try:
        for name, value in command_options(words[start + 1 :]):
            _give(reader, name, value, at)
    except Unreadable as error:
        return reader, str(error)
    return reader, ""


def command_options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each option with its value. The name is empty for a word that belongs to none."""
    left = list(words)
    while left:
        word = left.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            yield name, value if equals else _value(name, left)
        elif word.startswith("-") and len(word) > 1:
            yield from _bundle(word[1:], left)
        else:
            yield "", word


def _value(name: str, words: list[str]) -> str:
    """Take the word that belongs to a long option."""
    return words.pop(0) if words and takes_word(name) else "true"


def _bundle(letters: str, words: list[str]) -> Iterator[tuple[str, str]]:
    for i, letter in enumerate(letters, 1):
        if letter in SHORT:
            rest = letters[i:]
            yield SHORT[letter], rest or (words.pop(0) if words else "")
            return
        yield SHORT_FLAGS.get(letter, letter), "true"


def _is_config(word: str) -> bool:
    return word.partition(":")[0].endswith((".ini", *CONFIGURATIONS))


def _give(reader: IniReader, name: str, value: str, at: Place) -> None:
    if name in PASTE_DEPLOY:
        reader.load(re.sub("^config:", "", value), at)
    elif name in OTHER_FORMATS or (not name and _is_config(value) and ".ini" not in value):
        reader.unread.append((at, f"{value} is not an ini and was not checked"))
    elif name:
        reader.add(name, value, at)
    elif _is_config(value):
        reader.load(value, at)

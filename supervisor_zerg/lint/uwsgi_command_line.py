"""A program's ``command`` -> the options that its uWSGI gets, be it from the command line or from the inis that it names."""

import os
import re
import shlex

from .uwsgi_flags import FLAGS
from .uwsgi_ini import FOREIGN, Inis, Unreadable

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
CANNOT = {
    "yaml",
    "yml",
    "json",
    "js",
    "xml",
    "xmlconfig",
    "config",
    "sqlite",
    "ldap",
    "ini-paste",
    "ini-paste-logged",
    "paste",
}
READABLE_AS_INI = {"ini-paste", "ini-paste-logged"}  # the [uwsgi] section of a PasteDeploy file
UWSGI = re.compile(
    r"(py)?uwsgi([-_]?[a-z0-9]+)*(\.[0-9]+)*$"
)  # uwsgi-core, uwsgi_python3, uwsgi-2.0.30; no uwsgi.sh, no uwsgi.ini


def read_command(command, at, folder, environment):
    """:returns: (Inis, sentence): the options of a program; the sentence tells that a file cannot be read, or is empty.

    :param at: the Place of the command. :param folder: in which it is started. :param environment: that it gets.
    """
    inis = Inis(folder, environment)
    try:
        words = shlex.split(command)
    except ValueError as error:
        inis.unread.append((at, f"the command cannot be split into words: {error}"))
        return inis, ""
    start = next((i for i, word in enumerate(words) if UWSGI.match(os.path.basename(word))), None)
    if start is None:
        inis.unread.append(
            (
                at,
                "%s is started, of which it cannot be seen how it runs uWSGI"
                % (words[0] if words else "nothing"),
            )
        )
        return inis, ""
    try:
        for name, value in _options(words[start + 1 :]):
            _give(inis, name, value, at)
    except Unreadable as error:
        return inis, str(error)
    return inis, ""


def _options(words):
    words = list(words)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            yield name, value if equals else _value(name, words)
        elif word.startswith("-") and len(word) > 1:
            yield from _bundle(word[1:], words)
        else:
            yield "", word


def _value(name, words):
    """The word that belongs to a long option."""
    return "true" if name in FLAGS or not words else words.pop(0)


def _bundle(letters, words):
    for i, letter in enumerate(letters, 1):
        if letter in SHORT:
            rest = letters[i:]
            yield SHORT[letter], rest or (words.pop(0) if words else "")
            return
        yield SHORT_FLAGS.get(letter, letter), "true"


def _is_config(word):
    return word.partition(":")[0].endswith((".ini",) + FOREIGN[:5])


def _give(inis, name, value, at):
    if name in READABLE_AS_INI:
        value = re.sub("^config:", "", value)
        inis.load(value, at)
    elif name in CANNOT or (not name and _is_config(value) and ".ini" not in value):
        inis.unread.append((at, f"{value} is no ini, so it is not checked"))
    elif not name:
        if _is_config(value):
            inis.load(value, at)
    else:
        inis.add(name, value, at)

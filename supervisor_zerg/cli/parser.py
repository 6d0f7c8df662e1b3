"""What an operator typed -> an Invocation, according to the table of the commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .command import Command, Invocation, UsageError
from .commands import COMMANDS, find

LONGEST_S = 86400
HIGHEST_NUMBER = 100000

#: supervisorctl joins its arguments before a plugin gets them, whether quoted or not.
ONE_WORD = "; a label is one word, quotes do not help: 'v2.1-beta', not 'v2.1 beta'"


def parse(words: Sequence[str]) -> Invocation:
    """Read what was typed after ``zerg``.

    Raises:
        UsageError: it is no valid command.
    """
    if not words:
        raise UsageError(f"name a command: {', '.join(COMMANDS)}")
    command = find(words[0])
    if "-h" in words or "--help" in words:
        return Invocation(COMMANDS["help"], {"COMMAND": command.name}, {})
    options, arguments = _split(command, words[1:])
    return Invocation(command, _named(command, arguments), options)


def _split(command: Command, words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Separate options from arguments."""
    takes_value = {name: kind for name, _, kind in (o.partition(" ") for o in command.options)}
    options: dict[str, Any] = {}
    arguments: list[str] = []
    left = list(words)
    while left:
        word, equals, value = left.pop(0).partition("=")
        if not word.startswith("-"):
            arguments.append(word + equals + value)
        elif word not in takes_value:
            raise UsageError(f"{command.name} has no option {word}; usage: {command.usage}")
        elif takes_value[word]:
            given = value if equals else left.pop(0) if left else ""
            options[word.lstrip("-")] = _read(word, takes_value[word], given)
        elif equals:
            raise UsageError(f"{word} takes no value; usage: {command.usage}")
        else:
            options[word.lstrip("-")] = True
    return options, arguments


def _number(option: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= HIGHEST_NUMBER:
        return int(text)
    raise UsageError(f"{option} takes a number from 1 to {HIGHEST_NUMBER}, not {text!r}")


def _seconds(option: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_S:
        raise UsageError(f"{option} takes seconds from 0 to {LONGEST_S}, not {text!r}")
    return seconds


def _text(option: str, text: str) -> str:
    if not text or not text.isprintable() or text.startswith("-"):
        raise UsageError(f"{option} takes a word, not {text!r}")
    return text


READERS: Mapping[str, Callable[[str, str], Any]] = {"N": _number, "SECONDS": _seconds}


def _read(option: str, kind: str, text: str) -> Any:
    """Read the value of an option. ``kind`` is what the table says that it takes."""
    choices = kind.split("|")
    if len(choices) > 1 and text not in choices:
        raise UsageError(f"{option} takes {' or '.join(choices)}, not {text!r}")
    return READERS.get(kind, _text)(option, text)


def _named(command: Command, words: Sequence[str]) -> dict[str, str]:
    """The arguments by their names in the table."""
    least = sum(not take.startswith("[") for take in command.takes)
    if not least <= len(words) <= len(command.takes):
        takes = " ".join(command.takes) or "no arguments"
        hint = ONE_WORD if "--label TEXT" in command.options else ""
        raise UsageError(f"{command.name} takes {takes}; usage: {command.usage}{hint}")
    padded = [*words, *[""] * (len(command.takes) - len(words))]
    return {
        take.strip("[]"): _checked(command, take, word) for take, word in zip(command.takes, padded)
    }


def _checked(command: Command, take: str, word: str) -> str:
    choices = take.split("|")
    if len(choices) > 1 and word not in choices:
        takes = " or ".join(choices)
        raise UsageError(f"{command.name} takes {takes}, not {word!r}; usage: {command.usage}")
    if not word.isprintable():  # XML cannot carry it
        raise UsageError(f"no name looks like {word!r}")
    return word

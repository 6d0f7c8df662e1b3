"""Help that teaches, and what an operator typed: read from the table of the commands (verbs.py). Pure."""

import difflib
import textwrap
from dataclasses import dataclass
from collections.abc import Mapping

from .commands import COMMANDS, EXITS, TABLE, Command

WIDTH = 78
LONGEST_S = 86400
MOST = 100000  # history entries that may be asked for


#: supervisorctl joins its words before a plugin gets them, quotes or not.
ONE_WORD = "; a label is one word, quotes do not help: 'v2.1-beta', not 'v2.1 beta'"


class UsageError(Exception):
    """The words of a command are off. ``str()`` of it is a sentence for the person who typed them."""


@dataclass(frozen=True)
class Invocation:
    """A command as it was given: ``words`` by what the table calls them, ``options`` without their dashes."""

    command: Command
    words: Mapping[str, str]
    options: Mapping[str, object]


# help


def overview(zerg):
    """The list of commands. :param zerg: what an operator types before them. :returns: lines."""
    forms = [" ".join((command.name,) + command.takes) for command in TABLE]
    yield from [
        "Two instances of a uWSGI application share a socket: one serves, one is parked.",
        "",
        f"{zerg} COMMAND",
        "",
    ]
    yield from (
        "  %-*s  %s" % (max(map(len, forms)), form, command.summary)
        for form, command in zip(forms, TABLE)
    )
    yield ""
    yield "PAIR may be left out where there is one pair. --json prints the reply of the XML-RPC method as one document."
    yield f"'{zerg} help COMMAND' tells more. Errors go to stderr. Exit status:"
    yield from _exits(EXITS)


def explain(command, zerg):
    """All there is to say about one command. :returns: lines."""
    yield from [f"{zerg} {command.usage}", ""]
    yield from _prose(f"{command.summary} {command.does}", "")
    yield from ["", "Prints", *_prose(command.prints)]
    yield from ["", "Use it", *_prose(command.when)]
    yield from ["", "Exit status", *_exits(command.exits)]
    yield from [
        "",
        "Example",
        *(f"  {line}" for line in command.example.replace("{zerg}", zerg).splitlines()),
    ]


def _prose(text, indent="  "):
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _exits(exits):
    return ["  %d  %s" % item for item in exits.items()]


# parsing


def parse(words):
    """What an operator typed after ``zerg`` -> Call. :raises BadWords:"""
    if not words:
        raise UsageError(f"name a command: {', '.join(COMMANDS)}")
    command = find(words[0])
    if "-h" in words or "--help" in words:
        return Invocation(COMMANDS["help"], {"COMMAND": command.name}, {})
    options, places = _options(command, words[1:])
    return Invocation(command, _places(command, places), options)


def find(name):
    """The command of that name. :raises BadWords:"""
    if name in COMMANDS:
        return COMMANDS[name]
    near = difflib.get_close_matches(name, COMMANDS, 1)
    raise UsageError(
        "there is no command {!r}{}; 'zerg help' lists them".format(
            name, f", did you mean {near[0]!r}?" if near else ""
        )
    )


def _options(command, words):
    known = {option.partition(" ")[0]: option for option in command.options}
    options, places, words = {}, [], list(words)
    while words:
        word, equals, value = words.pop(0).partition("=")
        if not word.startswith("-"):
            places.append(word + equals + value)
        elif word not in known:
            raise UsageError(f"{command.name} has no option {word}; usage: {command.usage}")
        elif " " in known[word]:
            read = READERS[known[word].partition(" ")[2]]
            options[word.lstrip("-")] = read(
                word, value if equals else words.pop(0) if words else ""
            )
        elif equals:
            raise UsageError(f"{word} takes no value; usage: {command.usage}")
        else:
            options[word[2:]] = True
    return options, places


def _number(option, text):
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST:
        return int(text)
    raise UsageError("%s takes a number from 1 to %d, not %r" % (option, MOST, text))


def _seconds(option, text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_S:
        raise UsageError("%s takes seconds from 0 to %d, not %r" % (option, LONGEST_S, text))
    return seconds


def _text(option, text):
    if not text or not text.isprintable() or text.startswith("-"):
        raise UsageError(f"{option} takes a word, not {text!r}")
    return text


READERS = {"N": _number, "SECONDS": _seconds, "TEXT": _text, "FILE": _text}


def _places(command, words):
    least = sum(not take.startswith("[") for take in command.takes)
    if not least <= len(words) <= len(command.takes):
        hint = ONE_WORD if any(option.endswith("TEXT") for option in command.options) else ""
        raise UsageError(
            "{} takes {}; usage: {}{}".format(
                command.name, " ".join(command.takes) or "no words", command.usage, hint
            )
        )
    padded = list(words) + [""] * (len(command.takes) - len(words))
    return {
        take.strip("[]"): _checked(command, take, word) for take, word in zip(command.takes, padded)
    }


def _checked(command, take, word):
    if "|" in take and word not in take.split("|"):
        raise UsageError(
            "{} takes {}, not {!r}; usage: {}".format(
                command.name, " or ".join(take.split("|")), word, command.usage
            )
        )
    if not word.isprintable():  # XML cannot carry it
        raise UsageError(f"no name looks like {word!r}")
    return word


# completion


def completions(words, names):
    """What may follow these words. :param names: function that knows the names of every ``PAIR`` and ``PROGRAM``."""
    if not words:
        return list(COMMANDS)
    command = COMMANDS.get(words[0])
    if command is None or any(option.startswith(f"{words[-1]} ") for option in command.options):
        return []
    places = len(_without_options(command, words[1:]))
    choices = _choices(command.takes[places], names) if places < len(command.takes) else []
    return choices + [
        name
        for name in (option.partition(" ")[0] for option in command.options)
        if name not in words
    ]


def _without_options(command, words):
    valued = {option.partition(" ")[0] for option in command.options if " " in option}
    return [
        word
        for before, word in zip([""] + words, words)
        if not word.startswith("-") and before not in valued
    ]


def _choices(take, names):
    if take == "[COMMAND]":
        return list(COMMANDS)
    return take.split("|") if "|" in take else names(take.strip("[]"))

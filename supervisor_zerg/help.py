"""The commands of ``supervisorctl zerg`` and ``zergctl`` as one table: what each takes, and help that teaches. Pure.

Parsing, completion and help are all read from the table, and a man page can be.
"""

import difflib
import textwrap
from dataclasses import dataclass, field
from typing import Mapping, Tuple

from .errors import ARGUMENTS, NOBODY, SERVED, UNREACHABLE

WIDTH = 78
LIMIT = 20  # history entries, unless told
MOST = 100000  # history entries that may be asked for
EXITS = {
    0: "done, or it was so already",
    ARGUMENTS: "the words of the command are off, or name an unknown or misconfigured pair or program",
    SERVED: "refused or failed, and users are being served",
    NOBODY: "refused or failed, and nobody serves",
    UNREACHABLE: "supervisord or the plugin in it could not be reached, or wants another password",
}


MOVED = (
    "Who serves and who is parked now, how many requests still drain, whether the pair is held, and the time it took; "
    "with 'nothing to do' if it was so already."
)


class BadWords(Exception):
    """The words of a command are off. ``str()`` of it is a sentence for the person who typed them."""


@dataclass(frozen=True)
class Command:
    """One command. ``takes``: words such as ``PROGRAM``, ``[PAIR]`` (may be left out), ``on|off`` (one of these)."""

    name: str
    summary: str
    does: str
    prints: str
    when: str
    example: str
    takes: Tuple[str, ...] = ()
    options: Tuple[str, ...] = ("--json",)
    exits: Mapping[int, str] = field(default_factory=lambda: EXITS)

    @property
    def usage(self):
        return " ".join((self.name,) + self.takes + tuple("[%s]" % option for option in self.options))


@dataclass(frozen=True)
class Call:
    """A command as it was given: ``words`` by what the table calls them, ``options`` without their dashes."""

    command: Command
    words: Mapping[str, str]
    options: Mapping[str, object]


_TABLE = (
    Command(
        "status", "Tell who serves, who is parked, and what is wrong.",
        "Looks at every pair, or at one, at this moment: which copy accepts requests, which one is parked and could take over in an "
        "instant (warm), and every problem that an operator should know. Changes nothing.",
        "A line for each pair: who serves, who is parked, warm, auto, held, its pool, and a request that is under way. Below it a line for "
        "each copy: program, condition (serving parked draining booting stopped lost), slot, Supervisor's state, pid, requests in "
        "flight, workers x threads, requests since its start, since when it is so, and which witness told. Then a line for each problem.",
        "First, always; and in monitoring, for its exit status.",
        "$ {zerg} status\n"
        "pybossa: pybossabak serves, pybossa parked, warm yes, auto on, held no, pool zergpool RUNNING\n"
        "  pybossa     parked   sleeping  RUNNING  pid 812  in flight 0  workers 4x1  ...\n"
        "  pybossabak  serving  running   RUNNING  pid 977  in flight 2  workers 4x1  ...",
        ("[PAIR]",),
        exits={**EXITS, 0: "every pair that was asked for serves", NOBODY: "a pair serves nobody, be it that a person holds it"},
    ),
    Command(
        "swap", "Let the other copy serve, park the one that serves.",
        "The parked copy accepts first, then the serving one is paused, so that no request fails. Returns when the old copy takes no new "
        "request; what it had begun it finishes (it drains). Of two people who swap at once one is refused, so that it is one swap.",
        MOVED,
        "To go back to the version before a deploy, and forth again.",
        "$ {zerg} swap\npybossa: pybossabak serves, pybossa parked (2.4 ms)",
        ("[PAIR]",),
    ),
    Command(
        "promote", "Make this program the serving one of its pair.",
        "As swap, but says which copy is to serve, so it may be repeated: a program that serves already goes on. Ends a hold.",
        MOVED,
        "In scripts, and whenever two people may be at work; swap twice is no swap, promote twice is one.",
        "$ {zerg} promote pybossa\npybossa: nothing to do, pybossa serves, pybossabak parked (0.4 ms)",
        ("PROGRAM",),
    ),
    Command(
        "pause", "Pause a program that need not serve; with --hold let nobody serve.",
        "The program takes no new request and finishes those it has. The last copy that accepts is not paused (use swap), unless with "
        "--hold: then nobody of the pair serves, whichever of its programs you name, and requests wait in the queue of the socket until "
        "somebody resumes. Mind the length of that queue ('listen' of uWSGI): what does not fit is turned away.",
        MOVED,
        "After resume --both. With --hold to keep users waiting, instead of failing, for the second that a database migration takes.",
        "$ {zerg} pause pybossa --hold\n"
        "pybossa: nobody serves, pybossa parked, held by a person: requests wait until 'zerg resume PROGRAM' (1.6 ms)",
        ("PROGRAM",), ("--hold", "--json"),
    ),
    Command(
        "resume", "Let a program accept requests, and end a hold.",
        "The program serves and the other copy is parked. With --both the other one goes on as well, until the next swap or promote.",
        MOVED,
        "After pause --hold. With --both to have the strength of two copies for a while, when both run the same version.",
        "$ {zerg} resume pybossa\npybossa: pybossa serves, pybossabak parked (1.8 ms)",
        ("PROGRAM",), ("--both", "--json"),
    ),
    Command(
        "settle", "Look at a pair and mend what is not as it should be.",
        "One serves, one is parked, each in its slot with its FIFO in place. Who serves does not change without need.",
        MOVED,
        "After work by hand (echo into a FIFO, signals), or while auto is off. With auto on this happens by itself.",
        "$ {zerg} settle\npybossa: nothing to do, pybossa serves, pybossabak parked (0.9 ms)",
        ("[PAIR]",),
    ),
    Command(
        "auto", "Let a pair react by itself, or only do what a person asks.",
        "With auto on a pair fails over when its serving copy dies, parks a copy that comes back, and mends itself. With auto off it only "
        "does what a person asks. Survives a restart of supervisord.",
        "Whether auto is on now.",
        "Off while you work on the FIFOs by hand; on again afterwards.",
        "$ {zerg} auto off\npybossa: auto off",
        ("on|off", "[PAIR]"),
    ),
    Command(
        "history", "Tell what was done to a pair, by whom, and how it ended.",
        "Shows the newest entries, the newest last: %d of them, or N." % LIMIT,
        "A line for each entry: local time, id, what, by whom or by what event, outcome, time it took; below it each move with its time "
        "since the beginning. The id is also in supervisord's log and in replies.",
        "To learn why the copies changed places, or how long it took.",
        "$ {zerg} history --limit 1\n"
        "2026-03-01 09:30:00 6b044838-3 swap pybossa, by a person, done, took 2.4 ms\n"
        "  +0.7ms resume pybossa to running\n"
        "  +1.6ms pause pybossabak to sleeping",
        ("[PAIR]",), ("--limit N", "--json"),
    ),
    Command(
        "metrics", "Print what there is for Prometheus.",
        "Looks at every pair, and adds what was counted since supervisord began: moves, fail-overs, how long they took. The same is at "
        "/zerg/metrics of supervisord's web server. Needs prometheus_client: pip install 'supervisor_zerg[metrics]'.",
        "Prometheus' text format.",
        "From a textfile collector, where Prometheus cannot reach supervisord itself.",
        "$ {zerg} metrics\n# HELP zerg_copy_up 1 if Supervisor runs the copy.\n# TYPE zerg_copy_up gauge\n"
        'zerg_copy_up{pair="pybossa",program="pybossa"} 1.0',
    ),
    Command(
        "companion", "Print the path of companion.py, for 'shared-py-import' in a uWSGI ini.",
        "A copy that imports companion.py boots parked: fully loaded, and it takes no request until it is promoted. Needs no supervisord.",
        "The path, nothing else.",
        "Once, when you write the ini of the copies.",
        "$ {zerg} companion\n/usr/lib/python3/dist-packages/supervisor_zerg/companion.py",
        options=(), exits={0: "the path was printed", ARGUMENTS: EXITS[ARGUMENTS]},
    ),
    Command(
        "help", "Explain a command, or list the commands.",
        "Needs no supervisord.",
        "What the command does, what it prints, when to use it, its exit status, an example.",
        "Whenever in doubt.",
        "$ {zerg} help swap",
        ("[COMMAND]",), (), {0: "explained", ARGUMENTS: "there is no such command"},
    ),
)  # fmt: skip
COMMANDS = {command.name: command for command in _TABLE}


# help


def overview(zerg):
    """The list of commands. :param zerg: what a person types before them. :returns: lines."""
    forms = [" ".join((command.name,) + command.takes) for command in _TABLE]
    yield from ["Two copies of a uWSGI application share a socket: one serves, one is parked.", "", "%s COMMAND" % zerg, ""]
    yield from ("  %-*s  %s" % (max(map(len, forms)), form, command.summary) for form, command in zip(forms, _TABLE))
    yield ""
    yield "PAIR may be left out where there is one pair. --json prints the reply of the XML-RPC method as one document."
    yield "'%s help COMMAND' tells more. Errors go to stderr. Exit status:" % zerg
    yield from _exits(EXITS)


def explain(command, zerg):
    """All there is to say about one command. :returns: lines."""
    yield from ["%s %s" % (zerg, command.usage), ""]
    yield from _prose("%s %s" % (command.summary, command.does), "")
    yield from ["", "Prints", *_prose(command.prints)]
    yield from ["", "Use it", *_prose(command.when)]
    yield from ["", "Exit status", *_exits(command.exits)]
    yield from ["", "Example", *("  " + line for line in command.example.replace("{zerg}", zerg).splitlines())]


def _prose(text, indent="  "):
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _exits(exits):
    return ["  %d  %s" % item for item in exits.items()]


# parsing


def parse(words):
    """What a person typed after ``zerg`` -> Call. :raises BadWords:"""
    if not words:
        raise BadWords("name a command: %s" % ", ".join(COMMANDS))
    command = find(words[0])
    if "-h" in words or "--help" in words:
        return Call(COMMANDS["help"], {"COMMAND": command.name}, {})
    options, places = _options(command, words[1:])
    return Call(command, _places(command, places), options)


def find(name):
    """The command of that name. :raises BadWords:"""
    if name in COMMANDS:
        return COMMANDS[name]
    near = difflib.get_close_matches(name, COMMANDS, 1)
    raise BadWords("there is no command %r%s; 'zerg help' lists them" % (name, ", did you mean %r?" % near[0] if near else ""))


def _options(command, words):
    known = {option.partition(" ")[0]: option for option in command.options}
    options, places, words = {}, [], list(words)
    while words:
        word, equals, value = words.pop(0).partition("=")
        if not word.startswith("-"):
            places.append(word + equals + value)
        elif word not in known:
            raise BadWords("%s has no option %s; usage: %s" % (command.name, word, command.usage))
        elif " " in known[word]:
            options[word[2:]] = _number(word, value if equals else words.pop(0) if words else "")
        elif equals:
            raise BadWords("%s takes no value; usage: %s" % (word, command.usage))
        else:
            options[word[2:]] = True
    return options, places


def _number(option, text):
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST:
        return int(text)
    raise BadWords("%s takes a number from 1 to %d, not %r" % (option, MOST, text))


def _places(command, words):
    least = sum(not take.startswith("[") for take in command.takes)
    if not least <= len(words) <= len(command.takes):
        raise BadWords("%s takes %s; usage: %s" % (command.name, " ".join(command.takes) or "no words", command.usage))
    padded = list(words) + [""] * (len(command.takes) - len(words))
    return {take.strip("[]"): _checked(command, take, word) for take, word in zip(command.takes, padded)}


def _checked(command, take, word):
    if "|" in take and word not in take.split("|"):
        raise BadWords("%s takes %s, not %r; usage: %s" % (command.name, " or ".join(take.split("|")), word, command.usage))
    if not word.isprintable():  # XML cannot carry it
        raise BadWords("no name looks like %r" % word)
    return word


# completion


def completions(words, names):
    """What may follow these words. :param names: function that knows the names of every ``PAIR`` and ``PROGRAM``."""
    if not words:
        return list(COMMANDS)
    command = COMMANDS.get(words[0])
    if command is None or any(option.startswith(words[-1] + " ") for option in command.options):
        return []
    places = len(_without_options(command, words[1:]))
    choices = _choices(command.takes[places], names) if places < len(command.takes) else []
    return choices + [name for name in (option.partition(" ")[0] for option in command.options) if name not in words]


def _without_options(command, words):
    valued = {option.partition(" ")[0] for option in command.options if " " in option}
    return [word for before, word in zip([""] + words, words) if not word.startswith("-") and before not in valued]


def _choices(take, names):
    if take == "[COMMAND]":
        return list(COMMANDS)
    return take.split("|") if "|" in take else names(take.strip("[]"))

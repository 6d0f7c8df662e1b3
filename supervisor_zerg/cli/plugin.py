"""``supervisorctl zerg ...``: run a command, print the answer, set the exit status.

Answers go to stdout, everything else to stderr.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from supervisor.supervisorctl import ControllerPluginBase

from ..core.exit_status import ExitStatus
from ..core.text import plain
from .command import Answer, Invocation
from .commands import COMMANDS, TABLE
from .completion import completions, from_command
from .failures import concerned, failure, is_unauthorized
from .help import overview
from .parser import ONE_WORD, parse
from .session import ClientSession

UNWRITABLE = 1  # exit status: the answer could not be written
INTERRUPTED = 130  # exit status: Ctrl-C, as in a shell


def complain(sentence: str) -> None:
    """Write an error to stderr."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"error: {plain(sentence)}\n")
        sys.stderr.flush()


def make_zerg_controllerplugin(controller: Any, **extras: Any) -> ZergControllerPlugin:
    """The factory that ``[ctlplugin:zerg]`` names."""
    return ZergControllerPlugin(controller, **extras)


class ZergControllerPlugin(ControllerPluginBase):
    """Adds the command ``zerg`` to supervisorctl.

    With ``bare``, in ``zergctl``, our commands come without the word zerg.
    """

    name = "zerg"

    def __init__(self, controller: Any, bare: bool = False, **extras: Any) -> None:
        super().__init__(controller)
        self._bare = bare
        self._session = ClientSession(controller, "zergctl" if bare else "supervisorctl zerg")
        self._complete_others = controller.complete
        controller.complete = self.complete
        self._silence_others()

    def do_zerg(self, arg: str) -> None:
        # A return value would end an interactive shell (supervisorctl.py:1417).
        try:
            answer = self._run(arg.split())
            unwritten = self._write(answer.lines)
            self.ctl.exitstatus = answer.status or unwritten
        except KeyboardInterrupt:
            complain("interrupted; supervisord finishes what it has begun, see 'zerg status'")
            self.ctl.exitstatus = INTERRUPTED

    def _run(self, words: Sequence[str]) -> Answer:
        invocation = None
        try:
            if words[:1] == ["complete"]:  # for the scripts of completion.py
                typed = from_command(words[1:], COMMANDS)
                return Answer(0, completions(COMMANDS, typed, self._names_or_none))
            invocation = parse(words)
            return invocation.command.run(self._session, invocation)
        except Exception as error:
            return Answer(self._fail(error, invocation))

    def _fail(self, error: Exception, invocation: Invocation | None) -> int:
        """Report a failure. Returns the exit status."""
        if is_unauthorized(error) and self.ctl.options.interactive:
            # Supervisor asks for the password and runs the command again (supervisorctl.py:207).
            raise error
        sentence, status = failure(error, self.ctl.options.serverurl)
        labelled = invocation is not None and "label" in invocation.options
        complain(sentence + (ONE_WORD if labelled and status == ExitStatus.USAGE else ""))
        return self._does_anybody_serve(invocation) if status == ExitStatus.REFUSED else status

    def _does_anybody_serve(self, invocation: Invocation | None) -> int:
        """The exit status of a refusal."""
        arguments = invocation.arguments if invocation else {}
        try:
            infos = concerned(self._session.ask(lambda zerg: zerg.getAllPairInfo()), arguments)
        except Exception:
            return ExitStatus.UNREACHABLE
        served = infos and all(info["serving"] for info in infos)
        return ExitStatus.REFUSED if served else ExitStatus.NOBODY_SERVES

    def _write(self, lines: Iterable[str]) -> int:
        """Write the answer. Returns the exit status."""
        try:
            for line in lines:
                self.ctl.output(plain(line))
            self.ctl.stdout.flush()
        except OSError as error:
            # What is still buffered would fail once more at exit.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.ctl.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                complain(f"the answer could not be written: {error}")
                return UNWRITABLE
        return 0

    # help

    def help_zerg(self) -> None:
        """``help zerg``."""
        self._write(overview(TABLE, self._session.prefix))

    def do_help(self, arg: str) -> None:
        """Explain our own topics, and keep quiet about others.

        Supervisor asks every plugin for help (supervisorctl.py ``do_help``).
        """
        self._silence_others()
        words = arg.split()
        if not words:
            super().do_help(arg)
        elif words[0] == "zerg":
            self.do_zerg(" ".join(["help", *words[1:]]))

    def _silence_others(self) -> None:
        """Without this the other plugins say ``*** No help on zerg``."""
        topics = ["help_zerg", *(f"help_zerg {name}" for name in COMMANDS)]
        for plugin in self.ctl.options.plugins:
            if plugin is not self:
                vars(plugin).update(dict.fromkeys(topics, _say_nothing))

    # completion

    def complete(self, text: str, state: int, line: str | None = None) -> str | None:
        """readline's completer: ours after the word ``zerg``, Supervisor's elsewhere."""
        try:
            words = self._our_words(_typed(text, line))
            if words is not None:
                possible = completions(COMMANDS, words, self._session.names)
                found = [f"{word} " for word in possible if word.startswith(text)]
                return found[state] if state < len(found) else None
        except Exception:
            return None  # Tab must not disturb the line
        completed: str | None = self._complete_others(text, state, line)
        return completed

    def _our_words(self, words: list[str]) -> list[str] | None:
        """What was typed of one of our commands, or None if the line is not ours."""
        if words[:1] == ["zerg"]:
            return words[1:]
        if words[:2] == ["help", "zerg"]:
            return ["help", *words[2:]]
        if self._bare and words and words[0] in COMMANDS and words[0] != "help":
            return words
        return None

    def _names_or_none(self, kind: str) -> list[str]:
        with contextlib.suppress(Exception):
            return self._session.names(kind)
        return []


def _say_nothing() -> None:
    """The help of another plugin on a topic of ours."""


def _typed(text: str, line: str | None) -> list[str]:
    """The whole words before the one that is completed."""
    if line is None:
        import readline

        return readline.get_line_buffer()[: readline.get_begidx()].split()
    return line[: len(line) - len(text)].split()

"""``zergctl``: supervisorctl in which our commands come without the word ``zerg``."""

from __future__ import annotations

import configparser
import sys
from collections.abc import Sequence
from typing import Any

from supervisor.options import ClientOptions
from supervisor.supervisorctl import Controller

from ..core.exit_status import ExitStatus
from ..lint.uwsgi_ini import Unreadable, read_text
from .command import UsageError
from .commands import COMMANDS, TABLE, find
from .help import overview
from .plugin import complain, make_zerg_controllerplugin

USAGE = """\
Usage: zergctl [-c FILE] [-s URL] [-u USERNAME] [-p PASSWORD] [COMMAND ...]

-c, -s, -u, -p, -i and -r are those of supervisorctl, and every action of supervisorctl that is not
listed here, such as start and stop, works as well. Without a COMMAND a shell is started. Options of
a COMMAND go after it.
"""
NEED_NO_FILE = frozenset({"companion", "completion", "help"})
READ_THE_FILE = frozenset({"check", "doctor", "init"})  # they say what is wrong with it


class ZergOptions(ClientOptions):
    """supervisorctl's options. Our plugin is always loaded; a file need only be valid if needed."""

    plugin_factories: list[Any]
    prompt: str

    def realize(self, *args: Any, **options: Any) -> None:
        """Read the command line and the file."""
        ClientOptions.realize(self, *args, **options)
        others = [f for f in self.plugin_factories if f[1] is not make_zerg_controllerplugin]
        self.plugin_factories = [*others, ("zerg", make_zerg_controllerplugin, {"bare": True})]
        self.prompt = "zerg" if self.prompt == "supervisor" else self.prompt

    def read_config(self, fp: Any) -> Any:
        """Read ``[supervisorctl]``.

        Raises:
            ValueError: the file is needed and cannot be used.
        """
        words = set(self.args[:2])
        try:
            read_text(fp)  # refuses what would make the next line wait, such as a FIFO
            return ClientOptions.read_config(self, fp)
        except (ValueError, configparser.Error, Unreadable) as error:
            given_by_operator = self.attr_priorities.get("configfile") is not None
            needed = given_by_operator or not (self.serverurl or NEED_NO_FILE & words)
            if needed and not READ_THE_FILE & words:
                raise ValueError(f"{fp}: {error}") from error
            return self.configroot.supervisorctl


class ZergController(Controller):
    """Supervisor's shell with our commands."""

    vocab: list[str]

    def __init__(self, options: ZergOptions) -> None:
        super().__init__(options)
        self.vocab = [*COMMANDS, *(word for word in self.vocab if word not in COMMANDS)]

    def onecmd(self, line: str) -> Any:
        """Run a line."""
        command, arguments, _ = self.parseline(line)
        if command in COMMANDS and not (command == "help" and self._is_supervisors(arguments)):
            line = f"zerg {command} {arguments}"
        return super().onecmd(line)

    def _is_supervisors(self, topic: str) -> bool:
        others = set(self.vocab) - set(COMMANDS)
        return bool(others.intersection(topic.split()[:1]))

    def default(self, line: str) -> None:
        """Handle a word that is neither ours nor Supervisor's."""
        try:
            find(line.split()[0])
        except UsageError as error:
            complain(str(error))
        self.exitstatus = ExitStatus.USAGE


def main(args: Sequence[str] | None = None) -> int:
    """Run ``zergctl``. Returns the exit status."""
    options = ZergOptions()
    options.realize(args, doc="\n".join([USAGE, *overview(TABLE, "zergctl")]))
    controller = ZergController(options)
    if options.args[:1] == ["complete"]:
        options.args.insert(0, "zerg")
    if options.args:
        controller.onecmd(" ".join(options.args))
        return int(controller.exitstatus)
    controller.exec_cmdloop(args, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())

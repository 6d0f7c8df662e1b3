"""``zergctl``: supervisorctl with our commands at the top, for conf.d-only installs and for ``-s URL``."""

import configparser
import sys

from supervisor.options import ClientOptions
from supervisor.supervisorctl import Controller

from ..core import errors
from . import commands, help
from .plugin import complain, make_zerg_controllerplugin

OPTIONS = """\
Usage: zergctl [-c FILE] [-s URL] [-u USERNAME] [-p PASSWORD] [COMMAND ...]

-c, -s, -u, -p, -i and -r are those of supervisorctl, and so are all actions that are not told here, such as start and stop.
Without a COMMAND a shell is started. Put options of a COMMAND after it.
"""


class ZergOptions(ClientOptions):
    """supervisorctl's options. Our plugin is always there, and a file that is not needed may be unusable."""

    def realize(self, *args, **options):
        """Read the command line and the file."""
        ClientOptions.realize(self, *args, **options)
        others = [f for f in self.plugin_factories if f[1] is not make_zerg_controllerplugin]
        self.plugin_factories = others + [("zerg", make_zerg_controllerplugin, {"bare": True})]
        self.prompt = "zerg" if self.prompt == "supervisor" else self.prompt

    def read_config(self, fp):
        """Read ``[supervisorctl]``. :raises ValueError:"""
        if "check" in self.args[:2]:
            return (
                self.configroot.supervisorctl
            )  # check reads the file by itself, and it may be anything
        try:
            return ClientOptions.read_config(self, fp)
        except (ValueError, configparser.Error) as error:
            named = (
                self.attr_priorities.get("configfile") is not None
            )  # by -c; else it was found in the search path
            if named or not (self.serverurl or {"companion", "help"} & set(self.args[:2])):
                raise ValueError(f"{fp}: {error}")
            return self.configroot.supervisorctl


class ZergController(Controller):
    """Supervisor's shell in which our commands come without the word zerg."""

    def __init__(self, options):
        super().__init__(options)
        self.vocab = list(commands.COMMANDS) + [
            word for word in self.vocab if word not in commands.COMMANDS
        ]

    def onecmd(self, line):
        """Run a line."""
        command, arg, _ = self.parseline(line)
        others = set(self.vocab) - set(commands.COMMANDS)
        if command in commands.COMMANDS and not (
            command == "help" and others.intersection(arg.split()[:1])
        ):
            line = f"zerg {command} {arg}"
        return super().onecmd(line)

    def default(self, line):
        """A word that is neither ours nor Supervisor's."""
        try:
            help.find(line.split()[0])
        except help.UsageError as error:
            complain(str(error))
        self.exitstatus = errors.ARGUMENTS


def main(args=None):
    """``zergctl``. :returns: the exit status."""
    options = ZergOptions()
    options.realize(args, doc="\n".join([OPTIONS, *help.overview("zergctl")]))
    controller = ZergController(options)
    if options.args[:1] == ["complete"]:
        options.args.insert(0, "zerg")
    if options.args:
        controller.onecmd(" ".join(options.args))
        return controller.exitstatus
    controller.exec_cmdloop(args, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())

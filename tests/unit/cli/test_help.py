"""The help explains every command, and Supervisor's own help stays as it is."""

import types
from pathlib import Path

import pytest

import supervisor_zerg
from supervisor_zerg.cli.command import ask_and_print
from supervisor_zerg.cli.commands import COMMANDS
from supervisor_zerg.cli.parser import parse
from supervisor_zerg.cli.plugin import make_zerg_controllerplugin
from supervisor_zerg.core.exit_status import ExitStatus

from .client import Controller, Zerg, run


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_teaches(name, capsys):
    done = run(f"help {name}", capsys)
    assert done.status == 0 and done.out.isascii() and done.asked == []
    for title in (
        "Prints",
        "When to use it",
        "Exit status",
        "Example",
        f"$ supervisorctl zerg {name}",
    ):
        assert f"\n{title}" in done.out or f"\n  {title}" in done.out
    assert COMMANDS[name].usage in " ".join(done.out.partition("\n\n")[0].split())
    assert "{zerg}" not in done.out and run(f"{name} --help", capsys).out == done.out


def test_help_names_every_command_and_every_exit_status(capsys):
    out = run("help", capsys, bare=True).out
    for name in COMMANDS:
        assert f"\n  {name}" in out
    for status in (
        0,
        ExitStatus.USAGE,
        ExitStatus.REFUSED,
        ExitStatus.NOBODY_SERVES,
        ExitStatus.UNREACHABLE,
    ):
        assert f"\n  {status:d}  " in out
    assert "zergctl COMMAND" in out


def test_examples_in_the_help_are_understood():
    for command in COMMANDS.values():
        first = command.example.splitlines()[0]
        assert parse(first.replace("$ {zerg} ", "").split()).command is command


def test_every_command_that_calls_the_namespace_offers_json():
    others = {"help", "doctor", "init", "companion", "check", "completion", "watch"}
    others |= {"deploy", "rollback", "restart"}
    calling = {name for name, command in COMMANDS.items() if command.run is ask_and_print}
    assert calling == set(COMMANDS) - others
    assert all(
        "--json" in COMMANDS[name].options for name in calling | {"deploy", "rollback", "restart"}
    )


def test_companion_prints_the_path_of_the_file_and_nothing_else(capsys):
    done = run("companion", capsys)
    assert (
        done.out
        == f"{Path(supervisor_zerg.__file__).resolve().parent / 'uwsgi' / 'companion.py'}\n"
    )
    assert (done.status, done.err, done.asked) == (0, "", [])
    assert Path(done.out.strip()).is_file()


def test_other_plugins_keep_quiet_about_our_topics_and_we_about_theirs(capsys):
    controller = Controller(Zerg())
    zerg_plugin = make_zerg_controllerplugin(controller)
    later = types.SimpleNamespace()
    controller.options.plugins += [zerg_plugin, later]
    zerg_plugin.do_help("start")
    assert controller.stdout.getvalue() == ""
    for topic in ("help_zerg", "help_zerg swap"):
        assert [getattr(p, topic)() for p in (controller.options.plugins[0], later)] == [None, None]
    zerg_plugin.do_help("zerg swap")
    assert controller.stdout.getvalue().startswith("supervisorctl zerg swap [PAIR]")

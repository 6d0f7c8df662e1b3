"""Completion in real shells offers what the table says, and expands nothing."""

import os
import pty
import select
import shutil
import subprocess
import time

import pytest

from supervisor_zerg.cli import completion, main

PATIENCE_S = 10.0


@pytest.fixture
def zergctl_there(tmp_path):
    """A folder with a zergctl that only completes, from a file, and notes what it is asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "zergctl"
    script.write_text(
        '#!/bin/sh\n[ "$1" = complete ] || exit 2\n'
        f'echo "$*" > {tmp_path}/asked\ncat {tmp_path}/words\n'
    )
    script.chmod(0o755)
    (tmp_path / "words").write_text(
        "promote\nstatus\nshop:web\nshop:webbak\n$(touch ran)\n`touch ran`\n"
    )
    return folder


class Terminal:
    """An interactive shell in a terminal, as an operator has it."""

    def __init__(self, command, folder, path):
        self.mine, theirs = pty.openpty()
        environment = {
            "PATH": f"{path}:/usr/bin:/bin",
            "TERM": "dumb",
            "PS1": "% ",
            "HOME": str(folder),
            "INPUTRC": "/dev/null",
        }
        self.shell = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)

    def type(self, text, until):
        """:returns: what was shown since, until it contains these words"""
        os.write(self.mine, text.encode())
        shown, end = "", time.monotonic() + PATIENCE_S
        while (
            until not in shown
            and select.select([self.mine], [], [], max(0, end - time.monotonic()))[0]
        ):
            shown += os.read(self.mine, 4096).decode()
        assert until in shown, shown
        return shown

    def close(self):
        self.shell.kill()
        self.shell.wait()
        os.close(self.mine)


@pytest.fixture
def terminal(tmp_path, zergctl_there):
    """A function that starts a shell which has read our script, in the ways that the help tells."""
    started = []

    def start(shell, way="eval"):
        if not shutil.which(shell):
            pytest.skip(f"{shell} is not installed")
        (tmp_path / "_zergctl").write_text(completion.SCRIPTS[shell])
        command = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[
            shell
        ]
        started.append(Terminal(command, tmp_path, zergctl_there))
        prepare = {
            "bash": "",
            "zsh": (
                f"autoload -U compinit; {'fpath=($PWD $fpath);' if way == 'fpath' else ''} "
                "compinit -u -D; "
            ),
        }
        started[-1].type(
            f"{prepare[shell]}{'' if way == 'fpath' else 'source ./_zergctl; '}echo re''ady\n",
            "ready",
        )
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.mark.parametrize("shell, way", [("bash", "eval"), ("zsh", "eval"), ("zsh", "fpath")])
def test_the_first_tab_completes_a_command_a_group_s_program_and_runs_nothing(
    shell, way, terminal, tmp_path
):
    screen = terminal(shell, way)
    screen.type("zergctl pr\t", "promote")
    assert (tmp_path / "asked").read_text() == "complete\n"
    screen.type("shop:webb\t", "webbak ")
    assert (tmp_path / "asked").read_text() == "complete promote\n"
    screen.type("\x15zergctl promote \t\t", "shop:web")
    screen.type("\x15echo do''ne\n", "done")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "line, found",
    [
        ("zergctl s", ["status", "shop:web", "shop:webbak"]),
        ("zergctl -s unix:///x promote shop:w", ["web", "webbak"]),
        ("zergctl promote $", [r"\$\(touch\ ran\)"]),
        ("zergctl promote x", []),
    ],
)
def test_bash_is_offered_what_begins_so_and_expands_nothing(line, found, tmp_path, zergctl_there):
    script = (
        completion.BASH
        + "COMP_LINE=$1; COMP_POINT=${#1}; _zergctl; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    environment = {"PATH": f"{zergctl_there}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-c", script, "x", line],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.stdout.split("\n")[:-1] == (found or [""]) and not done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "words, found",
    [
        ([], "deploy"),
        (["-s", "unix:///x"], "swap"),
        (["auto"], "off"),
        (["deploy"], "--label"),
        (["completion"], "zsh"),
    ],
)
def test_complete_tells_what_may_come_next(words, found, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["-s", f"unix://{tmp_path}/nobody"]
    main.main([*options, "complete", *words])
    assert found in capsys.readouterr().out.split()

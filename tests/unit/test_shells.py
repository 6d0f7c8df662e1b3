"""The man page and the completion of shells say what the table says."""

import shutil
import subprocess
from pathlib import Path

import pytest

from supervisor_zerg import manpage, shells, verbs, zergctl

PAGE = Path(__file__).parents[2] / "man" / "zergctl.1"


def test_the_page_is_made_from_the_table():
    assert PAGE.read_text() == manpage.render(), "python -m supervisor_zerg.manpage > man/zergctl.1"
    for command in verbs.TABLE:
        assert "\n.SS %s" % command.name in PAGE.read_text()


@pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
def test_man_reads_it_without_a_complaint():
    environment = {"MANWIDTH": "100", "PATH": "/usr/bin:/bin"}
    shown = subprocess.run(["man", "--warnings", "-l", str(PAGE)], capture_output=True, text=True, env=environment)
    assert shown.returncode == 0 and "warning" not in shown.stderr and "promote PROGRAM" in shown.stdout


@pytest.mark.parametrize("shell", shells.SCRIPTS)
def test_the_scripts_are_sound(shell):
    if not shutil.which(shell):
        pytest.skip("%s is not installed" % shell)
    subprocess.run([shell, "-n"], input=shells.SCRIPTS[shell], text=True, check=True)


def test_bash_completes_commands_and_options(tmp_path):
    zergctl_there = tmp_path / "zergctl"
    zergctl_there.write_text("#!/bin/sh\nprintf '%s\\n' swap settle status\n")
    zergctl_there.chmod(0o755)
    script = shells.BASH + 'COMP_WORDS=(zergctl s); COMP_CWORD=1; _zergctl; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env={"PATH": "%s:/usr/bin:/bin" % tmp_path})
    assert done.stdout.split() == ["swap", "settle", "status"]


@pytest.mark.parametrize(
    "words, found",
    [([], "deploy"), (["-s", "unix:///x"], "swap"), (["auto"], "off"), (["deploy"], "--label"), (["completion"], "zsh")],
)
def test_complete_tells_what_may_come_next(words, found, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["-s", "unix://%s/nobody" % tmp_path]
    zergctl.main(options + ["complete", *words])
    assert found in capsys.readouterr().out.split()

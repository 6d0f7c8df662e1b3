"""Configurations of public projects, written anew from their facts."""

import re
from pathlib import Path

from supervisor_zerg.cli import main
from supervisor_zerg.core.exit_status import ExitStatus

from .configuration import found, ids

WILD = Path(__file__).parent / "wild"
ROOT = Path(__file__).parents[3]


def test_the_documented_findings_in_public_configurations_are_true():
    table = (ROOT / "docs" / "uwsgi-internals.rst").read_text().partition(".. _wild:")[2]
    rows = re.findall(r"^``([a-z]+)`` +([0-9]+)  ((?:.+\n)(?: .*\n)*)", table, re.M)
    told = {name: (int(count), traps.split()) for name, count, traps in rows}
    seen = {
        folder.name: sorted(ids(found(folder / "supervisord.conf"))) for folder in WILD.iterdir()
    }
    assert told == {name: (len(traps), traps) for name, traps in seen.items()} and len(told) >= 16


def test_the_documented_output_for_the_article_is_true(monkeypatch, capsys):
    quoted = (
        (ROOT / "docs" / "check.rst")
        .read_text()
        .partition("$ zergctl check -c article/supervisord.conf")[2]
        .partition("``if-...``")[0]
    )
    monkeypatch.chdir(WILD)
    assert main.main(["check", "-c", "article/supervisord.conf"]) == ExitStatus.FOUND
    told = capsys.readouterr().out.replace(f"{WILD}/", "").splitlines()
    assert [
        line
        for line in quoted.splitlines()
        if line.strip() not in ("", "...") and line[4:] not in told
    ] == []

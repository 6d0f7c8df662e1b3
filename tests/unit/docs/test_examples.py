"""README, docs, conf.d and the code never disagree.

The terminal sessions are run by tests/live/test_docs_examples.py.
"""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from supervisor_zerg.cli import parser as cli_parser
from supervisor_zerg.config import parse_pair
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.demo.stack import CONF_D
from tests.pages import DOCS, NAMES, PAGES, TOP, WITH_SESSIONS, blocks, session

README_LINES = 150
INSTALL = DOCS / "install.rst"


def sections(text: str) -> configparser.RawConfigParser:
    found = configparser.RawConfigParser()
    found.read_string(text)
    return found


def each_page(*paths: Path) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", paths, ids=[NAMES[path] for path in paths])


def test_the_readme_is_short():
    assert len((TOP / "README.rst").read_text().splitlines()) <= README_LINES


@pytest.mark.parametrize("name", ["README.rst", "CHANGES.rst"])
def test_a_page_outside_of_sphinx_is_sound(name):
    docutils = pytest.importorskip(
        "docutils.core", reason="docutils is missing: pip install -e .[test]"
    )
    settings = {"report_level": 2, "halt_level": 2}
    docutils.publish_doctree((TOP / name).read_text(), settings_overrides=settings)


def test_every_link_of_the_readme_to_a_file_leads_to_one():
    targets = re.findall(r"<([^<>`]+)>`__", (TOP / "README.rst").read_text())
    targets += re.findall(r"(?m)^\.\. image:: (\S+)", (TOP / "README.rst").read_text())
    files = [target for target in targets if "://" not in target]
    assert len(files) > 10 and [name for name in files if not (TOP / name).is_file()] == []


@each_page(*WITH_SESSIONS)
def test_every_command_of_a_session_is_understood(page):
    for command in session(page):
        words = (
            command.words[2:]
            if command.words[:2] == ["supervisorctl", "zerg"]
            else command.words[1:]
        )
        assert cli_parser.parse(words).command.name == words[0]


@each_page(*[page for page in PAGES if blocks(page, "sh")])
def test_every_zerg_command_of_a_shell_block_is_understood(page):
    for line in "".join(blocks(page, "sh")).splitlines():
        words = shlex.split(line, comments=True)
        for client in (["supervisorctl", "zerg"], ["zergctl"]):
            if words[: len(client)] == client:
                assert cli_parser.parse(words[len(client) :]).command.name == words[len(client)]


@each_page(*[page for page in PAGES if blocks(page, "ini")])
def test_every_section_of_a_pair_is_sound(page):
    for block in blocks(page, "ini"):
        for name in sections(block).sections():
            if name.startswith("zerg:"):
                pair = parse_pair(name.partition(":")[2], dict(sections(block).items(name)))
                assert pair.problems == ()


def test_the_sections_to_paste_are_those_of_conf_d():
    pasted = sections("".join(blocks(INSTALL, "ini")))
    ours = sections((CONF_D / "zerg.conf").read_text())
    for name in ("rpcinterface:zerg", "eventlistener:zerg"):
        assert dict(pasted.items(name)) == dict(ours.items(name))


def test_the_readme_installs_as_the_page_does():
    def lines(page: Path) -> list[list[str]]:
        return [shlex.split(line, comments=True) for line in blocks(page, "sh")[1].splitlines()]

    assert lines(TOP / "README.rst") == lines(INSTALL)


def test_the_pair_to_paste_has_the_defaults():
    pasted = sections("".join(blocks(INSTALL, "ini")))
    assert parse_pair("pybossa", dict(pasted.items("zerg:pybossa"))) == PairConfig()


def test_the_section_for_supervisorctl_is_the_one_that_the_demo_uses():
    from supervisor_zerg.demo import stack

    pasted = sections("".join(blocks(INSTALL, "ini")))
    factory = pasted.get("ctlplugin:zerg", "supervisor.ctl_factory")
    assert f"supervisor.ctl_factory = {factory}\n" in stack.MAIN
    assert factory in (CONF_D / "zerg.conf").read_text()


@each_page(*[page for page in PAGES if blocks(page, "yaml")])
def test_every_yaml_block_can_be_read(page):
    yaml = pytest.importorskip("yaml", reason="PyYAML is missing: pip install -e .[test]")
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block)


def test_the_fleet_stops_at_a_host_that_is_unreachable():
    yaml = pytest.importorskip("yaml", reason="PyYAML is missing: pip install -e .[test]")
    (play,) = yaml.safe_load(blocks(DOCS / "fleet.rst", "yaml")[0])
    assert play["serial"] == 1 and play["max_fail_percentage"] == 0


def test_every_variable_of_conf_d_is_explained():
    used = {
        name
        for path in CONF_D.glob("*.conf")
        for name in re.findall(r"%\(ENV_(ZERG_[A-Z]+)\)s", path.read_text())
    }
    used |= {
        name
        for path in (CONF_D / "uwsgi").iterdir()
        for name in re.findall(r"\$\((ZERG_[A-Z]+)\)", path.read_text())
    }
    explained = set(re.findall(r"(?m)^ *``(ZERG_[A-Z]+)`` ", INSTALL.read_text()))
    assert used == explained


def test_every_variable_of_a_hook_is_explained():
    sources = (TOP / "supervisor_zerg").rglob("*.py")
    passed = {
        name
        for path in sources
        if path.parent.name in ("jobs", "deploy", "pair")
        for name in re.findall(r'"(ZERG_[A-Z]+)":', path.read_text())
    }
    text = (DOCS / "deploy.rst").read_text().partition(".. _hooks:")[2]
    assert passed == set(re.findall(r"(?m)^``(ZERG_[A-Z]+)`` ", text))


def test_every_alert_is_explained():
    rules = (CONF_D / "monitoring" / "zerg.rules.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)\n(?:.*\n)*?\s+severity: (\w+)", rules)
    told = re.findall(r"(?m)^``(Zerg\w+)`` \((\w+)\)$", (DOCS / "monitoring.rst").read_text())
    assert told == alerts and alerts


def test_the_docs_are_built_without_a_warning(tmp_path):
    pytest.importorskip("furo", reason="Sphinx is missing: pip install -e .[docs]")
    from sphinx.cmd.build import main

    options = ["-W", "-n", "-q", "-j", "1", "-d", str(tmp_path / "trees")]
    assert main([*options, "-b", "html", str(DOCS), str(tmp_path / "html")]) == 0
    assert main([*options, "-b", "man", str(DOCS), str(tmp_path / "man")]) == 0
    page = tmp_path / "man" / "zergctl.1"
    assert "zergctl deploy" in page.read_text().replace("\\", "")
    if shutil.which("man"):
        shown = subprocess.run(
            ["man", "--warnings", "-l", page],
            capture_output=True,
            text=True,
            env={"MANWIDTH": "100", "PATH": "/usr/bin:/bin"},
        )
        assert shown.returncode == 0 and shown.stderr == "" and "zergctl deploy" in shown.stdout

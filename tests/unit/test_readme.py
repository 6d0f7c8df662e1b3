"""README, conf.d and the code never disagree."""

import configparser
import re
from pathlib import Path

import pytest

from supervisor_zerg.cli.commands import COMMANDS
from supervisor_zerg.config import OPTIONS, parse_pair
from supervisor_zerg.core import errors
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.demo.stack import CONF_D
from supervisor_zerg.lint import check
from supervisor_zerg.rpcinterface import ZergNamespaceRPCInterface
from supervisor_zerg.web.metrics import Collector, Tally

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.rst").read_text()


def block(start):
    """The literal block that begins with a line, without its indentation."""
    lines = README[README.index(start) :].splitlines()
    body = []
    for line in lines:
        if body and line and not line.startswith(" "):
            break
        body.append(line.strip())
    return "\n".join(body)


def test_the_defaults_in_the_readme_are_the_defaults():
    parser = configparser.RawConfigParser()
    parser.read_string(block("[zerg:pybossa]\n    programs"))
    values = dict(parser.items("zerg:pybossa"))
    assert set(values) == set(OPTIONS)
    assert parse_pair("pybossa", values) == PairConfig()


def test_every_option_is_explained():
    for option in OPTIONS:
        assert re.search(rf"^``{option}`` ", README, re.M), option


def test_every_fault_is_in_the_table_with_its_number():
    for error in errors.ALL:
        assert re.search(r"^%d   %s +\S" % (error.code, error.name), README, re.M), error.name


def test_every_command_is_in_the_table():
    for name in COMMANDS:
        if name != "help":
            assert re.search(rf"^``{name}\b[^`]*`` ", README, re.M), name


def test_every_metric_is_in_the_table():
    pytest.importorskip(
        "prometheus_client", reason="pip install prometheus_client (the extra 'test' does)"
    )
    info = {
        "pair": "p",
        "serving": "",
        "warm": False,
        "held": False,
        "auto": True,
        "retire": "park",
        "problems": [],
        "instances": [],
    }
    for family in Collector([info], Tally()).collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert re.search(rf"^``{name}`` ", README, re.M), name


def test_every_rpc_is_in_the_table():
    for name in vars(ZergNamespaceRPCInterface):
        if not name.startswith("_"):
            assert f"``{name}(" in README, name


def test_the_sections_to_paste_are_those_of_conf_d():
    conf = (CONF_D / "zerg.conf").read_text()
    for section in ("rpcinterface:zerg", "eventlistener:zerg"):
        pasted, ours = configparser.RawConfigParser(), configparser.RawConfigParser()
        pasted.read_string(
            block(f"[{section}]")
            .split("[zerg:")[0]
            .split("[eventlistener" if "rpc" in section else "[zerg")[0]
        )
        ours.read_string(conf)
        assert dict(pasted.items(section)) == dict(ours.items(section))


@pytest.mark.parametrize("name", ["README.rst", "FINDINGS.rst"])
def test_a_text_is_sound(name):
    docutils = pytest.importorskip(
        "docutils.core", reason="docutils is not installed: pip install -e .[test]"
    )
    docutils.publish_doctree(
        (ROOT / name).read_text(), settings_overrides={"report_level": 2, "halt_level": 2}
    )


def test_every_trap_is_in_the_table_with_its_severity():
    rows = re.findall(r"^``([a-z-]+)`` +(error|warning|note) +\S", README, re.M)
    assert rows == [(rule.id, rule.severity) for rule in check.RULES]

"""The tables that the documentation takes from the code are complete."""

from __future__ import annotations

import configparser
import sys

import pytest

pytest.importorskip("sphinx", reason="Sphinx is missing: pip install -e .[docs]")
pytest.importorskip(
    "prometheus_client", reason="prometheus_client is missing: pip install -e .[docs]"
)

from supervisor_zerg.cli.commands import EXITS, TABLE
from supervisor_zerg.config import parse_pair
from supervisor_zerg.core import errors
from supervisor_zerg.core.exit_status import OUTCOMES
from supervisor_zerg.core.pair_config import OPTIONS, PairConfig
from supervisor_zerg.lint import check
from supervisor_zerg.rpcinterface import ZergNamespaceRPCInterface
from supervisor_zerg.supervisord.events import EVENTS
from supervisor_zerg.web.metrics import Collector, Tally
from tests.pages import DOCS

sys.path.insert(0, str(DOCS / "_ext"))
import zerg_tables


def cells(lines):
    """The rows of list-tables, without their heads."""
    rows, heads = [], []
    for line in lines:
        if line.startswith(".. list-table::"):
            heads.append(len(rows))
        elif line.startswith("   * - "):
            rows.append([line[7:]])
        elif line.startswith("     -"):
            rows[-1].append(line[7:])
    return [row for number, row in enumerate(rows) if number not in heads]


def first_cells(lines):
    return [row[0].strip("`") for row in cells(lines)]


def test_every_command_is_in_the_table():
    assert [name.split()[0] for name in first_cells(zerg_tables.commands_rst())] == [
        c.name for c in TABLE
    ]


def test_every_command_has_a_section_with_its_usage_and_its_example():
    text = "\n".join(zerg_tables.command_reference_rst())
    for command in TABLE:
        assert f"\n{command.name}\n{'~' * len(command.name)}\n" in text
        assert zerg_tables.escape(f"zergctl {command.usage}") in text
        assert command.example.splitlines()[0].replace("{zerg}", "zergctl") in text


def test_every_exit_status_is_in_the_table():
    known = {int(status) for command in TABLE for status in command.exits} | set(map(int, EXITS))
    assert first_cells(zerg_tables.exit_statuses_rst()) == [str(status) for status in sorted(known)]


def test_every_outcome_of_a_deploy_is_in_the_table_with_its_exit_status():
    rows = {row[0]: row[1].strip("`") for row in cells(zerg_tables.outcomes_rst())}
    assert rows == {outcome: str(int(status)) for outcome, status in OUTCOMES.items()}


def test_the_defaults_are_the_defaults():
    parser = configparser.RawConfigParser()
    parser.read_string("\n".join(line.strip() for line in list(zerg_tables.defaults_rst())[2:]))
    values = dict(parser.items("zerg:pybossa"))
    assert set(values) == set(OPTIONS)
    assert parse_pair("pybossa", values) == PairConfig()


def test_every_option_is_explained():
    rows = cells(zerg_tables.options_rst())
    assert [row[0].strip("`") for row in rows] == list(OPTIONS)
    assert all(row[1] for row in rows)


def test_every_fault_is_in_the_table_with_its_number_meaning_and_hint():
    rows = cells(zerg_tables.faults_rst())
    assert [(row[0], row[1].strip("`")) for row in rows] == [
        (str(e.code), e.name) for e in errors.ALL
    ]
    for row, error in zip(rows, errors.ALL):
        when = zerg_tables.first_paragraph(error)
        assert "__doc__" in vars(error) and when.endswith(".")
        assert row[2] == f"{zerg_tables.escape(when)} *{zerg_tables.escape(error.hint)}*"
    assert [row[3].strip("`") for row in rows] == [str(int(e.exit_status)) for e in errors.ALL]


def test_every_method_is_described_with_its_parameters():
    text = "\n".join(zerg_tables.rpc_rst())
    for name, method in vars(ZergNamespaceRPCInterface).items():
        if not name.startswith("_"):
            assert f".. describe:: {name}(" in text
            _, fields = zerg_tables.parse_docstring(method.__doc__)
            parameters = [field.name for field in fields if field.tag == "param"]
            assert parameters == list(method.__code__.co_varnames[1 : method.__code__.co_argcount])
            assert [field.tag for field in fields].count("return") == 1


def test_every_event_is_explained():
    rows = cells(zerg_tables.events_rst())
    assert [row[0].strip("`") for row in rows] == list(EVENTS) and all(row[1] for row in rows)


def test_every_metric_is_in_the_table_with_its_labels():
    families = list(Collector([], Tally()).collect())
    rows = cells(zerg_tables.metrics_rst())
    assert [row[0].strip("`").removesuffix("_total") for row in rows] == [f.name for f in families]
    assert [row[1] for row in rows] == [family.type for family in families]
    assert all(row[2].startswith("pair") and row[3] for row in rows)


def test_every_check_rule_is_in_the_table_with_its_severity_and_what_it_finds():
    rows = cells(zerg_tables.check_rules_rst())
    assert [row[0] for row in rows] == [f"``{rule.id}`` {rule.severity}" for rule in check.RULES]
    for row, rule in zip(rows, check.RULES):
        assert zerg_tables.escape(rule.reason) in row[1] and zerg_tables.escape(rule.fix) in row[1]
        assert row[1].index("*Reason:*") > 2


def test_plain_text_is_escaped():
    assert zerg_tables.escape("``*a*`` b_") == "``*a*`` b\\_"
    assert zerg_tables.escape("*a* `b` c_ |d| \\") == "\\*a\\* \\`b\\` c\\_ \\|d\\| \\\\"


def test_a_docstring_with_supervisors_tags_is_read():
    text = (
        "Do it.\n\n@param string pair  Name,\n    or empty\n@return struct reply  What came of it\n"
    )
    summary, (pair, reply) = zerg_tables.parse_docstring(text)
    assert summary == "Do it."
    assert pair == ("param", "string", "pair", "Name, or empty")
    assert reply == ("return", "struct", "reply", "What came of it")

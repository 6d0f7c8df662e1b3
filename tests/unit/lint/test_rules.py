"""Each rule finds its fault and nothing else; conf.d has no fault."""

import re
import shutil
from pathlib import Path

import pytest

from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.lint import check

from . import cases, cases_two_instances
from .configuration import CLEAN, found, ids, write

FAULTS = cases.FAULTS + cases_two_instances.FAULTS
NO_FAULTS = cases.NO_FAULTS + cases_two_instances.NO_FAULTS


@pytest.mark.parametrize("dialect", ["managed", "hooks"])
def test_conf_d_is_clean(dialect):
    stack = Stack(dialect)
    try:
        assert found(stack.conf, **stack.environment) == []
    finally:
        shutil.rmtree(stack.folder)


def test_the_clean_configuration_has_no_finding(tmp_path):
    assert found(write(tmp_path)) == []


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case[0])
def test_a_rule_finds_its_fault(case, tmp_path):
    findings = [f for f in found(write(tmp_path, *case[1:])) if f.id == case[0]]
    assert findings
    for finding in findings:
        (rule,) = [rule for rule in check.RULES if rule.id == finding.id]
        assert (finding.severity, finding.reason, finding.fix) == (
            rule.severity,
            rule.reason,
            rule.fix,
        )
        assert Path(finding.file).parent == tmp_path and finding.line >= (
            0 if finding.id == "no-section" else 1
        )


@pytest.mark.parametrize("case", NO_FAULTS, ids=lambda case: case[0])
def test_a_rule_finds_nothing_where_there_is_no_fault(case, tmp_path):
    assert case[0] not in ids(found(write(tmp_path, *case[1:]), INSTANCES="2"))


def test_every_rule_has_an_id_of_its_own_its_texts_and_a_case():
    names = [rule.id for rule in check.RULES]
    assert len(set(names)) == len(names)
    assert {case[0] for case in FAULTS} == set(names) >= {case[0] for case in NO_FAULTS}
    for rule in check.RULES:
        assert (
            re.fullmatch("[a-z-]+", rule.id)
            and rule.severity in check.SEVERITIES
            and all(text.isascii() for text in (rule.summary, rule.reason, rule.fix))
        )


def test_a_finding_has_its_file_and_line_and_appears_once_for_two_instances(tmp_path):
    (finding,) = found(write(tmp_path, "app.ini", "need-app = true", "need-app = true\nvacuum = 1"))
    assert (finding.file, finding.line, finding.pair, finding.message) == (
        str(tmp_path / "app.ini"),
        4,
        "web",
        "vacuum = 1",
    )
    (finding,) = found(
        write(tmp_path, "s.conf", "priority = 10", "priority = 10\nautostart = false")
    )
    assert (finding.line, finding.id) == (
        CLEAN["s.conf"].splitlines().index("priority = 10") + 2,
        "pool-autostart",
    )


def test_findings_are_in_the_order_of_file_and_line(tmp_path):
    edits = [("app.ini", "", "vacuum = true\nflock = /x\n"), ("s.conf", "priority = 10", "")]
    findings = found(write(tmp_path, *edits))
    assert len({f.file for f in findings}) > 1
    assert [(f.file, f.line) for f in findings] == sorted((f.file, f.line) for f in findings)


def test_one_pair_can_be_checked(tmp_path):
    path = write(
        tmp_path, "s.conf", "", "[zerg:other]\nprograms = c,d\nfifos = /1,/2,/3\nstats =\n"
    )
    assert (
        ids(found(path)) == {"pool-missing", "program-missing"} and ids(found(path, "web")) == set()
    )

"""Every row of docs/scenarios.rst is tested twice, by tests that carry its number: against the
pure core, and live.
"""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
ROWS = re.findall(r"(?m)^(h\d\d)  ", (TESTS.parent / "docs" / "scenarios.rst").read_text())


def rows_of(part):
    """The numbers in the names of all tests of a part."""
    trees = [ast.parse(path.read_text()) for path in (TESTS / part).rglob("test_*.py")]
    names = [
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    return {row for name in names for row in re.findall(r"h\d\d(?=_)", name)}


def test_the_rows_are_numbered_in_order():
    assert [f"h{number + 1:02}" for number in range(len(ROWS))] == ROWS and len(ROWS) >= 57


@pytest.mark.parametrize("part", ["unit", "live"])
def test_each_row_has_tests(part):
    assert sorted(set(ROWS) - rows_of(part)) == []


@pytest.mark.parametrize("part", ["unit", "live"])
def test_no_test_carries_a_number_that_is_no_row(part):
    assert sorted(rows_of(part) - set(ROWS)) == []

"""docs/architecture.rst names what the code has; its picture follows the import contracts."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import supervisor_zerg
from benchmarks.pictures import packages
from tests.pages import DOCS, TOP

PAGE = (DOCS / "architecture.rst").read_text()
PACKAGE = TOP / "supervisor_zerg"
#: Such as ``deploy.plan.read_options`` or ``pair.controller.PairController.ask``.
DOTTED = sorted(set(re.findall(r"``([a-z_]+(?:\.[A-Za-z_]+)+)(?:\(\))?``", PAGE)))
NAMED = [name for name in DOTTED if not name.endswith(".py")]
FILES = sorted(set(re.findall(r"``([a-z_/]+\.py)``", PAGE)))


def resolve(name):
    """What a dotted name below the package means."""
    found = supervisor_zerg
    path = found.__name__
    for part in name.split("."):
        path = f"{path}.{part}"
        try:
            found = importlib.import_module(path)
        except ModuleNotFoundError:
            found = getattr(found, part)
    return found


def test_the_page_names_many_functions():
    assert len(NAMED) > 40


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_exists(name):
    assert resolve(name) is not None


@pytest.mark.parametrize("name", FILES)
def test_each_file_that_the_page_names_exists(name):
    assert (PACKAGE / name).is_file() or list(PACKAGE.rglob(name))


def test_the_table_has_each_package_in_the_order_of_the_import_contracts():
    table = PAGE.partition("\nPackages\n")[2].partition("\nHow it works\n")[0]
    assert re.findall(r"(?m)^``(\w+)``  +", table) == [n for n in layers() if n != "demo"]


def layers():
    """The layers of import-linter, from the top."""
    text = (TOP / "pyproject.toml").read_text().partition("\nlayers = [\n")[2].partition("]")[0]
    return re.findall(r'"(\w+)"', text)


def test_the_picture_has_each_package_and_follows_the_import_contracts():
    modules = {module.name for module in pkgutil.iter_modules(supervisor_zerg.__path__)}
    assert set(packages.BOXES) == modules
    rows = [packages.BOXES[name].row for name in layers()]
    assert rows == sorted(rows)


def test_each_arrow_of_the_picture_points_down():
    for upper, lowers in packages.imports().items():
        for lower in lowers:
            assert packages.BOXES[upper].row < packages.BOXES[lower].row, (upper, lower)


def test_the_picture_is_that_of_the_code():
    assert packages.FILE.read_text() == packages.svg(), "python -m benchmarks.pictures packages"

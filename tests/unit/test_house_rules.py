"""Short modules, short functions, few parameters, and a type for everything."""

import ast
from pathlib import Path

import pytest

import supervisor_zerg

PACKAGE = Path(supervisor_zerg.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 40
MOST_PARAMETERS = 8
#: Functions that may have more parameters, "module:function", each with the reason.
MAY_HAVE_MORE_PARAMETERS: dict = {}

each_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix()
)


def functions(path):
    """Every function and method of a module, also nested ones. Those of records are generated."""
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]


def parameters(function):
    """All parameters but self and cls."""
    args = function.args
    found = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return [arg for arg in found if arg and arg.arg not in ("self", "cls")]


def lines(function):
    return function.end_lineno - function.lineno + 1


@each_module
def test_no_module_is_too_long(path):
    assert len(path.read_text().splitlines()) <= MOST_LINES


@each_module
def test_no_function_is_too_long(path):
    too_long = {f.name: lines(f) for f in functions(path) if lines(f) > MOST_LINES_OF_A_FUNCTION}
    assert too_long == {}


@each_module
def test_no_function_has_too_many_parameters(path):
    module = path.relative_to(PACKAGE).as_posix()
    counted = {f"{module}:{f.name}": len(parameters(f)) for f in functions(path)}
    too_many = {name: n for name, n in counted.items() if n > MOST_PARAMETERS}
    assert set(too_many) <= set(MAY_HAVE_MORE_PARAMETERS)


@each_module
def test_every_function_is_annotated(path):
    bare = [
        f.name
        for f in functions(path)
        if f.returns is None or any(arg.annotation is None for arg in parameters(f))
    ]
    assert bare == []


def test_every_package_tells_in_one_line_what_it_is_and_holds_nothing_else():
    for path in PACKAGE.rglob("*/__init__.py"):
        tree = ast.parse(path.read_text())
        assert len(ast.get_docstring(tree).splitlines()) == 1, path
        assert len(tree.body) == 1, path

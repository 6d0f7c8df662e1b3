"""What decides imports nothing that could act, and nothing of ours that could."""

import ast
from pathlib import Path

import pytest

import supervisor_zerg

PACKAGE = Path(supervisor_zerg.__file__).parent
DECIDES = [
    "core/*.py",
    "deploy/dry_run.py",
    "deploy/health.py",
    "deploy/model.py",
    "deploy/plan.py",
    "deploy/rollback.py",
    "deploy/simulated_deploy.py",
    "deploy/simulation.py",
    "deploy/state_machine.py",
]
RULES = ["lint/check.py", "lint/rule.py", "lint/rules/*.py"]
HARMLESS = {
    "__future__",
    "abc",
    "collections",
    "copy",
    "dataclasses",
    "enum",
    "functools",
    "ipaddress",
    "itertools",
    "re",
    "shlex",
    "time.localtime",  # converts a moment and reads no clock
    "time.strftime",
    "types",
    "typing",
}


def modules(patterns):
    """The modules whose files match, as dotted names below the package."""
    paths = [path for pattern in patterns for path in PACKAGE.glob(pattern)]
    return sorted(
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for path in paths
        if path.stem != "__init__"
    )


HARMLESS_IN_RULES = {
    "signal",  # the names of signals
    "supervisor.datatypes.boolean",
}


def path_of(module):
    return PACKAGE.joinpath(*module.split(".")).with_suffix(".py")


def targets(module, node):
    """The modules of ours that ``from .x import y`` means, as dotted names below the package."""
    folder = module.split(".")[: -node.level]
    base = [*folder, *(node.module.split(".") if node.module else [])]
    if base and path_of(".".join(base)).exists():
        return {".".join(base)}
    return {".".join([*base, alias.name]) for alias in node.names}


def outside(node):
    """What ``from x.y import z`` means: ``x``, or ``x.y.z`` where that is known to be harmless."""
    names = {f"{node.module}.{alias.name}" for alias in node.names}
    return names if names <= HARMLESS | HARMLESS_IN_RULES else {node.module.split(".")[0]}


def imports(module):
    """(modules of ours, top names of everything else) that a module imports."""
    ours, others = set(), set()
    for node in ast.walk(ast.parse(path_of(module).read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            ours |= targets(module, node)
        elif isinstance(node, ast.ImportFrom):
            others |= outside(node)
        elif isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
    return ours, others


@pytest.mark.parametrize("pattern", DECIDES + RULES)
def test_every_pattern_names_a_module(pattern):
    assert modules([pattern])


@pytest.mark.parametrize("module", modules(DECIDES))
def test_what_decides_imports_nothing_that_could_act(module):
    assert imports(module)[1] <= HARMLESS


@pytest.mark.parametrize("module", modules(RULES))
def test_a_check_rule_imports_nothing_that_could_act(module):
    assert imports(module)[1] <= HARMLESS | HARMLESS_IN_RULES


@pytest.mark.parametrize("module", modules(DECIDES))
def test_a_pure_module_imports_only_pure_modules_of_ours(module):
    assert imports(module)[0] <= set(modules(DECIDES))

"""Each room imports only from rooms above it; what decides imports nothing at all."""

import ast
from pathlib import Path

import pytest

import supervisor_zerg

ROOMS = """
model errors guards decide requests answers desires release advance pair plans
config sockets processes kernel uwsgi journal memo surroundings appraise observe settle
programs dispatchers task loop
hands conditions announcements chronicle worklist hooks deploy deploys keeper status
verbs help telling watch shells manpage
looking launch metrics page channel link web reactions plugin rpcinterface
rules inis cmdline confs blueprint lint_supervisor lint_pairs lint_hooks lint_pools lint_copies lint
ctl zergctl
commands checks jobs listener
companion
""".split()
PACKAGE = Path(supervisor_zerg.__file__).parent
PURE = ("model", "pair", "release", "advance", "plans", "guards", "decide", "requests", "answers", "desires", "errors", "status") + (
    "rules", "lint", "lint_supervisor", "lint_pairs", "lint_hooks", "lint_pools", "lint_copies",
)  # fmt: skip
HARMLESS = {"enum", "dataclasses", "typing", "collections", "functools", "re"}


def imports(room):
    """(names of rooms, names of everything else) that a room imports."""
    ours, others = set(), set()
    for node in ast.walk(ast.parse((PACKAGE / (room + ".py")).read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            ours |= {node.module} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            others.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
    return ours, others


def test_every_room_is_in_the_list():
    assert {p.stem for p in PACKAGE.glob("*.py")} - {"__init__"} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_above_it(room):
    assert imports(room)[0] - {"__version__"} <= set(ROOMS[: ROOMS.index(room)])


@pytest.mark.parametrize("room", PURE)
def test_what_is_pure_imports_nothing_that_could_act(room):
    assert imports(room)[1] <= HARMLESS


def test_the_companion_depends_on_nothing_of_ours():
    assert imports("companion")[0] == set()

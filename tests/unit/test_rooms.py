"""Each room imports only from rooms above it; what decides imports nothing at all."""

import ast
from pathlib import Path

import pytest

import supervisor_zerg

ROOMS = """
model errors guards decide requests answers desires release judge advance pair plans rehearsal
config sockets processes kernel uwsgi journal memo surroundings appraise observe settle
programs dispatchers task loop
hands conditions announcements chronicle worklist hooks errands vitals ending deploy deploys desk keeper status
verbs help telling progress watch shells manpage
looking launch metrics actions moulds page channel link web reactions plugin rpcinterface
lint.rules lint.inis lint.flags lint.cmdline lint.confs lint.blueprint
lint.supervisor lint.pairs lint.hooks lint.pools lint.copies lint.check
ctl zergctl
commands checks jobs listener
companion
""".split()
PACKAGE = Path(supervisor_zerg.__file__).parent
PURE = ("model", "pair", "release", "judge", "advance", "plans", "rehearsal", "guards", "decide", "requests", "answers", "desires") + (
    "errors", "status", "lint.rules", "lint.check", "lint.supervisor", "lint.pairs", "lint.hooks", "lint.pools", "lint.copies",
)  # fmt: skip
HARMLESS = {"enum", "dataclasses", "typing", "collections", "functools", "re"}


def imports(room):
    """(names of rooms, names of everything else) that a room imports."""
    ours, others = set(), set()
    for node in ast.walk(ast.parse(PACKAGE.joinpath(*room.split(".")).with_suffix(".py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = room.split(".")[: -node.level]
            ours |= {".".join(folder + [name]) for name in ([node.module] if node.module else [alias.name for alias in node.names])}
        elif isinstance(node, ast.ImportFrom):
            others.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
    return ours, others


def test_every_room_is_in_the_list():
    found = [path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py") if path.stem != "__init__"]
    assert {".".join(path.parts) for path in found if path.parts[0] != "demo"} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_above_it(room):
    assert imports(room)[0] - {"__version__"} <= set(ROOMS[: ROOMS.index(room)])


@pytest.mark.parametrize("room", PURE)
def test_what_is_pure_imports_nothing_that_could_act(room):
    assert imports(room)[1] <= HARMLESS


def test_the_companion_depends_on_nothing_of_ours():
    assert imports("companion")[0] == set()

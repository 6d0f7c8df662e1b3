"""The packages and what they import, as an SVG; the arrows are read from the code.

An arrow is drawn for an import that no chain of other imports implies.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .stacks import IMAGES

PACKAGE = Path(__file__).resolve().parents[2] / "supervisor_zerg"
FILE = IMAGES / "packages.svg"

BOX_WIDTH = 350
BOX_HEIGHT = 44
ROW_HEIGHT = 66
COLUMN_WIDTH = 430
MARGIN = 12

FACADE = "#fde9c9"
PAIR = "#d5e8d4"
SYSTEM = "#dae8fc"
BASE = "#ececec"
ASIDE = "#ffffff"


class Box(NamedTuple):
    """Where a package is drawn. A package imports only from rows below its own."""

    row: int
    column: int
    colour: str
    text: str

    @property
    def left(self) -> float:
        return MARGIN + self.column * COLUMN_WIDTH

    @property
    def right(self) -> float:
        return self.left + BOX_WIDTH

    @property
    def centre(self) -> float:
        return self.left + BOX_WIDTH / 2

    @property
    def top(self) -> float:
        return MARGIN + self.row * ROW_HEIGHT

    @property
    def bottom(self) -> float:
        return self.top + BOX_HEIGHT


BOXES = {
    "rpcinterface": Box(0, 0, FACADE, "XML-RPC namespace, wires the parts"),
    "controllerplugin": Box(0, 1, FACADE, "entry point of supervisorctl"),
    "web": Box(1, 0, FACADE, "page, buttons, metrics"),
    "cli": Box(1, 1, FACADE, "zergctl, supervisorctl zerg"),
    "pair": Box(2, 0, PAIR, "controller of one pair, history, status"),
    "deploy": Box(3, 0, PAIR, "state machine and runner of a deploy"),
    "jobs": Box(4, 0, SYSTEM, "hooks and checks, in the listener"),
    "supervisord": Box(5, 0, SYSTEM, "loop, tasks, programs, events"),
    "uwsgi": Box(6, 0, SYSTEM, "one master: observe it, command it"),
    "lint": Box(6, 1, BASE, "rules of zerg check"),
    "linux": Box(7, 0, SYSTEM, "/proc, sockets, signals"),
    "config": Box(7, 1, BASE, "sections of supervisord's files"),
    "core": Box(8, 1, BASE, "model and planner: no I/O, no clock"),
    "demo": Box(8, 0, ASIDE, "the demo: nothing imports it"),
}


def imports() -> dict[str, set[str]]:
    """What each package imports of the others, as the code says."""
    found: dict[str, set[str]] = {name: set() for name in BOXES}
    for path in PACKAGE.rglob("*.py"):
        package = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if package in found:
            found[package] |= {name for name in _imported(path) if name in BOXES}
    return {package: names - {package} for package, names in found.items()}


def _imported(path: Path) -> Iterator[str]:
    """The packages that relative imports of a file name."""
    folder = path.parent.relative_to(PACKAGE).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = folder[: len(folder) - (node.level - 1)]
            module = (*base, *(node.module.split(".") if node.module else ()))
            yield from module[:1] or [alias.name for alias in node.names]


def needed(edges: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that no chain of other imports implies."""

    def reached(package: str) -> set[str]:
        return edges[package].union(*map(reached, edges[package]))

    return [
        (upper, lower)
        for upper in BOXES
        for lower in BOXES
        if lower in edges[upper]
        and not any(lower in reached(between) for between in edges[upper] - {lower})
    ]


def svg() -> str:
    width = 2 * MARGIN + COLUMN_WIDTH + BOX_WIDTH
    height = 2 * MARGIN + max(box.row for box in BOXES.values()) * ROW_HEIGHT + BOX_HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="Helvetica, Arial, sans-serif">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#555"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    lines += [_arrow(BOXES[upper], BOXES[lower]) for upper, lower in needed(imports())]
    lines += [_box(name, box) for name, box in BOXES.items()]
    return "\n".join([*lines, "</svg>", ""])


def _arrow(upper: Box, lower: Box) -> str:
    if upper.column == lower.column:
        x1, y1, x2, y2 = upper.centre, upper.bottom, lower.centre, lower.top
    elif upper.column < lower.column:
        x1, y1, x2, y2 = upper.right, upper.bottom - 12, lower.left, lower.top + 12
    else:
        x1, y1, x2, y2 = upper.left + 20, upper.bottom, lower.right, lower.top + 12
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"'
        ' stroke="#555" stroke-width="1.5" marker-end="url(#head)"/>'
    )


def _box(name: str, box: Box) -> str:
    dashed = ' stroke-dasharray="5 4"' if box.colour == ASIDE else ""
    return (
        f'<rect x="{box.left:g}" y="{box.top:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"'
        f' fill="{box.colour}" stroke="#555"{dashed}/>'
        f'<text x="{box.centre:g}" y="{box.top + 18:g}" text-anchor="middle" font-size="15"'
        f' font-weight="bold" fill="#222">{name}</text>'
        f'<text x="{box.centre:g}" y="{box.top + 35:g}" text-anchor="middle" font-size="12.5"'
        f' fill="#444">{box.text}</text>'
    )


def packages() -> None:
    """Each package in a box, above what it imports."""
    FILE.write_text(svg())

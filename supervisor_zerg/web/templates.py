"""The page's template, cut by meld3 once into texts with places.

To fill such a text costs a hundredth of what it costs to clone the elements.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import meld3

from .buttons import ACTIONS, PAIR, PROGRAM

STATIC = Path(__file__).with_name("static")
JS = "zerg.js"
CSS = "zerg.css"

Element = Any
"""An element of meld3."""


@functools.cache
def asset(name: str) -> bytes:
    """A file beside the template."""
    return (STATIC / name).read_bytes()


@functools.cache
def _document() -> Element:
    return meld3.parse_xml(str(STATIC / "zerg.html"))


def escape(text: str) -> str:
    """A text as it is written between tags and in attributes, in ASCII."""
    return html.escape(text).encode("ascii", "xmlcharrefreplace").decode()


def anchor(pair: str) -> str:
    """Where the pair is on the page."""
    return f"pair-{quote(pair.encode('utf-8', 'replace'), safe='')}"


def fill(name: str, values: Mapping[str, str]) -> str:
    """Fill the places of a template. Those whose name ends in ``_html`` are taken as they are."""
    escaped = {
        place: text if place.endswith("_html") else escape(text) for place, text in values.items()
    }
    return template(name).format_map(escaped)


@functools.cache
def template(name: str) -> str:
    """An element of the document as text, with places in braces."""
    element = _document().findmeld(name).clone()
    MARKERS.get(name, _mark_text)(element)
    return _written(element)


@functools.lru_cache(256)
def buttons(takes: str, offered: tuple[str, ...]) -> str:
    """The buttons of a pair or of a program, as a template; those not offered are hidden."""
    return "".join(
        _button(action.name, action.label, action.does, takes, action.name in offered)
        for action in ACTIONS
        if action.takes == takes
    )


def _button(name: str, label: str, title: str, takes: str, offered: bool) -> str:
    button = _document().findmeld(f"{takes}-button").clone()
    button.attributes(formaction=f"zerg/{name}", title=title, **{"data-action": name})
    if takes == PROGRAM:
        button.attributes(name=PROGRAM, value="{program}")
    if not offered:
        button.attributes(hidden="hidden")
    button.content(label)
    return _written(button)


def _written(element: Element) -> str:
    text: str = element.write_htmlstring(fragment=True).decode()
    return text


# where the places of each template are


def _mark(
    element: Element,
    texts: Iterable[str],
    parts: Iterable[tuple[str, str]] = (),
    **attributes: str,
) -> None:
    """Put places into an element.

    Args:
        texts: Elements whose content is a place of the same name.
        parts: (element, place that takes its place).
        attributes: Of the element itself, with ``_`` for ``-``.
    """
    for place in texts:
        element.findmeld(place).content(f"{{{place}}}")
    for name, place in parts:
        element.findmeld(name).replace(f"{{{place}}}")
    element.attributes(**{name.replace("_", "-"): value for name, value in attributes.items()})


def _mark_text(element: Element) -> None:
    element.content("{text}")


def _mark_page(element: Element) -> None:
    element.findmeld("base").attributes(href="{base}")
    parts = [("message", "message_html"), ("confirm", "confirm_html"), ("pairs", "pairs_html")]
    _mark(element, (), parts)


def _mark_confirm(element: Element) -> None:
    element.attributes(action="zerg/{action}")
    element.findmeld("sure-pair").attributes(value="{pair}")
    element.findmeld("sure-token").attributes(value="{token}")
    _mark(element, ("question", "sure-button"))


def _mark_pairs(element: Element) -> None:
    _mark(element, (), [("section", "sections_html")], data_edition="{edition}")


def _mark_section(element: Element) -> None:
    element.findmeld("token").attributes(value="{token}")
    element.findmeld("pair-field").attributes(value="{pair}")
    texts = (PAIR, "roles", "warm", "held", "auto", "pool", "busy")
    parts = [
        ("problem", "problems_html"),
        ("entry", "history_html"),
        ("pair-button", "buttons_html"),
        ("table", "table_html"),
    ]
    _mark(element, texts, parts, id="{anchor}", data_pair="{pair}")


def _mark_table(element: Element) -> None:
    _mark(element, (), [("instance", "instances_html")])


def _mark_instance(element: Element) -> None:
    texts = (
        "condition",
        PROGRAM,
        "slot",
        "state",
        "pid",
        "in_flight",
        "requests",
        "workers",
        "release",
        "since",
        "source",
    )
    parts = [("program-button", "buttons_html")]
    _mark(element, texts, parts, data_program="{program}", data_condition="{condition}")


MARKERS: Mapping[str, Callable[[Element], None]] = {
    "page": _mark_page,
    "confirm": _mark_confirm,
    "pairs": _mark_pairs,
    "section": _mark_section,
    "table": _mark_table,
    "instance": _mark_instance,
}

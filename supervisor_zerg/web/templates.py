"""The page's template, cut by meld3 into texts with places, once: to fill a text costs a hundredth of what it costs to clone elements."""

import functools
import html
from pathlib import Path
from urllib.parse import quote

import meld3

from .buttons import ACTIONS, PAIR, PROGRAM

UI = Path(__file__).with_name("static")
JS, CSS = "zerg.js", "zerg.css"


@functools.lru_cache(None)
def asset(name):
    """The bytes of a file beside the template."""
    return (UI / name).read_bytes()


@functools.lru_cache(None)
def template():
    """The template, read once."""
    return meld3.parse_xml(str(UI / "zerg.html"))


def exact(text):
    """A text as it is written between tags and in attributes, in ASCII."""
    return html.escape(text).encode("ascii", "xmlcharrefreplace").decode()


def anchor(pair):
    """Where the pair is on the page."""
    return f"pair-{quote(pair.encode('utf-8', 'replace'), safe='')}"


def fill(name, values):
    """:param values: texts of the places of a mould; those that end in ``_html`` are taken as they are."""
    return mould(name).format_map(
        {place: text if place.endswith("_html") else exact(text) for place, text in values.items()}
    )


@functools.lru_cache(None)
def mould(name):
    """An element of the template as text: in its braces are the places for what is within."""
    element = template().findmeld(name).clone()
    MARKS.get(name, lambda element: element.content("{text}"))(element)
    return element.write_htmlstring(fragment=True).decode()


@functools.lru_cache(256)
def buttons(takes, offered):
    """The buttons of a pair, or of a program of it, as a mould. :param offered: names of those that are shown."""
    written = []
    for action in ACTIONS:
        if action.takes == takes:
            button = template().findmeld(f"{takes}-button").clone()
            button.attributes(
                formaction=f"zerg/{action.name}", title=action.does, **{"data-action": action.name}
            )
            if takes == PROGRAM:
                button.attributes(name=PROGRAM, value="{program}")
            if action.name not in offered:
                button.attributes(hidden="hidden")
            button.content(action.label)
            written.append(button.write_htmlstring(fragment=True).decode())
    return "".join(written)


def _mark(element, texts, parts=(), **attributes):
    for place in texts:
        element.findmeld(place).content(f"{{{place}}}")
    for name, place in parts:
        element.findmeld(name).replace(f"{{{place}}}")
    element.attributes(**{name.replace("_", "-"): value for name, value in attributes.items()})


def _section(element):
    element.findmeld("token").attributes(value="{token}")
    element.findmeld("pair-field").attributes(value="{pair}")
    parts = (
        ("problem", "problems_html"),
        ("entry", "history_html"),
        ("pair-button", "buttons_html"),
        ("table", "table_html"),
    )
    _mark(
        element,
        (PAIR, "roles", "warm", "held", "auto", "pool", "busy"),
        parts,
        id="{anchor}",
        data_pair="{pair}",
    )


def _copy(element):
    texts = (
        "condition",
        "program",
        "slot",
        "state",
        "pid",
        "in_flight",
        "requests",
        "workers",
        "since",
        "source",
    )
    _mark(
        element,
        texts,
        [("program-button", "buttons_html")],
        data_program="{program}",
        data_condition="{condition}",
    )


def _confirm(element):
    element.attributes(action="zerg/{action}")
    element.findmeld("sure-pair").attributes(value="{pair}")
    element.findmeld("sure-token").attributes(value="{token}")
    _mark(element, ("question", "sure-button"))


def _page(element):
    element.findmeld("base").attributes(href="{base}")
    parts = (("message", "message_html"), ("confirm", "confirm_html"), ("pairs", "pairs_html"))
    _mark(element, (), parts)


MARKS = {
    "page": _page,
    "section": _section,
    "table": lambda element: _mark(element, (), [("instance", "copies_html")]),
    "instance": _copy,
    "confirm": _confirm,
    "pairs": lambda element: _mark(
        element, (), [("section", "sections_html")], data_edition="{edition}"
    ),
}

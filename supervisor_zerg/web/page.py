"""What the web page says: info structs, history entries and a moment -> bytes.

Every text is made here, once: it fills the template, and it goes into the JSON from which the
script of the page fills the same places later.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..core.text import capacity, format_busy, format_history, oddities, roles, since
from .buttons import PAIR, PROGRAM, PageAction, offered, offered_for
from .templates import anchor, buttons, escape, fill

HISTORY_LINES = 8  # entries shown of each pair

Struct = Mapping[str, Any]
Histories = Callable[[Struct], Sequence[Struct]]
"""Info struct of a pair -> its newest entries, oldest first."""


def texts(info: Struct, entries: Sequence[Struct], now: float) -> dict[str, Any]:
    """What is said about a pair: texts, and lists of texts, by place."""
    return {
        "pair": info["pair"],
        "roles": roles(info),
        "warm": _yes(info["warm"]),
        "held": _yes(info["held"]),
        "auto": "on" if info["auto"] else "off",
        "pool": info["pool"] or "-",
        "busy": format_busy(info["busy"]) if info["busy"] else "-",
        "problems": list(info["problems"]),
        "history": [_line(entry) for entry in reversed(entries)],
        "offered": offered(info),
        "instances": [
            {**_instance_texts(instance, now), "offered": offered_for(info, instance)}
            for instance in info["instances"]
        ],
    }


def _instance_texts(instance: Struct, now: float) -> dict[str, Any]:
    return {
        "program": instance["program"],
        "condition": instance["condition"],
        "slot": instance["slot"] or "-",
        "state": instance["statename"],
        "pid": str(instance["pid"] or "-"),
        "in_flight": str(instance["in_flight"]),
        "requests": str(int(instance["requests"])),
        "workers": capacity(instance["workers"], instance["threads"]),
        "since": ", ".join([since(instance["since"], now), *oddities(instance)]),
        "source": instance["source"] or "-",
        "release": instance.get("release") or instance.get("label") or "-",
    }


def _line(entry: Struct) -> str:
    try:
        return next(format_history([{**entry, "actions": ()}]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return "an entry that cannot be read"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def edition(infos: Sequence[Struct], generation: str) -> str:
    """Changes when an earlier page is out of date.

    That is: there are other pairs or programs, or another supervisord.
    """
    names = repr(
        [(info["pair"], [instance["program"] for instance in info["instances"]]) for info in infos]
    )
    return f"{generation}-{zlib.crc32(names.encode('utf-8', 'replace')):08x}"


def as_json(
    infos: Sequence[Struct], histories: Histories, now: float, generation: str
) -> Iterator[bytes | None]:
    """The JSON view: what is known of each pair, and what the page says about it.

    Yields None after each pair, and at the end the document.
    """
    pairs = []
    said = []
    past = []
    for info in infos:
        entries = histories(info)
        pairs.append(json.dumps(info))
        past.append(f"{json.dumps(info['pair'])}: {json.dumps(entries)}")
        said.append(json.dumps(texts(info, entries, now)))
        yield None
    members = (
        f'"edition": {json.dumps(edition(infos, generation))}',
        f'"now": {json.dumps(now)}',
        f'"pairs": [{", ".join(pairs)}]',
        f'"history": {{{", ".join(past)}}}',
        f'"texts": [{", ".join(said)}]',
    )
    document = f"{{{', '.join(members)}}}"
    yield document.replace("<", "\\u003c").encode()


def as_html(
    infos: Sequence[Struct], histories: Histories, now: float, generation: str, token: str
) -> Iterator[str | None]:
    """What the page shows of the pairs. ``token`` is what its forms send back.

    Yields None after each pair, and at the end the text.
    """
    sections = []
    for info in infos:
        sections.append(_section(texts(info, histories(info), now), token))
        yield None
    yield fill("pairs", {"edition": edition(infos, generation), "sections_html": "".join(sections)})


def as_page(pairs: str, message: str = "") -> bytes:
    """The page. ``pairs`` is what as_html yields, ``message`` what came of the last action."""
    message_html = fill("message", {"text": message}) if message else ""
    return _page(message_html=message_html, pairs_html=pairs)


def as_question(action: PageAction, fields: Mapping[str, str], token: str) -> bytes:
    """The page that asks before an action. ``fields`` are those of the form."""
    pair = fields.get(PAIR, "")
    values = {
        "action": action.name,
        "question": action.question % pair,
        "pair": pair,
        "token": token,
        "sure-button": action.label,
    }
    return _page(base="../", confirm_html=fill("confirm", values))


def as_notice(sentence: str, base: str) -> bytes:
    """A page that says one thing. ``base`` is the relative URL of the folder of the page."""
    return _page(base=base, message_html=fill("message", {"text": sentence}))


def _page(
    base: str = "./", message_html: str = "", confirm_html: str = "", pairs_html: str = ""
) -> bytes:
    values = {
        "base": base,
        "message_html": message_html,
        "confirm_html": confirm_html,
        "pairs_html": pairs_html,
    }
    return b"<!DOCTYPE html>\n" + fill("page", values).encode()


def _section(said: Struct, token: str) -> str:
    rows = "".join(_row(instance) for instance in said["instances"])
    return fill(
        "section",
        {
            **{place: text for place, text in said.items() if isinstance(text, str)},
            "token": token,
            "anchor": anchor(said["pair"]),
            "problems_html": "".join(fill("problem", {"text": text}) for text in said["problems"]),
            "history_html": "".join(fill("entry", {"text": text}) for text in said["history"]),
            "buttons_html": buttons(PAIR, tuple(said["offered"])),
            "table_html": fill("table", {"instances_html": rows}) if rows else "",
        },
    )


def _row(instance: Struct) -> str:
    template = buttons(PROGRAM, tuple(instance["offered"]))
    texts = {place: text for place, text in instance.items() if isinstance(text, str)}
    buttons_html = template.format_map({"program": escape(instance["program"])})
    return fill("instance", {**texts, "buttons_html": buttons_html})

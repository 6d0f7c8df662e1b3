"""What the web page says. Pure: info structs, history entries and a moment -> bytes.

Every text is worked out here, once: it fills the template, and it goes into the JSON from which the page's script fills the
same places later.
"""

import json
import zlib

from ..core.text import oddities, roles, since, capacity, format_history
from .buttons import PAIR, PROGRAM, offered, offered_for
from .templates import anchor, buttons, exact, fill

HISTORY_LINES = 8  # entries shown of each pair


def texts(info, entries, now):
    """What is said about a pair: text by place, and lists of such."""
    return {
        "pair": info["pair"],
        "roles": roles(info),
        "warm": _yes(info["warm"]),
        "held": _yes(info["held"]),
        "auto": "on" if info["auto"] else "off",
        "pool": info["pool"] or "-",
        "busy": info["busy"] or "-",
        "problems": list(info["problems"]),
        "history": [_line(entry) for entry in reversed(entries)],
        "offered": offered(info),
        "instances": [
            {**_copy_texts(instance, now), "offered": offered_for(info, instance)}
            for instance in info["instances"]
        ],
    }


def _copy_texts(instance, now):
    return {
        "program": instance["program"],
        "condition": instance["condition"],
        "slot": instance["slot"] or "-",
        "state": instance["statename"],
        "pid": str(instance["pid"] or "-"),
        "in_flight": str(instance["in_flight"]),
        "requests": "%d" % instance["requests"],
        "workers": capacity(instance["workers"], instance["threads"]),
        "since": ", ".join([since(instance["since"], now), *oddities(instance)]),
        "source": instance["source"] or "-",
    }


def _line(entry):
    try:
        return next(format_history([dict(entry, actions=())]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return "an entry that cannot be read"


def _yes(value):
    return "yes" if value else "no"


def edition(infos, generation):
    """Changes when a page that was made earlier does not do any more: other pairs or programs, or another supervisord."""
    names = repr(
        [(info["pair"], [instance["program"] for instance in info["instances"]]) for info in infos]
    )
    return f"{generation}-{zlib.crc32(names.encode('utf-8', 'replace')):08x}"


def as_json(infos, histories, now, generation):
    """The JSON view, one pair after the other: what is known of it, and what the page says about it. :param histories: entries by pair.

    :returns: a generator that yields None after each pair, and in the end the bytes.
    """
    pairs, told, past = [], [], []
    for info in infos:
        entries = histories(info)
        pairs.append(json.dumps(info))
        past.append(f"{json.dumps(info['pair'])}: {json.dumps(entries)}")
        told.append(json.dumps(texts(info, entries, now)))
        yield None
    parts = (
        json.dumps(edition(infos, generation)),
        json.dumps(now),
        ", ".join(pairs),
        ", ".join(past),
        ", ".join(told),
    )
    document = (
        '{{"edition": {}, "now": {}, "pairs": [{}], "history": {{{}}}, "texts": [{}]}}'.format(
            *parts
        )
    )
    yield document.replace("<", "\\u003c").encode()


def as_html(infos, histories, now, generation, token):
    """What the page shows of the pairs, one after the other. :param token: what the forms send back. :returns: as of as_json, a text"""
    sections = []
    for info in infos:
        sections.append(_section(texts(info, histories(info), now), token))
        yield None
    yield fill("pairs", {"edition": edition(infos, generation), "sections_html": "".join(sections)})


def as_page(pairs, message=""):
    """The page. :param pairs: of as_html. :param message: what came of the last action."""
    return _page(
        message_html=fill("message", {"text": message}) if message else "", pairs_html=pairs
    )


def as_question(action, values, token):
    """The page that asks before an action. :param values: the fields of the form that asked for it."""
    pair = values.get(PAIR, "")
    told = {
        "action": action.name,
        "question": action.asks % pair,
        "pair": pair,
        "token": token,
        "sure-button": action.label,
    }
    return _page(base="../", confirm_html=fill("confirm", told))


def as_notice(sentence, base):
    """A page that says one thing. :param base: the way to the folder of the page, as a relative URL."""
    return _page(base=base, message_html=fill("message", {"text": sentence}))


def _page(base="./", message_html="", confirm_html="", pairs_html=""):
    told = {
        "base": base,
        "message_html": message_html,
        "confirm_html": confirm_html,
        "pairs_html": pairs_html,
    }
    return b"<!DOCTYPE html>\n" + fill("page", told).encode()


def _section(told, token):
    rows = "".join(_row(instance) for instance in told["instances"])
    return fill(
        "section",
        {
            **{place: text for place, text in told.items() if isinstance(text, str)},
            "token": token,
            "anchor": anchor(told["pair"]),
            "problems_html": "".join(fill("problem", {"text": text}) for text in told["problems"]),
            "history_html": "".join(fill("entry", {"text": text}) for text in told["history"]),
            "buttons_html": buttons(PAIR, tuple(told["offered"])),
            "table_html": fill("table", {"copies_html": rows}) if rows else "",
        },
    )


def _row(instance):
    own = buttons(PROGRAM, tuple(instance["offered"])).format_map(
        {"program": exact(instance["program"])}
    )
    return fill(
        "instance",
        {
            **{place: text for place, text in instance.items() if isinstance(text, str)},
            "buttons_html": own,
        },
    )

"""What the web page says and offers. Pure: info structs, history entries and a moment -> bytes.

Every text is worked out here, once: it fills the template, and it goes into the JSON from which the page's script fills the
same places later.
"""

import functools
import html
import json
import zlib
from pathlib import Path
from typing import NamedTuple

import meld3

from .telling import oddities, roles, since, strength, tell_history

UI = Path(__file__).with_name("ui")
JS, CSS = "zerg.js", "zerg.css"
HISTORY_LINES = 8  # entries shown of each pair
PAIR, PROGRAM = "pair", "program"


class Action(NamedTuple):
    """A button. ``takes``: whether it is about a pair or about one of its programs; ``asks``: a question that must be answered first."""

    name: str
    label: str
    takes: str
    does: str
    asks: str = ""


#: Every button there is. What each does is said in web.py, under the same name.
ACTIONS = (
    Action("swap", "Swap", PAIR, "Let the other copy serve, park the one that serves"),
    Action(
        "deploy", "Deploy", PAIR, "Bring the code that is now on disk to users, and back if it is bad",
        "The copy of the pair %s that does not serve is restarted with the code that is now on disk, checked, promoted and watched. "
        "Deploy it?",
    ),
    Action("abort", "Abort", PAIR, "End the deploy that runs, on the old release"),
    Action("settle", "Settle", PAIR, "Look, and mend what is not as it should be"),
    Action(
        "hold", "Hold", PAIR, "Let nobody serve: requests wait until somebody resumes",
        "Then nobody of the pair %s serves: requests wait in the queue of the socket until somebody resumes, and what does not fit into "
        "the queue is turned away. Hold it?",
    ),
    Action("auto-on", "Auto on", PAIR, "React to events by itself"),
    Action("auto-off", "Auto off", PAIR, "Only do what a person asks"),
    Action("promote", "Promote", PROGRAM, "Make this copy the serving one"),
    Action("pause", "Pause", PROGRAM, "Pause this copy; the last one that accepts is not paused"),
    Action("resume", "Resume", PROGRAM, "Let this copy serve, and end a hold"),
)  # fmt: skip
BY_NAME = {action.name: action for action in ACTIONS}


def offered(info):
    """The names of the buttons of a pair that make sense now."""
    senseless = {"auto-on" if info["auto"] else "auto-off"} | ({"hold"} if info["held"] else set())
    senseless |= {"deploy"} if info["busy"].startswith("deploy") else {"abort"}
    return [action.name for action in ACTIONS if action.name not in senseless]


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
        "copies": [_copy_texts(copy, now) for copy in info["copies"]],
    }


def _copy_texts(copy, now):
    return {
        "program": copy["program"],
        "condition": copy["condition"],
        "slot": copy["slot"] or "-",
        "state": copy["statename"],
        "pid": str(copy["pid"] or "-"),
        "in_flight": str(copy["in_flight"]),
        "requests": "%d" % copy["requests"],
        "workers": strength(copy["workers"], copy["threads"]),
        "since": ", ".join([since(copy["since"], now), *oddities(copy)]),
        "witness": copy["witness"] or "-",
    }


def _line(entry):
    try:
        return next(tell_history([dict(entry, moves=())]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return "an entry that cannot be read"


def _yes(value):
    return "yes" if value else "no"


def edition(infos, generation):
    """Changes when a page that was made earlier does not do any more: other pairs or programs, or another supervisord."""
    names = repr([(info["pair"], [copy["program"] for copy in info["copies"]]) for info in infos])
    return "%s-%08x" % (generation, zlib.crc32(names.encode("utf-8", "replace")))


def as_json(infos, histories, now, generation):
    """The JSON view: what is known of every pair, and what the page says about it. :param histories: entries by pair."""
    told = [texts(info, histories[info["pair"]], now) for info in infos]
    document = {"edition": edition(infos, generation), "now": now, "pairs": infos, "history": histories, "texts": told}
    return json.dumps(document).replace("<", "\\u003c").encode()


def as_section(info, entries, now, token):
    """What the page shows of one pair: about a millisecond's work. :param token: what the form sends back."""
    section = template().findmeld("section").clone()
    _fill_section(section, texts(info, entries, now), token)
    return section.write_htmlstring(fragment=True)


def as_html(infos, sections, generation, message=""):
    """The page. :param sections: of each pair. :param message: what came of the last action."""
    page = Page(message)
    page.drop("confirm")
    page.find("pairs").attributes(**{"data-edition": edition(infos, generation)})
    page.find("section").replace(b"".join(sections).decode(), structure=True)
    return page.written()


def as_question(action, values, token):
    """The page that asks before an action. :param values: the fields of the form that asked for it."""
    page = Page("")
    page.drop("pairs")
    form = page.find("confirm")
    form.attributes(action="zerg/" + action.name)
    put(form, "question", action.asks % values.get(PAIR, ""))
    form.findmeld("sure-pair").attributes(value=exact(values.get(PAIR, "")))
    form.findmeld("sure-token").attributes(value=token)
    put(form, "sure-button", action.label)
    page.root.findmeld("base").attributes(href="../")
    return page.written()


def as_notice(sentence, base):
    """A page that says one thing. :param base: the way to the folder of the page, as a relative URL."""
    page = Page(sentence)
    page.drop("pairs")
    page.drop("confirm")
    page.find("base").attributes(href=base)
    return page.written()


class Page:
    """A copy of the template, to be filled."""

    def __init__(self, message):
        self.root = template().clone()
        put(self.root, "message", message)
        if not message:
            self.drop("message")

    def find(self, name):
        return self.root.findmeld(name)

    def drop(self, name):
        self.find(name).deparent()

    def written(self):
        return b"<!DOCTYPE html>\n" + self.root.write_htmlstring(fragment=True)


@functools.lru_cache(None)
def template():
    """The template, read once."""
    return meld3.parse_xml(str(UI / "zerg.html"))


@functools.lru_cache(None)
def asset(name):
    """The bytes of a file beside the template."""
    return (UI / name).read_bytes()


def exact(text):
    """A text as meld3 writes it unchanged: it leaves entities alone, and takes what else it escapes for Latin-1."""
    return html.escape(text).encode("ascii", "xmlcharrefreplace").decode()


def put(element, name, text):
    """Text at a place of the template."""
    element.findmeld(name).content(exact(text))


def _fill_section(section, told, token):
    section.attributes(**{"data-pair": exact(told["pair"])})
    section.findmeld("token").attributes(value=token)
    section.findmeld("pair-field").attributes(value=exact(told["pair"]))
    for place in (PAIR, "roles", "warm", "held", "auto", "pool", "busy"):
        put(section, place, told[place])
    _fill_list(section, "problem", told["problems"])
    _fill_list(section, "entry", told["history"])
    _fill_buttons(section, "pair-button", PAIR, told)
    _fill_copies(section, told)


def _fill_list(section, name, lines):
    item = section.findmeld(name)
    if not lines:
        item.deparent()
    for line, text in item.repeat(lines) if lines else ():
        line.content(exact(text))


def _fill_copies(section, told):
    row = section.findmeld("copy")
    if not told["copies"]:
        return row.deparent()
    for row, copy in row.repeat(told["copies"]):
        row.attributes(**{"data-program": exact(copy["program"]), "data-condition": exact(copy["condition"])})
        for place, text in copy.items():
            put(row, place, text)
        _fill_buttons(row, "copy-button", PROGRAM, told, copy["program"])


def _fill_buttons(element, name, takes, told, program=""):
    actions = [action for action in ACTIONS if action.takes == takes]
    for button, action in element.findmeld(name).repeat(actions):
        button.attributes(formaction="zerg/" + action.name, title=action.does, **{"data-action": action.name})
        if takes == PROGRAM:
            button.attributes(name=PROGRAM, value=exact(program))
        if action.name not in told["offered"]:
            button.attributes(hidden="hidden")
        button.content(action.label)

"""The page says what is, whatever the names are, and works without its script."""

import json
import re
import time
from html.parser import HTMLParser

import pytest

from supervisor_zerg.web import page, templates
from supervisor_zerg.web.buttons import ACTIONS, BY_NAME

NOW = 1_000_000.0
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;b&gt; &amp; &#60;",
    "</form></textarea><form action=//evil.example>",
    "日本<b>\u00e9&",
    "%s %(x)s {0} ${x}",
    "javascript:alert(1)",
    "\ud800<",
)


def a_copy(program="a", condition="parked", **values):
    return {
        "program": program,
        "pid": 7,
        "master": 7,
        "statename": "RUNNING",
        "slot": "sleeping",
        "condition": condition,
        "in_flight": 3,
        "workers": 2,
        "threads": 8,
        "accepting_threads": 0,
        "frozen": False,
        "requests": 12.0,
        "source": "kernel",
        "release": "",
        "responses": {},
        "since": NOW - 90,
        **values,
    }


def an_info(pair="web", **values):
    return {
        "pair": pair,
        "serving": "b",
        "parked": "a",
        "warm": True,
        "held": False,
        "auto": True,
        "retire": "park",
        "busy": {},
        "pool": "zergpool RUNNING",
        "problems": [],
        "instances": [a_copy("a"), a_copy("b", "serving", slot="running", accepting_threads=8)],
        **values,
    }


def an_entry(**values):
    entry = {
        "at": NOW,
        "pair": "web",
        "id": "1-1",
        "kind": "swap",
        "program": "",
        "by": "operator",
        "actions": ["x"],
        "took_ms": 2.0,
        "outcome": "done",
        "reason": "",
        "serving": "b",
        "failover": False,
    }
    return {**entry, **values}


class Reader(HTMLParser):
    """What a browser makes of the page: tags with their attributes, and all text."""

    def __init__(self, document):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(document.decode("utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag, **wanted):
        return [
            a for t, a in self.tags if t == tag and all(a.get(k) == v for k, v in wanted.items())
        ]


def shown(infos, histories=None, message=""):
    pairs = last(
        page.as_html(infos, lambda info: (histories or {}).get(info["pair"], []), NOW, "gen", "tok")
    )
    return Reader(page.as_page(pairs, message))


def last(steps):
    return [step for step in steps if step is not None][-1]


def view(infos, histories=None, generation="gen"):
    document = last(
        page.as_json(infos, lambda info: (histories or {}).get(info["pair"], []), NOW, generation)
    )
    assert b"<" not in document and document.isascii()
    return json.loads(document)


def shape(reader):
    return [tag for tag, _ in reader.tags]


def test_the_page_shows_who_serves_and_what_each_instance_is():
    reader = shown([an_info()], {"web": [an_entry()]})
    text = " ".join(" ".join(reader.texts).split())
    for words in (
        "b serves, a parked",
        "zergpool RUNNING",
        "serving",
        "sleeping",
        "running",
        "2x4",
        "1m 30s",
        "swap by operator: done",
    ):
        assert words in text, words


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_or_message_becomes_markup(name):
    info = an_info(
        name,
        serving=name,
        parked=name,
        pool=name,
        busy={"kind": name, "program": name, "id": name, "by": name, "since": 0.1},
        problems=[name],
        instances=[a_copy(name, name, slot=name, statename=name, source=name), a_copy("b")],
    )
    entry = an_entry(kind=name, reason=name, by=name, outcome=name, id=name, actions=[name])
    reader = shown([info], {name: [entry]}, name)
    plain = shown([an_info(problems=["x"])], {"web": [an_entry()]}, "x")
    assert shape(reader) == shape(plain)
    assert {key for _, attributes in reader.tags for key in attributes} == {
        key for _, attributes in plain.tags for key in attributes
    }
    seen = name.replace("\ud800", "\ufffd")
    assert reader.all("form", **{"class": "pair"})[0]["data-pair"] == seen
    assert reader.all("button", name="program")[0]["value"] == seen
    assert seen in reader.texts


@pytest.mark.parametrize("name", HOSTILE)
def test_the_json_is_exact_and_has_no_tag_in_it(name):
    read = view([an_info(name, problems=[name])], {name: [an_entry(by=name)]})
    assert (
        read["history"][name][0]["by"] == name
        and read["pairs"][0]["pair"] == read["texts"][0]["pair"] == name
        and read["pairs"][0]["problems"] == [name]
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_the_question_asks_for_exactly_this_pair(name):
    reader = Reader(page.as_question(BY_NAME["hold"], {"pair": name}, "tok"))
    fields = {a["name"]: a["value"] for a in reader.all("input")}
    assert fields == {"token": "tok", "pair": name.replace("\ud800", "\ufffd"), "sure": "yes"}
    assert (
        reader.all("form")[0]["action"] == "zerg/hold" and reader.all("form")[0]["method"] == "post"
    )
    assert not reader.all("script", src=None)


def test_no_inline_script_or_style_is_needed():
    reader = shown([an_info(problems=["x"])], {"web": [an_entry()]}, "m")
    assert all("src" in a for a in reader.all("script"))
    assert not reader.all("style")
    assert not [
        k for _, attributes in reader.tags for k in attributes if k == "style" or k.startswith("on")
    ]


def test_without_a_script_every_action_is_a_form_with_the_token():
    reader = shown([an_info(), an_info("other")])
    forms = reader.all("form")
    assert len(forms) == 2 and all(f["method"] == "post" for f in forms)
    assert [a["value"] for a in reader.all("input", name="token")] == ["tok", "tok"]
    assert [a["value"] for a in reader.all("input", name="pair")] == ["web", "other"]
    targets = {b["formaction"] for b in reader.all("button")}
    assert targets == {f"zerg/{action.name}" for action in ACTIONS}
    assert {b["value"] for b in reader.all("button", formaction="zerg/promote")} == {"a", "b"}


def offered(info):
    """(buttons of the pair, and of each program) that are shown. The script is told the same."""
    seen = {"": set(), **{instance["program"]: set() for instance in info["instances"]}}
    for button in shown([info]).all("button"):
        if "hidden" not in button:
            seen[button.get("value", "")].add(button["data-action"])
    (told,) = view([info])["texts"]
    assert seen == {
        "": set(told["offered"]),
        **{instance["program"]: set(instance["offered"]) for instance in told["instances"]},
    }
    return tuple(seen.values())


USUAL = {"swap", "deploy", "reconcile", "hold", "auto-off"}


def test_what_would_be_refused_is_not_offered():
    action, absent = {"promote", "resume"}, a_copy("a", "stopped", statename="ABSENT", slot="")
    assert offered(an_info()) == (USUAL, action, set())
    assert offered(an_info(auto=False)) == (USUAL - {"auto-off"} | {"auto-on"}, action, set())
    held = an_info(held=True, serving="", instances=[a_copy("a"), a_copy("b")])
    assert offered(held) == (USUAL - {"swap", "hold"}, action, action)
    assert offered(an_info(busy={"kind": "deploy", "program": "pybossa", "id": "1"})) == (
        {"abort", "auto-off"},
        set(),
        set(),
    )
    assert offered(an_info(instances=[absent, a_copy("b", "serving")])) == (
        USUAL - {"swap", "deploy"},
        set(),
        set(),
    )
    assert offered(an_info(instances=[a_copy("a", "booting"), a_copy("b", "serving")])) == (
        USUAL - {"swap"},
        set(),
        set(),
    )
    both = an_info(instances=[a_copy("a", "serving"), a_copy("b", "serving")])
    assert offered(both) == (USUAL, action | {"pause"}, action | {"pause"})


def test_a_misconfigured_pair_offers_nothing_and_has_no_table():
    info = an_info(instances=[], serving="", problems=["x"])
    assert offered(info) == (set(),) and not shown([info]).all("table")


@pytest.mark.parametrize("pairs, most_ms", [(1, 5), (100, 50)])
def test_a_view_costs_little_in_short_steps(pairs, most_ms):
    infos = [an_info(f"p{number}", problems=["x"]) for number in range(pairs)]
    for tell in (page.as_html, page.as_json):
        options = ("tok",) if tell is page.as_html else ()
        times = []
        for _ in range(3):
            began = [time.thread_time()]
            for _step in tell(
                infos, lambda info: [an_entry()] * page.HISTORY_LINES, NOW, "gen", *options
            ):
                began.append(time.thread_time())
            times.append(
                (
                    began[-1] - began[0],
                    max(after - before for before, after in zip(began, began[1:])),
                )
            )
        whole, longest = min(times)
        print(
            f"{tell.__name__}, {pairs} pairs: {whole * 1000:.2f} ms, "
            f"the longest step {longest * 1000:.2f} ms"
        )
        assert whole * 1000 < most_ms and longest * 1000 < 5


def test_a_pair_without_instances_or_history_is_shown_with_its_problem():
    reader = shown([an_info(instances=[], serving="", parked="", problems=["[zerg:web] is wrong"])])
    assert "[zerg:web] is wrong" in reader.texts
    assert not reader.all("button", name="program")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"at": "x"},
        {"at": 1e300, "id": 1, "kind": 2, "by": 3, "outcome": 4},
        an_entry(took_ms="x"),
    ],
)
def test_an_entry_that_cannot_be_read_costs_only_itself(entry):
    reader = shown([an_info()], {"web": [entry, an_entry()]})
    assert any("swap by operator: done" in text for text in reader.texts)


def test_the_script_fills_the_places_that_there_are():
    told = page.texts(an_info(), [an_entry()], NOW)
    places = set(re.findall(rb'data-text="(\w+)"', templates.asset("zerg.html")))
    assert set(told["instances"][0]) - {"offered"} == {place.decode() for place in places} - set(
        told
    )
    known = {name.encode() for name in told} | {name.encode() for name in told["instances"][0]}
    assert places <= known
    script = templates.asset(templates.JS).decode()
    assert "innerHTML" not in script and "eval" not in script and "document.write" not in script


def test_a_page_knows_when_it_does_not_do_any_more():
    def edition(infos, generation="gen"):
        told = view(infos, generation=generation)["edition"]
        assert shown(infos).all("div", id="pairs")[0]["data-edition"] == told or generation != "gen"
        return told

    usual = edition([an_info()])
    assert usual == edition([an_info(serving="a", problems=["x"])])
    assert (
        len(
            {
                usual,
                edition([an_info()], "new"),
                edition([an_info("w")]),
                edition([an_info(instances=[a_copy("c")])]),
            }
        )
        == 4
    )


def test_a_notice_is_only_text():
    reader = Reader(page.as_notice("<b>no", "../"))
    assert (
        "<b>no" in reader.texts
        and not reader.all("form")
        and reader.all("base")[0]["href"] == "../"
    )

"""The terminal sessions of README and docs are run, and the structs of the docs compared."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import DOCS, NAMES, TOP, WITH_SESSIONS, session

WILD = TOP / "tests" / "unit" / "lint" / "wild"
NUMBERS = re.compile(r"[0-9a-f]{8}-\d+|\d[\d:.-]*")
OPTIONAL = {"reply": {"pending"}, "history entry": {"label", "killed_requests", "release"}}


def shape(line):
    """A line without its numbers and column widths."""
    return re.sub(r" +", " ", NUMBERS.sub("N", line)).strip()


def where_the_wild_configurations_are(words):
    """Run a command that needs no stack."""
    command = [Path(sys.executable).with_name(words[0]), *words[1:]]
    return subprocess.run(command, cwd=WILD, capture_output=True, text=True, timeout=60)


@pytest.fixture
def both_run(make_stack):
    """pybossabak serves, pybossa is parked, and Supervisor calls every program RUNNING."""
    stack = make_stack("managed")
    stack.warm_up()
    stack.until(lambda: stack.info()["pool"] == "zergpool RUNNING")
    stack.until(lambda: all(i["statename"] == "RUNNING" for i in stack.info()["instances"]))
    return stack


def assert_printed_in_order(shown, printed):
    """Each shown line begins a printed one up to its '...', in the same order."""
    rest = iter(printed)
    for line in shown:
        head = shape(line.partition("...")[0])
        assert any(candidate.startswith(head) for candidate in rest), (line, printed)


def test_there_are_sessions_to_run():
    assert sum(len(session(page)) for page in WITH_SESSIONS) >= 8


@pytest.mark.parametrize("page", WITH_SESSIONS, ids=[NAMES[page] for page in WITH_SESSIONS])
def test_what_a_page_shows_is_what_is_printed(page, request):
    commands = session(page)
    on_a_stack = any(command.words[0] == "supervisorctl" for command in commands)
    stack = request.getfixturevalue("both_run") if on_a_stack else None
    for words, shown in commands:
        if words[0] == "supervisorctl":
            result = stack.ctl(*words[1:])
        else:
            result = where_the_wild_configurations_are(words)
        assert result.returncode == (1 if "check" in words else 0), (words, result)
        lines = result.stdout.replace(f"{WILD}/", "").splitlines()
        assert_printed_in_order(shown, [shape(line) for line in lines])
        if stack:
            stack.until(lambda: stack.info()["warm"])


# structs


def described():
    """The keys of each struct in docs/api.rst."""
    text = (DOCS / "api.rst").read_text().partition("\nStructs\n")[2].partition(".. _faults:")[0]
    parts = re.split(r"(?m)^(?=\S[a-z ]*\n {4}\S)", text)[1:]
    return {part.splitlines()[0]: set(re.findall(r"(?m)^ {4}``(\w+)`` ", part)) for part in parts}


def assert_has_the_keys_of(name, struct):
    keys = described()[name]
    assert keys - OPTIONAL.get(name, set()) <= set(struct) <= keys, name


def test_the_structs_have_the_keys_that_the_docs_describe(both_run):
    assert len(described()) == 6
    pair = both_run.info()
    assert_has_the_keys_of("pair", pair)
    for instance in pair["instances"]:
        assert_has_the_keys_of("instance", instance)
    assert_has_the_keys_of("reply", both_run.zerg.swap(""))
    assert_has_the_keys_of("reply", both_run.zerg.swap("", False))
    both_run.until(lambda: not both_run.info()["busy"])
    assert_has_the_keys_of("deploy", both_run.zerg.deploy("", {"bake": 0, "label": "2"}))
    for entry in both_run.zerg.getHistory("", 200):
        assert_has_the_keys_of("history entry", entry)


def test_a_release_has_the_keys_that_the_docs_describe(make_stack):
    stack = make_stack("managed", releases=True)
    stack.until_roles("pybossa", "")
    assert_has_the_keys_of("pair", stack.info())
    found = stack.zerg.getReleases("")
    assert [release["release"] for release in found] == ["v1"]
    assert_has_the_keys_of("release", found[0])

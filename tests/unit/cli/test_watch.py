"""What ``zerg watch`` shows."""

import io

import pytest

from supervisor_zerg.cli import watch

from ..structs import NOW


def info(requests, **changes):
    instances = [
        {
            "program": p,
            "pid": pid,
            "condition": c,
            "slot": s,
            "in_flight": 1,
            "workers": 2,
            "since": NOW - 61,
            "label": "",
            "release": "",
            "requests": r,
        }
        for p, pid, c, s, r in (
            ("a", 10, "serving", "running", requests),
            ("b[red]", 20, "parked", "sleeping", 0.0),
        )
    ]
    return {
        "pair": "web",
        "warm": True,
        "busy": {},
        "problems": [],
        "instances": instances,
        **changes,
    }


def test_requests_a_second_are_counted_between_two_observations_of_one_process():
    rates = watch.Rates()
    assert rates.update([info(100.0)], 1.0) == {("web", "a"): None, ("web", "b[red]"): None}
    assert rates.update([info(150.0)], 1.5)[("web", "a")] == 100.0
    restarted = info(3.0)
    restarted["instances"][0]["pid"] = 11
    assert rates.update([restarted], 2.0)[("web", "a")] is None


def test_plain_lines_where_there_is_no_terminal():
    stream = io.StringIO()
    watch.watch(
        lambda: info(
            1.0, problems=[("no warm instance")], busy={"kind": "deploy", "program": "b", "id": "1"}
        ),
        stream,
        interval=0,
        count=2,
    )
    shown = stream.getvalue().splitlines()
    assert (
        len(shown) == 4
        and shown[0].endswith("web: a serving, b[red] parked, warm, deploy b (id 1)")
        and "problem: no warm instance" in shown[1]
    )


def test_a_table_on_a_terminal_in_which_names_are_no_markup():
    rich = pytest.importorskip(
        "rich.console", reason="rich is not installed: pip install -e .[test]"
    )
    stream = io.StringIO()
    rich.Console(file=stream, width=120).print(
        watch.render([info(1.0, problems=["[b]x"])], {("web", "a"): 12.34}, NOW)
    )
    assert (
        "12.3" in stream.getvalue()
        and "b[red]" in stream.getvalue()
        and "[b]x" in stream.getvalue()
        and "1m 1s" in stream.getvalue()
    )


def test_a_table_is_shown_and_taken_away():
    pytest.importorskip("rich", reason="rich is not installed: pip install -e .[test]")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    watch.watch(lambda: [info(1.0)], stream, interval=0, count=2)
    assert "web" in stream.getvalue() and stream.getvalue().endswith("\x1b[?25h"), (
        "the cursor is shown again"
    )

"""Structs as lines of text for an operator."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_zerg.core import text

from ..structs import NOW, a_deploy, a_pair, a_reply, an_entry, an_instance


def test_status_and_history_show_the_label():
    info = a_pair(instances=[an_instance("a", "serving", label="v2"), an_instance("b", label="")])
    assert ["  label v2" in line for line in text.format_status(info, NOW)] == [False, True, False]
    entry = {
        "at": NOW,
        "id": "x-1",
        "kind": "deploy",
        "program": "b",
        "label": "v2",
        "by": "operator",
        "outcome": "deployed",
        "reason": "",
        "actions": [],
        "took_ms": 1.0,
    }
    (line,) = text.format_history([entry])
    assert "deploy b v2 by operator: deployed" in line


def test_status_tells_one_fact_a_line():
    info = a_pair(
        problems=["the pool is EXITED"],
        busy={"kind": "swap", "program": "b", "id": "x-2", "by": "operator", "since": 0.1},
    )
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW - 3661))
    assert list(text.format_status([info], NOW)) == [
        "web: a serves, b parked, warm yes, auto on, held no, pool zergpool RUNNING,"
        " busy with swap b (id x-2)",
        "  a  serving  running   RUNNING  pid 7  in flight 0  workers 2x4  requests 12"
        f"  since {local} (1h 1m)  source kernel, stats",
        "  b  parked   sleeping  RUNNING  pid 7  in flight 0  workers 2x4  requests 12"
        f"  since {local} (1h 1m)  source kernel, stats",
        "  problem: the pool is EXITED",
    ]


def test_status_of_an_instance_that_does_not_run_keeps_its_columns():
    stopped = an_instance(
        "b",
        "stopped",
        slot="",
        pid=0,
        workers=0,
        threads=0,
        requests=0.0,
        since=0.0,
        source="",
        statename="STOPPED",
    )
    line = list(text.format_status(a_pair(instances=[stopped]), NOW))[1]
    assert (
        line
        == "  b  stopped  -  STOPPED  pid -  in flight 0  workers 0  requests 0  since -  source -"
    )


def test_status_says_when_threads_do_not_accept_yet_or_the_instance_is_frozen():
    uneven = an_instance("c", "serving", workers=3, accepting_threads=8)
    instances = [
        an_instance("a", "serving", accepting_threads=2),
        an_instance("b", frozen=True),
        uneven,
    ]
    serving, parked, uneven = list(text.format_status(a_pair(instances=instances), NOW))[1:]
    assert serving.endswith("  only 2 of 8 threads accept yet")
    assert parked.endswith("  frozen")
    assert "workers 3 (8 threads)" in uneven


def test_status_of_a_misconfigured_pair_is_line():
    info = a_pair(
        serving="",
        parked="",
        instances=[],
        pool="",
        auto=False,
        warm=False,
        problems=["[zerg:web] fifos must be three"],
    )
    assert list(text.format_status(info, NOW)) == [
        "web: nobody serves, nobody parked, warm no, auto off, held no, pool -",
        "  problem: [zerg:web] fifos must be three",
    ]


@pytest.mark.parametrize(
    "seconds, line",
    [
        (-5, "0s"),
        (0.4, "0s"),
        (59.9, "59s"),
        (60, "1m 0s"),
        (3600, "1h 0m"),
        (86399, "23h 59m"),
        (864000, "10d 0h"),
        (3605, "1h 0m"),
    ],
)
def test_age_is_written_in_its_two_largest_units(seconds, line):
    assert text.age(seconds) == line


@pytest.mark.parametrize(
    "reply, line",
    [
        ({}, "web: b serves, a parked (4.2 ms)"),
        ({"changed": False}, "web: nothing to do, b serves, a parked (4.2 ms)"),
        ({"draining": 3}, "web: b serves, a parked, draining 3 (4.2 ms)"),
        ({"parked": ""}, "web: b serves, nobody parked (4.2 ms)"),
        (
            {"serving": "", "held": True},
            "web: nobody serves, a parked, held by an operator: requests wait until"
            " 'zerg resume PROGRAM' (4.2 ms)",
        ),
    ],
)
def test_an_operation_is_one_line(reply, line):
    assert list(text.format_operation(a_reply(**reply))) == [line]


@pytest.mark.parametrize(
    "entry, line",
    [
        ({}, "swap b by operator: done"),
        (
            {"outcome": "refused", "reason": "b boots"},
            "swap b by operator: refused, b boots",
        ),
        (
            {"kind": "reconcile", "program": "", "by": "b became ready", "outcome": "reconciled"},
            "reconciled: b became ready",
        ),
        (
            {"kind": "reconcile", "by": "b is EXITED", "outcome": "waiting", "reason": "b boots"},
            "waiting: b is EXITED, b boots",
        ),
        ({"kind": "reconcile", "program": ""}, "reconcile by operator: done"),
        (
            {"kind": "auto", "program": "", "reason": "switched on"},
            "auto by operator: done, switched on",
        ),
    ],
)
def test_an_entry_of_the_history_is_one_line(entry, line):
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW))
    assert list(text.format_history([an_entry(**entry)])) == [f"{local} x-1 {line}, took 2.4 ms"]


def test_history_tells_the_actions_of_an_entry_below_it():
    actions = ["+0.5ms resume b to running", "+1.5ms pause a to sleeping"]
    lines = list(text.format_history([an_entry(actions=actions)]))
    assert lines[1:] == ["  +0.5ms resume b to running", "  +1.5ms pause a to sleeping"]


@given(st.text())
def test_output_is_ascii_and_one_line_whatever_a_message_contains(message):
    line = text.plain(message)
    assert line.isascii() and line.isprintable()
    assert line == message or not (message.isascii() and message.isprintable())


@pytest.mark.parametrize(
    "reply, line",
    [
        ({}, "web: deploying, a serves"),
        ({"outcome": "deployed", "label": "v2"}, "web: deployed v2 in 1.0 s, a serves"),
        (
            {"outcome": "rolled back", "reason": "it crashed", "serving": "", "killed_requests": 2},
            "web: rolled back in 1.0 s, nobody serves, 2 requests were killed: it crashed",
        ),
    ],
)
def test_a_deploy_is_one_line(reply, line):
    assert list(text.format_deploy(a_deploy(**reply))) == [line]


def test_a_dry_run_is_its_numbered_steps():
    reply = a_deploy(outcome="dry run", steps=["stop b", "start b"])
    assert list(text.format_deploy(reply)) == ["1. stop b", "2. start b"]


def test_progress_is_what_a_deploy_waits_for():
    assert text.format_progress(a_deploy()) == "web: b boots, 1.0 s"


def test_auto_says_whether_it_was_so_already():
    reply = {"pair": "web", "changed": False, "auto": True}
    assert list(text.format_auto(reply)) == ["web: nothing to do, auto on"]


@pytest.mark.parametrize(
    "kind, outcome, line",
    [
        ("rollback", "", "web: rolling back to v1, a serves"),
        ("rollback", "done", "web: rolled back to v1 in 1.0 s, a serves"),
        ("rollback", "failed", "web: failed while rolling back to v1 in 1.0 s, a serves"),
        ("restart", "", "web: restarting v1, a serves"),
        ("restart", "done", "web: restarted v1 in 1.0 s, a serves"),
        ("restart", "failed", "web: failed while restarting v1 in 1.0 s, a serves"),
    ],
)
def test_the_line_of_a_deploy_says_of_what_kind_it_is(kind, outcome, line):
    reply = a_deploy(kind=kind, outcome=outcome, release="v1")
    assert list(text.format_deploy(reply)) == [line]


def test_the_line_of_a_deploy_of_what_serves_says_that_nothing_was_done():
    reply = a_deploy(outcome="deployed", release="v1", changed=False)
    assert list(text.format_deploy(reply)) == ["web: nothing to do, a serves v1"]


def test_each_release_is_one_line():
    release = {
        "release": "v2",
        "state": "good",
        "instances": ["a"],
        "serving": True,
        "at": NOW - 60,
        "by": "operator",
        "reason": "",
    }
    unused = {**release, "release": "v10", "state": "bad", "instances": [], "serving": False}
    unused.update({"at": 0.0, "reason": "b ended"})
    first, second = text.format_releases([release, unused], NOW)
    assert first.startswith("*  v2   good  in a (serves)  ")
    assert first.endswith("(1m 0s) by operator")
    assert second.split() == ["v10", "bad", "-", "-", "b", "ended"]


def test_a_cheap_instance_and_killed_requests_are_named():
    assert "cheap" in next(text.oddities(an_instance("a", "parked", cheap=True)))
    (line,) = text.format_history([an_entry(killed_requests=2, actions=[])])
    assert line.endswith("2 requests were killed")

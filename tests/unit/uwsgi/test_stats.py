"""The stats of uWSGI."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg.uwsgi.stats import InvalidStats, parse


def worker(pid, status="idle", accepting=1, in_request=(0,)):
    threads = [{"id": n, "in_request": busy} for n, busy in enumerate(in_request)]
    return {
        "id": 1,
        "pid": pid,
        "accepting": accepting,
        "requests": 5,
        "exceptions": 0,
        "harakiri_count": 0,
        "respawn_count": 1,
        "status": status,
        "cores": threads,
    }


def stats(*workers):
    return json.dumps({"version": "2.0.30", "pid": 9, "workers": list(workers)}).encode()


def test_workers_that_are_not_busy_show_the_pause_flag():
    assert parse(stats(worker(1), worker(2, "busy", in_request=(1,)))).paused is False
    assert parse(stats(worker(1, "pause"), worker(2, "busy", in_request=(1,)))).paused is True
    assert parse(stats(worker(1, "busy", in_request=(1,)))).paused is None
    assert parse(stats(worker(1, "pause"), worker(2, "idle"))).paused is None


def test_a_worker_without_a_process_is_missing_unless_it_is_cheap():
    rows = [worker(11, "idle"), worker(0, "idle"), worker(0, "cheap")]
    snapshot = parse(stats(*rows))
    assert snapshot.missing == 1 and [row.pid for row in snapshot.workers] == [11]


def test_cores_are_counted_and_cheap_workers_left_out():
    snapshot = parse(stats(worker(1, "busy", in_request=(1, 0, 1, 0)), worker(0, "cheap")))
    (row,) = snapshot.workers
    assert (row.threads, row.busy, snapshot.cheap, snapshot.requests) == (4, 2, True, 10)


def test_without_cores_a_busy_worker_is_one_request():
    (row,) = parse(stats(worker(1, "busy", in_request=()))).workers
    assert (row.threads, row.busy) == (0, 1)


LEAVES = st.none() | st.booleans() | st.integers() | st.text()
JSON = st.recursive(LEAVES, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8)
FIELDS = (
    "pid",
    "accepting",
    "status",
    "requests",
    "exceptions",
    "harakiri_count",
    "respawn_count",
    "cores",
    "in_request",
)
ROWS = st.dictionaries(st.sampled_from(FIELDS), JSON)
DOCUMENTS = (
    st.fixed_dictionaries({"version": JSON, "pid": JSON, "workers": st.lists(ROWS) | JSON}) | JSON
)


@given(st.binary() | DOCUMENTS.map(lambda d: json.dumps(d).encode()))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_invalid_stats_are_refused_as_such_and_nothing_else(text):
    try:
        parse(text)
    except InvalidStats as error:
        assert "not a uWSGI stats document" in str(error)


def counted(**values):
    metrics = {f"zerg_{name}": {"type": 0, "oid": "", "value": n} for name, n in values.items()}
    return json.dumps({**json.loads(stats(worker(11))), "metrics": metrics}).encode()


def test_h74_responses_are_counted_where_uwsgi_does():
    answered = {"3xx": 1, "4xx": 2, "5xx": 3}
    assert parse(counted(**answered)).responses == answered
    assert parse(stats(worker(11))).responses is None
    assert parse(counted(**{"3xx": 1})).responses is None


def test_responses_that_are_no_numbers_are_no_stats():
    for nonsense in (-1, 1.5, "7", None, True):
        with pytest.raises(InvalidStats):
            parse(counted(**{"3xx": 1, "4xx": 2, "5xx": nonsense}))

"""What an instance may answer in place of its stats: refused with a reason, and never slow."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg.linux.pieces import PIECE_S, Pacer, at_once
from supervisor_zerg.uwsgi.json_pieces import InvalidJson, JsonReader
from supervisor_zerg.uwsgi.stats import (
    COUNT_LIMIT,
    PID_LIMIT,
    ROWS_LIMIT,
    STATS_LIMIT_BYTES,
    InvalidStats,
    parse,
    read,
)

ROW = {
    "id": 1,
    "pid": 11,
    "accepting": 1,
    "requests": 5,
    "exceptions": 0,
    "harakiri_count": 0,
    "respawn_count": 1,
    "status": "idle",
    "cores": [{"id": 0, "in_request": 0, "vars": []}],
}


def document(*rows, **members):
    return json.dumps({"version": "2.0.30", "pid": 9, "workers": list(rows), **members}).encode()


def row(**members):
    return document({**ROW, **members})


REFUSED = [
    (row(requests="HUGE").replace(b'"HUGE"', b"1" + b"0" * 400), "requests is out of range"),
    (row(requests="INF").replace(b'"INF"', b"Infinity"), "Infinity is no JSON"),
    (row(requests="NAN").replace(b'"NAN"', b"NaN"), "NaN is no JSON"),
    (row(requests=5.5), "requests is no integer"),
    (row(requests=1e300), "requests is no integer"),
    (row(requests=True), "requests is no integer"),
    (row(requests=-1), "requests is out of range"),
    (row(requests=None), "requests is no integer"),
    (row(pid="HUGE").replace(b'"HUGE"', b"1" + b"0" * 30), "pid is out of range"),
    (row(pid=PID_LIMIT + 1), "pid is out of range"),
    (row(pid=-1), "pid is out of range"),
    (row(pid=True), "pid is no integer"),
    (row(pid=11.5), "pid is no integer"),
    (row(pid="11"), "pid is no integer"),
    (row(status="sleepy"), "status of a worker is unknown"),
    (row(status=7), "status of a worker is unknown"),
    (row(accepting=2), "accepting is out of range"),
    (row(cores=7), "cores is no list"),
    (row(cores=[7]), "a core is no object"),
    (row(cores=[{"in_request": "yes"}]), "in_request is no integer"),
    (document(ROW, pid=True), "pid is no integer"),
    (document(ROW, pid=9.5), "pid is no integer"),
    (document(ROW, pid="x.5"), "pid is no integer"),
    (document(ROW, version=2), "version is no short text"),
    (document(ROW, version="x" * 1000), "version is no short text"),
    (document(ROW, ROW), "two workers have one pid"),
    (document(7), "a worker is no object"),
    (document(workers={}), "workers is no list"),
    (document(*({**ROW, "pid": n + 1} for n in range(ROWS_LIMIT + 1))), "more than 512 workers"),
    (b"[" * 100_000, "deeper than 16"),
    (b'{"a":' * 100_000, "deeper than 16"),
    (b"[]", "no object"),
    (b"", "Expecting value"),
    (b"\xff\xfe", "Expecting value"),
    (b"[" * 30_000, "recursion"),
    (b" " * (STATS_LIMIT_BYTES + 1), "more than 2097152 bytes"),
]


@pytest.mark.parametrize("data, reason", REFUSED, ids=[reason for _, reason in REFUSED])
def test_nonsense_is_refused_with_its_reason(data, reason):
    with pytest.raises(InvalidStats, match=reason) as refusal:
        parse(data)
    assert str(refusal.value).startswith("not a uWSGI stats document (")


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "no JSON at byte 0"),
        (b"{} {}", "more than one document"),
        (b"{,}", "unexpected value"),
        (b'{"a":1,}', "unexpected value"),
        (b'{"a" 1}', "unexpected value"),
        (b'{"a":Infinity}', "no JSON at byte 5"),
        (b"\xff\xfe", "no JSON at byte 0"),
        (b"1" + b"0" * 400, "401 digits"),
        (b"[" * 20, "deeper than 16"),
    ],
)
def test_a_large_document_is_refused_in_the_same_way(data, reason):
    with pytest.raises(InvalidJson, match=reason):
        at_once(JsonReader(data, set(), Pacer()).read())


def test_counts_stop_at_what_xml_rpc_can_carry():
    many = [{**ROW, "pid": n + 1, "requests": 2**64 - 1} for n in range(3)]
    snapshot = parse(document(*many))
    assert snapshot.requests == COUNT_LIMIT == snapshot.workers[0].requests


#: Of processor time. Measured: under 5 ms; a slow machine, or one that traces, needs longer.
HELD_S = 0.02
MEGABYTE = 1 << 20
SMALL = 32_000
EXPENSIVE = {
    "small flat lists": b'{"version":"2","pid":9,"workers":[' + b"[]," * (SMALL // 3) + b"[]]}",
    "small nesting": b"[[]," * (SMALL // 4),
    "a small string": b'{"x":"' + b"\\u0041" * (SMALL // 6) + b'"}',
    "a small number": b'{"pid":' + b"9" * SMALL + b"}",
    "20,000 rows": document(*({**ROW, "pid": n + 1} for n in range(20_000)))[:STATS_LIMIT_BYTES],
    "flat lists": b'{"version":"2","pid":9,"workers":[' + b"[]," * (MEGABYTE // 2) + b"[]]}",
    "ignored lists": b'{"x":[' + b"[]," * (MEGABYTE // 2) + b"[]]}",
    "members again and again": b'{"a":1' + b',"workers":[{}]' * 130_000 + b"}",
    "nesting": b"[" * (2 * MEGABYTE),
    "a long string": b'{"x":"' + b"\\u0041" * (MEGABYTE // 4) + b'"}',
    "long strings": b'{"x":[' + (b'"' + b"\\\\" * 32_000 + b'",') * 30 + b"1]}",
    "white space": b" " * (2 * MEGABYTE),
    "white space between": b'{"pid"' + b" " * MEGABYTE + b":1}",
    "a long number": b'{"pid":' + b"9" * (2 * MEGABYTE - 8) + b"}",
    "many numbers": b'{"x":[' + b"1," * (MEGABYTE - 10) + b"1]}",
    "many members": b"{" + b'"a":1,' * (MEGABYTE // 4) + b'"a":1}',
    "unfinished strings": b'{"x":"' + b"a" * (MEGABYTE),
    "many cores": row(cores=[{"in_request": 0}] * 40_000),
}


@pytest.mark.parametrize("name", EXPENSIVE)
def test_the_most_expensive_documents_hold_the_loop_for_one_short_piece_at_a_time(name):
    pieces = [min(piece) for piece in zip(*(times(EXPENSIVE[name]) for _ in range(3)))]
    assert max(pieces) < HELD_S


def times(data):
    """Processor time of each piece."""
    # A clock that counts the work of this process only: the machine may be busy.
    pacer = Pacer(time.thread_time, PIECE_S)
    reading = read(data, pacer)
    found = []
    while True:
        pacer.restart()
        began = time.thread_time()
        try:
            next(reading)
        except (StopIteration, InvalidStats):
            return [*found, time.thread_time() - began]
        found.append(time.thread_time() - began)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=0, max_value=4)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["idle", "busy", "pause", "cheap", "sig9"])
)
JSON = st.recursive(LEAVES, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8)
ROWS = st.fixed_dictionaries(
    {},
    optional={name: st.just(value) | JSON for name, value in ROW.items()},
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "version": st.just("2.0.30") | JSON,
        "pid": st.just(9) | JSON,
        "workers": st.lists(ROWS) | JSON,
    }
)
TEXTS = st.binary() | (DOCUMENTS | JSON).map(lambda value: json.dumps(value).encode())


@given(TEXTS)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_comes_is_refused_or_within_the_limits(data):
    try:
        snapshot = parse(data)
    except InvalidStats:
        return
    assert 0 <= snapshot.pid <= PID_LIMIT and 0 <= snapshot.requests <= COUNT_LIMIT
    for worker in snapshot.workers:
        assert 0 < worker.pid <= PID_LIMIT
        assert type(worker.pid) is int and type(worker.accepting) is bool
        assert 0 <= worker.busy <= max(worker.threads, 1)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**18), max_value=10**18)
    | st.text(
        st.characters(codec="ascii", exclude_characters='"\\', min_codepoint=32, max_codepoint=126)
    ),
    lambda x: st.lists(x) | st.dictionaries(st.sampled_from("abc"), x),
    max_leaves=20,
)


@given(PLAIN)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_within_the_limits_json_is_read_as_json_loads_does(value):
    data = json.dumps(value, indent=1).encode()
    assert at_once(JsonReader(data, set("abc"), Pacer()).read()) == value

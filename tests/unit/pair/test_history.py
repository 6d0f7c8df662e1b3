"""History survives incomplete lines, full disks, damage and hostile files."""

import errno
import json
import math
import os
import time
from xmlrpc.client import dumps, loads

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg.core.text import format_history
from supervisor_zerg.pair import history as history_module
from supervisor_zerg.pair.history import REMEMBERED, History

from ..structs import an_entry

AT_ONCE_S = 2.0


@pytest.fixture
def complaints():
    return []


def numbered(pair, number):
    return an_entry(pair=pair, took_ms=float(number))


def numbers(entries):
    return [entry["took_ms"] for entry in entries]


def test_entries_come_back_oldest_first_and_by_pair(tmp_path, complaints):
    history = History(str(tmp_path / "h"), complaints.append)
    for number in range(5):
        history.add(numbered("a" if number % 2 else "b", number))
    again = History(str(tmp_path / "h"), complaints.append)
    assert numbers(again.last("b", 2)) == [2, 4]
    assert history.last("b", 0) == [] and complaints == []


@pytest.mark.parametrize(
    "incomplete",
    [b'{"pair": "a", "n": 2, "v', b'{"pair": "a", "n": 2, "v\n\xff\xfe rubbish\n[1]\n'],
)
def test_an_incomplete_line_costs_only_itself(tmp_path, complaints, incomplete):
    path = tmp_path / "h"
    History(str(path), complaints.append).add(numbered("a", 1))
    with open(path, "ab") as file:
        file.write(incomplete)
    for number in (3, 4):
        History(str(path), complaints.append).add(numbered("a", number))
    assert numbers(History(str(path), complaints.append).last("a", 10)) == [1, 3, 4]


def test_an_entry_that_could_not_be_written_is_kept_in_memory(tmp_path, complaints):
    history = History(str(tmp_path / "folder" / "h"), complaints.append)
    history.add(numbered("a", 1))
    assert history.problem
    (tmp_path / "folder").mkdir()
    history.add(numbered("a", 2))
    assert len(complaints) == 1 and numbers(history.last("a", 10)) == [1, 2]
    assert not history.problem


@pytest.mark.parametrize("suffix", ["", ".1"])
@pytest.mark.parametrize("kind", ["fifo", "zero", "link"])
def test_what_is_no_file_of_ours_is_put_aside_at_once(tmp_path, complaints, kind, suffix):
    victim = tmp_path / "victim"
    victim.write_text(json.dumps({**numbered("a", 7), "v": 1}))
    path = tmp_path / f"h{suffix}"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "zero" else victim)
    began = time.monotonic()
    history = History(str(tmp_path / "h"), complaints.append)
    assert history.last("a", 1) == [] and time.monotonic() - began < AT_ONCE_S
    history.add(numbered("a", 1))
    assert len(complaints) == 1 and "it was renamed to" in complaints[0]
    assert numbers(History(str(tmp_path / "h"), complaints.append).last("a", 9)) == [1]
    assert numbers([json.loads(victim.read_text())]) == [7]


def test_a_folder_in_the_place_of_the_file_is_left_alone(tmp_path, complaints):
    (tmp_path / "h" / "theirs").mkdir(parents=True)
    history = History(str(tmp_path / "h"), complaints.append)
    history.add(numbered("a", 1))
    assert (tmp_path / "h" / "theirs").is_dir() and os.listdir(tmp_path) == ["h"]
    assert len(complaints) == 1 and "move it away" in complaints[0]
    assert numbers(history.last("a", 9)) == [1]


def test_a_fifo_that_takes_the_place_later_holds_nobody_up(tmp_path, complaints):
    history = History(str(tmp_path / "h"), complaints.append)
    os.mkfifo(tmp_path / "h")
    for number in range(3):
        history.add(numbered("a", number))
    assert len(complaints) == 1 and "no regular file" in complaints[0]
    assert numbers(history.last("a", 9)) == [0, 1, 2]


def test_a_busy_pair_hides_no_other(complaints):
    history = History("", complaints.append)
    history.add(numbered("quiet", 0))
    for number in range(REMEMBERED + 1):
        history.add(numbered("busy", number))
    assert numbers(history.last("quiet", 1)) == [0] and numbers(history.last("busy", 999))[0] == 1


def test_a_full_disk_is_complained_of_once_and_nothing_is_lost(tmp_path, complaints, monkeypatch):
    history = History(str(tmp_path / "h"), complaints.append)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    for number in range(3):
        history.add(numbered("a", number))
    assert len(complaints) == 1 and "cannot be written" in complaints[0]
    assert numbers(history.last("a", 10)) == [0, 1, 2]


def test_entries_that_could_not_be_written_are_written_once_the_disk_is_free(tmp_path, complaints):
    path = tmp_path / "folder" / "h"
    history = History(str(path), complaints.append)
    for number in range(3):
        history.add(numbered("a", number))
    history.retry()
    assert history.problem and len(complaints) == 1
    path.parent.mkdir()
    history.retry()
    assert not history.problem
    history.retry()
    history.add(numbered("a", 3))
    again = History(str(path), complaints.append)
    assert numbers(again.last("a", 9)) == [0, 1, 2, 3] and len(complaints) == 1


def test_a_long_history_is_renamed_and_still_read(tmp_path, complaints, monkeypatch):
    monkeypatch.setattr(history_module, "ROTATE_BYTES", 600)
    history = History(str(tmp_path / "h"), complaints.append)
    for number in range(8):
        history.add(numbered("a", number))
    assert (tmp_path / "h.1").exists()
    again = History(str(tmp_path / "h"), complaints.append)
    assert numbers(again.last("a", 1)) == [7] and len(again.last("a", 99)) >= 2


def test_without_a_path_history_is_kept_in_memory(complaints):
    history = History("", complaints.append)
    history.add(numbered("a", 1))
    assert numbers(history.last("a", 5)) == [1]


# what others may have written

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\x00", "\x1b[31m", "\ud800", "\uffff", "]]>", "1e999"]),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3)
    ),
    max_leaves=6,
)


def require_usable(history):
    for pair in list(history._recent):
        entries = history.last(pair, 200)
        (answer,), _ = loads(dumps((entries,), methodresponse=True))
        assert [entry["id"] for entry in answer] == [entry["id"] for entry in entries]
        json.loads(json.dumps(entries, allow_nan=False))
        "\n".join(format_history(entries)).encode()


@settings(deadline=None)
@given(changes=st.dictionaries(st.sampled_from(sorted(an_entry())), VALUES, max_size=3))
def test_no_entry_in_the_file_breaks_an_answer(tmp_path_factory, changes):
    path = tmp_path_factory.mktemp("history") / "h"
    path.write_text(f"{json.dumps({**an_entry(), **changes, 'v': 1})}\n")
    require_usable(History(str(path), print))


@pytest.mark.parametrize(
    "changes",
    [
        {"pair": [1]},
        {"pair": {}},
        {"took_ms": math.inf},
        {"took_ms": math.nan},
        {"at": -1.0},
        {"at": 1e300},
        {"at": True},
        {"actions": "x"},
        {"actions": [1]},
        {"failover": "yes"},
        {"label": 5},
        {"killed_requests": 10**30},
        {"release": 5},
    ],
)
def test_an_entry_of_a_wrong_type_is_skipped(tmp_path, complaints, changes):
    lines = [{**an_entry(), **changes, "v": 1}, {**an_entry(), "v": 1}]
    (tmp_path / "h").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    history = History(str(tmp_path / "h"), complaints.append)
    assert len(history.last("web", 9)) == 1


def test_an_entry_is_read_as_it_was_written(tmp_path, complaints):
    entry = an_entry(kind="deploy", label="r1", release="v2", killed_requests=3)
    History(str(tmp_path / "h"), complaints.append).add(entry)
    assert History(str(tmp_path / "h"), complaints.append).last("web", 9) == [entry]


def test_deep_nesting_is_skipped(tmp_path, complaints):
    (tmp_path / "h").write_text("[" * 100_000 + "\n" + '{"a":' * 100_000 + "\n")
    assert History(str(tmp_path / "h"), complaints.append).last("web", 9) == []


def test_odd_characters_of_a_new_entry_are_replaced(complaints):
    history = History("", complaints.append)
    history.add(an_entry(reason="it said \x00\ud800", actions=["\x01"]))
    require_usable(history)
    assert history.last("web", 1)[0]["reason"] == "it said \ufffd\ufffd"

"""History survives torn lines, full disks and rubbish; orders survive supervisord."""

import os

import pytest

from supervisor_zerg.pair import history
from supervisor_zerg.pair.history import History
from supervisor_zerg.pair.settings import OperatorSettings


@pytest.fixture
def complaints():
    return []


def test_entries_come_back_oldest_first_and_by_pair(tmp_path, complaints):
    history = History(str(tmp_path / "h"), complaints.append)
    for number in range(5):
        history.add({"pair": "a" if number % 2 else "b", "n": number})
    assert [e["n"] for e in History(str(tmp_path / "h"), complaints.append).last("b", 2)] == [2, 4]
    assert history.last("b", 0) == [] and complaints == []


@pytest.mark.parametrize(
    "torn", [b'{"pair": "a", "n": 2, "v', b'{"pair": "a", "n": 2, "v\n\xff\xfe rubbish\n[1]\n']
)
def test_a_torn_line_costs_only_itself(tmp_path, complaints, torn):
    path = tmp_path / "h"
    History(str(path), complaints.append).add({"pair": "a", "n": 1})
    with open(path, "ab") as file:
        file.write(torn)
    for number in (3, 4):
        History(str(path), complaints.append).add({"pair": "a", "n": number})
    assert [e["n"] for e in History(str(path), complaints.append).last("a", 10)] == [1, 3, 4]


def test_what_could_not_be_written_is_still_told_when_the_disk_is_free_again(tmp_path, complaints):
    history = History(str(tmp_path / "folder" / "h"), complaints.append)
    history.add({"pair": "a", "n": 1})
    (tmp_path / "folder").mkdir()
    history.add({"pair": "a", "n": 2})
    assert len(complaints) == 1 and [e["n"] for e in history.last("a", 10)] == [1, 2]


def test_a_fifo_in_place_of_the_file_holds_nobody_up(tmp_path, complaints):
    os.mkfifo(tmp_path / "h")
    history = History(str(tmp_path / "h"), complaints.append)
    history.add({"pair": "a", "n": 1})
    assert history.last("a", 1)[0]["n"] == 1 and "a FIFO lies there" in complaints[0]


def test_a_pair_that_moves_all_the_time_hides_no_other(complaints):
    recorded = History("", complaints.append)
    recorded.add({"pair": "quiet", "n": 0})
    for number in range(history.REMEMBERED + 1):
        recorded.add({"pair": "busy", "n": number})
    assert [e["n"] for e in recorded.last("quiet", 1)] == [0] and recorded.last("busy", 999)[0][
        "n"
    ] == 1


def test_a_full_disk_is_complained_of_once_and_nothing_is_lost(complaints):
    history = History("/dev/full", complaints.append)
    for number in range(3):
        history.add({"pair": "a", "n": number})
    assert len(complaints) == 1 and "cannot be written" in complaints[0]
    assert [e["n"] for e in history.last("a", 10)] == [0, 1, 2]


def test_a_long_history_is_renamed_and_still_read(tmp_path, complaints, monkeypatch):
    monkeypatch.setattr(history, "ROTATE_BYTES", 200)
    recorded = History(str(tmp_path / "h"), complaints.append)
    for number in range(8):
        recorded.add({"pair": "a", "n": number, "pad": "x" * 50})
    assert (tmp_path / "h.1").exists()
    again = History(str(tmp_path / "h"), complaints.append)
    assert again.last("a", 1)[0]["n"] == 7 and len(again.last("a", 99)) >= 2


def test_without_a_path_history_is_kept_in_memory(complaints):
    history = History("", complaints.append)
    history.add({"pair": "a", "n": 1})
    assert history.last("a", 5)[0]["n"] == 1


def test_orders_outlive_the_process_and_are_dropped_when_taken_back(tmp_path, complaints):
    path = str(tmp_path / "o.json")
    OperatorSettings(path, complaints.append).set("a", {"held": True})
    assert OperatorSettings(path, complaints.append).get("a") == {"held": True}
    OperatorSettings(path, complaints.append).set("a", {})
    assert OperatorSettings(path, complaints.append).get("a") == {} and complaints == []
    assert [p.name for p in tmp_path.iterdir()] == ["o.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"v": 1}', '{"v": 1, "pairs": ', "\x00"])
def test_broken_orders_are_complained_of_and_not_believed(tmp_path, complaints, text):
    (tmp_path / "o.json").write_text(text)
    assert OperatorSettings(str(tmp_path / "o.json"), complaints.append).get("a") == {}
    assert len(complaints) == 1


def test_orders_that_cannot_be_written_hold_until_the_end(complaints):
    settings = OperatorSettings("/nonexistent/o.json", complaints.append)
    settings.set("a", {"auto": False})
    assert settings.get("a") == {"auto": False} and "cannot be written" in complaints[0]

"""Settings of operators outlive supervisord; a damaged file is put aside and never believed."""

import json
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg.core.goals import Goals
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.pair.settings import OperatorSettings

from .test_history import AT_ONCE_S, VALUES

LABELS = {"a": [7, 70, "v2"]}


@pytest.fixture
def complaints():
    return []


def test_settings_outlive_the_process_and_are_dropped_when_taken_back(tmp_path, complaints):
    path = str(tmp_path / "o.json")
    OperatorSettings(path, complaints.append).set("a", {"held": True, "labels": LABELS})
    again = OperatorSettings(path, complaints.append)
    assert again.get("a") == {"held": True, "labels": LABELS}
    again.set("a", {})
    assert OperatorSettings(path, complaints.append).get("a") == {} and complaints == []
    assert os.listdir(tmp_path) == ["o.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"v": 1}',
        '{"v": 1, "pairs": ',
        '{"v": 1, "pairs": []}',
        '{"v": 2, "pairs": {}}',
        "\x00",
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_put_aside_with_a_message(tmp_path, complaints, text):
    path = tmp_path / "o.json"
    path.write_text(text)
    stored = OperatorSettings(str(path), complaints.append)
    assert stored.get("a") == {} and not path.exists()
    (complaint,) = complaints
    (aside,) = os.listdir(tmp_path)
    assert aside in complaint and (tmp_path / aside).read_text() == text
    stored.set("a", {"auto": False})
    assert OperatorSettings(str(path), complaints.append).get("a") == {"auto": False}


@pytest.mark.parametrize(
    "values",
    [
        {"labels": 5},
        {"labels": {"a": 5}},
        {"labels": {"a": [1, 2]}},
        {"labels": {"a": ["x", 2, "v2"]}},
        {"labels": {"a": [1, 2, "\x00"]}},
        {"auto": "maybe"},
        {"held": 1},
        {"strange": True},
        [],
    ],
)
def test_a_value_of_a_wrong_type_costs_only_itself(tmp_path, complaints, values):
    path = tmp_path / "o.json"
    both = values | {"both": True} if isinstance(values, dict) else values
    path.write_text(json.dumps({"v": 1, "pairs": {"bad": both, "good": {"held": True}}}))
    stored = OperatorSettings(str(path), complaints.append)
    assert stored.get("bad") == ({"both": True} if isinstance(values, dict) else {})
    assert stored.get("good") == {"held": True} and len(complaints) == 1
    again = OperatorSettings(str(path), complaints.append)
    assert again.get("good") == {"held": True} and len(complaints) == 1


@settings(deadline=None)
@given(document=VALUES | st.fixed_dictionaries({"v": st.just(1), "pairs": VALUES}))
def test_no_document_stops_supervisord(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("settings") / "o.json"
    path.write_text(json.dumps(document))
    stored = OperatorSettings(str(path), lambda sentence: None)
    for pair in ("web", *stored._pairs):
        Goals(PairConfig(pair), stored.get(pair))


@pytest.mark.parametrize("kind", ["fifo", "zero", "link"])
def test_a_file_that_is_not_ours_is_put_aside_at_once(tmp_path, complaints, kind):
    victim = tmp_path / "victim"
    victim.write_text(json.dumps({"v": 1, "pairs": {"a": {"held": True}}}))
    path = tmp_path / "o.json"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "zero" else victim)
    began = time.monotonic()
    stored = OperatorSettings(str(path), complaints.append)
    assert stored.get("a") == {} and time.monotonic() - began < AT_ONCE_S
    stored.set("a", {"auto": False})
    assert "held" in victim.read_text() and len(complaints) == 1


def test_settings_that_cannot_be_written_hold_until_the_end(complaints):
    stored = OperatorSettings("/nonexistent/o.json", complaints.append)
    stored.set("a", {"auto": False})
    assert stored.get("a") == {"auto": False}
    assert len(complaints) == 1 and "cannot be written" in complaints[0] and stored.problem


def test_settings_that_could_not_be_written_are_written_once_the_disk_is_free(tmp_path, complaints):
    path = tmp_path / "folder" / "o.json"
    stored = OperatorSettings(str(path), complaints.append)
    stored.set("a", {"auto": False})
    stored.retry()
    assert stored.problem and len(complaints) == 1
    path.parent.mkdir()
    stored.retry()
    assert not stored.problem
    assert OperatorSettings(str(path), complaints.append).get("a") == {"auto": False}


def test_a_retry_writes_no_settings_that_are_in_the_file_already(tmp_path, complaints):
    stored = OperatorSettings(str(tmp_path / "o.json"), complaints.append)
    stored.retry()
    assert list(tmp_path.iterdir()) == []

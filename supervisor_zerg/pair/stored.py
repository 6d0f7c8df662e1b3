"""What is read from the files of history and settings is checked: others may have written it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Optional

from ..core.wire import INT_LIMIT, clean

VERSION = 1
MOMENT_LIMIT = 1e11  # seconds since the epoch; what is larger has no year of four digits
MILLISECONDS_LIMIT = 1e12
LABEL_CHARS = 100

Check = Callable[[Any], bool]


def load(text: bytes) -> Any:
    """Return the JSON document, or None if there is none that can be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < INT_LIMIT


def _is_number_below(limit: float) -> Check:
    def check(value: Any) -> bool:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and 0 <= value < limit  # which NaN is not

    return check


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


#: The fields of a history entry; those of OPTIONAL may be missing.
FIELDS: dict[str, Check] = {
    "at": _is_number_below(MOMENT_LIMIT),
    "pair": _is_text,
    "id": _is_text,
    "kind": _is_text,
    "program": _is_text,
    "by": _is_text,
    "outcome": _is_text,
    "reason": _is_text,
    "actions": _is_texts,
    "took_ms": _is_number_below(MILLISECONDS_LIMIT),
    "serving": _is_text,
    "failover": _is_flag,
}
OPTIONAL: dict[str, Check] = {
    "label": _is_text,
    "release": _is_text,
    "killed_requests": _is_count,
}


def entry_of(line: bytes) -> Optional[dict[str, Any]]:
    """Return the history entry in a line of the file, or None if it is none."""
    found = load(line)
    if not isinstance(found, dict) or found.get("v") != VERSION:
        return None
    if not all(name in found and check(found[name]) for name, check in FIELDS.items()):
        return None
    known = {**FIELDS, **OPTIONAL}
    entry = {name: found[name] for name in known if name in found}
    return clean_values(entry) if all(known[name](entry[name]) for name in entry) else None


def clean_values(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with texts that XML can carry."""
    return {name: _cleaned(value) for name, value in entry.items()}


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    return [clean(item) for item in value] if isinstance(value, list) else value


def _is_labels(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_label(label) for label in value.values())


def _is_label(value: Any) -> bool:
    """Pid, when that process was started, and the label of its release."""
    if not isinstance(value, list) or len(value) != 3:
        return False
    pid, started, label = value
    numbers = _is_count(pid) and isinstance(started, int) and not isinstance(started, bool)
    return numbers and _is_text(label) and len(label) <= LABEL_CHARS and label.isprintable()


def _is_struct(value: Any) -> bool:
    return isinstance(value, dict)


SETTINGS: dict[str, Check] = {
    "held": _is_flag,
    "both": _is_flag,
    "auto": _is_flag,
    "labels": _is_labels,
    "releases": _is_struct,  # deploy/release_records.py takes what it can use
}


def settings_of(document: bytes) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the settings by pair, as far as they can be used, and what is wrong."""
    found = load(document)
    if not isinstance(found, dict) or found.get("v") != VERSION:
        return {}, ["it is no settings file of this version"]
    if not isinstance(found.get("pairs"), dict):
        return {}, ["'pairs' is no object"]
    settings: dict[str, dict[str, Any]] = {}
    problems = []
    for pair, values in found["pairs"].items():
        if not isinstance(values, dict):
            problems.append(f"the settings of {pair!r} are no object")
            continue
        good = {name: v for name, v in values.items() if name in SETTINGS and SETTINGS[name](v)}
        problems += [f"{name!r} of {pair!r} cannot be used" for name in values if name not in good]
        settings[pair] = good
    return settings, problems

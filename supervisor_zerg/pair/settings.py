"""What must outlive supervisord: what an operator set (hold, both, auto), and release labels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

VERSION = 1

Settings = dict[str, Any]


class OperatorSettings:
    """One small file, written when something changes and renamed over the old one.

    Nothing waits for the disk (fsync): that could hold supervisord's loop for seconds.

    Args:
        path: The file; empty for memory only.
        complain: Called with a sentence when the file cannot be read or written.
    """

    def __init__(self, path: str, complain: Callable[[str], Any]) -> None:
        self.path = path
        self.complain = complain
        self._pairs = self._read()

    def _read(self) -> dict[str, Any]:
        if not self.path:
            return {}
        try:
            with open(self.path) as file:
                document = json.load(file)
            return dict(document["pairs"]) if document["v"] == VERSION else {}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.complain(
                f"settings cannot be read from {self.path}: {error}; starting without them"
            )
            return {}

    def get(self, pair: str) -> Settings:
        """Return the settings of a pair: any of ``held``, ``both``, ``auto``, ``labels``."""
        found = self._pairs.get(pair)
        return dict(found) if isinstance(found, dict) else {}

    def set(self, pair: str, settings: Settings) -> None:
        if self.get(pair) == settings:
            return
        self._pairs[pair] = settings
        if not self.path:
            return
        draft = f"{self.path}.{os.getpid()}"
        try:
            with open(draft, "w") as file:
                json.dump({"v": VERSION, "pairs": self._pairs}, file)
            os.replace(draft, self.path)
        except OSError as error:
            self.complain(
                f"settings cannot be written to {self.path}: {error};"
                " they hold until supervisord ends"
            )

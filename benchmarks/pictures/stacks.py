"""The stack that the pictures show, and the folder that they go to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from supervisor_zerg.demo.stack import Stack

from ..load import TOP

IMAGES = Path(TOP) / "docs" / "images"


@contextmanager
def stack(app: dict[str, Any], label: str = "", **options: Any) -> Iterator[Stack]:
    """A stack with both instances running. ``label``: deploy one release with this label first."""
    running = Stack(app=app, **options)
    try:
        running.start().warm_up()
        if label:
            wait_for_listener(running)
            running.zerg.deploy("", {"label": label, "bake": 0})
        yield running
    finally:
        running.stop()


def wait_for_listener(running: Stack) -> None:
    """A deploy with a health check is refused without it."""
    running.until(lambda: running.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")

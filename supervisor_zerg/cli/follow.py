"""Follow a deploy until it has ended."""

from __future__ import annotations

import http.client
import time
from typing import Any

from ..core.text import format_progress
from .command import Session
from .progress import Progress

RELOAD_S = 20.0  # supervisord may not be reachable for so long, while it is reloaded
FOLLOW_S = 0.2  # between two questions about a deploy


def follow(session: Session, deploy: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """Show the progress of a deploy. Returns its struct once it has an outcome."""
    line = Progress(session.stdout, quiet)
    try:
        while not deploy["outcome"]:
            line.show(deploy["waiting_for"], format_progress(deploy))
            time.sleep(FOLLOW_S)
            deploy = _renewed(session, deploy)
    finally:
        line.end()
    return deploy


def _renewed(session: Session, deploy: dict[str, Any]) -> dict[str, Any]:
    """The struct of the deploy as it is now, by its id: another one may have begun."""
    until = time.monotonic() + RELOAD_S
    while True:
        try:
            renewed: dict[str, Any] = session.ask(
                lambda zerg: zerg.getDeploy(deploy["pair"], deploy["id"])
            )
            return renewed
        except (OSError, http.client.HTTPException):
            if time.monotonic() > until:
                raise
            time.sleep(FOLLOW_S)

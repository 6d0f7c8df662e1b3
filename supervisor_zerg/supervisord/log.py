"""Lines in supervisord's log."""

from __future__ import annotations

from typing import Any


class Log:
    """Writes lines with our prefix.

    Args:
        logger: Supervisor's.
    """

    def __init__(self, logger: Any) -> None:
        self._levels = {
            "debug": logger.debug,
            "info": logger.info,
            "warn": logger.warn,
            "critical": logger.critical,
        }

    def __call__(self, level: str, sentence: str, **fields: Any) -> None:
        """Write one constant sentence and ``key=value``."""
        text = " ".join(f"{key}={_quoted(value)}" for key, value in fields.items())
        self._levels[level](f"zerg: {sentence} {text}")

    def complain(self, sentence: str) -> None:
        """Write a problem that an operator should see."""
        self._levels["critical"](f"zerg: {sentence}")


def _quoted(value: Any) -> str:
    text = str(value)
    escaped = text.replace('"', "'")
    return f'"{escaped}"' if " " in text or not text else text

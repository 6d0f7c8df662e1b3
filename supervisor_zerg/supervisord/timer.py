"""A call that is due later, and can be cancelled."""

from __future__ import annotations

from typing import Any, Callable, Optional


class Timer:
    """A call that is due later."""

    def __init__(self, callback: Callable[[], Any]) -> None:
        self._callback: Optional[Callable[[], Any]] = callback

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled, or has fired."""
        return self._callback is None

    def cancel(self) -> None:
        """Do not call it any more."""
        self._callback = None

    def fire(self) -> None:
        """Call it now, unless it was cancelled."""
        callback = self._callback
        self._callback = None
        if callback:
            callback()

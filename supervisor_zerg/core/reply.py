"""The answer to a request that takes longer than one call."""

from __future__ import annotations

from typing import Any, Callable, Generic, TypeVar

from .errors import ZergError

T = TypeVar("T")


class Reply(Generic[T]):
    """Pending until it is set to a value or fails; the first of the two counts.

    Args:
        notify: Called when the answer is there, so that whoever polls the reply is woken up.
    """

    def __init__(self, notify: Callable[[], Any] = lambda: None) -> None:
        self.notify = notify
        self.value: T | None = None
        self.error: ZergError | None = None

    @property
    def pending(self) -> bool:
        return self.value is None and self.error is None

    def set(self, value: T) -> None:
        if self.pending:
            self.value = value
            self.notify()

    def fail(self, error: ZergError) -> None:
        if self.pending:
            self.error = error
            self.notify()

    def result(self) -> T | None:
        """Return the value, or None while the reply is pending.

        Raises:
            ZergError: The request was refused.
        """
        if self.error is not None:
            raise self.error
        return self.value

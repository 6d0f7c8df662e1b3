"""What Supervisor expects of RPC methods: named faults, late answers, checked arguments."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any, TypeVar

from supervisor.http import NOT_DONE_YET
from supervisor.xmlrpc import Faults, RPCError

from ..core.errors import ALL, ZergError

T = TypeVar("T")

CALLBACK_S = (
    0.05  # how often supervisord may poll an unfinished answer; a finished one is sent at once
)


def name_faults() -> None:
    """Give the faults names: ``ZERG_BUSY: ...`` (supervisor/xmlrpc.py ``getFaultDescription``)."""
    for error in ALL:
        setattr(Faults, error.name, error.code)


def fault(error: ZergError) -> RPCError:
    return RPCError(error.code, str(error))


def call(function: Callable[..., T], *args: Any, **options: Any) -> T:
    """Call a function. A refusal becomes an XML-RPC fault."""
    try:
        return function(*args, **options)
    except ZergError as refusal:
        raise fault(refusal) from refusal


def deferred(
    result: Callable[[], Any], convert: Callable[[Any], Any] = lambda value: value
) -> Callable[[], Any]:
    """Defer an answer: supervisord polls a function with ``delay`` (supervisor/xmlrpc.py:420).

    Args:
        result: Returns None while there is no answer. Raises ZergError for a refusal.
        convert: Makes the answer of the result. May raise ZergError, too.
    """

    def callback() -> Any:
        value = call(result)
        return NOT_DONE_YET if value is None else call(convert, value)

    callback.delay = CALLBACK_S  # type: ignore[attr-defined]
    return callback


# arguments


def text(name: str, value: Any) -> str:
    """Return a string argument.

    Raises:
        RPCError: It is none. So do the functions below.
    """
    if not isinstance(value, str):
        raise _incorrect(name, "a string", value)
    return value


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _incorrect(name, "a boolean", value)
    return value


def count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _incorrect(name, "an integer of at least 0", value)
    return value


def number(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _incorrect(name, "a number", value)
    return value


def struct(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _incorrect(name, "a struct", value)
    return value


def _incorrect(name: str, wanted: str, value: Any) -> RPCError:
    return RPCError(
        Faults.INCORRECT_PARAMETERS, f"{name} must be {wanted}, not {reprlib.repr(value)}"
    )

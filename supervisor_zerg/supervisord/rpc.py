"""What Supervisor expects of RPC methods: named faults, and answers that come later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from supervisor.http import NOT_DONE_YET
from supervisor.xmlrpc import Faults, RPCError

from ..core.errors import ALL, ZergError

T = TypeVar("T")

CALLBACK_S = 0.05  # supervisord may ask an unfinished answer so often; an answer is sent at once


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


def deferred(result: Callable[[], Any]) -> Callable[[], Any]:
    """An answer to come: supervisord takes a plain function with ``delay`` for one
    (supervisor/xmlrpc.py:420).

    Args:
        result: Returns None while there is no answer. Raises ZergError for a refusal.
    """

    def callback() -> Any:
        value = call(result)
        return NOT_DONE_YET if value is None else value

    callback.delay = CALLBACK_S  # type: ignore[attr-defined]
    return callback

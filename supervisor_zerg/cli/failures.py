"""The sentence for the operator about a failure, and its exit status."""

from __future__ import annotations

import http.client
import re
import xmlrpc.client
from collections.abc import Mapping, Sequence
from typing import Any
from xml.parsers.expat import ExpatError

from supervisor.xmlrpc import Faults

from ..core import errors
from ..core.exit_status import ExitStatus
from .command import UsageError

NO_NAMESPACE = (
    "'[rpcinterface:zerg]' is not configured in the supervisord at {}, or is too old; correct that "
    "and restart supervisord"
)
NO_PASSWORD = (
    "the supervisord at {} wants another username and password; give -u and -p, or set them in "
    "[supervisorctl]"
)
HINT_RIGHTS = "may this user open it?"
HINT_SERVER = "does it run, with a [unix_http_server] or [inet_http_server]?"
BUG = "{}: {}; a bug of supervisor_zerg, or this command and supervisord have different versions "
"of it"
UNREACHABLE = (OSError, http.client.HTTPException, ExpatError, xmlrpc.client.ResponseError)


def failure(error: Exception, url: str) -> tuple[str, int]:
    """The sentence about an exception, and the exit status.

    The status SERVED means: SERVED if the pair serves, otherwise NOBODY.
    """
    if isinstance(error, UsageError):
        return str(error), ExitStatus.USAGE
    if isinstance(error, xmlrpc.client.Fault):
        return _fault(error, url)
    if isinstance(error, xmlrpc.client.ProtocolError):
        return _protocol(error, url)
    if isinstance(error, UNREACHABLE):
        hint = HINT_RIGHTS if isinstance(error, PermissionError) else HINT_SERVER
        reason = str(error) or type(error).__name__
        return (
            f"supervisord cannot be reached at {url}: {reason}; {hint}",
            ExitStatus.UNREACHABLE,
        )
    return BUG.format(type(error).__name__, error), ExitStatus.REFUSED


def _fault(fault: xmlrpc.client.Fault, url: str) -> tuple[str, int]:
    if fault.faultCode == Faults.UNKNOWN_METHOD:
        return NO_NAMESPACE.format(url), ExitStatus.UNREACHABLE
    refusal = errors.BY_CODE.get(fault.faultCode)
    if refusal is None:
        return fault.faultString, ExitStatus.REFUSED
    sentence = re.sub(r"^[A-Z_]+: ", "", fault.faultString)
    return f"{sentence} ({refusal.name})", refusal.exit_status


def is_unauthorized(error: Exception) -> bool:
    return (
        isinstance(error, xmlrpc.client.ProtocolError) and error.errcode == http.client.UNAUTHORIZED
    )


def _protocol(error: xmlrpc.client.ProtocolError, url: str) -> tuple[str, int]:
    if is_unauthorized(error):
        return NO_PASSWORD.format(url), ExitStatus.UNREACHABLE
    answer = f"HTTP {error.errcode} {error.errmsg}"
    return f"the supervisord at {url} answered {answer}; see its log", ExitStatus.REFUSED


def concerned(
    infos: Sequence[dict[str, Any]], arguments: Mapping[str, str]
) -> Sequence[dict[str, Any]]:
    """The pairs that a command is about; all of them if that cannot be told."""
    pair = arguments.get("PAIR")
    program = _without_group(arguments.get("PROGRAM", ""))
    chosen = [
        info for info in infos if info["pair"] == pair or (program and program in _programs(info))
    ]
    return chosen or infos


def _programs(info: dict[str, Any]) -> list[str]:
    return [_without_group(instance["program"]) for instance in info["instances"]]


def _without_group(program: str) -> str:
    return program.rpartition(":")[2]

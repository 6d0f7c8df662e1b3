"""What an operator has to do after a fault, as the documentation says, and nothing else."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any, Callable
from xmlrpc.client import Fault, ProtocolError

from .target import NotPossible, Target

DOWN = ("STOPPED", "EXITED", "FATAL")


def do_duties(target: Target) -> None:
    """Start what is stopped or FATAL, end a hold, switch auto on, end ``resume both``."""
    try:
        info = target.info()
    except NotPossible:
        return
    zerg, supervisor = target.stack.zerg, target.stack.supervisor
    if not info["auto"]:
        _quietly(lambda: zerg.setAuto("", True))
    if info["busy"]:
        return
    if info["held"]:
        _quietly(lambda: zerg.resume("pybossa"))
    if [i["condition"] for i in info["instances"]] == ["serving", "serving"]:
        _quietly(lambda: zerg.promote(info["serving"] or "pybossa"))
    for instance in info["instances"]:
        if instance["statename"] in DOWN:
            target.started_by_operator += 1
            _quietly(partial(supervisor.startProcess, instance["program"], False))


def _quietly(call: Callable[[], Any]) -> None:
    with contextlib.suppress(OSError, Fault, ProtocolError):
        call()

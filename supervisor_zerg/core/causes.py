"""What made the plugin observe a pair."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class CauseKind(enum.Enum):
    """The value is the sentence: ``{program}`` and ``{detail}`` are filled in from the cause."""

    # supervisord
    SUPERVISORD_RUNS = "supervisord runs"
    PROGRAMS_CHANGED = "programs were added or removed"
    SECTION_CHANGED = "its section was changed"
    PERIODIC_CHECK = "periodic check"
    POOL_STARTED = "the pool {program} was started"

    # an instance, as Supervisor and the kernel report it
    STARTED = "{program} was started"
    STARTED_BY_SUPERVISOR = "{program} was started by Supervisor"
    RESTARTED_BY_SUPERVISOR = "{program} was started again by Supervisor"
    RUNNING = "{program} is running"
    READY = "{program} became ready"
    STOPPING = "{program} is stopping"
    ENDED = "{program} is {detail}"  # Supervisor's state
    PROCESS_ENDED = "process {detail} of {program} ended"
    WORKER_ENDED = "worker {detail} of {program} ended"

    # the plugin itself
    REQUEST = "{detail}"  # the kind of the operation
    AUTO_ON = "auto was switched on"
    FIFO_CHANGED = "something changed at the FIFOs"
    FOLLOW_UP = "check after a pause or resume"
    DEPLOY_STARTS = "a deploy starts {program}"
    DEPLOY_STOPS = "a deploy stops {program}"
    DEPLOY_CHECKS = "a deploy checks {program}"
    DEPLOY_ENDED = "the deploy of {program} ended"


@dataclass(frozen=True)
class Cause:
    """One reason to reconcile a pair.

    ``detail`` is what the kind needs besides the program: a pid, Supervisor's state, an operation.
    """

    kind: CauseKind
    program: str = ""
    detail: str = ""


def describe(cause: Cause) -> str:
    """The cause as a clause, such as "pybossabak became ready"."""
    return cause.kind.value.format(program=cause.program, detail=cause.detail)

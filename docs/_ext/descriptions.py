"""Descriptions that the code does not carry yet, by the name that the code has for each thing."""

from __future__ import annotations

#: By the name of the fault.
FAULTS: dict[str, str] = {
    "ZERG_FAILED": "Any other failure.",
    "ZERG_UNKNOWN_PAIR": "No pair has that name.",
    "ZERG_UNKNOWN_PROGRAM": "No pair has that program.",
    "ZERG_MISCONFIGURED": "The section of the pair cannot be used.",
    "ZERG_NOT_RUNNING": "The instance that should serve is not running.",
    "ZERG_BOOTING": "The instance is not ready yet.",
    "ZERG_NOBODY_SERVES": "No instance serves, so there is nothing to swap.",
    "ZERG_LAST_INSTANCE": "It is the only instance that accepts requests.",
    "ZERG_BUSY": "Another request is under way. The fault names it, with its id and start time.",
    "ZERG_NO_RIGHTS": "supervisord may not observe the process.",
    "ZERG_UNRESPONSIVE": "The master does not take commands. Nothing was sent.",
    "ZERG_PENDING": "A command was sent and has not been executed yet.",
    "ZERG_UNSTEADY": "Workers start all the time, so a pause would be dangerous.",
    "ZERG_ASYNC": "An async instance cannot be parked.",
    "ZERG_LOST": "The master holds none of the FIFOs.",
    "ZERG_SHUTTING_DOWN": "supervisord is shutting down or reloading.",
    "ZERG_TIMED_OUT": "The pair did not converge within 10 s.",
    "ZERG_OBSTRUCTED": "Something lies at the path of a slot that would make uWSGI exit.",
    "ZERG_UNSUPPORTED": "This machine does not provide what is needed.",
    "ZERG_NO_LISTENER": "A hook or a health check needs the listener, which is not running.",
    "ZERG_BAD_OPTION": "An option of deploy is unknown or has a wrong value.",
    "ZERG_NO_DEPLOY": "No deploy is under way.",
    "ZERG_UNKNOWN_JOB": "The listener reports a job that was given up.",
    "ZERG_FORGOTTEN": "No deploy with that id is remembered.",
}

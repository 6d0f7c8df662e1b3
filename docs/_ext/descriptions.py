"""Descriptions that the code does not carry yet, by the name that the code has for each thing."""

from __future__ import annotations

OPTION_HELP: dict[str, str] = {
    "programs": "The two programs, each as ``name`` or ``group:name``.",
    "fifos": (
        "The three ``master-fifo`` of the ini in the order of the slots: new, running, sleeping."
    ),
    "stats": (
        "The uWSGI stats server of each instance: a unix path with ``%(program_name)s`` in it, or "
        "two addresses separated by a comma in the order of ``programs``, each a path or "
        "``IP:PORT``. Empty: none."
    ),
    "pool": "The program of the zerg pool. The plugin notices its restarts. Empty: not watched.",
    "auto": "``true``: react to events. ``false``: act only when an operator asks.",
    "retire": (
        "``park``: keep the old instance warm. ``stop``: end it gracefully once it has drained. "
        "Async instances need ``stop``."
    ),
    "freeze": (
        "``true``: stop the workers of a parked instance (SIGSTOP). All threads of an instance "
        "that was parked for 10 s then accept requests at once instead of within 10 s. Background "
        "threads of the application stop too."
    ),
    "drain_timeout": (
        "Seconds after which a deploy no longer waits for the requests of an old instance: it is "
        "then ended within 3 s."
    ),
    "boot_timeout": (
        "Seconds for which a boot is watched closely. Afterwards it is observed only on events "
        "and ticks, and a deploy fails."
    ),
    "companion": (
        "The private socket that companion.py makes in each instance, with ``%(program_name)s`` "
        "in it."
    ),
    "health": (
        "What a deploy checks: a path, requested through the companion; a URL (``http:``, "
        "``https:``, ``unix:///SOCKET:/PATH``); or ``command:`` and a command, healthy with exit "
        "status 0. ``%(program_name)s`` is expanded. A URL without it cannot tell the instances "
        "apart and is requested only after the promotion. A command gets ``ZERG_TARGET``. Empty: "
        "an instance that is loaded counts as healthy."
    ),
    "health_status": "The HTTP statuses that count as healthy, such as ``200-399`` or ``200,204``.",
    "health_timeout": "Seconds for one answer.",
    "health_interval": "Seconds between two checks.",
    "health_count": (
        "Number of good answers in a row before the promotion, and of bad answers in a row that "
        "cause a roll-back after it."
    ),
    "bake": "Seconds for which a deploy watches the new release. ``--bake`` replaces it.",
    "max_exceptions": (
        "Exceptions and replaced workers per request that a release may have during the bake."
    ),
    "before_deploy": "A command. If it fails, the deploy is refused.",
    "after_deploy": "A command that runs after the bake.",
    "on_failover": (
        "A command that runs when the serving instance has ended and the other one serves."
    ),
    "on_rollback": "A command that runs when a deploy was rolled back.",
    "update": "A command that updates the code between the two steps of ``--backup-first``.",
    "hook_timeout": "Seconds for each of these commands.",
}

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

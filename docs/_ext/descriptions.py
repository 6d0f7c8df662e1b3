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

#: What a rule of ``zerg check`` finds, by its id.
RULES: dict[str, str] = {
    "no-http-server": "no HTTP server, so supervisord never loads the plugin",
    "no-plugin": "no ``[rpcinterface:zerg]``",
    "plugin-factory": "a foreign factory, or none, in ``[rpcinterface:zerg]``",
    "plugin-name": "the factory of the plugin in a section of another name",
    "no-listener": "no ``[eventlistener:zerg]``",
    "listener-events": "the listener subscribes to too few events, or its ticks are too rare",
    "listener-buffer": (
        "the ``buffer_size`` of the listener is too small for the number of programs"
    ),
    "listener-stdout": "the listener has ``redirect_stderr``",
    "listener-password": (
        "the HTTP server requires a username and password that the listener does not have"
    ),
    "ctlplugin-included": (
        "``[ctlplugin:...]`` in an included file, which supervisorctl does not read"
    ),
    "ctlplugin-factory": "a foreign factory, or none, in ``[ctlplugin:zerg]``",
    "ctlplugin-missing": "no ``[ctlplugin:zerg]``",
    "include-nested": "``[include]`` in an included file, which is never followed",
    "here-in-plugin": "``%(here)s`` in the section of a plugin without ``[include]``",
    "http-open": "a TCP port without a password",
    "http-local": "a local TCP port without a password",
    "http-chmod": "everybody may write to supervisord's unix socket",
    "section": "a ``[zerg:NAME]`` section is wrong, or shares something with another pair",
    "no-section": "no ``[zerg:NAME]`` section: there is one pair with all defaults",
    "program-missing": (
        "a program of the pair is not in the files, or ``numprocs`` gives it other names"
    ),
    "pool-missing": "the pool is not in the files",
    "fifos-differ": "``master-fifo`` and ``fifos`` differ, or their order",
    "stats-shared": "both instances have the same stats address",
    "stats-differ": "``stats`` of the ini and of the pair differ",
    "companion-differs": (
        "``ZERG_COMPANION_SOCKET`` and ``companion`` of the pair differ, or ``health`` is a path "
        "and there is no companion"
    ),
    "fifo-folder": "FIFOs in ``/tmp`` or in another folder that everybody may write to",
    "pool-priority": "the pool, or its group, is not started before its instances",
    "pool-autostart": "the pool has ``autostart = false``",
    "both-autostart": "both instances start with supervisord and move slots by hooks",
    "stopwaitsecs": "``stopwaitsecs`` is not longer than uWSGI's mercy and ``drain_timeout``",
    "broken": "a file that uWSGI has to read cannot be read",
    "unread": "a shell script, YAML and the like: not checked",
    "unexpanded": "a variable that is not set here",
    "inline-comment": "a comment behind a value, which becomes part of the value",
    "daemonize": "``daemonize``",
    "vacuum": "``vacuum``",
    "fifos-few": "fewer than three ``master-fifo``",
    "need-app": "no ``need-app``",
    "master": "no ``master``",
    "ignore-sigpipe": "no ``ignore-sigpipe``",
    "async": "gevent, asyncio, ugreen, tornado and the like with ``retire = park``",
    "threads": "threads without ``freeze``",
    "thunder-lock": "``thunder-lock``",
    "touch-reload": "``touch-reload``, ``py-autoreload`` and the like",
    "recycling": "``max-requests``, ``harakiri``, ``cheaper`` and the like with hooks that pause",
    "emperor": "an instance is an emperor",
    "no-orphans": "``no-orphans``",
    "stats-http": "``stats-http``",
    "stats-cores": "large stats of an async instance",
    "stats-blind": "``stats-no-cores``",
    "user": "``uid``",
    "zerg-missing": "no ``zerg``",
    "zerg-served": "``zerg`` names the served socket",
    "zerg-unknown": "``zerg`` names no socket of the pool",
    "startsecs": "``startsecs = 0`` with ``autorestart``",
    "killasgroup": "neither ``killasgroup`` nor ``no-orphans``",
    "stopasgroup": "``stopasgroup``",
    "own-writefifo": "``writefifo`` to the FIFO of the instance itself",
    "if-variable": "``if-exists`` and the like with a variable, which uWSGI does not expand there",
    "hook-brutal": (
        "``Q`` in a hook, written by ``writefifo`` or by ``echo`` (as in the rules below)"
    ),
    "hook-quit": "``q`` in a hook",
    "hook-digit-p": "a digit before ``p`` in a hook, such as ``2p``",
    "hook-reload": "``r`` in a hook",
    "hook-blocks": "``hook-touch`` that runs a command",
    "autorestart-quit": "``autorestart = true`` with hooks that end an instance",
    "boot-lazy": "boots parked by ``hook-post-app``, with ``lazy-apps``",
    "boot-stopped": "boots parked by ``hook-master-start``",
    "boot-crash": "boots parked by ``hook-as-user``",
    "boot-parked": (
        "hooks that take over, in an instance that boots parked (no ``ZERG_BOOT=serving``)"
    ),
    "sigterm": "SIGTERM is not mapped to anything",
    "brutal-stop": "stopped by SIGINT, SIGQUIT, SIGKILL or ``die-on-term``",
    "stop-reloads": "``stopsignal = HUP``",
    "stop-nothing": "``stopsignal`` is SIGUSR1 or SIGUSR2, which do not end uWSGI",
    "ready-print": "the ready message is printed without ``!``",
    "ready-capture": "the program does not capture the ready message",
    "pool-none": "the pool has no ``zerg-pool``",
    "pool-syntax": "``zerg-pool`` is not ``POOL:SERVED``",
    "pool-workers": "the pool has workers",
    "pool-listen": "``listen`` of the pool is less than 128, or missing",
    "pool-signal": "the pool is stopped by SIGTERM or SIGHUP, which reload it",
    "pool-tcp": "the pool serves a TCP port",
}

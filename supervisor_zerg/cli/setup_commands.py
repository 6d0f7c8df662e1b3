"""The commands for whoever sets a pair up. None of them needs supervisord."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import ExitStatus
from .check import run_check
from .command import EXITS, Answer, Command, Invocation, Session
from .completion import SCRIPTS

CHECK = Command(
    name="check",
    summary="Find known traps in the files of supervisord and uWSGI.",
    does="Reads supervisord's file with its includes, and the uWSGI ini of every instance and "
    "pool, and reports everything in them that was measured to hurt. Needs no supervisord and "
    "changes nothing. The file is that of -c, or the one that supervisorctl finds.",
    prints="For each finding: file, line, severity (error, warning, note), id and message; below "
    "it the reason and the fix. Then how many there are. --json prints an array of structs.",
    when="Before a reload or a restart of supervisord, and in continuous integration: 'zergctl "
    "check -c FILE'.",
    example="$ {zerg} check\n"
    "/etc/app.ini:4: error vacuum: vacuum = true\n"
    "    reason: an instance that ends removes the stats socket even when it is now the other "
    "instance's, ...\n"
    "    fix: remove it\n"
    "1 errors, 0 warnings, 0 notes",
    takes=("[PAIR]",),
    options=("-c FILE", "--json"),
    exits={
        0: "nothing worse than notes",
        ExitStatus.FOUND: "there are warnings or errors",
        ExitStatus.USAGE: "a file cannot be read, there is no such pair, or invalid arguments",
    },
    run=run_check,
)


def _run_companion(session: Session, invocation: Invocation) -> Answer:
    return Answer(0, [str(Path(__file__).resolve().parent.parent / "uwsgi" / "companion.py")])


COMPANION = Command(
    name="companion",
    summary="Print the path of companion.py, for 'shared-py-import' in a uWSGI ini.",
    does="An instance that imports companion.py boots parked: fully loaded, but without taking a "
    "request until it is promoted.",
    prints="The path, and nothing else.",
    when="When you write the ini of the instances.",
    example="$ {zerg} companion\n/usr/lib/python3/dist-packages/supervisor_zerg/uwsgi/companion.py",
    options=(),
    exits={0: "the path was printed", ExitStatus.USAGE: EXITS[ExitStatus.USAGE]},
    run=_run_companion,
)


def _run_completion(session: Session, invocation: Invocation) -> Answer:
    return Answer(0, SCRIPTS[invocation.arguments["bash|zsh"]].splitlines())


COMPLETION = Command(
    name="completion",
    summary="Print a script that completes zergctl in a shell.",
    does="The script asks zergctl what may come next, names of pairs and programs included.",
    prints="The script, and nothing else.",
    when='Once: eval "$(zergctl completion bash)" in ~/.bashrc, or zergctl completion zsh > '
    "_zergctl in a folder of $fpath.",
    example="$ {zerg} completion bash",
    takes=("bash|zsh",),
    options=(),
    exits={0: "the script was printed", ExitStatus.USAGE: EXITS[ExitStatus.USAGE]},
    run=_run_completion,
)

BEFORE = (CHECK,)
AFTER = (COMPANION, COMPLETION)

"""The commands for whoever sets a pair up. None of them needs supervisord."""

from __future__ import annotations

from pathlib import Path

from ..core.exit_status import ExitStatus
from .check import run_check
from .command import EXITS, Answer, Command, Invocation, Session
from .completion import SCRIPTS
from .doctor import run_doctor
from .init.run import run_init

DOCTOR = Command(
    name="doctor",
    summary="Tell whether the plugin works on this machine.",
    does="Examines the kernel, the right to observe a program of the account --user, supervisord "
    "and whether its Python can import the plugin, uWSGI with the plugins that it needs, the main "
    "file of supervisord, which its own parser reads, and whether the plugin answers. Changes "
    "nothing. Run it as the account that runs supervisord.",
    prints="A line for each subject; below an error its fix.",
    when="Before the first 'init', after an upgrade, and in a new container image.",
    example="$ {zerg} doctor --user www-data\n"
    "ok     kernel: Linux 6.1.0-18-amd64 on x86_64\n"
    "ok     rights: a program of www-data can be observed by this account\n"
    "error  supervisord: supervisord's Python cannot import the plugin: ...\n"
    "       fix: install it there: /usr/bin/python3 -m pip install supervisor_zerg",
    options=("--user USER", "--uwsgi FILE", "--supervisord FILE", "-c FILE", "--json"),
    exits={
        0: "everything works",
        ExitStatus.FOUND: "something does not",
        ExitStatus.USAGE: EXITS[ExitStatus.USAGE],
    },
    run=run_doctor,
)

INIT = Command(
    name="init",
    summary="Write the configuration of a new pair.",
    does="Writes NAME.conf with the pool and both programs, the uWSGI inis of the pool and of the "
    "instances, a line for tmpfiles.d if the sockets are below /run, with --nginx a location for "
    "nginx, and once for each supervisord zerg.conf with the plugin and its listener. All paths "
    "are absolute, and all values are plain text that you may edit. It asks uWSGI for the plugins "
    "that it needs and supervisord's Python whether it can import the plugin, and writes nothing "
    "if one of them cannot run a pair. An existing file is not changed without --force, which "
    "keeps a backup. It does not change supervisord's main file, and starts nothing. --adopt makes "
    "the pair of a program that runs one uWSGI: it keeps every option of the application and the "
    "address, shows what changes in the ini, and prints how to go over and how to go back.",
    prints="With --dry-run: the files. Otherwise what was written, the findings of 'check' on the "
    "result, what must be added to the main file, and the next commands.",
    when="For the first pair, and for every other one. --socket is the address to which the HTTP "
    "server speaks uWSGI's protocol, --http one to which it speaks HTTP; a path, or HOST:PORT. "
    "--output is a folder from which supervisord includes files; without it that of the first "
    "include. --group is the group of the HTTP server. With --releases each folder in FOLDER is a "
    "release, and each instance boots its own; --venv and --wsgi-file may then be paths in it.",
    example="$ {zerg} init shop --module shop.wsgi --chdir /srv/shop --user www-data --dry-run",
    takes=("NAME",),
    options=(
        "--adopt PROGRAM",
        "--module NAME",
        "--wsgi-file FILE",
        "--chdir FOLDER",
        "--venv FOLDER",
        "--releases FOLDER",
        "--user USER",
        "--group GROUP",
        "--processes N",
        "--threads N",
        "--socket ADDRESS",
        "--http ADDRESS",
        "--dialect managed|hooks",
        "--run FOLDER",
        "--nginx",
        "--uwsgi FILE",
        "--supervisord FILE",
        "--output FOLDER",
        "--dry-run",
        "--force",
        "-c FILE",
    ),
    exits={
        0: "written, and there is nothing worse than notes; with --dry-run: printed",
        ExitStatus.FOUND: "written, and check has warnings or errors",
        ExitStatus.USAGE: "nothing was written: an argument is invalid, a file is in the way, or a "
        "program of this machine cannot run a pair",
    },
    run=run_init,
)

CHECK = Command(
    name="check",
    summary="Find known traps in the files of supervisord and uWSGI.",
    does="Reads supervisord's file with its includes, and the uWSGI ini of every instance and "
    "pool, and reports everything in them that was measured to hurt. Needs no supervisord and "
    "changes nothing. The file is that of -c, or the one that supervisorctl finds; the environment "
    "is that of the supervisord that runs from it, if there is one.",
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

BEFORE = (DOCTOR, INIT, CHECK)
AFTER = (COMPANION, COMPLETION)

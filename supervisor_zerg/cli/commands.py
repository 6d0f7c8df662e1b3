"""The commands of ``supervisorctl zerg`` and ``zergctl`` as one table: what each takes, does and prints. Pure.

Parsing, completion and help (help.py) are all read from it, and a man page can be.
"""

from dataclasses import dataclass, field
from collections.abc import Mapping

from ..core.errors import (
    ARGUMENTS,
    FAILED,
    FORGOTTEN,
    FOUND,
    NOBODY,
    NOT_BACK,
    ROLLED_BACK,
    SERVED,
    UNREACHABLE,
)

LIMIT = 20  # history entries, unless told
EXITS = {
    0: "done, or it was so already",
    ARGUMENTS: "the words of the command are off, or name an unknown or misconfigured pair or program",
    SERVED: "refused or failed, and users are being served",
    NOBODY: "refused or failed, and nobody serves",
    UNREACHABLE: "supervisord or the plugin in it could not be reached, or wants another password",
}


MOVED = (
    "Who serves and who is parked now, how many requests still drain, whether the pair is held, and the time it took; "
    "with 'nothing to do' if it was so already."
)


@dataclass(frozen=True)
class Command:
    """One command. ``takes``: words such as ``PROGRAM``, ``[PAIR]`` (may be left out), ``on|off`` (one of these)."""

    name: str
    summary: str
    does: str
    prints: str
    when: str
    example: str
    takes: tuple[str, ...] = ()
    options: tuple[str, ...] = ("--json",)
    exits: Mapping[int, str] = field(default_factory=lambda: EXITS)

    @property
    def usage(self):
        return " ".join((self.name,) + self.takes + tuple(f"[{option}]" for option in self.options))


TABLE = (
    Command(
        "status",
        "Tell who serves, who is parked, and what is wrong.",
        "Looks at every pair, or at one, at this moment: which instance accepts requests, which one is parked and could take over in an "
        "instant (warm), and every problem that an operator should know. Changes nothing.",
        "A line for each pair: who serves, who is parked, warm, auto, held, its pool, and a request that is under way. Below it a line for "
        "each instance: program, condition (serving parked draining booting stopped lost), slot, Supervisor's state, pid, requests in "
        "flight, workers x threads, requests since its start, since when it is so, and which source told. Then a line for each problem.",
        "First, always; and in monitoring, for its exit status.",
        "$ {zerg} status\n"
        "pybossa: pybossabak serves, pybossa parked, warm yes, auto on, held no, pool zergpool RUNNING\n"
        "  pybossa     parked   sleeping  RUNNING  pid 812  in flight 0  workers 4x1  ...\n"
        "  pybossabak  serving  running   RUNNING  pid 977  in flight 2  workers 4x1  ...",
        ("[PAIR]",),
        exits={
            **EXITS,
            0: "every pair that was asked for serves",
            NOBODY: "a pair serves nobody, be it that an operator holds it",
        },
    ),
    Command(
        "swap",
        "Let the other instance serve, park the one that serves.",
        "The parked instance accepts first, then the serving one is paused, so that no request fails. Returns when the old instance takes no new "
        "request; what it had begun it finishes (it drains). Of two people who swap at once one is refused, so that it is one swap.",
        MOVED,
        "To go back to the version before a deploy, and forth again.",
        "$ {zerg} swap\npybossa: pybossabak serves, pybossa parked (2.4 ms)",
        ("[PAIR]",),
    ),
    Command(
        "promote",
        "Make this program the serving one of its pair.",
        "As swap, but says which instance is to serve, so it may be repeated: a program that serves already goes on. Ends a hold.",
        MOVED,
        "In scripts, and whenever two people may be at work; swap twice is no swap, promote twice is one.",
        "$ {zerg} promote pybossa\npybossa: nothing to do, pybossa serves, pybossabak parked (0.4 ms)",
        ("PROGRAM",),
    ),
    Command(
        "deploy",
        "Bring the code that is now on disk to users, and back if it is bad.",
        "The instance that does not serve is stopped once it has drained, and started with the code that is now on disk. When it is loaded "
        "and, with 'health' in the pair's section, has answered well while it was still parked, it is promoted; the old instance is kept warm. "
        "For the bake time it is watched: if it ends, if its health fails, if its workers crash or raise too many exceptions, the old "
        "instance serves again at once; it has passed when the last answers of its health were good. Meanwhile nothing else moves the pair. "
        "Ctrl-C leaves the deploy running; 'zerg abort' ends it.",
        "What it waits for, with the time so far: a live line on a terminal, else a line for each step; in the end the outcome, and why.",
        "Each time new code is on disk. With --dry-run to see each step and each byte, with --bake 0 to be done at the promotion; a label is "
        "one word. With --backup-first where the first program of the pair is to serve in the end: the spare is restarted with the code "
        "as it is, then 'update' of the section runs, then the first program is restarted with the new code.",
        "$ {zerg} deploy --label v2.1\npybossa: deployed v2.1 in 13.2 s, pybossa serves",
        ("[PAIR]",),
        (
            "--bake SECONDS",
            "--timeout SECONDS",
            "--label TEXT",
            "--no-wait",
            "--dry-run",
            "--backup-first",
            "--json",
        ),
        exits={
            0: "deployed; with --no-wait: begun; with --dry-run: told",
            ARGUMENTS: EXITS[ARGUMENTS],
            SERVED: "refused: nothing was changed, and users are being served",
            FAILED: "failed before users saw the new release; they are on the old one",
            NOBODY: "nobody serves",
            ROLLED_BACK: "rolled back: users were on the new release for a while and are on the old one now",
            UNREACHABLE: EXITS[UNREACHABLE],
            NOT_BACK: "not rolled back: it was bad, and there was no way back; users are on it, or on what is on disk",
            FORGOTTEN: "supervisord was reloaded or restarted meanwhile and does not know how the deploy ended",
        },
    ),
    Command(
        "abort",
        "End the deploy that runs, on the old release.",
        "Before the promotion the new instance is stopped; after it the old instance is promoted again. A hook that runs is ended.",
        "How the deploy ended.",
        "When you know better than its checks.",
        "$ {zerg} abort\npybossa: rolled back after 4.1 s, pybossa serves: aborted by an operator",
        ("[PAIR]",),
    ),
    Command(
        "pause",
        "Pause a program that need not serve; with --hold let nobody serve.",
        "The program takes no new request and finishes those it has. The last instance that accepts is not paused (use swap), unless with "
        "--hold: then nobody of the pair serves, whichever of its programs you name, and requests wait in the queue of the socket until "
        "somebody resumes. Mind the length of that queue ('listen' of uWSGI): what does not fit is turned away.",
        MOVED,
        "After resume --both. With --hold to keep users waiting, instead of failing, for the second that a database migration takes.",
        "$ {zerg} pause pybossa --hold\n"
        "pybossa: nobody serves, pybossa parked, held by an operator: requests wait until 'zerg resume PROGRAM' (1.6 ms)",
        ("PROGRAM",),
        ("--hold", "--json"),
    ),
    Command(
        "resume",
        "Let a program accept requests, and end a hold.",
        "The program serves and the other instance is parked. With --both the other one goes on as well, until the next swap or promote.",
        MOVED,
        "After pause --hold. With --both to have the strength of two instances for a while, when both run the same version.",
        "$ {zerg} resume pybossa\npybossa: pybossa serves, pybossabak parked (1.8 ms)",
        ("PROGRAM",),
        ("--both", "--json"),
    ),
    Command(
        "reconcile",
        "Look at a pair and mend what is not as it should be.",
        "One serves, one is parked, each in its slot with its FIFO in place. Who serves does not change without need.",
        MOVED,
        "After work by hand (echo into a FIFO, signals), or while auto is off. With auto on this happens by itself.",
        "$ {zerg} reconcile\npybossa: nothing to do, pybossa serves, pybossabak parked (0.9 ms)",
        ("[PAIR]",),
    ),
    Command(
        "auto",
        "Let a pair react by itself, or only do what an operator asks.",
        "With auto on a pair fails over when its serving instance dies, parks an instance that comes back, and mends itself. With auto off it only "
        "does what an operator asks. Survives a restart of supervisord.",
        "Whether auto is on now.",
        "Off while you work on the FIFOs by hand; on again afterwards.",
        "$ {zerg} auto off\npybossa: auto off",
        ("on|off", "[PAIR]"),
    ),
    Command(
        "history",
        "Tell what was done to a pair, by whom, and how it ended.",
        "Shows the newest entries, the newest last: %d of them, or N." % LIMIT,
        "A line for each entry: local time, id, what, by whom or by what event, outcome, time it took; below it each move with its time "
        "since the beginning. The id is also in supervisord's log and in replies.",
        "To learn why the instances changed places, or how long it took.",
        "$ {zerg} history --limit 1\n"
        "2026-03-01 09:30:00 6b044838-3 swap pybossa, by an operator, done, took 2.4 ms\n"
        "  +0.7ms resume pybossa to running\n"
        "  +1.6ms pause pybossabak to sleeping",
        ("[PAIR]",),
        ("--limit N", "--json"),
    ),
    Command(
        "check",
        "Find known traps in the files of supervisord and uWSGI.",
        "Reads supervisord's file with its includes, and the uWSGI ini of every instance and pool, and looks for everything that was "
        "measured to hurt. Needs no supervisord and changes nothing: the file is the one of -c, or the one that supervisorctl would take.",
        "A line for each finding: file, line, severity (error, warning, note), its id, what it is; below it why it hurts and how to mend "
        "it. --json prints an array of structs with these. Then how many there are.",
        "Before a reload or a restart of supervisord, and in continuous integration: 'zergctl check -c FILE'.",
        "$ {zerg} check\n"
        "/etc/app.ini:4: error vacuum: vacuum = true\n"
        "    why: an instance that ends removes the stats socket even when it is now the other instance's, ...\n"
        "    mend: remove it\n"
        "1 errors, 0 warnings, 0 notes",
        ("[PAIR]",),
        ("-c FILE", "--json"),
        exits={
            0: "nothing worse than notes",
            FOUND: "warnings or errors were found",
            ARGUMENTS: "a file cannot be read, there is no such pair, or "
            + EXITS[ARGUMENTS].partition(", or")[0],
        },
    ),
    Command(
        "watch",
        "Show all pairs as they are, again and again.",
        "Looks twice a second, or each --interval: who serves, who is parked, requests a second and in flight of each instance, and every "
        "problem. A swap shows as it happens. Changes nothing.",
        "On a terminal a table that is renewed, where the library rich is installed; elsewhere plain lines. With --count N it ends after N "
        "looks, else with Ctrl-C.",
        "Beside a deploy, and while you learn how it works.",
        "$ {zerg} watch --count 1\n12:00:00 pybossa: pybossa parked, pybossabak serving, warm",
        ("[PAIR]",),
        ("--interval SECONDS", "--count N"),
    ),
    Command(
        "completion",
        "Print a script that completes zergctl in a shell.",
        "The script asks zergctl for what may come next, names of pairs and programs included.",
        "The script, nothing else.",
        'Once: eval "$(zergctl completion bash)" in ~/.bashrc; zergctl completion zsh > a folder of $fpath/_zergctl.',
        "$ {zerg} completion bash",
        ("bash|zsh",),
        (),
        {0: "the script was printed", ARGUMENTS: EXITS[ARGUMENTS]},
    ),
    Command(
        "metrics",
        "Print what there is for Prometheus.",
        "Looks at every pair, and adds what was counted since supervisord began: moves, fail-overs, how long they took. The same is at "
        "/zerg/metrics of supervisord's web server. Needs prometheus_client: pip install 'supervisor_zerg[metrics]'.",
        "Prometheus' text format.",
        "From a textfile collector, where Prometheus cannot reach supervisord itself.",
        "$ {zerg} metrics\n# HELP zerg_instance_up 1 if Supervisor runs the instance.\n# TYPE zerg_instance_up gauge\n"
        'zerg_instance_up{pair="pybossa",program="pybossa"} 1.0',
    ),
    Command(
        "companion",
        "Print the path of companion.py, for 'shared-py-import' in a uWSGI ini.",
        "An instance that imports companion.py boots parked: fully loaded, and it takes no request until it is promoted. Needs no supervisord.",
        "The path, nothing else.",
        "Once, when you write the ini of the instances.",
        "$ {zerg} companion\n/usr/lib/python3/dist-packages/supervisor_zerg/uwsgi/companion.py",
        options=(),
        exits={0: "the path was printed", ARGUMENTS: EXITS[ARGUMENTS]},
    ),
    Command(
        "help",
        "Explain a command, or list the commands.",
        "Needs no supervisord.",
        "What the command does, what it prints, when to use it, its exit status, an example.",
        "Whenever in doubt.",
        "$ {zerg} help swap",
        ("[COMMAND]",),
        (),
        {0: "explained", ARGUMENTS: "there is no such command"},
    ),
)
COMMANDS = {command.name: command for command in TABLE}

"""One exception per refusal, each with its fault code, exit status and a hint at what to do next.

Codes are 300 to 323, which neither Supervisor nor a known plugin uses (supervisor/xmlrpc.py
``Faults``).
"""

from __future__ import annotations

import enum


class ExitStatus(enum.IntEnum):
    """How a command ends."""

    DONE = 0
    FOUND = 1  # 'check' found something
    USAGE = 2  # invalid arguments
    REFUSED = 3  # refused or failed; users are served
    FAILED = 4  # a deploy failed before users saw the new release
    NOBODY_SERVES = 5
    ROLLED_BACK = 6  # a deploy was rolled back; users were on the new release for a while
    UNREACHABLE = 7  # supervisord or the plugin could not be reached
    NOT_ROLLED_BACK = 8  # a deploy was bad and could not be rolled back
    FORGOTTEN = 9  # supervisord no longer knows how a deploy ended


class ZergError(Exception):
    """A refusal. Its text is one sentence and a hint."""

    code = 300
    name = "ZERG_FAILED"
    exit_status = ExitStatus.REFUSED
    hint = "see 'zerg history' and supervisord's log"

    def __init__(self, sentence: str, hint: str | None = None) -> None:
        self.sentence = sentence
        if hint:
            self.hint = hint
        super().__init__(f"{sentence}; {self.hint}")


class UnknownPair(ZergError):
    code = 301
    name = "ZERG_UNKNOWN_PAIR"
    exit_status = ExitStatus.USAGE
    hint = "'zerg status' lists the pairs"


class UnknownProgram(ZergError):
    code = 302
    name = "ZERG_UNKNOWN_PROGRAM"
    exit_status = ExitStatus.USAGE
    hint = "'zerg status' lists the programs of every pair"


class Misconfigured(ZergError):
    code = 303
    name = "ZERG_MISCONFIGURED"
    exit_status = ExitStatus.USAGE
    hint = "mend its [zerg:...] section and run 'supervisorctl reread'"


class NotRunning(ZergError):
    code = 304
    name = "ZERG_NOT_RUNNING"
    hint = "start it with 'supervisorctl start PROGRAM': it takes over when it is ready"


class Booting(ZergError):
    code = 305
    name = "ZERG_BOOTING"
    hint = "ask again when 'zerg status' shows it parked or serving"


class NobodyServes(ZergError):
    code = 306
    name = "ZERG_NOBODY_SERVES"
    exit_status = ExitStatus.NOBODY_SERVES
    hint = "start one of its programs with 'supervisorctl start PROGRAM'"


class LastInstance(ZergError):
    code = 307
    name = "ZERG_LAST_INSTANCE"
    hint = (
        "use 'zerg swap' to let the other instance serve,"
        " or --hold to keep requests waiting in the socket's queue"
    )


class Busy(ZergError):
    code = 308
    name = "ZERG_BUSY"
    hint = "ask again when that has ended"


class NoRights(ZergError):
    code = 309
    name = "ZERG_NO_RIGHTS"
    hint = "run supervisord as root, or as the user that the instances run as"


class Unresponsive(ZergError):
    code = 310
    name = "ZERG_UNRESPONSIVE"
    hint = "nothing was sent to it; look at its log, or restart it with supervisorctl"


class Pending(ZergError):
    code = 311
    name = "ZERG_PENDING"
    hint = "the command is executed when the master wakes up; the pair then converges by itself"


class Unsteady(ZergError):
    code = 312
    name = "ZERG_UNSTEADY"
    hint = "its workers die or are recycled without a pause; see its log, max-requests and harakiri"


class AsyncInstance(ZergError):
    code = 313
    name = "ZERG_ASYNC"
    hint = (
        "set 'retire = stop' for the pair,"
        " so that the old instance is ended gracefully instead of parked"
    )


class Lost(ZergError):
    code = 314
    name = "ZERG_LOST"
    hint = "check 'master-fifo' in its uWSGI ini against 'fifos' in the [zerg:...] section"


class ShuttingDown(ZergError):
    code = 315
    name = "ZERG_SHUTTING_DOWN"
    hint = "ask again when supervisord runs"


class TimedOut(ZergError):
    code = 316
    name = "ZERG_TIMED_OUT"
    hint = "see 'zerg status' for what is in the way"


class Obstructed(ZergError):
    code = 317
    name = "ZERG_OBSTRUCTED"
    hint = "move it away: uWSGI would end the whole instance when it cannot make its FIFO there"


class Unsupported(ZergError):
    code = 318
    name = "ZERG_UNSUPPORTED"
    hint = "supervisor_zerg needs Linux with /proc; see 'Compatibility' in the README"


class NoListener(ZergError):
    code = 319
    name = "ZERG_NO_LISTENER"
    hint = "start the [eventlistener:zerg] program: it runs hooks and health checks"


class BadOption(ZergError):
    code = 320
    name = "ZERG_BAD_OPTION"
    exit_status = ExitStatus.USAGE
    hint = "see 'zerg help deploy'"


class NoDeploy(ZergError):
    code = 321
    name = "ZERG_NO_DEPLOY"
    hint = "'zerg status' tells what is under way"


class UnknownJob(ZergError):
    code = 322
    name = "ZERG_UNKNOWN_JOB"
    hint = "it was given up meanwhile"


class ForgottenDeploy(ZergError):
    code = 323
    name = "ZERG_FORGOTTEN"
    exit_status = ExitStatus.FORGOTTEN
    hint = "supervisord was restarted or reloaded meanwhile; 'zerg status' tells who serves"


#: Exit status of a deploy by its outcome.
OUTCOMES = {
    "deployed": ExitStatus.DONE,
    "dry run": ExitStatus.DONE,
    "refused": ExitStatus.REFUSED,
    "failed": ExitStatus.FAILED,
    "rolled back": ExitStatus.ROLLED_BACK,
    "not rolled back": ExitStatus.NOT_ROLLED_BACK,
    "nobody serves": ExitStatus.NOBODY_SERVES,
}

ALL = (
    ZergError,
    UnknownPair,
    UnknownProgram,
    Misconfigured,
    NotRunning,
    Booting,
    NobodyServes,
    LastInstance,
    Busy,
    NoRights,
    Unresponsive,
    Pending,
    Unsteady,
    AsyncInstance,
    Lost,
    ShuttingDown,
    TimedOut,
    Obstructed,
    Unsupported,
    NoListener,
    BadOption,
    NoDeploy,
    UnknownJob,
    ForgottenDeploy,
)
BY_CODE = {error.code: error for error in ALL}

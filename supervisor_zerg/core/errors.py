"""One exception per refusal, with fault code, exit status and a hint; docs/api.rst has a table.

Codes are 300 to 325, which neither Supervisor nor a known plugin uses (supervisor/xmlrpc.py).
"""

from __future__ import annotations

from .exit_status import ExitStatus


class ZergError(Exception):
    """The request failed for a reason that no other fault names.

    The base of all refusals. The text of a refusal is one sentence and a hint.
    """

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
    """No pair has the given name, or the name is missing and there are several pairs."""

    code = 301
    name = "ZERG_UNKNOWN_PAIR"
    exit_status = ExitStatus.USAGE
    hint = "'zerg status' lists the pairs"


class UnknownProgram(ZergError):
    """No pair has the given program."""

    code = 302
    name = "ZERG_UNKNOWN_PROGRAM"
    exit_status = ExitStatus.USAGE
    hint = "'zerg status' lists the programs of every pair"


class Misconfigured(ZergError):
    """The section of the pair has an error."""

    code = 303
    name = "ZERG_MISCONFIGURED"
    exit_status = ExitStatus.USAGE
    hint = "correct its [zerg:...] section and run 'supervisorctl reread'"


class NotRunning(ZergError):
    """The request needs a program that does not run, or that supervisord does not have."""

    code = 304
    name = "ZERG_NOT_RUNNING"
    hint = "start it with 'supervisorctl start PROGRAM': it takes over when it is ready"


class Booting(ZergError):
    """The instance runs and is not ready yet."""

    code = 305
    name = "ZERG_BOOTING"
    hint = "ask again when 'zerg status' shows it parked or serving"


class NobodyServes(ZergError):
    """No instance serves, so there is nothing to swap, and no release to return to."""

    code = 306
    name = "ZERG_NOBODY_SERVES"
    exit_status = ExitStatus.NOBODY_SERVES
    hint = "start one of its programs with 'supervisorctl start PROGRAM'"


class LastInstance(ZergError):
    """A pause would stop the only instance that accepts requests."""

    code = 307
    name = "ZERG_LAST_INSTANCE"
    hint = (
        "use 'zerg swap' to let the other instance serve,"
        " or --hold to keep requests waiting in the socket's queue"
    )


class Busy(ZergError):
    """Another request or a deploy is under way; the text names it, its id and its age."""

    code = 308
    name = "ZERG_BUSY"
    hint = "ask again when that has ended"


class NoRights(ZergError):
    """supervisord may not read the process of an instance in /proc."""

    code = 309
    name = "ZERG_NO_RIGHTS"
    hint = (
        "run supervisord as the user that the instances run as, or as root"
        " (in a container with --cap-add SYS_PTRACE)"
    )


class Unresponsive(ZergError):
    """The master has taken no commands for 10 s, so nothing was sent to it."""

    code = 310
    name = "ZERG_UNRESPONSIVE"
    hint = "nothing was sent to it; see its log, or restart it with supervisorctl"


class Pending(ZergError):
    """A command was sent, and the master has not executed it after 10 s."""

    code = 311
    name = "ZERG_PENDING"
    hint = "the command is executed when the master wakes up; the pair then converges by itself"


class Unsteady(ZergError):
    """For 10 s there was no moment at which no worker was starting: a pause would be unsafe."""

    code = 312
    name = "ZERG_UNSTEADY"
    hint = "its workers die or are recycled without a pause; see its log, max-requests and harakiri"


class AsyncInstance(ZergError):
    """The instance is asynchronous (gevent and the like), so it cannot be parked."""

    code = 313
    name = "ZERG_ASYNC"
    hint = (
        "set 'retire = stop' for the pair,"
        " so that the old instance is ended gracefully instead of parked"
    )


class Lost(ZergError):
    """The master of the instance holds none of the FIFOs."""

    code = 314
    name = "ZERG_LOST"
    hint = "check 'master-fifo' in its uWSGI ini against 'fifos' in the [zerg:...] section"


class ShuttingDown(ZergError):
    """supervisord is shutting down or reloading."""

    code = 315
    name = "ZERG_SHUTTING_DOWN"
    hint = "ask again when supervisord runs"


class TimedOut(ZergError):
    """The pair is not as requested after 10 s; the text says what it waits for."""

    code = 316
    name = "ZERG_TIMED_OUT"
    hint = "see 'zerg status' for what is in the way"


class Obstructed(ZergError):
    """What lies at the path of a slot would be replaced by uWSGI, or would make it exit."""

    code = 317
    name = "ZERG_OBSTRUCTED"
    hint = "move it away: uWSGI would end the whole instance when it cannot make its FIFO there"


class Unsupported(ZergError):
    """The machine lacks something that the plugin needs, such as /proc/PID/syscall."""

    code = 318
    name = "ZERG_UNSUPPORTED"
    hint = "supervisor_zerg needs Linux with /proc; see 'Requirements' in the documentation"


class NoListener(ZergError):
    """The deploy has a hook or a health check, and the listener that runs them is down."""

    code = 319
    name = "ZERG_NO_LISTENER"
    hint = "start the [eventlistener:zerg] program: it runs hooks and health checks"


class BadOption(ZergError):
    """An option of the deploy is unknown, or its value cannot be used."""

    code = 320
    name = "ZERG_BAD_OPTION"
    exit_status = ExitStatus.USAGE
    hint = "see 'zerg help deploy'"


class NoDeploy(ZergError):
    """There is no deploy to abort."""

    code = 321
    name = "ZERG_NO_DEPLOY"
    hint = "'zerg status' shows what is under way"


class UnknownJob(ZergError):
    """The listener reports on a job that supervisord has given up."""

    code = 322
    name = "ZERG_UNKNOWN_JOB"
    hint = "it was given up meanwhile"


class ForgottenDeploy(ZergError):
    """supervisord does not remember a deploy with that id."""

    code = 323
    name = "ZERG_FORGOTTEN"
    exit_status = ExitStatus.FORGOTTEN
    hint = "supervisord was restarted or reloaded meanwhile; 'zerg status' shows who serves"


class UnknownRelease(ZergError):
    """The folder of releases has no such release."""

    code = 324
    name = "ZERG_UNKNOWN_RELEASE"
    exit_status = ExitStatus.USAGE
    hint = "'zerg releases' lists the releases"


class BadRelease(ZergError):
    """The release failed before, and is not deployed again without force."""

    code = 325
    name = "ZERG_BAD_RELEASE"
    hint = "--force deploys it all the same"


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
    UnknownRelease,
    BadRelease,
)
BY_CODE = {error.code: error for error in ALL}

"""One exception per refusal, each with its fault code, exit status and a hint that says what to do next.

Codes lie in 300 to 323, where neither Supervisor nor a known plugin has any (supervisor/xmlrpc.py ``Faults``).
"""

FAILED = 4  # exit status: a deploy failed before users saw the new release
ROLLED_BACK = 6  # exit status: a deploy was rolled back, users were on the new release for a while
NOT_BACK = 8  # exit status: a deploy was bad and could not be rolled back
FORGOTTEN = 9  # exit status: supervisord does not know any more how a deploy ended
FOUND = 1  # exit status: 'check' found something
SERVED = 3  # exit status: refused or failed, and users are being served
NOBODY = 5  # exit status: nobody serves
ARGUMENTS = 2  # exit status: the words of the command are off
UNREACHABLE = 7  # exit status: supervisord or the plugin could not be reached


class ZergError(Exception):
    """A refusal. ``str()`` of it is one sentence and a hint."""

    code = 300
    name = "ZERG_FAILED"
    exit_status = SERVED
    hint = "see 'zerg history' and supervisord's log"

    def __init__(self, sentence, hint=None):
        self.sentence = sentence
        if hint:
            self.hint = hint
        super().__init__(f"{sentence}; {self.hint}")


class UnknownPair(ZergError):
    code, name, exit_status = 301, "ZERG_UNKNOWN_PAIR", ARGUMENTS
    hint = "'zerg status' lists the pairs"


class UnknownProgram(ZergError):
    code, name, exit_status = 302, "ZERG_UNKNOWN_PROGRAM", ARGUMENTS
    hint = "'zerg status' lists the programs of every pair"


class Misconfigured(ZergError):
    code, name, exit_status = 303, "ZERG_MISCONFIGURED", ARGUMENTS
    hint = "mend its [zerg:...] section and run 'supervisorctl reread'"


class NotRunning(ZergError):
    code, name = 304, "ZERG_NOT_RUNNING"
    hint = "start it with 'supervisorctl start PROGRAM': it takes over when it is ready"


class Booting(ZergError):
    code, name = 305, "ZERG_BOOTING"
    hint = "ask again when 'zerg status' shows it parked or serving"


class NobodyServes(ZergError):
    code, name, exit_status = 306, "ZERG_NOBODY_SERVES", NOBODY
    hint = "start one of its programs with 'supervisorctl start PROGRAM'"


class LastInstance(ZergError):
    code, name = 307, "ZERG_LAST_INSTANCE"
    hint = "use 'zerg swap' to let the other instance serve, or --hold to keep requests waiting in the socket's queue"


class Busy(ZergError):
    code, name = 308, "ZERG_BUSY"
    hint = "ask again when that has ended"


class NoRights(ZergError):
    code, name = 309, "ZERG_NO_RIGHTS"
    hint = "run supervisord as root, or as the user that the instances run as"


class Unresponsive(ZergError):
    code, name = 310, "ZERG_UNRESPONSIVE"
    hint = "nothing was sent to it; look at its log, or restart it with supervisorctl"


class Pending(ZergError):
    code, name = 311, "ZERG_PENDING"
    hint = "the command is executed when the master wakes up; the pair then converges by itself"


class Unsteady(ZergError):
    code, name = 312, "ZERG_UNSTEADY"
    hint = "its workers die or are recycled without a pause; see its log, max-requests and harakiri"


class AsyncInstance(ZergError):
    code, name = 313, "ZERG_ASYNC"
    hint = "set 'retire = stop' for the pair, so that the old instance is ended gracefully instead of parked"


class Lost(ZergError):
    code, name = 314, "ZERG_LOST"
    hint = "check 'master-fifo' in its uWSGI ini against 'fifos' in the [zerg:...] section"


class ShuttingDown(ZergError):
    code, name = 315, "ZERG_SHUTTING_DOWN"
    hint = "ask again when supervisord runs"


class TimedOut(ZergError):
    code, name = 316, "ZERG_TIMED_OUT"
    hint = "see 'zerg status' for what is in the way"


class Obstructed(ZergError):
    code, name = 317, "ZERG_OBSTRUCTED"
    hint = "move it away: uWSGI would end the whole instance when it cannot make its FIFO there"


class Unsupported(ZergError):
    code, name = 318, "ZERG_UNSUPPORTED"
    hint = "supervisor_zerg needs Linux with /proc; see 'Compatibility' in the README"


class NoListener(ZergError):
    code, name = 319, "ZERG_NO_LISTENER"
    hint = "start the [eventlistener:zerg] program: it runs hooks and health checks"


class BadOption(ZergError):
    code, name, exit_status = 320, "ZERG_BAD_OPTION", ARGUMENTS
    hint = "see 'zerg help deploy'"


class NoDeploy(ZergError):
    code, name = 321, "ZERG_NO_DEPLOY"
    hint = "'zerg status' tells what is under way"


class UnknownJob(ZergError):
    code, name = 322, "ZERG_UNKNOWN_JOB"
    hint = "it was given up meanwhile"


class ForgottenDeploy(ZergError):
    code, name, exit_status = 323, "ZERG_FORGOTTEN", FORGOTTEN
    hint = "supervisord was restarted or reloaded meanwhile; 'zerg status' tells who serves"


#: Exit status of a deploy by its outcome.
OUTCOMES = {
    "deployed": 0,
    "dry run": 0,
    "refused": SERVED,
    "failed": FAILED,
    "rolled back": ROLLED_BACK,
    "not rolled back": NOT_BACK,
    "nobody serves": NOBODY,
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

"""How the commands end."""

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


#: Exit status of a deploy by its outcome.
OUTCOMES = {
    "done": ExitStatus.DONE,
    "deployed": ExitStatus.DONE,
    "dry run": ExitStatus.DONE,
    "refused": ExitStatus.REFUSED,
    "failed": ExitStatus.FAILED,
    "rolled back": ExitStatus.ROLLED_BACK,
    "not rolled back": ExitStatus.NOT_ROLLED_BACK,
    "nobody serves": ExitStatus.NOBODY_SERVES,
}

"""zergctl(1), from the texts of the help: ``python -m supervisor_zerg.cli.manpage > man/zergctl.1``. Pure."""

import sys

from .. import __version__
from .commands import EXITS, TABLE

HEAD = """\
.\\" Made by supervisor_zerg/cli/manpage.py; do not edit.
.TH ZERGCTL 1 "" "supervisor_zerg %s" "User Commands"
.SH NAME
zergctl \\- swap two uWSGI instances behind one socket under Supervisor
.SH SYNOPSIS
.B zergctl
[\\-c FILE] [\\-s URL] [\\-u USERNAME] [\\-p PASSWORD] [COMMAND ...]
.br
.B supervisorctl zerg
COMMAND ...
.SH DESCRIPTION
Two programs share one listening socket through a uWSGI zerg pool. One serves, the other is parked: loaded, paused, warm.
zergctl asks the plugin inside supervisord to move between them. \\-c, \\-s, \\-u, \\-p, \\-i and \\-r are those of
.BR supervisorctl (1),
and so are all actions that are not told here. Without a COMMAND a shell is started. Put options of a COMMAND after it.
"""
FILES = """\
.SH FILES
.TP
.I zerg-history.jsonl
beside supervisord's log, unless [rpcinterface:zerg] says otherwise: what was done, one JSON object a line.
.SH SEE ALSO
.BR supervisord (1),
.BR supervisorctl (1),
.BR uwsgi (1)
"""


def render():
    """:returns: the page as roff."""
    page = [HEAD % __version__, ".SH COMMANDS\n"]
    page += [_command(command) for command in TABLE]
    page += [".SH EXIT STATUS\n", _statuses(EXITS), FILES]
    return "".join(page)


def _command(command):
    parts = [f".SS {_text(command.usage)}\n{_text(command.summary)}\n.PP\n{_text(command.does)}\n"]
    parts.append(f".PP\nPrints: {_text(command.prints)}\n.PP\nUse it: {_text(command.when)}\n")
    if command.exits != EXITS:
        parts.append(f".PP\nExit status:\n{_statuses(command.exits)}")
    parts.append(f".PP\n.nf\n{_text(command.example.replace('{zerg}', 'zergctl'))}\n.fi\n")
    return "".join(parts)


def _statuses(exits):
    return "".join(".TP\n.B %d\n%s\n" % (number, _text(words)) for number, words in exits.items())


def _text(words):
    """roff takes a backslash, a dash, and a dot or quote at the start of a line for more than they are."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in escaped.splitlines())


if __name__ == "__main__":
    sys.stdout.write(render())

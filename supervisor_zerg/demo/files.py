"""The text of a stack's files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Options = Mapping[str, Any]
MAIN = """\
[unix_http_server]
file = {run}/supervisor.sock

[supervisord]
logfile = {log}/supervisord.log
pidfile = {run}/supervisord.pid
childlogdir = {log}
loglevel = {loglevel}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{run}/supervisor.sock

[ctlplugin:zerg]
supervisor.ctl_factory = supervisor_zerg.controllerplugin:make_zerg_controllerplugin

[include]
files = conf.d/*.conf
"""


def with_options(text: str, section: str, options: Options) -> str:
    """The text of a file with options replaced or added in a section."""
    head, title, rest = text.partition(f"[{section}]")
    body, following, tail = rest.partition("\n[")
    for option, value in options.items():
        body = re.sub(rf"(?m)^{re.escape(option)} *=.*\n?", "", body)
        body = body.rstrip("\n") + f"\n{option} = {value}\n"
    return head + title + body + following + tail

"""Rules about who may talk to supervisord. Pure."""

from __future__ import annotations

import re

from ..config_model import ConfigModel
from ..rule import ERROR, WARNING, Hits, rule

LOCAL = ("127.0.0.1", "localhost", "::1", "[::1]")


def _without_password(model: ConfigModel, local: bool) -> Hits:
    server = model.files.sections.get("inet_http_server")
    if server and not server.get("password"):
        port = server.get("port")
        if (port.rpartition(":")[0] in LOCAL) == local:
            yield server.at("port"), f"{port or 'the port'} needs no password"


@rule(
    "http-open",
    ERROR,
    summary="a TCP port without a password",
    reason="whoever reaches the port may stop every program and run its commands, and the port is"
    " not a local one",
    fix="use a unix socket with chmod 0700, or set username and password",
)
def http_open(model: ConfigModel) -> Hits:
    return _without_password(model, local=False)


@rule(
    "http-local",
    WARNING,
    summary="a local TCP port without a password",
    reason="every user of this machine may stop programs, and so may any web page in a browser on"
    " it: a POST from another site was executed",
    fix="use a unix socket with chmod 0700, or set username and password",
)
def http_local(model: ConfigModel) -> Hits:
    return _without_password(model, local=True)


@rule(
    "http-chmod",
    WARNING,
    summary="every user may write to supervisord's unix socket",
    reason="every user of this machine may stop every program and swap every pair",
    fix="chmod = 0700, or 0770 with a group of operators",
)
def http_chmod(model: ConfigModel) -> Hits:
    server = model.files.sections.get("unix_http_server")
    mode = server.get("chmod", "0700").strip() if server else ""
    if not server or server.get("password") or not re.fullmatch("[0-7]{1,6}", mode):
        return
    if int(mode, 8) & 0o002:
        yield server.at("chmod"), f"every user may write to the socket (chmod = {mode})"


RULES = (http_open, http_local, http_chmod)

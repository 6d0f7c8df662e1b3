"""Where a request comes from: from our page on one of our hosts, or from the page of another site.

Supervisor's authentication guards a server that has a password. A server without one trusts whoever
reaches it, and a browser reaches it for any site that the operator visits: by a form (refused for
its Origin, and because it has no token), and by a host name of that site that resolves to our
address (DNS rebinding; refused for its Host).
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from .http import Request, headers_of

LOCALHOST = "localhost"


class Hosts:
    """The host names under which the page may be opened where there is no password.

    These are an address (no name of another site can hide behind it), localhost, this machine's
    own name, the host that a server is configured to listen on, and those of the option ``hosts``.
    """

    def __init__(self, names: Iterable[str], servers: Iterable[Mapping[str, Any]]) -> None:
        self._names = {LOCALHOST, socket.gethostname().lower()}
        self._names.update(name.strip().lower() for name in names)
        self._names.update(str(server.get("host") or "").lower() for server in servers)
        self._names.discard("")

    def refusal(self, request: Request) -> str:
        """Why the host of a request is not accepted; empty if it is.

        A request without a Host, which no browser sends, is accepted.
        """
        if "host" not in headers_of(request):
            return ""
        name = _name_of(headers_of(request)["host"])
        if name in self._names or _is_address(name):
            return ""
        return (
            "this page does not answer under this host name; add it to 'hosts' in "
            "[rpcinterface:zerg], or set a password for this server"
        )


def _name_of(host: str) -> str:
    """The name in a Host header, without its port and in lower case; empty if it has none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class FormToken:
    """A secret that our page puts into its forms, new with each supervisord."""

    def __init__(self) -> None:
        self.value = secrets.token_urlsafe(24)

    def refusal(self, request: Request, fields: Mapping[str, str]) -> str:
        """Why a form is not of our page; empty if it is."""
        headers = headers_of(request)
        for name in ("origin", "referer"):
            if name in headers and _netloc(headers[name]) != headers.get("host", "").lower():
                return "this request comes from another site"
        if not hmac.compare_digest(fields.get("token", "").encode(), self.value.encode()):
            return (
                "this form is not of this supervisord's page, or was made before supervisord was "
                "restarted; open the page again"
            )
        return ""


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""

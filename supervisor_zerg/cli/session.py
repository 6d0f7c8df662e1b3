"""The connection of a command to supervisord, with time limits."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO, cast

from .command import UsageError

ANSWER_S = 30.0  # supervisord answers any request after 10 s at the latest
NAMES_S = 1.0  # how long the Tab key may wait for names, and check for supervisord
CACHE_S = 5.0  # how long it remembers them


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """A time limit for connections that are made within.

    Supervisor's own take none (supervisor/xmlrpc.py ``UnixStreamHTTPConnection``).
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


class ClientSession:
    """A Session on top of Supervisor's controller."""

    def __init__(self, controller: Any, prefix: str) -> None:
        self.controller = controller
        self.prefix = prefix
        self._known: list[dict[str, Any]] = []
        self._known_until = 0.0

    @property
    def options(self) -> Any:
        return self.controller.options

    @property
    def stdout(self) -> TextIO:
        return cast(TextIO, self.controller.stdout)

    def ask(self, question: Callable[[Any], Any], seconds: float = ANSWER_S) -> Any:
        """Call a function with the proxy of the namespace ``zerg``.

        Raises:
            UsageError: the URL is of an unknown kind.
            Exception: whatever xmlrpc.client raises.
        """
        try:
            zerg = self.controller.get_server_proxy("zerg")
        except ValueError as error:
            raise UsageError(f"{error}; give http://HOST:PORT or unix:///PATH") from error
        with limit(seconds):
            return question(zerg)

    def supervisord_pid(self) -> int:
        """The pid of the supervisord that this command talks to.

        Raises:
            Exception: whatever xmlrpc.client raises.
        """
        with limit(NAMES_S):
            return int(self.controller.get_server_proxy("supervisor").getPID())

    def names(self, kind: str) -> list[str]:
        """Every name of a ``PAIR`` or a ``PROGRAM``, at most CACHE_S old."""
        if time.monotonic() >= self._known_until:
            self._known = []
            self._known_until = time.monotonic() + CACHE_S
            self._known = self.ask(lambda zerg: zerg.getAllPairInfo(), NAMES_S)
        if kind == "PAIR":
            return [info["pair"] for info in self._known]
        return [instance["program"] for info in self._known for instance in info["instances"]]

"""Requests and responses on supervisord's own web server (medusa).

Limits bodies, sends responses that are ready later, and closes on slow clients. Nothing here
blocks, and nothing raises into supervisord's loop.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Optional

from supervisor.http import NOT_DONE_YET

from ..supervisord.loop import Loop

CALLBACK_S = 0.05  # how often supervisord may poll for a response; once it is there it is poked
BODY_BYTES = 64 << 10
BODY_S = 10.0  # a body that is incomplete by then is not waited for
RESPONSE_S = 30.0  # a response that is not taken by then is discarded
LINGER_S = 2.0  # the rest of an unwanted body is read for so long, so that the client reads why
SWEEP_S = 1.0
QUEUE = 16  # responses that a client may leave unread
HEADER_END = b"\r\n\r\n"

Request = Any
"""A request of medusa (supervisor/medusa/http_server.py ``http_request``)."""


class Response(NamedTuple):
    """``code`` is one that medusa knows (supervisor/medusa/http_server.py ``responses``)."""

    code: int
    body: bytes
    headers: Mapping[str, str]


Pending = Callable[[], Optional[Response]]
"""Returns a response, or None while there is none."""


def headers_of(request: Request) -> dict[str, str]:
    """The headers of a request, names in lower case."""
    pairs = (line.partition(":") for line in request.header)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def path_of(request: Request) -> str:
    """The path that is asked for. medusa's own ``split_uri`` raises for some."""
    uri: str = request.uri
    return uri.partition("?")[0].partition("#")[0]


class Producer:
    """A medusa producer of a whole response, as soon as there is one.

    ``callback`` is the attribute that ``Loop.poke`` looks for.
    """

    delay = CALLBACK_S

    def __init__(
        self, request: Request, response: Pending, ended: Callable[[Producer], object]
    ) -> None:
        self.request = request
        self.callback: Pending | None = response
        self._ended = ended

    def more(self) -> Any:
        if self.callback is None:
            self._ended(self)
            return b""
        response = self.callback()
        if response is None:
            return NOT_DONE_YET
        self.callback = None
        return self._written(response)

    def _written(self, response: Response) -> bytes:
        request = self.request
        request.reply_code = response.code
        for name, value in {**response.headers, "Content-Length": len(response.body)}.items():
            request[name] = value
        body = b"" if request.command == "HEAD" else response.body
        request.log(len(body))
        header: bytes = request.build_reply_header()
        return header + body


class Body:
    """Collects the body of a POST: what medusa calls a collector."""

    def __init__(
        self, request: Request, length: int, complete: Callable[[Body, bytes], object]
    ) -> None:
        self.request = request
        self._complete = complete
        self._parts: list[bytes] = []
        request.collector = self
        request.channel.set_terminator(length)

    def collect_incoming_data(self, data: bytes) -> None:
        self._parts.append(data)

    def found_terminator(self) -> None:
        self.request.channel.set_terminator(HEADER_END)
        self._complete(self, b"".join(self._parts))


class DiscardBody:
    """Takes the place of a request whose body is not wanted."""

    def collect_incoming_data(self, data: bytes) -> None:
        """Discard it."""

    def found_terminator(self) -> None:
        """There is none."""


class ResponseQueue:
    """Receives bodies, sends responses, and closes on clients that neither send nor read."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._deadlines: dict[Body | Producer, float] = {}

    def receive(
        self,
        request: Request,
        complete: Callable[[bytes], object],
        refuse: Callable[[int, str], object],
    ) -> None:
        """Read the body of a POST.

        Args:
            complete: Called with the body.
            refuse: Called instead with a status and a sentence.
        """
        length = headers_of(request).get("content-length", "")
        if not length:
            refuse(411, "the header Content-Length is missing")
        elif not (length.isascii() and length.isdigit()):
            refuse(400, "Content-Length is not a number")
        elif int(length) > BODY_BYTES:
            refuse(413, f"the body may not be longer than {BODY_BYTES} bytes")
        elif int(length) == 0:
            # As a terminator it would mean: forever (supervisor/medusa/asynchat_25.py
            # ``handle_read``).
            complete(b"")
        else:
            self._receive(request, int(length), complete)

    def _receive(self, request: Request, length: int, complete: Callable[[bytes], object]) -> None:
        def received(body: Body, data: bytes) -> None:
            self._deadlines.pop(body, None)
            complete(data)

        self._expect(Body(request, length, received), BODY_S)

    def send(self, request: Request, response: Pending, unread: bool = False) -> None:
        """Send a response as soon as it is there. ``unread``: a body may not have been read."""
        channel = request.channel
        if len(channel.producer_fifo) > QUEUE:
            return self._close(channel)
        keep = _keeps_alive(request) and not unread
        request["Connection"] = "Keep-Alive" if keep else "close"
        channel.current_request = None
        producer = Producer(request, response, lambda ended: self._deadlines.pop(ended, None))
        self._expect(producer, RESPONSE_S)
        _send_at_once(channel.socket)
        channel.push_with_producer(producer)
        if unread:
            self._linger(channel)
        elif not keep:
            channel.close_when_done()

    def _linger(self, channel: Any) -> None:
        """Close later: TCP answers unread data with a reset, which would discard the response."""
        channel.current_request = DiscardBody()
        channel.set_terminator(None)
        self._loop.call_later(LINGER_S, lambda: self._close(channel))

    def _expect(self, thing: Body | Producer, seconds: float) -> None:
        if not self._deadlines:
            self._loop.call_later(SWEEP_S, self._sweep)
        self._deadlines[thing] = self._loop.clock() + seconds

    def _sweep(self) -> None:
        now = self._loop.clock()
        for thing, deadline in list(self._deadlines.items()):
            if not self._is_open(thing.request.channel):
                del self._deadlines[thing]
            elif deadline < now:
                del self._deadlines[thing]
                self._close(thing.request.channel)
        if self._deadlines:
            self._loop.call_later(SWEEP_S, self._sweep)

    def _is_open(self, channel: Any) -> bool:
        return channel in self._loop.options.get_socket_map().values()

    def _close(self, channel: Any) -> None:
        if self._is_open(channel):
            channel.ac_in_buffer = b""
            channel.close()


def _send_at_once(connection: Any) -> None:
    """Turn Nagle's algorithm off.

    medusa sends 4 KiB at a time; the second piece would wait 40 ms for the acknowledgement of the
    first (RFC 896).
    """
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _keeps_alive(request: Request) -> bool:
    connection = headers_of(request).get("connection", "").lower()
    if request.version == "1.0":
        return connection == "keep-alive"
    return request.version is not None and connection != "close"

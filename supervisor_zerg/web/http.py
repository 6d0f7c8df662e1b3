"""Requests and answers on supervisord's own web server (medusa): bodies with a limit, answers that come later, slow clients.

Nothing here blocks, and nothing raises into supervisord's loop.
"""

import contextlib
import socket
from typing import NamedTuple
from collections.abc import Mapping

from supervisor.http import NOT_DONE_YET

CALLBACK_S = 0.05  # how often supervisord may ask for an unfinished answer; the answer itself is poked through at once
BODY_BYTES = 64 << 10
BODY_S = 10.0  # a body that is not there by then is not waited for
ANSWER_S = 30.0  # an answer that is not taken by then is thrown away
LINGER_S = 2.0  # how long the rest of an unwanted body is dropped, so that the client reads why
SWEEP_S = 1.0
QUEUE = 16  # answers that a client may leave unread
HEADER_END = b"\r\n\r\n"


class Reply(NamedTuple):
    """What is answered. ``code``: one that medusa knows (supervisor/medusa/http_server.py ``responses``)."""

    code: int
    body: bytes
    headers: Mapping[str, str]


def headers_of(request):
    """The headers of a request, names in lower case."""
    pairs = (line.partition(":") for line in request.header)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def path_of(request):
    """The path that is asked for. medusa's own ``split_uri`` raises for some."""
    return request.uri.partition("?")[0].partition("#")[0]


class Answer:
    """A medusa producer of the whole answer, as soon as there is one.

    :param reply: returns a Reply, or None while there is none.
    ``callback`` is what ``Loop.poke`` looks for.
    """

    delay = CALLBACK_S

    def __init__(self, request, reply, ended):
        self.request, self.callback, self.ended = request, reply, ended

    def more(self):
        if self.callback is None:
            self.ended(self)
            return b""
        reply = self.callback()
        if reply is None:
            return NOT_DONE_YET
        self.callback = None
        return self._written(reply)

    def _written(self, reply):
        request = self.request
        request.reply_code = reply.code
        for name, value in {**reply.headers, "Content-Length": len(reply.body)}.items():
            request[name] = value
        body = b"" if request.command == "HEAD" else reply.body
        request.log(len(body))
        return request.build_reply_header() + body


class Body:
    """Gathers the body of a POST; what medusa calls a collector."""

    def __init__(self, request, length, complete):
        self.request, self.complete, self.parts = request, complete, []
        request.collector = self
        request.channel.set_terminator(length)

    def collect_incoming_data(self, data):
        self.parts.append(data)

    def found_terminator(self):
        self.request.channel.set_terminator(HEADER_END)
        self.complete(self, b"".join(self.parts))


class DiscardBody:
    """Takes the place of a request whose body is not wanted."""

    def collect_incoming_data(self, data):
        pass

    def found_terminator(self):
        pass


class ResponseQueue:
    """Takes bodies in and hands answers out, and closes on clients that neither send nor read. :param loop: plugin.loop"""

    def __init__(self, loop):
        self.loop = loop
        self._deadlines = {}

    def receive(self, request, complete, refuse):
        """Read the body of a POST. :param complete: called with it. :param refuse: called with a status and a sentence instead."""
        length = headers_of(request).get("content-length", "")
        if not length:
            return refuse(411, "say how long the body is: Content-Length is missing")
        if not (length.isascii() and length.isdigit()):
            return refuse(400, "Content-Length is not a number")
        if int(length) > BODY_BYTES:
            return refuse(413, "the body may not be longer than %d bytes" % BODY_BYTES)
        if (
            int(length) == 0
        ):  # as a terminator it would mean: for ever (supervisor/medusa/asynchat_25.py ``handle_read``)
            return complete(b"")
        self._expect(
            Body(request, int(length), lambda body, data: self._received(body, data, complete)),
            BODY_S,
        )

    def _received(self, body, data, complete):
        self._deadlines.pop(body, None)
        complete(data)

    def answer(self, request, reply, unread=False):
        """Hand out an answer. :param reply: see Answer. :param unread: there may be a body that was not read."""
        channel = request.channel
        if len(channel.producer_fifo) > QUEUE:
            return self._close(channel)
        keep = _keeps(request) and not unread
        request["Connection"] = "Keep-Alive" if keep else "close"
        channel.current_request = None
        answer = Answer(request, reply, lambda answer: self._deadlines.pop(answer, None))
        self._expect(answer, ANSWER_S)
        _send_at_once(channel.socket)
        channel.push_with_producer(answer)
        if unread:
            self._linger(channel)
        elif not keep:
            channel.close_when_done()

    def _linger(self, channel):
        """To close at once would throw away the answer together with what was not read (TCP answers it with a reset)."""
        channel.current_request = DiscardBody()
        channel.set_terminator(None)
        self.loop.call_later(LINGER_S, lambda: self._close(channel))

    def _expect(self, thing, seconds):
        if not self._deadlines:
            self.loop.call_later(SWEEP_S, self._sweep)
        self._deadlines[thing] = self.loop.clock() + seconds

    def _sweep(self):
        now = self.loop.clock()
        for thing, deadline in list(self._deadlines.items()):
            if not self._open(thing.request.channel):
                del self._deadlines[thing]
            elif deadline < now:
                del self._deadlines[thing]
                self._close(thing.request.channel)
        if self._deadlines:
            self.loop.call_later(SWEEP_S, self._sweep)

    def _open(self, channel):
        return channel in self.loop.options.get_socket_map().values()

    def _close(self, channel):
        if self._open(channel):
            channel.ac_in_buffer = b""
            channel.close()


def _send_at_once(connection):
    """medusa sends 4 KiB at a time; the second piece would wait 40 ms for the acknowledgement of the first (RFC 896)."""
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _keeps(request):
    connection = headers_of(request).get("connection", "").lower()
    return (
        connection == "keep-alive"
        if request.version == "1.0"
        else request.version is not None and connection != "close"
    )

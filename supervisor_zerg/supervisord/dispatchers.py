"""Our entries in supervisord's socket map: pidfds of masters, connections to stats servers."""

from __future__ import annotations

import contextlib
import os
import socket
import traceback
from typing import Any, Callable, Protocol, Union

from ..uwsgi.stats import STATS_LIMIT_BYTES

RECEIVE_BYTES = 1 << 16
RECEIVES = 4  # at most in one round of the loop
#: What a stats server said, or why it said nothing.
Answer = Union[bytes, OSError]


class DispatcherLoop(Protocol):
    """What a dispatcher needs of the loop (loop.py)."""

    @property
    def supervisord(self) -> Any: ...

    @property
    def options(self) -> Any: ...

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]: ...

    def report(self, trace: str) -> None: ...

    def forget(self, pid: int) -> None: ...


class Dispatcher:
    """An entry in supervisord's socket map (supervisord.py ``runforever``).

    supervisord calls ``readable`` and ``writable`` outside of any try: they must never raise.

    Args:
        loop: whose supervisord it is.
        descriptor: that is polled.
    """

    closed = False

    def __init__(self, loop: DispatcherLoop, descriptor: int) -> None:
        self.loop = loop
        self.descriptor = descriptor
        loop.options.get_socket_map()[descriptor] = self

    def readable(self) -> bool:
        return not self.closed

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        raise NotImplementedError

    def handle_write_event(self) -> None:
        pass

    def handle_error(self) -> None:
        """supervisord calls it inside the except clause of a handler."""
        if self.closed:
            return  # closed by another handler in this round
        self.loop.report(traceback.format_exc())

    def close(self, unregister: bool = True) -> None:
        raise NotImplementedError

    def _leave(self, unregister: bool) -> None:
        """Leave the socket map.

        Within its own read handler the loop unregisters a descriptor that is not readable any more;
        elsewhere we do.
        """
        self.closed = True
        socket_map = self.loop.options.get_socket_map()
        if socket_map.get(self.descriptor) is self:
            del socket_map[self.descriptor]
        if unregister:
            with contextlib.suppress(Exception):  # it was not registered yet
                self.loop.options.poller.unregister_readable(self.descriptor)


class PidWatch(Dispatcher):
    """The pidfd of a process: it becomes readable when the process ends.

    Args:
        died: called with the pid.
    """

    def __init__(
        self, loop: DispatcherLoop, pid: int, descriptor: int, died: Callable[[int], Any]
    ) -> None:
        self.pid = pid
        self.died = died
        super().__init__(loop, descriptor)

    def handle_read_event(self) -> None:
        if self.closed:
            return
        self.close(unregister=False)
        self.loop.supervisord.reap()  # so that the program is EXITED in this round already
        self.loop.guard(self.died)(self.pid)

    def close(self, unregister: bool = True) -> None:
        if not self.closed:
            self._leave(unregister)
            self.loop.forget(self.pid)
            os.close(self.descriptor)


class StatsRead(Dispatcher):
    """One question to a stats server: it answers as soon as it is connected to, and closes.

    Args:
        connection: to the server at ``address``.
        answered: called with the address and the answer.
    """

    def __init__(
        self,
        loop: DispatcherLoop,
        address: str,
        connection: socket.socket,
        answered: Callable[[str, Answer], Any],
    ) -> None:
        self.address = address
        self.connection = connection
        self.answered = answered
        self._data = bytearray()
        super().__init__(loop, connection.fileno())

    def handle_read_event(self) -> None:
        """Read what is there, RECEIVES * RECEIVE_BYTES at most: then the loop goes round first."""
        for _ in range(RECEIVES):
            if self.closed:
                return
            try:
                chunk = self.connection.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._finish(error)
                return
            self._data += chunk
            if not chunk:
                self._finish(bytes(self._data))
            elif len(self._data) > STATS_LIMIT_BYTES:
                self._finish(OSError(f"more than {STATS_LIMIT_BYTES} bytes"))

    def _finish(self, answer: Answer) -> None:
        self.close(unregister=False)
        self.loop.guard(self.answered)(self.address, answer)

    def close(self, unregister: bool = True) -> None:
        if not self.closed:
            self._leave(unregister)
            self.connection.close()

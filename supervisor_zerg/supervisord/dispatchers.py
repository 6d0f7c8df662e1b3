"""Entries of ours in supervisord's socket map: a pidfd for each master, a connection to a stats server.

Everything that supervisord's loop asks of an entry is in :class:`Dispatcher`, with the traps (supervisord.py ``runforever``).
"""

import os
import traceback

from ..uwsgi.stats import STATS_LIMIT_BYTES

RECEIVE_BYTES = 1 << 16


class Dispatcher:
    """What supervisord's loop expects of an entry in its socket map (supervisord.py ``runforever``). ``readable`` and
    ``writable`` are called outside of any try: they must never raise."""

    closed = False

    def __init__(self, loop, descriptor):
        self.loop, self.descriptor = loop, descriptor
        loop.options.get_socket_map()[descriptor] = self

    def readable(self):
        return not self.closed

    def writable(self):
        return False

    def handle_write_event(self):
        pass

    def handle_error(self):
        if self.closed:
            return  # closed by another handler of this round; the poller did not know it any more
        self.loop.options.logger.critical(
            f"zerg: this is a bug, please report it: {traceback.format_exc()}"
        )

    def _leave(self, unregister):
        """Within its own read handler the loop unregisters a descriptor that is not readable any more; elsewhere we do."""
        self.closed = True
        socket_map = self.loop.options.get_socket_map()
        if socket_map.get(self.descriptor) is self:
            del socket_map[self.descriptor]
        if unregister:
            try:
                self.loop.options.poller.unregister_readable(self.descriptor)
            except Exception:
                pass  # it was not registered yet


class PidWatch(Dispatcher):
    def __init__(self, loop, pid, descriptor, died):
        self.pid, self.died = pid, died
        super().__init__(loop, descriptor)

    def handle_read_event(self):
        if self.closed:
            return
        self.close(unregister=False)
        self.loop.supervisord.reap()  # EXITED now, and what follows from it in this very round
        self.loop.guard(self.died)(self.pid)

    def close(self, unregister=True):
        if not self.closed:
            self._leave(unregister)
            self.loop.forget(self.pid)
            os.close(self.descriptor)


class StatsRead(Dispatcher):
    """One question to a stats server: it answers as soon as it is connected to, and closes."""

    def __init__(self, loop, address, connection, answered):
        self.address, self.connection, self.answered = address, connection, answered
        self.chunks, self.size = [], 0
        super().__init__(loop, connection.fileno())

    def handle_read_event(self):
        if self.closed:
            return
        while not self.closed:
            try:
                chunk = self.connection.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                return self._finish(error)
            self.chunks.append(chunk)
            self.size += len(chunk)
            if not chunk:
                self._finish(b"".join(self.chunks))
            elif self.size > STATS_LIMIT_BYTES:
                self._finish(OSError("more than %d bytes" % STATS_LIMIT_BYTES))

    def _finish(self, answer):
        self.close(unregister=False)
        self.loop.guard(self.answered)(self.address, answer)

    def close(self, unregister=True):
        if not self.closed:
            self._leave(unregister)
            self.connection.close()

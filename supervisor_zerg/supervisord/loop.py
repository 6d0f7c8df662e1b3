"""Timers, pidfds and stats sockets inside supervisord's one poll loop.

Stock supervisord looks at the world once a second. Three things make it a matter of milliseconds: a pidfd for each managed
master in ``asyncore.socket_map``; timers by shortening the poll; and waking the HTTP channel of an RPC that is answered.
No thread, no signal handler. Every callback is guarded: an exception that left one would end supervisord
(supervisor/events.py ``notify``, supervisord.py ``runforever``).
"""

import heapq
import itertools
import os
import time
import traceback

from .dispatchers import PidWatch, StatsRead
from .task import Task

SHORT_S = 0.001  # poll() counts in milliseconds: a shorter wait is slept


class Loop:
    """One for each generation of supervisord (a reload makes a new one)."""

    def __init__(self, supervisord):
        self.supervisord = supervisord
        self.options = supervisord.options
        self.clock = time.monotonic
        self._timers, self._order, self._soon = [], itertools.count(), []
        self._watches = {}
        self._poll = None

    # life

    def start(self):
        """At SUPERVISOR_RUNNING: the poller is the one that will be used."""
        if self._poll is None:
            self._poll = self.options.poller.poll
            self.options.poller.poll = self._poll_and_run
            self.call_soon(
                lambda: None
            )  # 4.3.0 would spawn the first program only after the first poll's second

    def stop(self):
        """Before supervisord closes descriptors behind our back (supervisor/options.py ``cleanup_fds``)."""
        for watch in list(self._watches.values()):
            watch.close()
        for thing in [
            t for t in self.options.get_socket_map().values() if isinstance(t, StatsRead)
        ]:
            thing.close()
        self._timers, self._soon = [], []
        self.options.poller.__dict__.pop("poll", None)
        self._poll = None

    def _poll_and_run(self, timeout):
        ready = self._poll(self._shortened(timeout))
        soon, self._soon = self._soon, []
        for call in soon:
            self.guard(call)()
        now = self.clock()
        while self._timers and self._timers[0][0] <= now:
            self.guard(heapq.heappop(self._timers)[2].fire)()
        return ready

    def _shortened(self, timeout):
        if self._soon:
            return 0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return timeout
        left = self._timers[0][0] - self.clock()
        if 0 < left < SHORT_S:
            time.sleep(left)
            left = 0
        return max(0, min(timeout, left))

    # doing things

    def guard(self, function):
        """The function, with every exception turned into a line of supervisord's log."""

        def guarded(*args):
            try:
                return function(*args)
            except Exception:
                self.options.logger.critical(
                    f"zerg: this is a bug, please report it: {traceback.format_exc()}"
                )

        return guarded

    def call_soon(self, function):
        self._soon.append(function)

    def call_later(self, seconds, function):
        """:returns: Timer, with ``cancel()``."""
        timer = Timer(function)
        heapq.heappush(self._timers, (self.clock() + seconds, next(self._order), timer))
        return timer

    def task(self, generator, ended=lambda result: None):
        """A generator that yields Nap and Ask, to be driven. :param ended: called with its result. :returns: Task, not started."""
        return Task(self, generator, ended)

    def watch(self, pid, died):
        """Call ``died`` in the instant a process ends. Returns False where this kernel has no pidfd, or it has ended."""
        if pid in self._watches:
            return True
        try:
            descriptor = os.pidfd_open(pid)
        except (OSError, AttributeError):
            return False
        self._watches[pid] = PidWatch(self, pid, descriptor, died)
        return True

    def unwatch(self, pid):
        """End what ``watch`` began."""
        if pid in self._watches:
            self._watches[pid].close()

    def watched(self):
        return set(self._watches)

    def forget(self, pid):
        self._watches.pop(pid, None)

    def poke(self):
        """Ask every deferred RPC now whether it has its answer: an idle loop would only do so each second
        (supervisor/http.py ``deferring_http_channel.writable``). One that has none yet just says so once more."""
        for channel in list(self.options.get_socket_map().values()):
            fifo = getattr(channel, "producer_fifo", None)
            if (
                fifo is not None
                and len(fifo)
                and getattr(fifo.first(), "callback", None) is not None
            ):
                channel.delay = 0
                self.guard(channel.initiate_send)()


class Timer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None

    def fire(self):
        callback, self.callback = self.callback, None
        if callback:
            callback()

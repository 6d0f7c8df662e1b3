"""Timers, pidfds and stats sockets inside supervisord's one poll loop.

Stock supervisord polls once a second. Three things make it a matter of milliseconds: a
pidfd for each managed master in ``asyncore.socket_map``; timers by shortening the poll; and waking
the HTTP channel of an RPC that is answered. No thread, no signal handler. Every callback is
guarded: an exception that left one would end supervisord (supervisor/events.py ``notify``,
supervisord.py ``runforever``).
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import time
import traceback
from collections.abc import Generator
from typing import Any, Callable, Optional, TypeVar, Union

from ..core.effects import ReadStats, Sleep
from .dispatchers import PidWatch, StatsRead
from .task import Task
from .timer import Timer

SHORT_S = 0.001  # poll() counts in milliseconds: a shorter wait is slept
T = TypeVar("T")


class Loop:
    """supervisord's loop. Each generation of supervisord has one: a reload makes a new one.

    Args:
        supervisord: supervisor.supervisord.Supervisor.
    """

    def __init__(self, supervisord: Any) -> None:
        self.supervisord = supervisord
        self.options = supervisord.options
        self.clock: Callable[[], float] = time.monotonic
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._soon: list[Callable[[], Any]] = []
        self._watches: dict[int, PidWatch] = {}
        self._poll: Optional[Callable[[float], Any]] = None
        self._unreported: Optional[Exception] = None

    # life

    def start(self) -> None:
        """Join the poll, at SUPERVISOR_RUNNING: the poller is the one that will be used."""
        if self._poll is None:
            self._poll = self.options.poller.poll
            self.options.poller.poll = self._poll_and_run
            # Supervisor 4.3.0 would spawn the first program only after the first poll's second.
            self.call_soon(lambda: None)

    def stop(self) -> None:
        """Stop before supervisord closes our descriptors (options.py ``cleanup_fds``)."""
        for watch in list(self._watches.values()):
            watch.close()
        for entry in list(self.options.get_socket_map().values()):
            if isinstance(entry, StatsRead):
                entry.close()
        self._timers = []
        self._soon = []
        self.options.poller.__dict__.pop("poll", None)
        self._poll = None

    def _poll_and_run(self, timeout: float) -> Any:
        assert self._poll is not None
        ready = self._poll(self._shortened(timeout))
        if self._unreported:
            self._report_late(self._unreported)
        soon = self._soon
        self._soon = []
        for call in soon:
            self.guard(call)()
        now = self.clock()
        while self._timers and self._timers[0][0] <= now:
            self.guard(heapq.heappop(self._timers)[2].fire)()
        return ready

    def _shortened(self, timeout: float) -> float:
        """The timeout of a poll, such that the next timer fires in time. May sleep for SHORT_S."""
        if self._soon:
            return 0
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        if not self._timers:
            return timeout
        left = self._timers[0][0] - self.clock()
        if 0 < left < SHORT_S:
            time.sleep(left)
            left = 0
        return max(0, min(timeout, left))

    # calls

    def guard(self, function: Callable[..., T]) -> Callable[..., Optional[T]]:
        """Return the function, with every exception turned into a line of supervisord's log.

        The guard never raises. Where it cannot log, because the stack is used up (RecursionError)
        or the log cannot be written, it logs after the next poll.
        """

        def guarded(*args: Any) -> Optional[T]:
            try:
                return function(*args)
            except Exception as error:
                try:
                    self.report(traceback.format_exc())
                except Exception:
                    self._unreported = error  # a call could raise again
                return None

        return guarded

    def report(self, trace: str) -> None:
        """Log an exception that reached a guard: a bug."""
        self.options.logger.critical(f"zerg: this is a bug, please report it: {trace}")

    def _report_late(self, error: Exception) -> None:
        with contextlib.suppress(Exception):
            self.report("".join(traceback.format_exception(type(error), error, None)))
            self._unreported = None

    def call_soon(self, function: Callable[[], Any]) -> None:
        """Call a function after the next poll, which does not wait."""
        self._soon.append(function)

    def call_later(self, seconds: float, function: Callable[[], Any]) -> Timer:
        """Call a function once, in so many seconds, unless the timer is cancelled."""
        timer = Timer(function)
        heapq.heappush(self._timers, (self.clock() + seconds, next(self._order), timer))
        return timer

    def task(
        self,
        generator: Generator[Union[ReadStats, Sleep], Any, T],
        ended: Callable[[Optional[T]], Any] = lambda result: None,
    ) -> Task:
        """Return a task that drives a generator; it is not started.

        Args:
            generator: yields what it waits for.
            ended: called with its result; None where it raised an exception.
        """
        return Task(self, generator, ended)

    # processes

    def watch(self, pid: int, died: Callable[[int], Any]) -> bool:
        """Call ``died`` with the pid as soon as a process ends.

        Returns False where it has ended, or this kernel has no pidfd.
        """
        if pid in self._watches:
            return True
        try:
            descriptor = os.pidfd_open(pid)
        except (OSError, AttributeError):
            return False
        self._watches[pid] = PidWatch(self, pid, descriptor, died)
        return True

    def unwatch(self, pid: int) -> None:
        """End what ``watch`` began."""
        if pid in self._watches:
            self._watches[pid].close()

    def watched(self) -> set[int]:
        """Return the pids that are watched."""
        return set(self._watches)

    def forget(self, pid: int) -> None:
        """A watch has ended; its dispatcher calls this."""
        self._watches.pop(pid, None)

    # RPC

    def poke(self) -> None:
        """Ask every deferred RPC now whether it has its answer.

        An idle loop would only do so each second (supervisor/http.py
        ``deferring_http_channel.writable``). One that has none yet stays deferred.
        """
        for channel in list(self.options.get_socket_map().values()):
            fifo = getattr(channel, "producer_fifo", None)
            if fifo is None or not len(fifo):
                continue
            if getattr(fifo.first(), "callback", None) is not None:
                channel.delay = 0
                self.guard(channel.initiate_send)()

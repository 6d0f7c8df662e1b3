"""Timers, pidfds and stats sockets inside supervisord's one poll loop; drives the generators of settle.py.

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

from .observe import Ask
from .settle import Nap
from .uwsgi import STATS_LIMIT_BYTES, connect

SHORT_S = 0.001  # poll() counts in milliseconds: a shorter wait is slept
RECEIVE_BYTES = 1 << 16


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
            self.call_soon(lambda: None)  # 4.3.0 would spawn the first program only after the first poll's second

    def stop(self):
        """Before supervisord closes descriptors behind our back (supervisor/options.py ``cleanup_fds``)."""
        for watch in list(self._watches.values()):
            watch.close()
        for thing in [t for t in self.options.get_socket_map().values() if isinstance(t, StatsRead)]:
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
                self.options.logger.critical("zerg: this is a bug, please report it: %s" % traceback.format_exc())

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

    def watched(self):
        return set(self._watches)

    def forget(self, pid):
        self._watches.pop(pid, None)

    def poke(self):
        """Ask every deferred RPC now whether it has its answer: an idle loop would only do so each second
        (supervisor/http.py ``deferring_http_channel.writable``). One that has none yet just says so once more."""
        for channel in list(self.options.get_socket_map().values()):
            fifo = getattr(channel, "producer_fifo", None)
            if fifo is not None and len(fifo) and getattr(fifo.first(), "callback", None) is not None:
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


class Task:
    """A generator on its way. It is always waiting for exactly one thing: a timer or a set of stats servers."""

    def __init__(self, loop, generator, ended):
        self.loop, self.generator, self.ended = loop, generator, ended
        self.alive, self.running = True, False
        self._timer, self._reads, self._deadline = None, (), None

    def start(self):
        self._continue(None)
        return self

    def wake(self):
        """Look now. A running question is given a moment to be answered first."""
        if self.alive and not self.running and self._timer:
            self._continue(None)

    def run_at_once(self, seconds):
        """Drive on without returning to the loop, for a few milliseconds: for what must be done before a signal is sent.
        Stats servers are not waited for; the kernel's witness serves."""
        if not self.alive or self.running:
            return
        limit = self.loop.clock() + seconds
        wanted = self._resume({})
        while self.alive and self.loop.clock() < limit:
            if isinstance(wanted, Nap) and wanted.seconds > limit - self.loop.clock():
                break
            if isinstance(wanted, Nap):
                time.sleep(wanted.seconds)
            wanted = self._resume({})
        if self.alive:
            self._wait(wanted if isinstance(wanted, Nap) else Nap(0))

    def cancel(self):
        if self.alive:
            self._clear()
            self.alive = False
            self.generator.close()

    def _continue(self, answer):
        wanted = self._resume(answer)
        if self.alive:
            self._wait(wanted)

    def _resume(self, answer):
        self._clear()
        self.running = True
        try:
            return self.generator.send(answer)
        except StopIteration as end:
            self._end(end.value)
        except Exception:
            self._end(None)
            raise
        finally:
            self.running = False

    def _end(self, result):
        self.alive = False
        self.ended(result)

    def _clear(self):
        for timer in (self._timer, self._deadline):
            if timer:
                timer.cancel()
        for read in self._reads:
            read.close()
        self._timer, self._deadline, self._reads = None, None, ()

    def _wait(self, wanted):
        if isinstance(wanted, Ask):
            self._ask(wanted)
        else:
            self._timer = self.loop.call_later(wanted.seconds, lambda: self._continue(None))

    def _ask(self, ask):
        answers = {}
        reads = []
        for address in ask.addresses:
            try:
                reads.append(StatsRead(self.loop, address, connect(address), lambda a, b: self._answered(answers, a, b)))
            except OSError as error:
                answers[address] = error
        self._reads = tuple(reads)
        if not reads:
            self._timer = self.loop.call_later(0, lambda: self._continue(answers))
            return
        late = lambda: self._continue({**{a: TimeoutError("no answer in time") for a in ask.addresses}, **answers})  # noqa: E731
        self._deadline = self.loop.call_later(ask.timeout, late)

    def _answered(self, answers, address, answer):
        answers[address] = answer
        if all(read.closed for read in self._reads):
            self._continue(answers)


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
        self.loop.options.logger.critical("zerg: this is a bug, please report it: %s" % traceback.format_exc())

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

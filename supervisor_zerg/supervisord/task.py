"""Drives one generator of reconcile.py inside supervisord's loop: naps become timers, questions become stats sockets."""

import time

from ..core.effects import ReadStats, Sleep
from ..uwsgi.stats import connect
from .dispatchers import StatsRead

CROWDED = 10


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
        Stats servers are not waited for; the kernel's source serves.

        :param seconds: of work and naps. What a crowded machine gives to others does not count, up to CROWDED times as much.
        """
        if not self.alive or self.running:
            return
        began, limit, napped = time.thread_time(), self.loop.clock() + CROWDED * seconds, 0.0
        wanted = self._resume({})
        while self.alive and self.loop.clock() < limit:
            nap = wanted.seconds if isinstance(wanted, Sleep) else 0.0
            napped += nap
            if time.thread_time() - began + napped > seconds:
                break
            time.sleep(nap)
            wanted = self._resume({})
        if self.alive:
            self._wait(wanted if isinstance(wanted, Sleep) else Sleep(0))

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
        if isinstance(wanted, ReadStats):
            self._ask(wanted)
        else:
            self._timer = self.loop.call_later(wanted.seconds, lambda: self._continue(None))

    def _ask(self, ask):
        answers = {}
        reads = []
        for address in ask.addresses:
            try:
                reads.append(
                    StatsRead(
                        self.loop,
                        address,
                        connect(address),
                        lambda a, b: self._answered(answers, a, b),
                    )
                )
            except OSError as error:
                answers[address] = error
        self._reads = tuple(reads)
        if not reads:
            self._timer = self.loop.call_later(0, lambda: self._continue(answers))
            return
        late = lambda: self._continue(
            {**{a: TimeoutError("no answer in time") for a in ask.addresses}, **answers}
        )  # noqa: E731
        self._deadline = self.loop.call_later(ask.timeout, late)

    def _answered(self, answers, address, answer):
        answers[address] = answer
        if all(read.closed for read in self._reads):
            self._continue(answers)

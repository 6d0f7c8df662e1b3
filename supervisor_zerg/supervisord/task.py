"""Drives a generator inside supervisord's loop: sleeps become timers, questions stats sockets."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, Callable, Optional, Protocol, Union

from ..core.effects import ReadStats, Sleep
from ..uwsgi.stats import connect
from .dispatchers import Answer, DispatcherLoop, StatsRead
from .timer import Timer

#: On a crowded machine other processes get the time; run_at_once lasts at most so many times as
#: long.
CROWDED = 10
Effect = Union[ReadStats, Sleep]


class TaskLoop(DispatcherLoop, Protocol):
    """What a task needs of the loop (loop.py)."""

    @property
    def clock(self) -> Callable[[], float]: ...

    def call_later(self, seconds: float, function: Callable[[], Any]) -> Timer: ...


class Task:
    """A running generator. It always waits for exactly one thing: a timer or stats servers.

    Args:
        loop: that drives it.
        generator: yields what it waits for.
        ended: called with its result; None where it raised an exception.
    """

    def __init__(
        self,
        loop: TaskLoop,
        generator: Generator[Effect, Any, Any],
        ended: Callable[[Any], Any],
    ) -> None:
        self.loop = loop
        self.generator = generator
        self.ended = ended
        self.alive = True
        self.running = False
        self._timer: Optional[Timer] = None
        self._deadline: Optional[Timer] = None
        self._reads: list[StatsRead] = []

    def start(self) -> Task:
        """Run until the first wait."""
        self._continue(None)
        return self

    def wake(self) -> None:
        """End a sleep now. Stats servers are still given their time to answer."""
        if self.alive and not self.running and self._timer:
            self._continue(None)

    def run_at_once(self, seconds: float) -> None:
        """Run on without returning to the loop: for what must be done before a signal is sent.

        This holds supervisord: it sleeps in its loop. Stats servers are not waited for; the kernel
        is the only source.

        Args:
            seconds: of work and sleep, at most. What a crowded machine gives to other processes
                does not count, up to CROWDED times as much.
        """
        if not self.alive or self.running:
            return
        began = time.thread_time()
        limit = self.loop.clock() + CROWDED * seconds
        slept = 0.0
        effect = self._resume({})
        while effect and self.loop.clock() < limit:
            nap = effect.seconds if isinstance(effect, Sleep) else 0.0
            slept += nap
            if time.thread_time() - began + slept > seconds:
                break
            time.sleep(nap)
            effect = self._resume({})
        if effect:
            self._wait(effect if isinstance(effect, Sleep) else Sleep(0))

    def cancel(self) -> None:
        """End it; ``ended`` is not called."""
        if self.alive:
            self._clear()
            self.alive = False
            self.generator.close()

    def _continue(self, answer: Any) -> None:
        effect = self._resume(answer)
        if effect:
            self._wait(effect)

    def _resume(self, answer: Any) -> Optional[Effect]:
        """Run until the next wait; None: the generator has ended, or cancelled its task."""
        self._clear()
        self.running = True
        try:
            effect = self.generator.send(answer)
            return effect if self.alive else None
        except StopIteration as end:
            self._end(end.value)
            return None
        except Exception:
            self._end(None)
            raise
        finally:
            self.running = False

    def _end(self, result: Any) -> None:
        self.alive = False
        self.ended(result)

    def _clear(self) -> None:
        for timer in (self._timer, self._deadline):
            if timer:
                timer.cancel()
        for read in self._reads:
            read.close()
        self._timer = None
        self._deadline = None
        self._reads = []

    def _wait(self, effect: Effect) -> None:
        if isinstance(effect, ReadStats):
            self._ask(effect)
        else:
            self._timer = self.loop.call_later(effect.seconds, lambda: self._continue(None))

    def _ask(self, question: ReadStats) -> None:
        answers: dict[str, Answer] = {}

        def answered(address: str, answer: Answer) -> None:
            answers[address] = answer
            if all(read.closed for read in self._reads):
                self._continue(answers)

        def late() -> None:
            missing = {address: TimeoutError("no answer in time") for address in question.addresses}
            self._continue({**missing, **answers})

        for address in question.addresses:
            try:
                read = StatsRead(self.loop, address, connect(address), answered)
            except OSError as error:
                answers[address] = error
            else:
                self._reads.append(read)
        if self._reads:
            self._deadline = self.loop.call_later(question.timeout, late)
        else:
            self._timer = self.loop.call_later(0, lambda: self._continue(answers))

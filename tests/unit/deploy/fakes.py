"""What a deploy acts through, without any process: a loop with a clock of its own, and a pair."""

import contextlib
from dataclasses import replace
from types import SimpleNamespace

from supervisor_zerg.core.goals import OnStart
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.core.reply import Reply
from supervisor_zerg.deploy import simulation
from supervisor_zerg.deploy.model import ends_through_fifo
from supervisor_zerg.deploy.releases import Releases
from supervisor_zerg.jobs.queue import JobQueue

from .pairs import OBSERVED, PAIR, an_instance


class FakeTimer:
    def __init__(self, at, callback):
        self.at = at
        self.callback = callback

    def cancel(self):
        self.callback = None


class FakeLoop:
    """Timers on a clock that only moves in :meth:`run`; a task ends at once."""

    def __init__(self):
        self.now = 0.0
        self.timers = []
        self.watches = {}

    def clock(self):
        return self.now

    def call_later(self, seconds, callback):
        timer = FakeTimer(self.now + seconds, callback)
        self.timers.append(timer)
        return timer

    def task(self, generator, ended):
        return SimpleNamespace(start=lambda: ended(_result(generator)))

    def watched(self):
        return set(self.watches)

    def watch(self, pid, died):
        self.watches[pid] = died

    def unwatch(self, pid):
        self.watches.pop(pid, None)

    def run(self, seconds):
        until = self.now + seconds
        while due := [t for t in self.timers if t.callback and t.at <= until]:
            timer = min(due, key=lambda timer: timer.at)
            self.timers.remove(timer)
            self.now = timer.at
            timer.callback()
        self.now = until


def _result(generator):
    try:
        while True:
            next(generator)
    except StopIteration as end:
        return end.value


class FakePrograms:
    """supervisord's side: every stop signal ends its program at once."""

    def __init__(self, target):
        self.target = target
        self.up = True
        self.stopped = []
        self.killed = []

    def running(self):
        return self.up

    def get(self, program):
        instance = self.target.observed.instance(program)
        return SimpleNamespace(state=instance.state, pid=instance.pid)

    def stop(self, program):
        self.stopped.append(program)
        self.target.end(program)
        return True

    def kill(self, program, pid):
        self.killed.append((program, pid))


class FakeTarget:
    """A DeployTarget. Promotions are answered when a test says so."""

    def __init__(self):
        self.pair = PAIR
        self.releases = Releases(PAIR, None)
        self.observed: PairState = OBSERVED
        self.refusal = None
        self.reply = None
        self.promoted = []
        self.withdrawn = []
        self.causes = []
        self.on_start = {}
        self.refused = ""
        self.others_started = False
        self.ends_parked = True

    @property
    def serving(self):
        return self.observed.serving

    def save_settings(self):
        pass

    def require_idle(self):
        if self.refusal is not None:
            raise self.refusal

    def observe(self):
        return self.observed
        yield

    def snapshot(self, program):
        return None

    def unreachable(self, program):
        return self.refused

    def promote(self, program, by):
        self.promoted.append((program, by))
        self.reply = Reply()
        return self.reply

    def withdraw(self, reply):
        self.withdrawn.append(reply)

    def start_parked(self, program):
        self.on_start[program] = OnStart.STANDBY
        self.observed = simulation.start(self.observed, program)
        return True

    def stop_parked(self, instance):
        if not (self.ends_parked and ends_through_fifo(instance, self.serving)):
            return False
        self.end(instance.program)
        return True

    def is_started_by_others(self, program):
        return self.others_started

    def schedule(self, cause):
        self.causes.append(cause)

    # what a test does

    def end(self, program):
        self.observed = simulation.stop(self.observed, program)

    def swap(self):
        """The promotion is done."""
        first, second = (self._toggled(instance) for instance in self.observed.instances)
        self.observed = PairState((first, second))
        self.reply.set({})

    @staticmethod
    def _toggled(instance):
        toggled = an_instance(instance.program, not instance.paused)
        return replace(toggled, pid=instance.pid, master=instance.pid)


class FakeSignals:
    """Proves every process, and logs the signals that it gets."""

    def __init__(self, logged):
        self.logged = logged

    @contextlib.contextmanager
    def proven(self, pids, program):
        yield [
            SimpleNamespace(
                send=lambda number, pid=pid: self.logged.append(("signal", pid, number))
            )
            for pid in pids
        ]


def fake_services(target):
    """Services, with the loop, the programs and the log within reach of a test."""
    loop = FakeLoop()
    ids = iter(range(1, 1000))
    logged = []
    return SimpleNamespace(
        loop=loop,
        kernel=SimpleNamespace(
            processes=SimpleNamespace(
                alive=lambda pid: True,
                get=lambda pid: SimpleNamespace(start=10 * pid) if pid else None,
            ),
            signals=FakeSignals(logged),
        ),
        programs=FakePrograms(target),
        job_queue=JobQueue(loop.clock, lambda job: None),
        log=lambda level, sentence, **fields: logged.append((level, sentence, fields)),
        logged=logged,
        new_id=lambda: str(next(ids)),
        new_reply=Reply,
    )

"""Services whose loop drives nothing: a test observes in place of the reconcile loop."""

from types import SimpleNamespace

from supervisor_zerg.jobs.queue import JobQueue
from supervisor_zerg.jobs.services import Services


class FakeLoop:
    """A clock that stands still, and tasks that never go on."""

    def __init__(self):
        self.now = 0.0
        self.soon = []

    def clock(self):
        return self.now

    def task(self, generator, ended):
        return FakeTask()

    def call_soon(self, call):
        self.soon.append(call)

    def run_soon(self):
        calls, self.soon = self.soon, []
        for call in calls:
            call()

    def call_later(self, seconds, call):
        return SimpleNamespace(cancel=lambda: None)

    def watched(self):
        return set()

    def watch(self, pid, died):
        pass


class FakeTask:
    alive = True
    running = False

    def start(self):
        pass

    def wake(self):
        pass

    def run_at_once(self, seconds):
        pass

    def cancel(self):
        self.alive = False


class FakePrograms:
    """Every program is RUNNING, without a process."""

    def __init__(self):
        self.up = True
        self.restarted = []

    def running(self):
        return self.up

    def get(self, program):
        return SimpleNamespace(state="RUNNING", pid=0)

    def restart(self, program, restarted):
        self.restarted.append(program)


class FakeKernel:
    """Whatever lies at a path has the same identity, until a test changes it."""

    inode = 1
    missing = ()

    def __init__(self):
        self.fifos = self.processes = self

    def identity(self, path):
        return self.inode

    def missing_features(self):
        return self.missing

    def get(self, pid):
        return None


class FakeHistory:
    problem = ""

    def __init__(self):
        self.entries = []

    def add(self, entry):
        self.entries.append(entry)

    def last(self, pair, limit):
        return self.entries[-limit:]


class FakeSettings:
    problem = ""

    def __init__(self):
        self.stored = {}

    def get(self, pair):
        return self.stored.get(pair, {})

    def set(self, pair, settings):
        self.stored[pair] = settings


def fake_services():
    numbers = iter(range(1, 1000))
    return Services(
        loop=FakeLoop(),
        kernel=FakeKernel(),
        programs=FakePrograms(),
        job_queue=JobQueue(lambda: 0.0, lambda job: None),
        history=FakeHistory(),
        log=lambda level, sentence, **fields: None,
        new_id=lambda: str(next(numbers)),
        answered=lambda: None,
    )


class FakeOwner:
    """What the registry of pairs is to a controller."""

    def on_idle(self):
        pass

    def process_ended(self, program, pid):
        pass

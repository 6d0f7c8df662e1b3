"""A kernel that shows made-up uWSGI instances, and a driver of observations."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace

from supervisor_zerg.core.effects import ReadStats
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.core.pair_state import PathKind
from supervisor_zerg.linux.descriptors import Epoll
from supervisor_zerg.linux.pieces import Pacer
from supervisor_zerg.linux.processes import Process
from supervisor_zerg.linux.signals import Sighting
from supervisor_zerg.uwsgi.fifo import HeldFifo, Identity
from supervisor_zerg.uwsgi.observer import Observer
from supervisor_zerg.uwsgi.threads import ThreadReading

PAIR = PairConfig(
    "web", programs=("a", "b"), fifos=("/f/new", "/f/running", "/f/sleeping"), stats="/f/stats"
)
WEB_SOCKET = 70  # inode
STATS_SOCKET = 71
EPOLL = 5  # descriptor


@dataclass
class FakeInstance:
    """One uWSGI master and its workers: pid -> where the thread of a worker is."""

    master: int = 10
    workers: dict = field(default_factory=lambda: dict.fromkeys((11, 12, 13, 14), "waits"))
    slot: int = 1
    sleeps: bool = False
    missing: int = 0  # workers without a process in the stats
    awaited: int = 0  # the child whose end the master waits for
    answers: bool = True
    stats: bytes = b""
    connections: dict = field(default_factory=dict)  # worker -> descriptor -> inode
    offloaded: frozenset = frozenset()  # inodes of those that another epoll watches

    def document(self):
        rows = [
            {
                "pid": pid,
                "accepting": 1,
                "status": {"paused": "pause", "busy": "busy"}.get(where, "idle"),
                "requests": 1,
                "exceptions": 0,
                "harakiri_count": 0,
                "respawn_count": 1,
                "cores": [{"in_request": int(where == "busy")}],
            }
            for pid, where in [*self.workers.items(), *([(0, "waits")] * self.missing)]
        ]
        return json.dumps({"version": "2", "pid": self.master, "workers": rows}).encode()


class FakeKernel:
    """Shows one instance of program ``a``, and other processes that are none of its."""

    def __init__(self, instance, strangers=()):
        self.instance = instance
        self.strangers = strangers
        self.pacer = Pacer()
        self.processes = self.sockets = self.fifos = self.threads = self.signals = self
        self.descriptors = self.connections = self

    def found(self, result):
        return result
        yield

    # processes

    def get(self, pid):
        if pid in self.instance.workers:
            state = "Z" if self.instance.workers[pid] == "zombie" else "S"
            return Process(pid, state, self.instance.master, 100 + pid)
        if pid == self.instance.master or pid in self.strangers:
            return Process(pid, "S", 1, 100)
        return None

    def alive(self, pid, start=None):
        process = self.get(pid)
        return process is not None and process.alive

    def children(self, pid):
        return self.found(list(self.instance.workers) if pid == self.instance.master else [])

    def handling(self, pid, number):
        return False, False

    def writes(self, pid):
        return 0

    def sight(self, pid):
        process = self.get(pid)
        return Sighting(pid, process.start, 1, frozenset({1}), b"uwsgi") if process else None

    def descends(self, pid, ancestor):
        return pid in self.instance.workers and ancestor == self.instance.master

    # sockets and FIFOs

    def listening(self, pid):
        return self.found({WEB_SOCKET: "/f/web", STATS_SOCKET: "/f/stats"})

    def socket_inodes(self, pid):
        held = {4: WEB_SOCKET, 6: 77}  # and another one of the application
        return self.found({**held, **self.instance.connections.get(pid, {})})

    def accepted(self, names):
        held = self.instance.connections.values()
        found = {inode for of_worker in held for inode in of_worker.values()}
        return self.found(frozenset(found if "/f/web" in names else ()))

    def epolls(self, pid):
        queue = Epoll(EPOLL, frozenset({WEB_SOCKET}))
        return self.found([queue, Epoll(8, self.instance.offloaded)])

    def find(self, pid, paths, hint=None):
        held = HeldFifo(3, self.instance.slot, 1, 1, True) if pid == self.instance.master else None
        return self.found(held)

    def path_kind(self, path):
        return PathKind.FIFO

    def identity(self, path):
        return Identity(1, 1, 1)

    # threads

    def read(self, pid, main_only=False):
        where = self.instance.workers.get(pid)
        if where is None:
            return self.found(ThreadReading())
        return self.found(
            ThreadReading(
                total=1,
                paused=int(where == "paused"),
                main_paused=where == "paused",
                main_waits=where == "waits",
                main_away=where == "busy",
                waiting=(EPOLL,) if where == "waits" else (),
                ended=where == "zombie",
            )
        )

    def served(self, master, listening):
        return self.found(frozenset(listening) - {STATS_SOCKET})

    def queues(self, pid, served):
        watches = WEB_SOCKET in served and self.instance.workers[pid] != "zombie"
        return self.found(frozenset({EPOLL} if watches else ()))

    def is_polling(self, pid):
        return not (self.instance.sleeps or self.instance.awaited)

    def is_blocked(self, pid):
        return not self.is_polling(pid)

    def awaited(self, pid):
        return self.instance.awaited

    def is_sleeping(self, pid):
        return self.instance.sleeps

    def cpu_ns(self, pid, tid):
        return 0


class FakeWorld:
    """An observer of a pair, with its kernel and its clock."""

    def __init__(self, instance=None, strangers=()):
        self.now = 1000.0
        self.instance = instance or FakeInstance()
        self.kernel = FakeKernel(self.instance, strangers)
        self.observer = Observer(PAIR, self.kernel, self, lambda: self.now)

    def get(self, program):
        running = program == "a"
        return SimpleNamespace(
            state="RUNNING" if running else "STOPPED", pid=self.instance.master if running else 0
        )

    @property
    def tracked(self):
        return self.observer.masters["a"]

    def observe(self, after=0.0, full=True):
        """Returns what instance ``a`` is now."""
        self.now += after
        steps = self.observer.observe(full=full)
        answer = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as end:
                return end.value.instance("a")
            answer = self._answer(effect) if isinstance(effect, ReadStats) else None

    def _answer(self, question):
        if not self.instance.answers:
            return {address: TimeoutError("no answer in time") for address in question.addresses}
        answer = self.instance.stats or self.instance.document()
        return dict.fromkeys(question.addresses, answer)

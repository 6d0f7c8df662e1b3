"""Two simulated uWSGI masters that behave as real ones were observed to, driven by the planner.

:meth:`World.apply` carries out an action, :meth:`World.wait` lets time pass. :func:`converge`
checks every decision against planner_rules.py.
"""

from dataclasses import dataclass, field, replace
from typing import Optional

from supervisor_zerg.core.decision import ActionKind
from supervisor_zerg.core.goals import DesiredState
from supervisor_zerg.core.instance import Instance, Slot, UnresponsiveReason, Worker
from supervisor_zerg.core.pair_state import Orphan, PairState
from supervisor_zerg.core.planner import decide

from .planner_rules import check

MANY_STEPS = 200


@dataclass
class Master:
    program: str
    state: str = "RUNNING"
    slot: Slot = Slot.RUNNING
    fifo_in_place: bool = True
    paused: bool = False
    workers: list = field(default_factory=list)
    queue: list = field(
        default_factory=list
    )  # commands that an unresponsive master has not executed
    unresponsive: Optional[UnresponsiveReason] = None
    just_toggled: bool = False
    partly_paused: bool = False
    newly_accepting: bool = False
    asynchronous: bool = False
    was_ready: bool = True
    all_respawning: bool = False
    cheap: bool = False
    attached: bool = True
    boots_parked: bool = True
    pid: int = 0

    def observed(self):
        if not self.pid:
            return Instance(self.program, self.state)
        return Instance(
            program=self.program,
            state=self.state,
            pid=self.pid,
            master=self.pid,
            slot=self.slot,
            fifo_in_place=self.fifo_in_place,
            paused=self.paused,
            workers=tuple(self.workers),
            pending=tuple(c for c, _ in self.queue),
            unresponsive=self.unresponsive,
            just_toggled=self.just_toggled,
            partly_paused=self.partly_paused,
            newly_accepting=self.newly_accepting,
            asynchronous=self.asynchronous,
            attached=self.attached,
            was_ready=self.was_ready,
            all_respawning=self.all_respawning,
            cheap=self.cheap,
        )


class World:
    """Args:
    threads: Per worker.
    workers: Per instance."""

    def __init__(self, threads=1, workers=2):
        self.threads, self.count, self.pids = threads, workers, iter(range(100, 10**6))
        self.masters = {p: Master(p, state="STOPPED", slot=None) for p in ("a", "b")}
        self.blocked, self.orphans, self.actions = {}, [], []

    # set-up

    def boot(self, program, slot, paused, **options):
        master = Master(program, slot=slot, paused=paused, pid=next(self.pids), **options)
        parked = self.threads if paused else 0
        master.workers = [Worker(next(self.pids), self.threads, parked) for _ in range(self.count)]
        self.masters[program] = master
        return master

    def served_by_a(self):
        self.boot("a", Slot.RUNNING, False)
        self.boot("b", Slot.SLEEPING, True)
        return self

    def start(self, program, parked=True):
        """Supervisor starts it: it boots, and no worker is past its start-up."""
        master = self.boot(program, Slot.NEW, parked, boots_parked=parked, was_ready=False)
        master.workers = [replace(w, started=False, parked=0) for w in master.workers]
        return master

    def recycle(self, program):
        """All its workers end at once, as by max-requests, and are replaced."""
        master = self.masters[program]
        master.workers = [
            Worker(next(self.pids), self.threads, started=False) for _ in range(self.count)
        ]
        master.all_respawning = True

    def wake(self, program):
        """Its master starts workers. One that boots parked is paused."""
        master = self.masters[program]
        master.cheap = False
        master.paused = master.boots_parked if master.paused is None else master.paused
        master.workers = [
            Worker(next(self.pids), self.threads, started=False) for _ in range(self.count)
        ]

    def die(self, program):
        dead = self.masters[program]
        self.orphans += [
            Orphan(w.pid, program, busy=bool(w.busy))
            for w in dead.workers
            if w.parked == w.threads or w.busy
        ]
        self.masters[program] = Master(program, state="EXITED", slot=None)

    def observed(self):
        return PairState(
            tuple(m.observed() for m in self.masters.values()),
            tuple(self.blocked.items()),
            tuple(self.orphans),
        )

    # what actions do

    def apply(self, action):
        self.actions.append(action)
        master = self.masters[action.program]
        if action.kind is ActionKind.QUIT:
            self.masters[action.program] = Master(action.program, state="STOPPED", slot=None)
        elif action.kind is ActionKind.WAKE:
            self.wake(action.program)
        elif action.kind is ActionKind.RESTART:
            self.start(action.program)
        elif action.kind is ActionKind.END_ORPHAN:
            self.orphans = [o for o in self.orphans if o.pid not in action.pids]
        elif action.kind is ActionKind.END_WORKER:
            master.workers = [w for w in master.workers if w.pid not in action.pids]
        elif action.command and master.unresponsive:
            master.queue.append((action.command.decode().strip(), action))
        elif action.command:
            self._execute(master, action)
        else:
            master.workers = [
                self._signalled(master, w, action.kind) if w.pid in action.pids else w
                for w in master.workers
            ]

    def _execute(self, master, action):
        if b"p" in action.command:
            self._toggle(master)
            master.partly_paused = False
        if action.slot is not None:
            master.slot = action.slot
        master.fifo_in_place = True
        for other in self.masters.values():
            if other is not master and other.slot is master.slot:
                other.fifo_in_place = False

    def _toggle(self, master):
        master.paused = not master.paused
        workers = []
        for worker in master.workers:
            if not worker.started:
                workers.append(replace(worker, in_signal_loop=True))
            elif master.paused:
                workers.append(
                    replace(worker, parked=max(worker.parked, min(1, worker.threads - worker.busy)))
                )
            else:
                workers.append(
                    worker if worker.stopped else replace(worker, parked=max(0, worker.threads - 1))
                )
        master.workers = workers

    @staticmethod
    def _signalled(master, worker, kind):
        if kind is ActionKind.NUDGE and master.paused:
            return replace(worker, parked=min(worker.threads - worker.busy, worker.parked + 1))
        if kind is ActionKind.CLOSE:
            return replace(worker, connections=worker.connections - worker.kept, kept=0)
        if kind is ActionKind.CONTINUE:
            parked = worker.threads if master.paused and not worker.busy else worker.parked
            return replace(worker, stopped=False, started=True, parked=parked)
        if kind is ActionKind.THAW:
            return replace(worker, stopped=False, parked=0)
        if kind is ActionKind.FREEZE:
            return replace(worker, stopped=True)
        if kind is ActionKind.END_FLOOD:
            return replace(
                worker,
                in_signal_loop=False,
                started=True,
                parked=worker.threads if master.paused else 0,
                busy=0,
            )
        return worker

    def wait(self):
        """Time passes: requests end, workers start, hooks are over, masters respond."""
        for program, master in list(self.masters.items()):
            if master.state == "STOPPING" and not any(w.busy or w.stopped for w in master.workers):
                self.masters[program] = Master(program, state="STOPPED", slot=None)
        for master in self.masters.values():
            master.unresponsive, queue, master.queue = None, master.queue, []
            for _, action in queue:
                self._execute(master, action)
            master.newly_accepting = master.just_toggled = master.all_respawning = False
            master.was_ready = master.was_ready or bool(master.pid)
            master.workers = [self._aged(master, w) for w in master.workers]
        self.orphans = [replace(o, busy=False) for o in self.orphans]

    @staticmethod
    def _aged(master, worker):
        if worker.stopped or worker.in_signal_loop:
            return worker
        if not worker.started:
            return replace(worker, started=True, parked=worker.threads if master.paused else 0)
        if master.paused:
            parked = min(worker.threads, worker.parked + worker.busy)
            return replace(worker, busy=0, parked=parked, connections=worker.kept)
        return replace(worker, busy=0)


def converge(world, desired=None, most=MANY_STEPS):
    """Do what the planner decides until nothing is left. Returns (desired state, last decision)."""
    desired = desired or DesiredState()
    for _ in range(most):
        observed = world.observed()
        decision = decide(observed, desired)
        check(observed, desired, decision)
        if decision.met and decision.goal:
            desired = replace(
                desired,
                last_active=decision.goal,
                requested="" if desired.requested == decision.goal else desired.requested,
            )
            desired = replace(
                desired,
                on_start=tuple(a for a in desired.on_start if not observed.instance(a[0]).ready),
            )
        if decision.done:
            return desired, decision
        for action in decision.actions:
            world.apply(action)
        if not decision.actions:
            world.wait()
    raise AssertionError(f"does not converge: {decision}\n{world.observed()}")


def roles(world):
    """(serving, parked), after a check of their slots."""
    observed = world.observed()
    if observed.serving:
        assert observed.instance(observed.serving).slot is Slot.RUNNING
    if observed.parked and observed.serving:
        assert observed.instance(observed.parked).slot is Slot.SLEEPING
    return observed.serving, observed.parked


def kinds(world):
    return [action.kind.value for action in world.actions]

"""A pair of made-up uWSGI masters that behave as the real ones were seen to, and a driver that lets *decide* at them.

One :meth:`World.apply` a move, one :meth:`World.wait` a nap; :func:`converge` checks at each step what must hold always.
"""

from dataclasses import dataclass, field, replace

from supervisor_zerg.decide import decide
from supervisor_zerg.model import Copy, Desired, Facts, Orphan, Slot, Verb, Worker

MANY_STEPS = 200


@dataclass
class Master:
    program: str
    state: str = "RUNNING"
    slot: Slot = Slot.RUNNING
    linked: bool = True
    paused: bool = False
    workers: list = field(default_factory=list)
    queue: list = field(default_factory=list)  # commands that a deaf master has not executed
    deaf: str = ""
    fresh: bool = False
    asynchronous: bool = False
    attached: bool = True
    boots_parked: bool = True
    pid: int = 0

    def facts(self):
        if not self.pid:
            return Copy(self.program, self.state)
        return Copy(
            program=self.program, state=self.state, pid=self.pid, master=self.pid, slot=self.slot, linked=self.linked,
            paused=self.paused, workers=tuple(self.workers), pending=tuple(c for c, _ in self.queue), deaf=self.deaf,
            fresh=self.fresh, asynchronous=self.asynchronous, attached=self.attached,
        )  # fmt: skip


class World:
    """:param cores: threads a worker. :param workers: how many each."""

    def __init__(self, cores=1, workers=2):
        self.cores, self.count, self.pids = cores, workers, iter(range(100, 10**6))
        self.masters = {p: Master(p, state="STOPPED", slot=None) for p in ("a", "b")}
        self.blocked, self.orphans, self.moves = {}, [], []

    # making it

    def boot(self, program, slot, paused, **options):
        master = Master(program, slot=slot, paused=paused, pid=next(self.pids), **options)
        parked = self.cores if paused else 0
        master.workers = [Worker(next(self.pids), self.cores, parked) for _ in range(self.count)]
        self.masters[program] = master
        return master

    def served_by_a(self):
        self.boot("a", Slot.RUNNING, False)
        self.boot("b", Slot.SLEEPING, True)
        return self

    def start(self, program, parked=True):
        """Supervisor forks: the copy boots, without workers that are past their start-up."""
        master = self.boot(program, Slot.NEW, parked, boots_parked=parked)
        master.workers = [replace(w, born=False, parked=0) for w in master.workers]
        return master

    def die(self, program):
        dead = self.masters[program]
        self.orphans += [Orphan(w.pid, program, busy=bool(w.busy)) for w in dead.workers if w.parked == w.cores or w.busy]
        self.masters[program] = Master(program, state="EXITED", slot=None)

    def facts(self):
        return Facts(tuple(m.facts() for m in self.masters.values()), tuple(self.blocked.items()), tuple(self.orphans))

    # what moves do

    def apply(self, move):
        self.moves.append(move)
        master = self.masters[move.program]
        if move.verb is Verb.QUIT:
            self.masters[move.program] = Master(move.program, state="STOPPED", slot=None)
        elif move.verb is Verb.RESTART:
            self.start(move.program)
        elif move.verb is Verb.END_ORPHAN:
            self.orphans = [o for o in self.orphans if o.pid not in move.pids]
        elif move.command and master.deaf:
            master.queue.append((move.command.decode().strip(), move))
        elif move.command:
            self._execute(master, move)
        else:
            master.workers = [self._signalled(master, w, move.verb) if w.pid in move.pids else w for w in master.workers]

    def _execute(self, master, move):
        if b"p" in move.command:
            self._toggle(master)
        if move.slot is not None:
            master.slot = move.slot
        master.linked = True
        for other in self.masters.values():
            if other is not master and other.slot is master.slot:
                other.linked = False

    def _toggle(self, master):
        master.paused = not master.paused
        workers = []
        for worker in master.workers:
            if not worker.born:
                workers.append(replace(worker, spinning=True))
            elif master.paused:
                workers.append(replace(worker, parked=max(worker.parked, min(1, worker.cores - worker.busy))))
            else:
                workers.append(worker if worker.stopped else replace(worker, parked=max(0, worker.cores - 1)))
        master.workers = workers

    @staticmethod
    def _signalled(master, worker, verb):
        if verb is Verb.NUDGE and master.paused:
            return replace(worker, parked=min(worker.cores - worker.busy, worker.parked + 1))
        if verb is Verb.CONTINUE:
            parked = worker.cores if master.paused and not worker.busy else worker.parked
            return replace(worker, stopped=False, born=True, parked=parked)
        if verb is Verb.THAW:
            return replace(worker, stopped=False, parked=0)
        if verb is Verb.FREEZE:
            return replace(worker, stopped=True)
        if verb is Verb.END_FLOOD:
            return replace(worker, spinning=False, born=True, parked=worker.cores if master.paused else 0, busy=0)
        return worker

    def wait(self):
        """Time passes: requests end, workers are born, hooks are over, the deaf wake up."""
        for master in self.masters.values():
            master.deaf, queue, master.queue = "", master.queue, []
            for _, move in queue:
                self._execute(master, move)
            master.fresh = False
            master.workers = [self._aged(master, w) for w in master.workers]
        self.orphans = [replace(o, busy=False) for o in self.orphans]

    @staticmethod
    def _aged(master, worker):
        if worker.stopped or worker.spinning:
            return worker
        if not worker.born:
            return replace(worker, born=True, parked=worker.cores if master.paused else 0)
        if master.paused:
            return replace(worker, busy=0, parked=min(worker.cores, worker.parked + worker.busy))
        return replace(worker, busy=0)


def check(facts, desired, step):
    """What holds for every step of every history."""
    for move in step.moves:
        copy, other = facts.copy(move.program), facts.other(move.program)
        if move.verb is Verb.PAUSE:
            assert desired.held or other.accepting, "the last copy that accepts was paused"
            assert not copy.asynchronous, "an async copy was paused"
        if move.verb is Verb.QUIT:
            assert other.accepting, "the last copy that accepts was ended"
            assert not copy.in_flight or desired.overdue or copy.asynchronous, "requests in flight were cut"
        if move.verb in (Verb.PAUSE, Verb.RESUME):
            assert copy.paused is (move.verb is Verb.RESUME), "a toggle was sent to the wrong state"
            assert copy.steady or desired.desperate, "a toggle was sent while a worker is being born"
        if move.command:
            assert not copy.pending, "a second command was sent before the first was executed"
            assert not copy.deaf or move.verb is Verb.QUIT, "a command was sent to a deaf master"
        if move.slot is not None:
            assert not facts.obstacle(move.slot), "a digit was sent towards what uWSGI would replace"
            assert not any(c.pending for c in facts.copies), "two commands towards slots at once"
    assert len([m for m in step.moves if m.command]) <= 1


def converge(world, desired=None, most=MANY_STEPS):
    """Let *decide* at a world until nothing is left to do. :returns: (Desired at the end, last Step)."""
    desired = desired or Desired()
    for _ in range(most):
        facts = world.facts()
        step = decide(facts, desired)
        check(facts, desired, step)
        if step.met and step.goal:
            old = facts.other(step.goal)
            desired = replace(desired, last=step.goal, wish="" if desired.wish == step.goal else desired.wish)
            desired = replace(desired, arrivals=tuple(a for a in desired.arrivals if not facts.copy(a[0]).ready))
            del old
        if step.done:
            return desired, step
        for move in step.moves:
            world.apply(move)
        if not step.moves:
            world.wait()
    raise AssertionError("does not converge: %s\n%s" % (step, world.facts()))


def roles(world):
    """(serving, parked) with the slots checked."""
    facts = world.facts()
    if facts.serving:
        assert facts.copy(facts.serving).slot is Slot.RUNNING
    if facts.parked and facts.serving:
        assert facts.copy(facts.parked).slot is Slot.SLEEPING
    return facts.serving, facts.parked


def verbs(world):
    return [m.verb.value for m in world.moves]

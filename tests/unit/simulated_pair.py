"""A pair of made-up uWSGI masters that behave as the real ones were seen to, and a driver that lets *decide* at them.

One :meth:`World.apply` a move, one :meth:`World.wait` a nap; :func:`converge` checks at each step what must hold always.
"""

from dataclasses import dataclass, field, replace

from supervisor_zerg.core.model import Copy, Desired, Facts, Orphan, Slot, Verb, Worker
from supervisor_zerg.core.planner import decide

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
    waking: bool = False
    torn: bool = False
    fresh: bool = False
    asynchronous: bool = False
    grown: bool = True
    renewing: bool = False
    attached: bool = True
    boots_parked: bool = True
    pid: int = 0

    def facts(self):
        if not self.pid:
            return Copy(self.program, self.state)
        return Copy(
            program=self.program,
            state=self.state,
            pid=self.pid,
            master=self.pid,
            slot=self.slot,
            linked=self.linked,
            paused=self.paused,
            workers=tuple(self.workers),
            pending=tuple(c for c, _ in self.queue),
            deaf=self.deaf,
            waking=self.waking,
            torn=self.torn,
            fresh=self.fresh,
            asynchronous=self.asynchronous,
            attached=self.attached,
            grown=self.grown,
            renewing=self.renewing,
        )


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
        master = self.boot(program, Slot.NEW, parked, boots_parked=parked, grown=False)
        master.workers = [replace(w, born=False, parked=0) for w in master.workers]
        return master

    def recycle(self, program):
        """All its workers end at once, by max-requests most of all, and are born again."""
        master = self.masters[program]
        master.workers = [
            Worker(next(self.pids), self.cores, born=False) for _ in range(self.count)
        ]
        master.renewing = True

    def die(self, program):
        dead = self.masters[program]
        self.orphans += [
            Orphan(w.pid, program, busy=bool(w.busy))
            for w in dead.workers
            if w.parked == w.cores or w.busy
        ]
        self.masters[program] = Master(program, state="EXITED", slot=None)

    def facts(self):
        return Facts(
            tuple(m.facts() for m in self.masters.values()),
            tuple(self.blocked.items()),
            tuple(self.orphans),
        )

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
        elif move.verb is Verb.END_WORKER:
            master.workers = [w for w in master.workers if w.pid not in move.pids]
        elif move.command and master.deaf:
            master.queue.append((move.command.decode().strip(), move))
        elif move.command:
            self._execute(master, move)
        else:
            master.workers = [
                self._signalled(master, w, move.verb) if w.pid in move.pids else w
                for w in master.workers
            ]

    def _execute(self, master, move):
        if b"p" in move.command:
            self._toggle(master)
            master.torn = False
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
                workers.append(
                    replace(worker, parked=max(worker.parked, min(1, worker.cores - worker.busy)))
                )
            else:
                workers.append(
                    worker if worker.stopped else replace(worker, parked=max(0, worker.cores - 1))
                )
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
            return replace(
                worker,
                spinning=False,
                born=True,
                parked=worker.cores if master.paused else 0,
                busy=0,
            )
        return worker

    def wait(self):
        """Time passes: requests end, workers are born, hooks are over, the deaf wake up, who is to stop has stopped."""
        for program, master in list(self.masters.items()):
            if master.state == "STOPPING" and not any(w.busy or w.stopped for w in master.workers):
                self.masters[program] = Master(program, state="STOPPED", slot=None)
        for master in self.masters.values():
            master.deaf, queue, master.queue = "", master.queue, []
            for _, move in queue:
                self._execute(master, move)
            master.fresh = master.waking = master.renewing = False
            master.grown = master.grown or bool(master.pid)
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


def rules(facts, desired, step):
    """What holds for every step of every history: (rule, is it kept) of each move and of the whole."""
    yield "one command at a time", len([m for m in step.moves if m.command]) <= 1
    for move in step.moves:
        yield from _rules_of_a_move(
            move, facts.copy(move.program), facts.other(move.program), facts, desired
        )
    if step.met and step.goal:
        new, old = facts.copy(step.goal), facts.other(step.goal)
        yield "what is called met serves", new.accepting
        quiet = not (
            old.accepting
            or old.pending
            or old.paused
            and not old.sealed
            or old.grown
            and old.paused is False
        )
        alone = not old.up or quiet
        yield "what is called met leaves nobody else accepting", desired.both or alone
    if step.met and desired.held:
        yield (
            "a held pair takes nothing",
            not any((c.accepting or c.paused and not c.sealed) and c.up for c in facts.copies),
        )


def _rules_of_a_move(move, copy, other, facts, desired):
    workers = [w for w in copy.workers if w.pid in move.pids]
    yield "a command goes to a master that can be reached", not move.command or copy.reachable
    yield "no command goes to a master with one pending", not (move.command and copy.pending)
    yield (
        "no command but the last goes to a deaf master",
        not move.command or not copy.deaf or move.verb is Verb.QUIT,
    )
    yield (
        "no command kills a master by a directory",
        not move.command or not facts.obstacle(copy.slot).startswith("a directory"),
    )
    yield "two masters never make one FIFO", not move.command or copy.slot not in other.heading
    if move.slot is not None:
        yield "no digit goes towards what uWSGI would replace", not facts.obstacle(move.slot)
        yield (
            "no digit is sent while a command is pending",
            not any(c.pending for c in facts.copies),
        )
    if move.verb in (Verb.PAUSE, Verb.RESUME):
        yield "a toggle goes to the other state", copy.paused is (move.verb is Verb.RESUME)
        yield "no toggle meets a newborn worker", copy.steady or desired.desperate
        yield (
            "nobody toggles a torn copy by halves",
            not copy.torn or copy.stuck or copy.asynchronous or not copy.steady,
        )
        yield "nobody resumes a held pair", move.verb is Verb.PAUSE or not desired.held
    if move.verb is Verb.ALIGN:
        yield "only what is torn is aligned", copy.torn and copy.steady and not copy.asynchronous
        alone = other.torn or not other.ready
        yield (
            "who serves is aligned only where nobody else could",
            not copy.accepting or other.accepting or alone,
        )
    if move.verb is Verb.PAUSE:
        yield "the last that accepts is never paused", desired.held or other.accepting and other.up
        yield "an async copy is never paused", not copy.asynchronous
    if move.verb is Verb.QUIT:
        yield "the last that accepts is never ended", other.accepting and other.up
        yield (
            "no request in flight is cut before its time",
            not copy.in_flight or desired.overdue or copy.asynchronous,
        )
    if move.verb is Verb.RESTART:
        yield (
            "who serves is restarted only where nobody can reach it",
            not copy.accepting or other.accepting or copy.attached is False,
        )
    if move.verb is Verb.FREEZE:
        yield "only the parked are frozen", copy.sealed and copy.steady and not copy.in_flight
    if move.verb is Verb.NUDGE:
        yield (
            "only workers that see the pause are nudged",
            bool(copy.paused) and all(w.born and not w.stopped for w in workers),
        )
    if move.verb is Verb.THAW:
        yield "no newborn gets a SIGTSTP", all(w.born for w in workers)
    if move.verb is Verb.END_WORKER:
        yield "no worker ends with a request in it", not any(w.busy for w in workers)
    if move.verb is Verb.END_ORPHAN:
        yield (
            "orphans may finish",
            desired.overdue or not any(o.busy for o in facts.orphans if o.pid in move.pids),
        )


def check(facts, desired, step):
    for rule, kept in rules(facts, desired, step):
        assert kept, (rule, step)


def converge(world, desired=None, most=MANY_STEPS):
    """Let *decide* at a world until nothing is left to do. :returns: (Desired at the end, last Step)."""
    desired = desired or Desired()
    for _ in range(most):
        facts = world.facts()
        step = decide(facts, desired)
        check(facts, desired, step)
        if step.met and step.goal:
            desired = replace(
                desired, last=step.goal, wish="" if desired.wish == step.goal else desired.wish
            )
            desired = replace(
                desired, arrivals=tuple(a for a in desired.arrivals if not facts.copy(a[0]).ready)
            )
        if step.done:
            return desired, step
        for move in step.moves:
            world.apply(move)
        if not step.moves:
            world.wait()
    raise AssertionError(f"does not converge: {step}\n{world.facts()}")


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

"""One keeper a pair: what is asked of it, by whom, and how far it is. Turns requests and events into what *decide* desires,
runs *settle* until that is reached, and answers. The only state of a pair that is not a fact lives here.
"""

from ..core import errors
from ..core.goals import Desires
from ..core.model import Arrival, Condition
from ..deploy.registry import Deploys
from ..uwsgi.fifo import Hands
from ..uwsgi.observer import Observer
from .reconciler import settle
from .recorder import Chronicle
from .request_handler import Desk
from .state_times import Conditions

AT_ONCE_S = (
    0.004  # how long an event may hold supervisord's loop to let the other copy accept first
)
PROOF_S = (0.3, 1.5)  # after a toggle, look again: a flood or a lost signal shows by then
CLOSELY_S = 30.0  # a settled pair is looked at with all witnesses this often


class Keeper:
    """:param plugin: loop, kernel, programs, history, orders, log and ids, shared by all keepers (plugin.py)."""

    def __init__(self, pair, plugin):
        self.pair, self.plugin = pair, plugin
        self.observer = Observer(pair, plugin.kernel, plugin.programs, plugin.loop.clock)
        orders = plugin.orders.get(pair.name)
        self.desires = Desires(pair, orders)
        self.conditions, self.fallen = Conditions(), set()
        self.desk = Desk(self)
        self.task, self.facts, self.step = None, None, None
        self.deploys = Deploys(self, orders.get("labels", {}))
        self.chronicle = Chronicle(pair, plugin)
        self.cause, self.began = "", 0.0
        self.routine, self.urgent, self.looked_closely = False, False, -1e9
        self.drain_began = None
        self.proofs = []
        self.hands, self.look_began = Hands(plugin.kernel, self.observer.paths), 0.0
        self.closed = False

    def inherit(self, old):
        """Take over what cannot be looked up from the keeper of the same pair under a section that was changed."""
        self.observer.inherit(old.observer)
        self.desires.inherit(old.desires)
        self.deploys.recent, self.conditions = old.deploys.recent, old.conditions

    # requests of a person

    @property
    def request(self):
        """The one that is at hand, or None."""
        return self.desk.request

    def ask(self, verb, program="", by="a person", **options):
        """Take on a request. :returns: Request, perhaps answered already. :raises ZergError: Busy, Misconfigured, ShuttingDown."""
        self.check()
        self.free(by)
        request = self.desk.take(verb, program, by, options)
        self.finish_entry(f"overtaken by {request}")
        self.cause = verb
        self._run()
        return request

    def free(self, by):
        """Nothing else is under way. :param by: who asks; a deploy may move its own pair. :raises Busy:"""
        self.deploys.free(by)
        self.desk.free()

    def busy(self):
        """Somebody moves it."""
        return self.request is not None or self.deploys.running is not None

    def check(self):
        if self.closed:
            raise errors.ZergError(
                f"the section of the pair {self.pair.name} was just changed", "ask again"
            )
        if not self.plugin.programs.running():
            raise errors.ShuttingDown("supervisord is shutting down or reloading")
        lacking = self.plugin.unsupported()
        if lacking:
            raise errors.Unsupported(lacking[0])
        if self.pair.problems:
            raise errors.Misconfigured(
                f"the pair {self.pair.name} is misconfigured: {'; '.join(self.pair.problems)}"
            )

    def depth(self):
        """How closely settle should look first: (at everything, also at what seldom changes). That is left out where somebody
        waits; a tick finds a settled pair, so the kernel's witness is enough until it is some time ago."""
        if self.request is not None or self.urgent:
            return False, False
        now = self.plugin.loop.clock()
        if self.routine and now - self.looked_closely < CLOSELY_S:
            return False, False
        self.looked_closely = now
        return True, True

    def in_haste(self):
        """Somebody has just asked for something."""
        return self.desk.in_haste()

    # events

    def arrives(self, program, arrival, cause):
        """It is on its way up."""
        self.desires.arrivals[program] = arrival
        self.conditions.forget(program)
        self.plugin.loop.call_soon(lambda: self.kick(cause))

    def stops(self, program):
        """Its stop signal is about to be sent: the other copy has to accept before that."""
        self.desires.arrivals.pop(program, None)
        self.kick(f"{program} is stopping", at_once=True)

    def ended(self, program, how):
        if how != "BACKOFF":
            self.desires.arrivals.pop(program, None)
        if how != "STOPPED":
            self.fallen.add(program)
        self.kick(f"{program} {how}", at_once=True)
        self.deploys.program_ended(program, how)

    def restart(self, copy):
        """Stop a copy so that it attaches to the pool's new socket, and start it again."""
        other = next(p for p in self.pair.programs if p != copy.program)
        alone = self.observer.memos[other].attached is False or copy.accepting
        self.plugin.reactions.restart(copy.program, Arrival.TAKES_OVER if alone else Arrival.PARKS)

    def kick(self, cause, at_once=False, routine=False):
        """Something happened: look, now. :param routine: nothing happened, it is just time; not the cause of what is under way."""
        if not self.active():
            return
        if at_once and not self._at_rest() and not self.task.running:
            self.task.cancel()  # its look may be a long one; what is urgent begins with a short one of its own
        if self._at_rest():
            self.cause, self.routine, self.urgent = cause, routine, at_once
            self._run()
        else:
            self.urgent = self.urgent or at_once
            if not self.chronicle.moves and not routine:
                self.cause = cause
        if not self._at_rest():
            self.task.run_at_once(AT_ONCE_S) if at_once else self.task.wake()

    def _at_rest(self):
        return self.task is None or not self.task.alive

    def active(self):
        """May anything be done to this pair now?"""
        asked = (
            self.desires.auto
            or self.request is not None
            or self.deploys.running
            or self.desk.chores
        )
        return (
            not self.closed and self.plugin.programs.running() and not self.pair.problems and asked
        )

    def glance(self):
        """Each second, for 2 microseconds a path: did somebody else move a slot?"""
        if self._at_rest() and self.hands.are_moving():
            self.kick("something changed at the FIFOs")

    def begin_look(self, ours):
        """:param ours: what has changed at the paths since the last look was our doing."""
        self.look_began = self.plugin.loop.clock()
        if ours:
            self.hands.ours()

    def others_at_work(self):
        """A person's script may be between two commands, so nothing is repaired yet, unless somebody waits for us."""
        return self.hands.moved() and self.request is None and not self.urgent

    def watch(self):
        """A pidfd for the process of each program, and for a master below a wrapper."""
        loop = self.plugin.loop
        for program, memo in self.observer.memos.items():
            for pid in {self.plugin.programs.get(program).pid, memo.master} - {0} - loop.watched():
                loop.watch(pid, lambda pid, p=program: self.plugin.process_ended(p, pid))

    # settle's side

    def _run(self):
        if not self._at_rest():
            self.task.wake()
        elif self.plugin.programs.running():
            self.began = self.plugin.loop.clock()
            self.task = self.plugin.loop.task(settle(self.observer, self), self._settled)
            self.task.start()

    def _settled(self, _):
        self.desk.settled()
        self.finish_entry("settled")
        self.drain_began = None
        self.watch()

    def desired(self, facts, desperate):
        """What this pair is to be, for *decide*."""
        self.desk.open(facts, self.look_began)
        return self.deploys.awake(self.desires.desired(desperate, self._overdue(facts)))

    def _overdue(self, facts):
        draining = any(c.condition is Condition.DRAINING for c in facts.copies) or facts.orphans
        now = self.plugin.loop.clock()
        self.drain_began = (self.drain_began or now) if draining else None
        return self.drain_began is not None and now - self.drain_began > self.pair.drain_timeout

    def saw(self, facts, step):
        """Take in what was seen and decided. :returns: False to end settle."""
        self.facts, self.step = facts, step
        self.conditions.note(facts)
        self.watch()
        if step.met:
            self._reached(facts, step)
            self.plugin.loop.call_soon(self.deploys.wake)
        self.desk.see(facts, step)
        if self.request is None and step.patient and not step.moves:
            self.finish_entry(f"waiting: {step.wait_for}")
        if not self.active():
            return False
        if step.done and self.request is None:
            return False
        return not self._given_up(step)

    def _reached(self, facts, step):
        invited = self.desires.invited(step.goal)
        was = self.desires.reached(step.goal, facts, bool(self.deploys.running))
        if was:
            failed = was in self.fallen and self.request is None and not invited
            self.chronicle.another_serves(self, was, self.cause, failed)
        self.fallen.clear()

    def _given_up(self, step):
        """Nothing happens for longer than a boot may take: leave it to the next event or tick."""
        now = self.plugin.loop.clock()
        limit = max(self.pair.boot_timeout, self.pair.drain_timeout + 1.0)
        if step.moves:
            self.began = now
        return self.request is None and now - self.began > limit

    def made(self, move):
        self.plugin.log("debug", "made a move", pair=self.pair.name, move=str(move), why=move.why)
        self.chronicle.made(move)
        self.deploys.made(move)
        if move.command and b"p" in move.command:
            for proof in self.proofs:
                proof.cancel()
            look_again = lambda: self.kick("a look after a move", routine=True)  # noqa: E731
            self.proofs = [self.plugin.loop.call_later(delay, look_again) for delay in PROOF_S]

    def stumbled(self, move, error):
        self.plugin.log(
            "debug", "could not make a move", pair=self.pair.name, move=str(move), error=str(error)
        )

    # orders and history

    def set_auto(self, on):
        if self.desires.auto == on:
            return False
        self.desires.auto = on
        self.save_orders()
        serving = self.facts.serving if self.facts else ""
        told = {
            "what": f"auto {'on' if on else 'off'}",
            "by": "a person",
            "moves": [],
            "took_ms": 0.0,
            "serving": serving,
        }
        self.chronicle.record({**told, "outcome": "done"})
        if on:
            self.kick("auto was switched on")
        return True

    def save_orders(self):
        labels = {"labels": self.deploys.labels} if self.deploys.labels else {}
        self.plugin.orders.set(self.pair.name, **self.desires.orders(), **labels)

    def finish_entry(self, outcome, request=None):
        """End the line of history that is being gathered, if there is one."""
        self.chronicle.finish(
            outcome, self.facts.serving if self.facts else "", self.cause, request
        )

    def noted(self, facts):
        """Facts that somebody else looked up."""
        self.conditions.note(facts)
        if self.facts is None:
            self.facts = facts

    def close(self):
        """Do nothing any more, whatever still calls: a timer, a pidfd, an event."""
        self.closed = True
        for proof in self.proofs:
            proof.cancel()
        if self.task is not None:
            self.task.cancel()
        self.deploys.close()
        self.observer.close()

"""One keeper a pair: what is asked of it, by whom, and how far it is. Turns requests and events into what *decide* desires,
runs *settle* until that is reached, and answers. The only state of a pair that is not a fact lives here.
"""

import time

from . import announcements, errors, requests
from .chronicle import Chronicle
from .deploys import Deploys
from .model import Arrival, Condition, Desired, Facts, Verb
from .observe import Observer
from .settle import settle

MOVE_LIMIT_S = 10.0  # a request that is not met by then is answered with what stands in the way
AT_ONCE_S = 0.004  # how long an event may hold supervisord's loop to let the other copy accept first
PROOF_S = (0.3, 1.5)  # after a toggle, look again: a flood or a lost signal shows by then
CLOSELY_S = 30.0  # a settled pair is looked at with all witnesses this often
TRAFFIC = (Verb.RESUME, Verb.PAUSE, Verb.QUIT, Verb.LABEL)
HOPELESS = ("AsyncCopy", "NoRights", "Booting", "Lost", "Obstructed", "NobodyServes")


class Keeper:
    """:param plugin: loop, kernel, programs, history, orders, log and ids, shared by all keepers (plugin.py)."""

    def __init__(self, pair, plugin):
        self.pair, self.plugin = pair, plugin
        self.observer = Observer(pair, plugin.kernel, plugin.programs, plugin.loop.clock)
        orders = plugin.orders.get(pair.name)
        self.held, self.both = bool(orders.get("held")), bool(orders.get("both"))
        self.auto = bool(orders.get("auto", pair.auto))
        self.wish, self.last, self.retiring = "", "", ""
        self.arrivals, self.since, self.fallen = {}, {}, set()
        self.request, self.task, self.facts, self.step = None, None, None, None
        self.deploys = Deploys(self, orders.get("labels", {}))
        self.chronicle = Chronicle(pair, plugin)
        self.cause, self.began = "", 0.0
        self.routine, self.urgent, self.looked_closely = False, False, -1e9
        self.chores = False  # a request is answered, but what it asked for (freeze, retire) waits for the drain
        self.drain_began = None
        self.proofs = []
        self.paths = None

    # requests of a person

    def ask(self, verb, program="", by="a person", **options):
        """Take on a request. :returns: Request, perhaps answered already. :raises ZergError: Busy, Misconfigured, ShuttingDown."""
        self.check()
        self.free(by)
        self.request = request = requests.Request(self.plugin.new_id(), verb, program, by, options, self.plugin.loop.clock())
        self._finish_entry("overtaken by %s" % request)
        self.cause = verb
        self._run()
        return request

    def free(self, by):
        """Nothing else is under way. :param by: who asks; a deploy may move its own pair. :raises Busy:"""
        now = self.plugin.loop.clock()
        self.deploys.free(by)
        if self.request is not None:
            since = now - self.request.began
            raise errors.Busy("%s is under way since %.3f s for the pair %s" % (self.request, since, self.pair.name))

    def check(self):
        if not self.plugin.programs.running():
            raise errors.ShuttingDown("supervisord is shutting down or reloading")
        lacking = self.plugin.unsupported()
        if lacking:
            raise errors.Unsupported(lacking[0])
        if self.pair.problems:
            raise errors.Misconfigured("the pair %s is misconfigured: %s" % (self.pair.name, "; ".join(self.pair.problems)))

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
        """A person's request has just come: the kernel's witness is enough for its first move."""
        return self.request is not None and not self.request.opened

    def _open(self, request, facts):
        """Check a request against the facts and turn it into what is wanted. :raises ZergError:"""
        request.opened = True
        aim = requests.aim(request, facts, self.pair)
        if aim is not None:
            self.wish, self.held, self.both = aim
            self.save_orders()
        if aim is not None and aim.wish:  # a person's last word: whoever is still on its way up follows it
            self.arrivals = {p: Arrival.TAKES_OVER if p == aim.wish else Arrival.PARKS for p in self.arrivals}

    # events

    def person_starts(self, program):
        self._arrives(program, Arrival.TAKES_OVER, "%s was started" % program)

    def supervisor_starts(self, program):
        self._arrives(program, Arrival.PARKS, "%s was started by Supervisor" % program)

    def _arrives(self, program, arrival, cause):
        self.arrivals[program] = arrival
        self.since.pop(program, None)
        self.plugin.loop.call_soon(lambda: self.kick(cause))

    def stops(self, program):
        """Its stop signal is about to be sent: the other copy has to accept before that."""
        self.arrivals.pop(program, None)
        self.kick("%s is stopping" % program, at_once=True)

    def ended(self, program, how):
        if how != "BACKOFF":
            self.arrivals.pop(program, None)
        if how != "STOPPED":
            self.fallen.add(program)
        self.kick("%s %s" % (program, how), at_once=True)
        self.deploys.program_ended(program, how)

    def restart(self, copy):
        """Stop a copy so that it attaches to the pool's new socket; start it again once it has stopped."""
        other = next(p for p in self.pair.programs if p != copy.program)
        detached = self.observer.memos[other].attached is False
        arrival = Arrival.TAKES_OVER if detached or self.facts.copy(copy.program).accepting else Arrival.PARKS
        self.plugin.restart(copy.program, lambda: self.arrivals.__setitem__(copy.program, arrival))

    def kick(self, cause, at_once=False, routine=False):
        """Something happened: look, now. :param routine: nothing happened, it is just time; not the cause of what is under way."""
        if not self.active():
            return
        if self.task is None or not self.task.alive:
            self.cause, self.routine, self.urgent = cause, routine, at_once
            self._run()
        elif not self.chronicle.moves and not routine:
            self.cause = cause
        if self.task is None or not self.task.alive:
            return
        self.task.run_at_once(AT_ONCE_S) if at_once else self.task.wake()

    def active(self):
        """May anything be done to this pair now?"""
        asked = self.auto or self.request is not None or self.deploys.running or self.chores
        return self.plugin.programs.running() and not self.pair.problems and asked

    def glance(self):
        """Each second, for 2 microseconds a path: did somebody else move a slot? Every command changes an inode."""
        if self.task is not None and self.task.alive:
            return
        if self.paths is not None and self.paths != self._paths_now():
            self.kick("something changed at the FIFOs")

    def note_paths(self):
        """What changes after this has not been seen by the look that follows."""
        self.paths = self._paths_now()

    def _paths_now(self):
        return [self.plugin.kernel.identity(path) for path in self.observer.paths]

    def watch(self):
        """A pidfd for the process of each program, and for a master below a wrapper."""
        loop = self.plugin.loop
        for program, memo in self.observer.memos.items():
            for pid in {self.plugin.programs.get(program).pid, memo.master} - {0} - loop.watched():
                loop.watch(pid, lambda pid, p=program: self.kick("process %d of %s ended" % (pid, p), at_once=True))

    # settle's side

    def _run(self):
        if self.task is not None and self.task.alive:
            self.task.wake()
        elif self.plugin.programs.running():
            self.began = self.plugin.loop.clock()
            self.task = self.plugin.loop.task(settle(self.observer, self), self._settled)
            self.task.start()

    def _settled(self, _):
        self._finish_entry("settled")
        self.chores = False
        self.watch()

    def desired(self, facts, desperate):
        """What this pair is to be, for *decide*. A request that just came is checked against the facts first."""
        if self.request is not None and not self.request.opened:
            try:
                self._open(self.request, facts)
            except errors.ZergError as refusal:
                self._answer(refusal)
        return Desired(
            wish=self.wish, last=self.last, held=self.held, both=self.both, arrivals=tuple(self.arrivals.items()),
            freeze=self.pair.freeze, retire_stop=self.pair.retire == "stop", retiring=self.retiring,
            desperate=desperate, overdue=self._overdue(facts),
        )  # fmt: skip

    def _overdue(self, facts):
        draining = any(c.condition is Condition.DRAINING for c in facts.copies) or facts.orphans
        now = self.plugin.loop.clock()
        self.drain_began = (self.drain_began or now) if draining else None
        return self.drain_began is not None and now - self.drain_began > self.pair.drain_timeout

    def saw(self, facts, step):
        """Take in what was seen and decided. :returns: False to end settle."""
        self.facts, self.step = facts, step
        self._note_conditions(facts)
        self.watch()
        if step.met:
            self._reached(facts, step)
            self.deploys.wake()
        if self.request is not None:
            self._progress(step)
        elif step.patient and not step.moves:
            self._finish_entry("waiting: %s" % step.wait_for)
        if not self.active() or self.pair.problems:
            return False
        if step.done and self.request is None:
            return False
        return not self._given_up(step)

    def _reached(self, facts, step):
        was = self.last
        if step.goal:
            self.last = step.goal
        if was and step.goal and was != step.goal:
            self._announce(was)
        self.fallen.clear()
        if self.wish == step.goal:
            self.wish = ""
        for program in list(self.arrivals):
            copy = facts.copy(program)
            settled = copy.ready and not copy.fresh and (program == step.goal or not copy.accepting)
            if settled and (program == step.goal or self.arrivals[program] is Arrival.PARKS):
                del self.arrivals[program]
        if self.pair.retire == "stop" and not self.deploys.running and was and step.goal and was != step.goal and facts.copy(was).up:
            self.retiring = was
        elif self.retiring and (self.retiring == step.goal or not facts.copy(self.retiring).up):
            self.retiring = ""

    def _progress(self, step):
        request, now = self.request, self.plugin.loop.clock()
        if step.met and not self.wish:
            return self._answer(None)
        if step.refusal in HOPELESS and not step.moves:
            return self._answer(errors.BY_NAME[step.refusal](step.wait_for))
        if request.verb == "settle" and (step.done or step.patient and not step.moves):
            return self._answer(None)
        if now - request.began > MOVE_LIMIT_S:
            self._answer(self._why_late(step))

    def _why_late(self, step):
        pending = [(c.program, c.pending) for c in self.facts.copies if c.pending]
        if pending:
            program, commands = pending[0]
            return errors.Pending("%s has not executed %s after %.0f s" % (program, " ".join(commands), MOVE_LIMIT_S))
        kind = errors.BY_NAME.get(step.refusal, errors.TimedOut)
        return kind("%s for %.0f s" % (step.wait_for or "the pair did not converge", MOVE_LIMIT_S))

    def _given_up(self, step):
        """Nothing happens for longer than a boot may take: leave it to the next event or tick."""
        now = self.plugin.loop.clock()
        limit = max(self.pair.boot_timeout, self.pair.drain_timeout + 1.0)
        if step.moves:
            self.began = now
        return self.request is None and now - self.began > limit

    def _answer(self, refusal):
        request, self.request = self.request, None
        if refusal is not None:
            self.wish = ""
            request.answer = refusal
        else:
            request.answer = self.reply(request)
            self.chores = self.pair.freeze or self.pair.retire == "stop"
        self.plugin.answered()
        self._finish_entry("refused: %s" % refusal if refusal else "done", request)

    def reply(self, request):
        """The reply of a request: what the pair is like now, and how long it took."""
        facts = self.facts or Facts(())
        relevant = [m for m, _ in self.chronicle.moves if request.verb == "settle" or m.verb in TRAFFIC]
        return {
            "pair": self.pair.name,
            "id": request.id,
            "changed": bool(relevant),
            "took_ms": round((self.plugin.loop.clock() - request.began) * 1000, 3),
            "serving": facts.serving,
            "parked": self._resting(facts),
            "draining": sum(c.in_flight for c in facts.copies if c.paused),
            "held": self.held,
        }

    @staticmethod
    def _resting(facts):
        """The copy that is parked, be it that it still drains."""
        return facts.parked or next((c.program for c in facts.copies if c.condition is Condition.DRAINING), "")

    def made(self, move):
        self.chronicle.made(move)
        if move.command and b"p" in move.command:
            for proof in self.proofs:
                proof.cancel()
            look_again = lambda: self.kick("a look after a move", routine=True)  # noqa: E731
            self.proofs = [self.plugin.loop.call_later(delay, look_again) for delay in PROOF_S]

    def stumbled(self, move, error):
        self.plugin.log("debug", "could not make a move", pair=self.pair.name, move=str(move), error=str(error))

    def _announce(self, was):
        failed = was in self.fallen and self.request is None and self.arrivals.get(self.last) is not Arrival.TAKES_OVER
        kind = announcements.FailedOver if failed else announcements.Promoted
        told = {"pair": self.pair.name, "program": self.last, "was": was}
        self.plugin.loop.call_soon(lambda: announcements.announce(kind, self.cause, **told))
        if failed:
            environment = {"ZERG_TARGET": self.last, "ZERG_OLD": was, "ZERG_WHY": self.cause}
            self.plugin.loop.call_soon(lambda: self.plugin.run_hook(self, "on_failover", environment))

    # orders and history

    def set_auto(self, on):
        if self.auto == on:
            return False
        self.auto = on
        self.save_orders()
        self.chronicle.record({"what": "auto %s" % ("on" if on else "off"), "by": "a person", "outcome": "done"})
        if on:
            self.kick("auto was switched on")
        return True

    def save_orders(self):
        orders = {"held": self.held, "both": self.both, "auto": self.auto}
        changed = {k: v for k, v in orders.items() if v != (k == "auto" and self.pair.auto)}
        self.plugin.orders.set(self.pair.name, **changed, **({"labels": self.deploys.labels} if self.deploys.labels else {}))

    def _finish_entry(self, outcome, request=None):
        self.chronicle.finish(outcome, self.facts.serving if self.facts else "", self.cause, request)

    def noted(self, facts):
        """Facts that somebody else looked up."""
        self._note_conditions(facts)
        if self.facts is None:
            self.facts = facts

    def _note_conditions(self, facts):
        for copy in facts.copies:
            condition = copy.condition.value
            if self.since.get(copy.program, ("", 0))[0] != condition:
                self.since[copy.program] = condition, time.time()

    def close(self):
        if self.task is not None:
            self.task.cancel()
        self.deploys.close()
        for memo in self.observer.memos.values():
            memo.forget()

"""A deploy under way: looks, asks advance.py what comes next, and does it. Holds the pair until it has ended.

Everything that can block (hooks, health checks) is an errand of the listener (errands.py); everything that moves a slot goes through
the pair's keeper. A client that disconnects ends nothing; a supervisord that is reloaded forgets the deploy, and settle makes one
serve and one be parked, as after any other mishap.
"""

import time
from dataclasses import replace

from ..core import errors
from ..core.model import Verb
from ..supervisord import events
from .crash_counter import Vitals
from .jobs import Errands
from .model import STARTED, Outcome, Phase, Sight
from .state_machine import advance, begin
from .stopper import Ending

BRISK_S = 0.05  # between two looks while a copy drains, stops, boots or is promoted; events wake it at once
CALM_S = 0.25  # while it is checked or bakes
RECYCLED_S = 0.05  # a worker that is recycled is replaced within that: a look in between would show one that lacks workers
HOW = {
    "EXITED": "it exited; its log tells why",
    "BACKOFF": "it exited within its startsecs; its log tells why",
    "STOPPED": "somebody stopped it",
}
TRANSIENT = (errors.Booting, errors.Unsteady)
BUG = "a bug of supervisor_zerg, please report it: supervisord's log tells more"
EVENTS = {
    Outcome.DEPLOYED: events.Deployed,
    Outcome.ROLLED_BACK: events.RolledBack,
    Outcome.FAILED: events.DeployFailed,
    Outcome.NOT_BACK: events.DeployFailed,
    Outcome.NOBODY: events.DeployFailed,
}


class Deploy:
    """:param plans: one after the other; each begins when the one before has deployed. :param ended: called with this deploy."""

    def __init__(self, keeper, ident, plans, label, by, ended):
        self.keeper, self.plugin, self.pair = keeper, keeper.plugin, keeper.pair
        self.id, self.plans, self.label, self.by, self.ended = ident, list(plans), label, by, ended
        self.loop = self.plugin.loop
        self.began, self.at, self.took = self.loop.clock(), time.time(), None
        self.release, self.looking, self.timer = None, False, None
        self.errands, self.ending = Errands(keeper, self.look), Ending(self)
        self.told, self.aborted_by, self.facts, self.starts = [], "", None, 0
        self._forget()

    def __str__(self):
        return (
            f"deploy {self.release.plan.target if self.release else self.pair.name} (id {self.id})"
        )

    @property
    def over(self):
        return self.release is not None and self.release.phase is Phase.ENDED and not self.plans

    @property
    def elapsed(self):
        """Seconds since it began, or that it took."""
        return self.loop.clock() - self.began if self.took is None else self.took

    @property
    def answer(self):
        """The struct, once it is over."""
        return self.info() if self.over else None

    def start(self):
        self._next_plan()
        return self

    def _next_plan(self):
        self._forget()
        self.errands.end()
        self._take(*begin(self.plans.pop(0), self.loop.clock()))
        self.look()

    def _forget(self):
        self.died, self.let_in = "", False
        self.promotion, self.transient, self.promoted, self.request = "", False, False, None
        self.vitals = Vitals(self.plugin.kernel.alive)

    # what it hears

    def program_ended(self, program, how):
        """A program of the pair is gone, by itself or by a stop."""
        if program == self.release.plan.target and self.release.phase in STARTED:
            self.died = self.died or HOW.get(how, how)
        self.look()

    def made(self, move):
        """A command was given to a copy of the pair."""
        self.let_in = (
            self.let_in or move.verb is Verb.RESUME and move.program == self.release.plan.target
        )

    def abort(self, by):
        """End on the old release."""
        self.aborted_by = by
        self.look()

    def close(self):
        """supervisord ends or forgets the pair."""
        self.looking = True
        if self.timer:
            self.timer.cancel()
        self.errands.end()

    def look(self):
        """Look now, unless a look is under way. While supervisord ends nothing is done any more."""
        if not self.looking and not self.over and self.plugin.programs.running():
            self.looking = True
            if self.timer:
                self.timer.cancel()
            self._hear()  # what is seen now came after the answer
            self.loop.task(self.keeper.observer.look(True, False), self._seen).start()

    def _hear(self):
        answer = self.request.answer if self.request is not None else None
        self.promoted = isinstance(answer, dict)
        if isinstance(answer, errors.ZergError):
            self.promotion, self.transient, self.request = (
                str(answer),
                isinstance(answer, TRANSIENT),
                None,
            )

    # what it does

    def _seen(self, facts):
        self.looking = False
        try:
            if facts is not None and self.plugin.programs.running():
                self.facts = facts
                self._go_on()
        except Exception:  # told in the log by the loop's guard; the pair must not be held for ever
            self.plans, self.release = (
                [],
                replace(self.release, phase=Phase.ENDED, outcome=Outcome.FAILED, why=BUG),
            )
            self._ended()
            raise
        if self.over:
            return
        pause = (
            CALM_S
            if self.release.phase
            in (Phase.CHECKING, Phase.BAKING, Phase.PREPARING, Phase.FINISHING)
            else BRISK_S
        )
        self.timer = self.loop.call_later(pause, self.look)

    def _go_on(self):
        while not self.over:
            before = self.release
            release, orders = advance(before, self._sight())
            if release is before and not orders:
                return
            self._take(release, orders)
            if release.phase is Phase.ENDED:
                return self._ended()

    def _take(self, release, orders):
        if self.release is None or release.phase is not self.release.phase:
            self.told.append(f"+{self.loop.clock() - self.began:.1f}s {release.waits_for()}")
            self.errands.begin_count()
        self.release = release
        for order in orders:
            getattr(self, f"_do_{order.name.lower()}")()

    def _sight(self):
        plan, facts, errands = self.release.plan, self.facts, self.errands
        target = facts.copy(plan.target)
        if (
            target.pid
            and self.release.phase in STARTED
            and not self.plugin.kernel.alive(target.pid)
        ):  # and supervisord is late
            self.died = self.died or HOW["EXITED"]
        return Sight(
            target=target,
            old=facts.copy(plan.old),
            serving=facts.serving,
            now=self.loop.clock(),
            ended=self.died,
            hook=errands.hook,
            hook_words=errands.hook_words,
            good=errands.good,
            bad=errands.bad,
            health_words=errands.health_words,
            silent=self.loop.clock() - errands.heard_at,
            promotion=self.promotion,
            transient=self.transient,
            promoted=self.promoted,
            let_in=self.let_in,
            counters=self._counters(target),
            orphans=any(o.program == plan.target for o in facts.orphans),
            abort=self.aborted_by,
        )

    def _counters(self, target):
        pids = {w.pid for w in target.workers if not w.zombie}
        if self.release.phase in (Phase.PROMOTING, Phase.BAKING):
            for pid in pids - self.loop.watched():
                self.loop.watch(pid, self._worker_ended)
        return self.vitals.see(
            pids, self.keeper.observer.memos[target.program].snapshot, self.loop.clock()
        )

    def _worker_ended(self, pid):
        """The last that takes requests may be gone."""
        self.loop.call_later(RECYCLED_S, lambda: self._look_after(pid))

    def _look_after(self, pid):
        self.keeper.kick("worker %d of %s ended" % (pid, self.release.plan.target))
        self.look()

    # orders

    def _do_run_hook(self):
        name = (
            self.release.hooks[0]
            if self.release.phase is Phase.PREPARING
            else self.release.plan.after
        )
        self.errands.run_hook(name, self._environment())

    def _do_end_hook(self):
        self.errands.end()

    def _environment(self):
        plan = self.release.plan
        return {
            "ZERG_ID": self.id,
            "ZERG_TARGET": plan.target,
            "ZERG_OLD": plan.old,
            "ZERG_LABEL": self.label,
        }

    def _do_stop(self):
        self.errands.end()
        self.ending.stop(self.facts.copy(self.release.plan.target), unseen=not self.release.exposed)

    def _do_kill(self):
        copy = self.facts.copy(self.release.plan.target)
        self.ending.kill(copy)
        self.plugin.log(
            "warn",
            "requests were cut",
            pair=self.pair.name,
            program=copy.program,
            count=self.release.cut,
        )

    def _do_start(self):
        self.starts, self.vitals, self.let_in = (
            self.starts + 1,
            Vitals(self.plugin.kernel.alive),
            False,
        )
        if not self.keeper.deploys.start_parked(self.release.plan.target):
            self.died = "supervisord could not start it"

    def _do_check(self):
        self.errands.check(
            self.release.plan.target,
            {**self._environment(), "ZERG_PHASE": self.release.phase.name.lower()},
        )

    def _do_promote(self):
        self._ask(self.release.plan.target)

    def _do_return(self):
        self.errands.end()
        self._ask(self.release.plan.old)

    def _ask(self, program):
        self.keeper.desk.withdraw(self.request)
        self.promotion, self.transient, self.promoted = "", False, False
        try:
            self.request = self.keeper.ask("promote", program, by=str(self))
        except errors.ZergError as refusal:
            self.promotion, self.request = str(refusal), None

    # the end

    def _ended(self):
        release = self.release
        self.errands.end()
        self.keeper.desk.withdraw(self.request)
        if release.outcome is Outcome.DEPLOYED and self.plans:
            return self._next_plan()
        self.plans, self.took = [], self.loop.clock() - self.began
        kind = EVENTS.get(release.outcome)
        if kind:
            told = {
                "pair": self.pair.name,
                "id": self.id,
                "target": release.plan.target,
                "serving": self.facts.serving,
            }
            events.announce(kind, release.why, **told)
        if release.outcome is Outcome.ROLLED_BACK:
            self.plugin.hooks.run(
                self.keeper, "on_rollback", {**self._environment(), "ZERG_WHY": release.why}
            )
        self.ended(self)

    def info(self):
        """What a person is told about it, now or afterwards."""
        release = self.release
        return {
            "id": self.id,
            "pair": self.pair.name,
            "target": release.plan.target,
            "pid": self.facts.copy(release.plan.target).pid if self.facts else 0,
            "old": release.plan.old,
            "label": self.label,
            "by": self.by,
            "at": self.at,
            "elapsed": round(self.elapsed, 3),
            "phase": release.phase.name.lower(),
            "waits_for": "" if self.over else release.waits_for(),
            "steps": list(self.told),
            "outcome": release.outcome.value if self.over else "",
            "why": release.why,
            "cut": release.cut,
            "serving": self.facts.serving if self.facts else "",
        }

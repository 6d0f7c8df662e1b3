"""A deploy under way: looks, asks advance.py what comes next, and does it. Holds the pair until it has ended.

Everything that can block (hooks, health checks) is an errand of the listener (errands.py); everything that moves a slot goes through
the pair's keeper. A client that disconnects ends nothing; a supervisord that is reloaded forgets the deploy, and reconcile makes one
serve and one be parked, as after any other mishap.
"""

import time
from dataclasses import replace

from ..core import errors
from ..core.decision import ActionKind
from ..supervisord import events
from .crash_counter import CrashCounter
from .jobs import DeployJobs
from .model import STARTED, Outcome, Phase, DeployObservation
from .state_machine import advance, begin
from .stopper import Stopper

BRISK_S = 0.05  # between two looks while an instance drains, stops, boots or is promoted; events wake it at once
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


class DeployRunner:
    """:param plans: one after the other; each begins when the one before has deployed. :param ended: called with this deploy."""

    def __init__(self, controller, ident, plans, label, by, ended):
        self.controller, self.registry, self.pair = controller, controller.registry, controller.pair
        self.id, self.plans, self.label, self.by, self.ended = ident, list(plans), label, by, ended
        self.loop = self.registry.loop
        self.began, self.at, self.took = self.loop.clock(), time.time(), None
        self.state, self.looking, self.timer = None, False, None
        self.jobs, self.stopper = DeployJobs(controller, self.look), Stopper(self)
        self.told, self.aborted_by, self.observed, self.starts = [], "", None, 0
        self._forget()

    def __str__(self):
        return f"deploy {self.state.plan.target if self.state else self.pair.name} (id {self.id})"

    @property
    def over(self):
        return self.state is not None and self.state.phase is Phase.ENDED and not self.plans

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
        self.jobs.end()
        self._take(*begin(self.plans.pop(0), self.loop.clock()))
        self.look()

    def _forget(self):
        self.died, self.let_in = "", False
        self.promotion, self.transient, self.promoted, self.request = "", False, False, None
        self.crashes = CrashCounter(self.registry.kernel.alive)

    # what it hears

    def program_ended(self, program, how):
        """A program of the pair is gone, by itself or by a stop."""
        if program == self.state.plan.target and self.state.phase in STARTED:
            self.died = self.died or HOW.get(how, how)
        self.look()

    def made(self, action):
        """A command was given to an instance of the pair."""
        self.let_in = (
            self.let_in
            or action.kind is ActionKind.RESUME
            and action.program == self.state.plan.target
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
        self.jobs.end()

    def look(self):
        """Look now, unless a look is under way. While supervisord ends nothing is done any more."""
        if not self.looking and not self.over and self.registry.programs.running():
            self.looking = True
            if self.timer:
                self.timer.cancel()
            self._hear()  # what is seen now came after the answer
            self.loop.task(self.controller.observer.look(True, False), self._seen).start()

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

    def _seen(self, observed):
        self.looking = False
        try:
            if observed is not None and self.registry.programs.running():
                self.observed = observed
                self._go_on()
        except Exception:  # told in the log by the loop's guard; the pair must not be held for ever
            self.plans, self.state = (
                [],
                replace(self.state, phase=Phase.ENDED, outcome=Outcome.FAILED, reason=BUG),
            )
            self._ended()
            raise
        if self.over:
            return
        pause = (
            CALM_S
            if self.state.phase in (Phase.CHECKING, Phase.BAKING, Phase.PREPARING, Phase.FINISHING)
            else BRISK_S
        )
        self.timer = self.loop.call_later(pause, self.look)

    def _go_on(self):
        while not self.over:
            before = self.state
            state, actions = advance(before, self._sight())
            if state is before and not actions:
                return
            self._take(state, actions)
            if state.phase is Phase.ENDED:
                return self._ended()

    def _take(self, state, actions):
        if self.state is None or state.phase is not self.state.phase:
            self.told.append(f"+{self.loop.clock() - self.began:.1f}s {state.waiting_for()}")
            self.jobs.begin_count()
        self.state = state
        for order in actions:
            getattr(self, f"_do_{order.name.lower()}")()

    def _sight(self):
        plan, observed, jobs = self.state.plan, self.observed, self.jobs
        target = observed.instance(plan.target)
        if (
            target.pid
            and self.state.phase in STARTED
            and not self.registry.kernel.alive(target.pid)
        ):  # and supervisord is late
            self.died = self.died or HOW["EXITED"]
        return DeployObservation(
            target=target,
            old=observed.instance(plan.old),
            serving=observed.serving,
            now=self.loop.clock(),
            ended=self.died,
            hook=jobs.hook,
            hook_words=jobs.hook_words,
            good=jobs.good,
            bad=jobs.bad,
            health_words=jobs.health_words,
            silent=self.loop.clock() - jobs.heard_at,
            promotion=self.promotion,
            transient=self.transient,
            promoted=self.promoted,
            let_in=self.let_in,
            counters=self._counters(target),
            orphans=any(o.program == plan.target for o in observed.orphans),
            abort=self.aborted_by,
        )

    def _counters(self, target):
        pids = {w.pid for w in target.workers if not w.zombie}
        if self.state.phase in (Phase.PROMOTING, Phase.BAKING):
            for pid in pids - self.loop.watched():
                self.loop.watch(pid, self._worker_ended)
        return self.crashes.see(
            pids, self.controller.observer.masters[target.program].snapshot, self.loop.clock()
        )

    def _worker_ended(self, pid):
        """The last that takes requests may be gone."""
        self.loop.call_later(RECYCLED_S, lambda: self._look_after(pid))

    def _look_after(self, pid):
        self.controller.schedule("worker %d of %s ended" % (pid, self.state.plan.target))
        self.look()

    # orders

    def _do_run_hook(self):
        name = self.state.hooks[0] if self.state.phase is Phase.PREPARING else self.state.plan.after
        self.jobs.run_hook(name, self._environment())

    def _do_end_hook(self):
        self.jobs.end()

    def _environment(self):
        plan = self.state.plan
        return {
            "ZERG_ID": self.id,
            "ZERG_TARGET": plan.target,
            "ZERG_OLD": plan.old,
            "ZERG_LABEL": self.label,
        }

    def _do_stop(self):
        self.jobs.end()
        self.stopper.stop(
            self.observed.instance(self.state.plan.target), unseen=not self.state.had_traffic
        )

    def _do_kill(self):
        instance = self.observed.instance(self.state.plan.target)
        self.stopper.kill(instance)
        self.registry.log(
            "warn",
            "requests were cut",
            pair=self.pair.name,
            program=instance.program,
            count=self.state.killed_requests,
        )

    def _do_start(self):
        self.starts, self.crashes, self.let_in = (
            self.starts + 1,
            CrashCounter(self.registry.kernel.alive),
            False,
        )
        if not self.controller.deploys.start_parked(self.state.plan.target):
            self.died = "supervisord could not start it"

    def _do_check(self):
        self.jobs.check(
            self.state.plan.target,
            {**self._environment(), "ZERG_PHASE": self.state.phase.name.lower()},
        )

    def _do_promote(self):
        self._ask(self.state.plan.target)

    def _do_return(self):
        self.jobs.end()
        self._ask(self.state.plan.old)

    def _ask(self, program):
        self.controller.requests.withdraw(self.request)
        self.promotion, self.transient, self.promoted = "", False, False
        try:
            self.request = self.controller.ask("promote", program, by=str(self))
        except errors.ZergError as refusal:
            self.promotion, self.request = str(refusal), None

    # the end

    def _ended(self):
        state = self.state
        self.jobs.end()
        self.controller.requests.withdraw(self.request)
        if state.outcome is Outcome.DEPLOYED and self.plans:
            return self._next_plan()
        self.plans, self.took = [], self.loop.clock() - self.began
        kind = EVENTS.get(state.outcome)
        if kind:
            told = {
                "pair": self.pair.name,
                "id": self.id,
                "target": state.plan.target,
                "serving": self.observed.serving,
            }
            events.announce(kind, state.reason, **told)
        if state.outcome is Outcome.ROLLED_BACK:
            self.registry.hooks.run(
                self.controller, "on_rollback", {**self._environment(), "ZERG_REASON": state.reason}
            )
        self.ended(self)

    def info(self):
        """What an operator is told about it, now or afterwards."""
        state = self.state
        return {
            "id": self.id,
            "pair": self.pair.name,
            "target": state.plan.target,
            "pid": self.observed.instance(state.plan.target).pid if self.observed else 0,
            "old": state.plan.old,
            "label": self.label,
            "by": self.by,
            "at": self.at,
            "elapsed": round(self.elapsed, 3),
            "phase": state.phase.name.lower(),
            "waiting_for": "" if self.over else state.waiting_for(),
            "steps": list(self.told),
            "outcome": state.outcome.value if self.over else "",
            "reason": state.reason,
            "killed_requests": state.killed_requests,
            "serving": self.observed.serving if self.observed else "",
        }

"""One keeper a pair: what is asked of it, by whom, and how far it is. Turns requests and events into what *decide* desires,
runs *reconcile* until that is reached, and answers. The only state of a pair that is not a fact lives here.
"""

from dataclasses import replace

from ..core import errors
from ..core.goals import Goals
from ..core.goals import OnStart
from ..core.instance import Condition
from ..deploy.registry import DeployRegistry
from ..uwsgi.fifo import FifoChanges
from ..uwsgi.observer import Observer
from .deploy_target import ControllerTarget
from .reconciler import reconcile
from .recorder import HistoryRecorder
from .request_handler import RequestHandler
from .state_times import StateTimes

AT_ONCE_S = (
    0.004  # how long an event may hold supervisord's loop to let the other instance accept first
)
PROOF_S = (0.3, 1.5)  # after a toggle, look again: a flood or a lost signal shows by then
CLOSELY_S = 30.0  # a reconciled pair is looked at with all sources this often


class PairController:
    """:param plugin: loop, kernel, programs, history, orders, log and ids, shared by all keepers (plugin.py)."""

    def __init__(self, pair, registry):
        self.pair, self.registry = pair, registry
        self.observer = Observer(pair, registry.kernel, registry.programs, registry.loop.clock)
        settings = registry.settings.get(pair.name)
        self.goals = Goals(pair, settings)
        self.state_times, self.fallen = StateTimes(), set()
        self.requests = RequestHandler(self)
        self.task, self.observed, self.decision = None, None, None
        self.deploy_target = ControllerTarget(self)
        self.deploys = DeployRegistry(
            registry.services, self.deploy_target, settings.get("labels", {}), self._deploy_ended
        )
        self.recorder = HistoryRecorder(pair, registry)
        self.cause, self.began = "", 0.0
        self.routine, self.urgent, self.looked_closely = False, False, -1e9
        self.drain_began = None
        self.proofs = []
        self.fifo_changes, self.look_began = FifoChanges(registry.kernel.fifos, self.observer.paths), 0.0
        self.closed = False

    def inherit(self, old):
        """Take over what cannot be looked up from the keeper of the same pair under a section that was changed."""
        self.observer.inherit(old.observer)
        self.goals.inherit(old.goals)
        self.deploys.recent, self.state_times = old.deploys.recent, old.state_times

    # requests of an operator

    @property
    def request(self):
        """The one that is at hand, or None."""
        return self.requests.request

    def ask(self, verb, program="", by="operator", **options):
        """Take on a request. :returns: Request, perhaps answered already. :raises ZergError: Busy, Misconfigured, ShuttingDown."""
        self.check()
        self.free(by)
        request = self.requests.take(verb, program, by, options)
        self.finish_entry(f"overtaken by {request}")
        self.cause = verb
        self._run()
        return request

    def free(self, by):
        """Nothing else is under way. :param by: who asks; a deploy may move its own pair. :raises Busy:"""
        if by != str(self.deploys.running):
            self.deploys.require_idle()
        self.requests.free()

    def busy(self):
        """Somebody moves it."""
        return self.request is not None or self.deploys.running is not None

    def check(self):
        if self.closed:
            raise errors.ZergError(
                f"the section of the pair {self.pair.name} was just changed", "ask again"
            )
        if not self.registry.programs.running():
            raise errors.ShuttingDown("supervisord is shutting down or reloading")
        lacking = self.registry.unsupported()
        if lacking:
            raise errors.Unsupported(lacking[0])
        if self.pair.problems:
            raise errors.Misconfigured(
                f"the pair {self.pair.name} is misconfigured: {'; '.join(map(str, self.pair.problems))}"
            )

    def observe_options(self):
        """How closely reconcile should look first: (at everything, also at what seldom changes). That is left out where somebody
        waits; a tick finds a reconciled pair, so the kernel's source is enough until it is some time ago."""
        if self.request is not None or self.urgent:
            return False, False
        now = self.registry.loop.clock()
        if self.routine and now - self.looked_closely < CLOSELY_S:
            return False, False
        self.looked_closely = now
        return True, True

    def request_is_new(self):
        """Somebody has just asked for something."""
        return self.requests.request_is_new()

    # events

    def arrives(self, program, on_start, cause):
        """It is on its way up."""
        self.goals.on_start[program] = on_start
        self.state_times.forget(program)
        self.registry.loop.call_soon(lambda: self.schedule(cause))

    def stops(self, program):
        """Its stop signal is about to be sent: the other instance has to accept before that."""
        self.goals.on_start.pop(program, None)
        self.schedule(f"{program} is stopping", at_once=True)

    def ended(self, program, how):
        if how != "BACKOFF":
            self.goals.on_start.pop(program, None)
        if how != "STOPPED":
            self.fallen.add(program)
        self.schedule(f"{program} {how}", at_once=True)
        self.deploys.on_program_ended(program, how)

    def restart(self, instance):
        """Stop an instance so that it attaches to the pool's new socket, and start it again."""
        other = next(p for p in self.pair.programs if p != instance.program)
        alone = self.observer.masters[other].attached is False or instance.accepting
        self.registry.reactions.restart(
            instance.program, OnStart.PROMOTE if alone else OnStart.STANDBY
        )

    def schedule(self, cause, at_once=False, routine=False):
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
            if not self.recorder.actions and not routine:
                self.cause = cause
        if not self._at_rest():
            self.task.run_at_once(AT_ONCE_S) if at_once else self.task.wake()

    def _at_rest(self):
        return self.task is None or not self.task.alive

    def active(self):
        """May anything be done to this pair now?"""
        asked = (
            self.goals.auto
            or self.request is not None
            or self.deploys.running
            or self.requests.follow_up_pending
        )
        return (
            not self.closed
            and self.registry.programs.running()
            and not self.pair.problems
            and asked
        )

    def poll_fifos(self):
        """Each second, for 2 microseconds a path: did somebody else move a slot?"""
        if self._at_rest() and self.fifo_changes.pending():
            self.schedule("something changed at the FIFOs")

    def begin_look(self, ours):
        """:param ours: what has changed at the paths since the last look was our doing."""
        self.look_began = self.registry.loop.clock()
        if ours:
            self.fifo_changes.ours()

    def others_at_work(self):
        """An operator's script may be between two commands, so nothing is repaired yet, unless somebody waits for us."""
        return self.fifo_changes.take() and self.request is None and not self.urgent

    def watch(self):
        """A pidfd for the process of each program, and for a master below a wrapper."""
        loop = self.registry.loop
        for program, tracked in self.observer.masters.items():
            for pid in (
                {self.registry.programs.get(program).pid, tracked.master} - {0} - loop.watched()
            ):
                loop.watch(pid, lambda pid, p=program: self.registry.process_ended(p, pid))

    # reconcile's side

    def _run(self):
        if not self._at_rest():
            self.task.wake()
        elif self.registry.programs.running():
            self.began = self.registry.loop.clock()
            self.task = self.registry.loop.task(reconcile(self.observer, self), self._settled)
            self.task.start()

    def _settled(self, _):
        self.requests.settled()
        self.finish_entry("reconciled")
        self.drain_began = None
        self.watch()

    def desired(self, observed, force_toggle):
        """What this pair is to be, for *decide*."""
        self.requests.open(observed, self.look_began)
        desired = self.goals.desired(force_toggle, self._overdue(observed))
        return replace(desired, freeze=False) if self.deploys.is_booting else desired

    def _overdue(self, observed):
        draining = (
            any(c.condition is Condition.DRAINING for c in observed.instances) or observed.orphans
        )
        now = self.registry.loop.clock()
        self.drain_began = (self.drain_began or now) if draining else None
        return self.drain_began is not None and now - self.drain_began > self.pair.drain_timeout

    def on_observed(self, observed, decision):
        """Take in what was seen and decided. :returns: False to end reconcile."""
        self.observed, self.decision = observed, decision
        self.state_times.note(observed)
        self.watch()
        if decision.met:
            self._reached(observed, decision)
            self.registry.loop.call_soon(self.deploys.wake)
        self.requests.see(observed, decision)
        if self.request is None and decision.poll_slowly and not decision.actions:
            self.finish_entry(f"waiting: {decision.waiting_for}")
        if not self.active():
            return False
        if decision.done and self.request is None:
            return False
        return not self._given_up(decision)

    def _reached(self, observed, decision):
        ordered = self.goals.promotes_on_start(decision.goal)
        was = self.goals.served_before(decision.goal)
        self.goals.reached(decision.goal, observed, bool(self.deploys.running))
        if was:
            failed = was in self.fallen and self.request is None and not ordered
            self.recorder.another_serves(self, was, self.cause, failed)
        self.fallen.clear()

    def _given_up(self, decision):
        """Nothing happens for longer than a boot may take: leave it to the next event or tick."""
        now = self.registry.loop.clock()
        limit = max(self.pair.boot_timeout, self.pair.drain_timeout + 1.0)
        if decision.actions:
            self.began = now
        return self.request is None and now - self.began > limit

    def made(self, action):
        self.registry.log(
            "debug", "made a move", pair=self.pair.name, action=str(action), reason=action.reason
        )
        self.recorder.made(action)
        self.deploys.on_action_done(action)
        if action.command and b"p" in action.command:
            for proof in self.proofs:
                proof.cancel()
            look_again = lambda: self.schedule("a look after a move", routine=True)  # noqa: E731
            self.proofs = [self.registry.loop.call_later(delay, look_again) for delay in PROOF_S]

    def on_action_failed(self, action, error):
        self.registry.log(
            "debug",
            "could not make a move",
            pair=self.pair.name,
            action=str(action),
            error=str(error),
        )

    # orders and history

    def _deploy_ended(self, deploy):
        """Keep the label, let the old instance end where it is to, write a line of history."""
        self.save_orders()
        entry = deploy.history_entry()
        if entry["outcome"] == "deployed" and self.pair.retire == "stop":
            self.goals.retiring, self.requests.follow_up_pending = deploy.state.plan.old, True
        reason = entry.pop("reason")
        entry["what"] = f"{entry.pop('kind')} {entry.pop('program')}"
        entry["outcome"] += f": {reason}" if reason else ""
        self.recorder.record(entry)
        self.schedule(f"{deploy} has ended")

    def set_auto(self, on):
        if self.goals.auto == on:
            return False
        self.goals.auto = on
        self.save_orders()
        serving = self.observed.serving if self.observed else ""
        told = {
            "what": f"auto {'on' if on else 'off'}",
            "by": "operator",
            "actions": [],
            "took_ms": 0.0,
            "serving": serving,
        }
        self.recorder.record({**told, "outcome": "done"})
        if on:
            self.schedule("auto was switched on")
        return True

    def save_orders(self):
        labels = {"labels": self.deploys.labels} if self.deploys.labels else {}
        self.registry.settings.set(self.pair.name, **self.goals.settings(), **labels)

    def finish_entry(self, outcome, request=None):
        """End the line of history that is being gathered, if there is one."""
        self.recorder.finish(
            outcome, self.observed.serving if self.observed else "", self.cause, request
        )

    def noted(self, observed):
        """Facts that somebody else looked up."""
        self.state_times.note(observed)
        if self.observed is None:
            self.observed = observed

    def close(self):
        """Do nothing any more, whatever still calls: a timer, a pidfd, an event."""
        self.closed = True
        for proof in self.proofs:
            proof.cancel()
        if self.task is not None:
            self.task.cancel()
        self.deploys.close()
        self.observer.close()

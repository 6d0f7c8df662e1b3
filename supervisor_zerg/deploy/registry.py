"""The deploys of one pair: the one that runs, the last few, the labels of the releases, and what a deploy may do to the pair."""

from dataclasses import replace

from ..core import errors
from ..core.goals import OnStart
from .model import UNSEEN

REMEMBERED = 10


class DeployRegistry:
    """:param labels: program -> [pid, when that process was started, what an operator called the release in it]."""

    def __init__(self, controller, labels):
        self.controller, self.labels = controller, labels
        self.running, self.recent = None, []

    def begin(self, deploy):
        """:raises ZergError: something else is under way."""
        self.controller.check()
        self.controller.free("")
        self.running = deploy
        self.recent = self.recent[1 - REMEMBERED :] + [deploy]
        return deploy.start()

    @property
    def last(self):
        return self.recent[-1] if self.recent else None

    def free(self, by):
        """:param by: who wants to move the pair; a deploy may. :raises Busy:"""
        if self.running and by != str(self.running):
            raise errors.Busy(
                f"{self.running} by {self.running.by} is under way since {self.running.elapsed:.1f} s for the pair {self.controller.pair.name}",
                "ask again when it has ended; 'zerg abort' ends it on the old release",
            )

    def abort(self, by):
        """End the one that runs, on the old release. :returns: it. :raises NoDeploy:"""
        if self.running is None:
            raise errors.NoDeploy(f"no deploy of the pair {self.controller.pair.name} is under way")
        deploy = self.running
        deploy.abort(by)
        return deploy

    # what a deploy hears

    def wake(self):
        """Something happened that it may wait for."""
        if self.running:
            self.running.look()

    def made(self, action):
        if self.running:
            self.running.made(action)

    def program_ended(self, program, how):
        if self.running:
            self.running.program_ended(program, how)

    def close(self):
        if self.running:
            self.running.close()

    # what a deploy does

    def awake(self, desired):
        """An instance that is yet to be promoted has to answer for its health: it is not frozen."""
        booting = self.running and self.running.state and self.running.state.phase in UNSEEN
        return replace(desired, freeze=False) if booting else desired

    def start_parked(self, program):
        """Start a program whose instance is to wait for its promotion. :returns: was it started?"""
        self.controller.goals.retiring = ""
        started = self.controller.registry.programs.spawn(program)
        self.controller.goals.on_start[program] = OnStart.STANDBY
        self.controller.schedule(f"{program} was started")
        return started

    def end_parked(self, instance):
        """Let a parked instance end through its FIFO, 1 s faster than by its signal. :returns: False when it is not parked."""
        if (
            not (instance.ready and instance.fully_paused)
            or instance.program == self.controller.goals.last_active
        ):
            return False
        self.controller.goals.retiring = instance.program
        self.controller.schedule(f"{instance.program} is to end")
        return True

    def wanted(self, program, deploy):
        """Somebody else than this deploy has started the program meanwhile."""
        return self.running not in (None, deploy) or self.controller.goals.promotes_on_start(
            program
        )

    # the end

    def ended(self, deploy):
        """Keep the label, let the old instance go where it is to, write a line of history."""
        self.running, controller, info = None, self.controller, deploy.info()
        if info["pid"] and info["label"]:
            self.labels[info["target"]] = [info["pid"], self._born(info["pid"]), info["label"]]
            controller.save_orders()
        if info["outcome"] == "deployed" and controller.pair.retire == "stop":
            controller.goals.retiring, controller.requests.follow_up_pending = info["old"], True
        outcome = "{}{}".format(info["outcome"], ": " + info["reason"] if info["reason"] else "")
        told = {
            "what": "deploy {}".format(info["target"]),
            "by": info["by"],
            "actions": info["steps"],
            "label": info["label"],
            "killed_requests": info["killed_requests"],
        }
        told.update(
            id=info["id"], took_ms=info["elapsed"] * 1000, serving=info["serving"], outcome=outcome
        )
        controller.recorder.record(told)
        controller.registry.answered()
        controller.schedule(f"{deploy} has ended")

    def label_of(self, program, pid):
        """What an operator called the release in an instance; empty once it was started anew."""
        *process, label = self.labels.get(program, ("",))
        return label if process == [pid, self._born(pid)] else ""

    def _born(self, pid):
        """When a process was started: its pid may be used again."""
        process = self.controller.registry.kernel.process(pid)
        return process.start if process else 0

    def told(self, ident=""):
        """The struct of the deploy with that id; else of the one that runs, or of the last one, empty if there was none.

        :raises ForgottenDeploy: nobody remembers it.
        """
        known = [deploy for deploy in self.recent if ident in ("", deploy.id)]
        if ident and not known:
            raise errors.ForgottenDeploy(
                f"nobody remembers the deploy {ident} of the pair {self.controller.pair.name}"
            )
        return known[-1].info() if known else {}

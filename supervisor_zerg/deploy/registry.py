"""The deploys of one pair: the one that runs, the last few, the labels of the releases, and what a deploy may do to the pair."""

from dataclasses import replace

from ..core import errors
from ..core.model import Arrival
from .model import UNSEEN

REMEMBERED = 10


class Deploys:
    """:param labels: program -> [pid, when that process was started, what a person called the release in it]."""

    def __init__(self, keeper, labels):
        self.keeper, self.labels = keeper, labels
        self.running, self.recent = None, []

    def begin(self, deploy):
        """:raises ZergError: something else is under way."""
        self.keeper.check()
        self.keeper.free("")
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
                f"{self.running} by {self.running.by} is under way since {self.running.elapsed:.1f} s for the pair {self.keeper.pair.name}",
                "ask again when it has ended; 'zerg abort' ends it on the old release",
            )

    def abort(self, by):
        """End the one that runs, on the old release. :returns: it. :raises NoDeploy:"""
        if self.running is None:
            raise errors.NoDeploy(f"no deploy of the pair {self.keeper.pair.name} is under way")
        deploy = self.running
        deploy.abort(by)
        return deploy

    # what a deploy hears

    def wake(self):
        """Something happened that it may wait for."""
        if self.running:
            self.running.look()

    def made(self, move):
        if self.running:
            self.running.made(move)

    def program_ended(self, program, how):
        if self.running:
            self.running.program_ended(program, how)

    def close(self):
        if self.running:
            self.running.close()

    # what a deploy does

    def awake(self, desired):
        """A copy that is yet to be promoted has to answer for its health: it is not frozen."""
        booting = self.running and self.running.release and self.running.release.phase in UNSEEN
        return replace(desired, freeze=False) if booting else desired

    def start_parked(self, program):
        """Start a program whose copy is to wait for its promotion. :returns: was it started?"""
        self.keeper.desires.retiring = ""
        started = self.keeper.plugin.programs.spawn(program)
        self.keeper.desires.arrivals[program] = Arrival.PARKS
        self.keeper.kick(f"{program} was started")
        return started

    def end_parked(self, copy):
        """Let a parked copy end through its FIFO, 1 s faster than by its signal. :returns: False when it is not parked."""
        if not (copy.ready and copy.sealed) or copy.program == self.keeper.desires.last:
            return False
        self.keeper.desires.retiring = copy.program
        self.keeper.kick(f"{copy.program} is to end")
        return True

    def wanted(self, program, deploy):
        """Somebody else than this deploy has started the program meanwhile."""
        return self.running not in (None, deploy) or self.keeper.desires.invited(program)

    # the end

    def ended(self, deploy):
        """Keep the label, let the old copy go where it is to, write a line of history."""
        self.running, keeper, info = None, self.keeper, deploy.info()
        if info["pid"] and info["label"]:
            self.labels[info["target"]] = [info["pid"], self._born(info["pid"]), info["label"]]
            keeper.save_orders()
        if info["outcome"] == "deployed" and keeper.pair.retire == "stop":
            keeper.desires.retiring, keeper.desk.chores = info["old"], True
        outcome = "{}{}".format(info["outcome"], ": " + info["why"] if info["why"] else "")
        told = {
            "what": "deploy {}".format(info["target"]),
            "by": info["by"],
            "moves": info["steps"],
            "label": info["label"],
            "cut": info["cut"],
        }
        told.update(
            id=info["id"], took_ms=info["elapsed"] * 1000, serving=info["serving"], outcome=outcome
        )
        keeper.chronicle.record(told)
        keeper.plugin.answered()
        keeper.kick(f"{deploy} has ended")

    def label_of(self, program, pid):
        """What a person called the release in a copy; empty once it was started anew."""
        *process, label = self.labels.get(program, ("",))
        return label if process == [pid, self._born(pid)] else ""

    def _born(self, pid):
        """When a process was started: its pid may be used again."""
        process = self.keeper.plugin.kernel.process(pid)
        return process.start if process else 0

    def told(self, ident=""):
        """The struct of the deploy with that id; else of the one that runs, or of the last one, empty if there was none.

        :raises ForgottenDeploy: nobody remembers it.
        """
        known = [deploy for deploy in self.recent if ident in ("", deploy.id)]
        if ident and not known:
            raise errors.ForgottenDeploy(
                f"nobody remembers the deploy {ident} of the pair {self.keeper.pair.name}"
            )
        return known[-1].info() if known else {}

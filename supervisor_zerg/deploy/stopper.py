"""Ends the copy that a deploy replaces, or a release that is bad: gracefully, and with insistence."""

import signal

PATIENCE_S = 1.0  # a parked copy that was told to end through its FIFO and is still there gets its stop signal
MERCY_S = 5.0  # a release that hangs in its boot gets so long to heed its stop signal, and not Supervisor's stopwaitsecs
INSIST_S = (
    0.1  # a stop signal within 3 ms of a start can be lost: send it again until the program stops
)
INSIST_TRIES = 50


class Ending:
    """:param deploy: whose target it ends."""

    def __init__(self, deploy):
        self.deploy, self.deploys, self.plugin = deploy, deploy.keeper.deploys, deploy.plugin

    def stop(self, copy, unseen):
        """:param unseen: it never had a request, so there is nothing to wait for."""
        program, starts, later = copy.program, self.deploy.starts, self.plugin.loop.call_later
        if self.deploys.end_parked(copy):
            later(PATIENCE_S, lambda: self._insist(program, starts, INSIST_TRIES))
            return
        self._insist(program, starts, INSIST_TRIES)
        pid = self.plugin.programs.get(program).pid
        if unseen:
            later(MERCY_S, lambda: self.plugin.programs.kill(program, pid))

    def _insist(self, program, starts, tries):
        if self.deploy.starts != starts or self.deploys.wanted(program, self.deploy):
            return  # it has stopped, and was started again
        if (
            self.plugin.programs.stop(program)
            or not tries
            or self.plugin.programs.get(program).state == "ABSENT"
        ):
            return
        self.plugin.loop.call_later(INSIST_S, lambda: self._insist(program, starts, tries - 1))

    def kill(self, copy):
        """SIGKILL, also to its workers, where its program has no killasgroup."""
        self.plugin.programs.kill(copy.program, copy.pid)
        for worker in copy.workers:
            self.plugin.kernel.signal(worker.pid, signal.SIGKILL)

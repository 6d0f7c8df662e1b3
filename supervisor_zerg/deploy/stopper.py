"""Ends the instance that a deploy replaces, or a release that is bad: gracefully, and with insistence."""

import signal

PATIENCE_S = 1.0  # a parked instance that was told to end through its FIFO and is still there gets its stop signal
MERCY_S = 5.0  # a release that hangs in its boot gets so long to heed its stop signal, and not Supervisor's stopwaitsecs
INSIST_S = (
    0.1  # a stop signal within 3 ms of a start can be lost: send it again until the program stops
)
INSIST_TRIES = 50


class Stopper:
    """:param deploy: whose target it ends."""

    def __init__(self, deploy):
        self.deploy, self.deploys, self.registry = (
            deploy,
            deploy.controller.deploys,
            deploy.registry,
        )

    def stop(self, instance, unseen):
        """:param unseen: it never had a request, so there is nothing to wait for."""
        program, starts, later = instance.program, self.deploy.starts, self.registry.loop.call_later
        if self.deploys.end_parked(instance):
            later(PATIENCE_S, lambda: self._insist(program, starts, INSIST_TRIES))
            return
        self._insist(program, starts, INSIST_TRIES)
        pid = self.registry.programs.get(program).pid
        if unseen:
            later(MERCY_S, lambda: self.registry.programs.kill(program, pid))

    def _insist(self, program, starts, tries):
        if self.deploy.starts != starts or self.deploys.wanted(program, self.deploy):
            return  # it has stopped, and was started again
        if (
            self.registry.programs.stop(program)
            or not tries
            or self.registry.programs.get(program).state == "ABSENT"
        ):
            return
        self.registry.loop.call_later(INSIST_S, lambda: self._insist(program, starts, tries - 1))

    def kill(self, instance):
        """SIGKILL, also to its workers, where its program has no killasgroup."""
        self.registry.programs.kill(instance.program, instance.pid)
        for worker in instance.workers:
            self.registry.kernel.signal(worker.pid, signal.SIGKILL)

"""Hooks: commands of the pair's section, run by the listener, since they may block."""

from .queue import Job

GRACE_S = 10.0


class Hooks:
    """:param plugin: loop, worklist, log and ids (plugin.py)."""

    def __init__(self, registry):
        self.registry = registry

    def run(self, controller, name, environment, told=lambda ok, words: None):
        """Run a hook of a pair, if it has that one. :param told: called with (ok, words) when it has ended. :returns: Job or None."""
        pair, registry = controller.pair, self.registry
        command = getattr(pair, name)
        if not command:
            return None
        serving = controller.observed.serving if controller.observed else ""
        environment = {
            "ZERG_HOOK": name,
            "ZERG_PAIR": pair.name,
            "ZERG_SERVING": serving,
            **environment,
        }

        def ended(ok, words):
            registry.log(
                "info" if ok else "warn",
                "hook ended",
                pair=pair.name,
                hook=name,
                ok=ok,
                words=words,
            )
            told(ok, words)

        job = Job(
            registry.new_id(),
            "hook",
            pair.name,
            name,
            command,
            pair.hook_timeout,
            ended,
            environment=environment,
        )
        registry.job_queue.add(job)
        registry.loop.call_later(pair.hook_timeout + GRACE_S, lambda: self._overdue(job))
        return job

    def _overdue(self, job):
        """The listener limits a hook; this is for a listener that is gone."""
        if job.id in self.registry.job_queue.jobs:
            self.registry.job_queue.tell(
                job.id, False, f"the listener told nothing for {job.timeout + GRACE_S:.0f} s"
            )

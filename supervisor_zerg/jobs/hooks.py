"""Hooks: commands of the pair's section, run by the listener, since they may block."""

from .queue import Job

GRACE_S = 10.0


class Hooks:
    """:param plugin: loop, worklist, log and ids (plugin.py)."""

    def __init__(self, plugin):
        self.plugin = plugin

    def run(self, keeper, name, environment, told=lambda ok, words: None):
        """Run a hook of a pair, if it has that one. :param told: called with (ok, words) when it has ended. :returns: Job or None."""
        pair, plugin = keeper.pair, self.plugin
        command = getattr(pair, name)
        if not command:
            return None
        serving = keeper.facts.serving if keeper.facts else ""
        environment = {
            "ZERG_HOOK": name,
            "ZERG_PAIR": pair.name,
            "ZERG_SERVING": serving,
            **environment,
        }

        def ended(ok, words):
            plugin.log(
                "info" if ok else "warn",
                "hook ended",
                pair=pair.name,
                hook=name,
                ok=ok,
                words=words,
            )
            told(ok, words)

        job = Job(
            plugin.new_id(),
            "hook",
            pair.name,
            name,
            command,
            pair.hook_timeout,
            ended,
            environment=environment,
        )
        plugin.worklist.add(job)
        plugin.loop.call_later(pair.hook_timeout + GRACE_S, lambda: self._overdue(job))
        return job

    def _overdue(self, job):
        """The listener limits a hook; this is for a listener that is gone."""
        if job.id in self.plugin.worklist.jobs:
            self.plugin.worklist.tell(
                job.id, False, f"the listener told nothing for {job.timeout + GRACE_S:.0f} s"
            )

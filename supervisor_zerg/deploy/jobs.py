"""What the listener does for a deploy, since it may block: a hook, or the health of its target again and again."""

from ..jobs.queue import Job


class DeployJobs:
    """:param keeper: of the pair. :param wake: called whenever there is something new."""

    def __init__(self, controller, wake):
        self.controller, self.registry, self.wake = controller, controller.registry, wake
        self.job = None
        self.hook, self.hook_words = None, ""  # how the last hook ended; None: it runs
        self.good, self.bad, self.health_words = 0, 0, ""  # answers in a row, and the last one
        self.heard_at = self.registry.loop.clock()

    def begin_count(self):
        """What was answered so far is of no interest any more."""
        self.good, self.bad = 0, 0

    def run_hook(self, name, environment):
        self.end()
        self.hook, self.hook_words = None, ""
        self.job = self.registry.hooks.run(self.controller, name, environment, self._hook_told)

    def _hook_told(self, ok, words):
        self.hook, self.hook_words = ok, words
        self.wake()

    def check(self, program, environment):
        self.end()
        pair, self.heard_at = self.controller.pair, self.registry.loop.clock()
        self.job = job = self.registry.job_queue.add(
            Job(
                id=f"{self.registry.new_id()}-health",
                kind="health",
                pair=pair.name,
                what="health",
                check=pair.health_of(program),
                timeout=pair.health_timeout,
                interval=pair.health_interval,
                expect=pair.health_status,
                told=lambda ok, words: self._health_told(job, ok, words),
                environment={"ZERG_PAIR": pair.name, **environment},
            )
        )

    def _health_told(self, job, ok, words):
        if job is not self.job:
            return False
        self.good, self.bad = (self.good + 1, 0) if ok else (0, self.bad + 1)
        self.health_words, self.heard_at = words, self.registry.loop.clock()
        self.wake()
        return job is self.job

    def end(self):
        """Nothing of it is wanted any more. A hook that runs is ended, and how it ended is told as ever."""
        job, self.job = self.job, None
        self.registry.job_queue.withdraw(job)

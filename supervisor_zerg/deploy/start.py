"""Looks at a pair, then begins its deploy, or tells what it would do."""

from ..core import errors
from .dry_run import rehearse
from .plan import plans
from .runner import DeployRunner


class StartDeploy:
    """:param options: as plans.read_options gives them. :raises ZergError: something else is under way."""

    def __init__(self, controller, options):
        controller.check()
        controller.free("")
        self.registry, self.controller, self.options, self.result = (
            controller.registry,
            controller,
            options,
            None,
        )
        self.registry.loop.task(controller.observer.look(True, False), self._seen).start()

    def _seen(self, observed):
        try:
            self.result = self._begin(observed)
        except errors.ZergError as refusal:
            self.result = refusal
        self.registry.answered()

    def _begin(self, observed):
        controller, options = self.controller, self.options
        if observed is None:
            raise errors.ZergError(f"the look at the pair {controller.pair.name} failed")
        todo = plans(controller.pair, observed, options)
        if options["dry_run"]:
            told = list(rehearse(controller.pair, todo, observed))
            return {
                "pair": controller.pair.name,
                "target": todo[-1].target,
                "steps": told,
                "outcome": "dry run",
                "serving": observed.serving,
            }
        if (
            any(plan.before or plan.after or plan.check_serving for plan in todo)
            and not self.registry.job_queue.listener_present()
        ):
            raise errors.NoListener(
                f"hooks and health checks of the pair {controller.pair.name} need the listener, which does not run"
            )
        deploy = DeployRunner(
            controller,
            self.registry.new_id(),
            todo,
            options["label"],
            "an operator",
            controller.deploys.ended,
        )
        return controller.deploys.begin(deploy)

    @property
    def answer(self):
        """The struct of the deploy, a refusal, or None while there is nothing to tell yet."""
        if not isinstance(self.result, DeployRunner):
            return self.result
        return self.result.info() if self.result.over or not self.options["wait"] else None

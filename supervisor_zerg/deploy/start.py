"""Looks at a pair, then begins its deploy, or tells what it would do."""

from ..core import errors
from .dry_run import rehearse
from .plan import plans
from .runner import Deploy


class Launch:
    """:param options: as plans.read_options gives them. :raises ZergError: something else is under way."""

    def __init__(self, keeper, options):
        keeper.check()
        keeper.free("")
        self.plugin, self.keeper, self.options, self.result = keeper.plugin, keeper, options, None
        self.plugin.loop.task(keeper.observer.look(True, False), self._seen).start()

    def _seen(self, facts):
        try:
            self.result = self._begin(facts)
        except errors.ZergError as refusal:
            self.result = refusal
        self.plugin.answered()

    def _begin(self, facts):
        keeper, options = self.keeper, self.options
        if facts is None:
            raise errors.ZergError(f"the look at the pair {keeper.pair.name} failed")
        todo = plans(keeper.pair, facts, options)
        if options["dry_run"]:
            told = list(rehearse(keeper.pair, todo, facts))
            return {
                "pair": keeper.pair.name,
                "target": todo[-1].target,
                "steps": told,
                "outcome": "dry run",
                "serving": facts.serving,
            }
        if (
            any(plan.before or plan.after or plan.check_serving for plan in todo)
            and not self.plugin.worklist.listener_present()
        ):
            raise errors.NoListener(
                f"hooks and health checks of the pair {keeper.pair.name} need the listener, which does not run"
            )
        deploy = Deploy(
            keeper, self.plugin.new_id(), todo, options["label"], "a person", keeper.deploys.ended
        )
        return keeper.deploys.begin(deploy)

    @property
    def answer(self):
        """The struct of the deploy, a refusal, or None while there is nothing to tell yet."""
        if not isinstance(self.result, Deploy):
            return self.result
        return self.result.info() if self.result.over or not self.options["wait"] else None

"""Full looks at pairs, for whoever asks: the namespace and the web page."""

from .status import misconfigured

FRESH_S = 0.25  # a look begun so lately serves another viewer as well
A_ROUND = 2  # looks that are begun in one round of the loop: some 2 ms
STUCK_S = 5.0  # a look that takes longer is not waited for by newcomers


class Look:
    """A look at some pairs, a few begun each round of supervisord's loop; answered when all of them were looked at."""

    def __init__(self, plugin, keepers):
        self.plugin, self.keepers, self.infos = plugin, keepers, {}
        self.steps, self.told = {}, {}  # what is made of it for viewers, and what is ready (web.py)
        self.waiting = list(keepers)
        self._next()

    def _next(self):
        for keeper in self.waiting[:A_ROUND]:
            if keeper.pair.problems:
                self.infos[keeper.pair.name] = misconfigured(keeper)
            else:
                self.plugin.loop.task(
                    keeper.observer.look(True, True), lambda facts, k=keeper: self._seen(k, facts)
                ).start()
        del self.waiting[:A_ROUND]
        if self.waiting:
            self.plugin.loop.call_soon(self._next)

    def _seen(self, keeper, facts):
        if facts is None:
            info = dict(
                misconfigured(keeper),
                problems=["the look at this pair failed; see supervisord's log"],
            )
        else:
            keeper.noted(facts)
            info = self.plugin.describe(keeper, facts)
        self.infos[keeper.pair.name] = info
        if self.all():
            self.plugin.answered()

    def all(self):
        """The info structs of all pairs, or None while some are being looked at."""
        return (
            [self.infos[k.pair.name] for k in self.keepers]
            if len(self.infos) == len(self.keepers)
            else None
        )

    def first(self):
        infos = self.all()
        return infos and infos[0]


class Window:
    """One look for all who want to see at about the same time: fifty browsers cost supervisord as much as one."""

    def __init__(self, plugin):
        self.plugin, self._look, self._begun = plugin, None, 0.0

    def look(self):
        """:returns: Look at every pair, perhaps one that others wait for or have just seen."""
        now = self.plugin.loop.clock()
        limit = FRESH_S if self._look and self._look.all() is not None else STUCK_S
        if self._look is None or now - self._begun > limit:
            self.plugin.refresh()
            self._begun, self._look = now, Look(self.plugin, list(self.plugin.keepers.values()))
        return self._look

    def forget(self):
        """Something was done: the next who looks looks anew."""
        self._look = None

"""Full looks at pairs, for whoever asks: the namespace and the web page."""

from .status import misconfigured

FRESH_S = 0.25  # a look begun so lately serves another viewer as well
A_ROUND = 2  # looks that are begun in one round of the loop: some 2 ms
STUCK_S = 5.0  # a look that takes longer is not waited for by newcomers


class StatusQuery:
    """A look at some pairs, a few begun each round of supervisord's loop; answered when all of them were looked at."""

    def __init__(self, registry, controllers):
        self.registry, self.controllers, self.infos = registry, controllers, {}
        self.steps, self.told = {}, {}  # what is made of it for viewers, and what is ready (web.py)
        self.waiting = list(controllers)
        self._next()

    def _next(self):
        for controller in self.waiting[:A_ROUND]:
            if controller.pair.problems:
                self.infos[controller.pair.name] = misconfigured(controller)
            else:
                self.registry.loop.task(
                    controller.observer.observe(full=True, thorough=True),
                    lambda observed, k=controller: self._seen(k, observed),
                ).start()
        del self.waiting[:A_ROUND]
        if self.waiting:
            self.registry.loop.call_soon(self._next)

    def _seen(self, controller, observed):
        if observed is None:
            info = dict(
                misconfigured(controller),
                problems=["the look at this pair failed; see supervisord's log"],
            )
        else:
            controller.noted(observed)
            info = self.registry.describe(controller, observed)
        self.infos[controller.pair.name] = info
        if self.all():
            self.registry.answered()

    def all(self):
        """The info structs of all pairs, or None while some are being looked at."""
        return (
            [self.infos[k.pair.name] for k in self.controllers]
            if len(self.infos) == len(self.controllers)
            else None
        )

    def first(self):
        infos = self.all()
        return infos and infos[0]


class SharedStatusQuery:
    """One look for all who want to see at about the same time: fifty browsers cost supervisord as much as one."""

    def __init__(self, registry):
        self.registry, self._look, self._begun = registry, None, 0.0

    def look(self):
        """:returns: Look at every pair, perhaps one that others wait for or have just seen."""
        now = self.registry.loop.clock()
        limit = FRESH_S if self._look and self._look.all() is not None else STUCK_S
        if self._look is None or now - self._begun > limit:
            self.registry.refresh()
            self._begun, self._look = (
                now,
                StatusQuery(self.registry, list(self.registry.controllers.values())),
            )
        return self._look

    def forget(self):
        """Something was done: the next who looks looks anew."""
        self._look = None

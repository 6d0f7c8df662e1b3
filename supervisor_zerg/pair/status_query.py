"""Observes pairs closely for whoever asks about them: the namespace and the web page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Optional

from ..core.pair_state import PairState
from ..core.replies import PairInfo
from ..core.reply import Reply
from ..jobs.services import Services
from .status import describe

if TYPE_CHECKING:
    from .controller import PairController
    from .registry import Registry

FRESH_S = 0.25  # an observation begun this recently serves another viewer as well
PER_ROUND = 2  # observations begun in one round of supervisord's loop: about 2 ms
STUCK_S = 5.0  # newcomers do not wait for a query that takes longer


class StatusQuery:
    """One observation of each of some pairs, a few begun in each round of supervisord's loop.

    Attributes:
        reply: The info structs of all pairs, in their order.
    """

    def __init__(self, services: Services, controllers: Iterable[PairController]) -> None:
        self.reply: Reply[list[PairInfo]] = services.new_reply()
        self._loop = services.loop
        self._controllers = list(controllers)
        self._waiting = list(self._controllers)
        self._infos: dict[str, PairInfo] = {}
        self._next()

    def _next(self) -> None:
        for controller in self._waiting[:PER_ROUND]:
            if controller.pair.blocking:
                self._infos[controller.pair.name] = describe(controller.view(None))
            else:
                self._observe(controller)
        del self._waiting[:PER_ROUND]
        if self._waiting:
            self._loop.call_soon(self._next)
        self._answer()

    def _observe(self, controller: PairController) -> None:
        def observed(result: Optional[PairState]) -> None:
            if result is not None:
                controller.note_observed(result)
            self._infos[controller.pair.name] = describe(controller.view(result))
            self._answer()

        self._loop.task(controller.observe(thorough=True), observed).start()

    def _answer(self) -> None:
        names = [controller.pair.name for controller in self._controllers]
        if len(self._infos) == len(names):
            self.reply.set([self._infos[name] for name in names])


class SharedStatusQuery:
    """One query for all who ask at about the same time: fifty browsers cost as much as one."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._query: Optional[StatusQuery] = None
        self._began = 0.0

    def get(self) -> StatusQuery:
        """Return a query of every pair, perhaps one that others wait for or have just seen."""
        services = self._registry.services
        now = services.loop.clock()
        pending = self._query is not None and self._query.reply.pending
        if self._query is None or now - self._began > (STUCK_S if pending else FRESH_S):
            self._began = now
            self._query = StatusQuery(services, self._registry.controllers.values())
        return self._query

    def forget(self) -> None:
        """Something was done: the next viewer gets a new query."""
        self._query = None

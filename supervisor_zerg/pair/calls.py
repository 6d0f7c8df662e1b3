"""What the methods of the RPC namespace have in common: find a pair, ask it, answer later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

from ..core.replies import PairInfo
from ..deploy.plan import read_options
from ..deploy.start import start_deploy
from ..jobs.services import Services
from ..supervisord import rpc
from .controller import PairController
from .registry import Registry
from .status_query import StatusQuery


class PairCalls:
    """Checks the arguments of a call and turns a refusal into an XML-RPC fault."""

    def __init__(self, services: Services, registry: Registry) -> None:
        self._services = services
        self._registry = registry

    def pair(self, name: str) -> PairController:
        self._registry.refresh()
        return rpc.call(self._registry.controller, rpc.text("pair", name))

    def program(self, name: str) -> tuple[PairController, str]:
        """Return the controller of a program, and the program as the section names it."""
        self._registry.refresh()
        return rpc.call(self._registry.controller_of, rpc.text("program", name))

    def all_pairs(self) -> list[PairController]:
        self._registry.refresh()
        return list(self._registry.controllers.values())

    def infos(
        self, controllers: Sequence[PairController]
    ) -> Callable[[], Optional[list[PairInfo]]]:
        """Observe pairs. Returns what gives their info structs, and None until they are there."""
        return StatusQuery(self._services, controllers).reply.result

    def ask(
        self, controller: PairController, wait: bool, verb: str, program: str = "", **options: bool
    ) -> Any:
        """Begin a request. Its reply comes when it is done, or at once without ``wait``."""
        rpc.flag("wait", wait)
        pending = rpc.call(controller.ask, verb, program, **options)
        if not wait and pending.reply.pending:
            return {**controller.reply_to(pending.request), "pending": True}
        return rpc.deferred(pending.reply.result)

    def deploy(self, pair: str, options: Optional[dict[str, Any]], kind: str) -> Any:
        """Begin a deploy, a roll-back or a restart."""
        controller = self.pair(pair)
        chosen = rpc.call(read_options, {} if options is None else rpc.struct("options", options))
        deploys = controller.deploys
        reply = rpc.call(start_deploy, self._services, controller, deploys, chosen, kind=kind)
        return rpc.deferred(reply.result)

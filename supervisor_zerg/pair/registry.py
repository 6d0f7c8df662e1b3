"""All pairs of one supervisord: found by name or program, replaced when their sections change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Optional

from .. import config
from ..core import errors
from ..core.causes import Cause, CauseKind
from ..core.goals import OnStart
from ..core.pair_config import PairConfig, Problem
from ..jobs.services import Services
from .controller import PairController
from .events import PairEvents
from .releases import restore_links
from .settings import OperatorSettings

POLL_S = 1.0  # between two checks of what lies at the paths of the FIFOs
POOL_S = 1.0  # after the pool was started, its socket is there
SPREAD_S = 0.02  # between the runs of two pairs, so that many of them never hold the loop


class Registry:
    """Implements ProcessEvents for Supervisor's events, and PairOwner for its controllers.

    `refresh` is called where something begins: by RPC methods, the web page and events. The other
    methods only look up.

    Attributes:
        controllers: By the name of the pair.
    """

    def __init__(self, options: Any, services: Services, settings: OperatorSettings) -> None:
        self.options = options  # Supervisor's ServerOptions
        self.services = services
        self.loop = services.loop
        self.settings = settings
        self.controllers: dict[str, PairController] = {}
        self._sections: Any = None  # as Supervisor read them last
        self._configured: dict[str, PairConfig] = {}
        self._outdated = False  # a controller is not (yet) of the section as it is now
        self.refresh()

    def close(self) -> None:
        for controller in self.controllers.values():
            controller.close()

    # configuration

    def refresh(self) -> None:
        """Take in sections that supervisord has read: ``reread`` leaves a new list, no event."""
        sections = self.options.configroot.supervisord.rpcinterface_factories
        if sections is not self._sections:
            self._sections = sections
            missing = self.services.kernel.missing_features()
            lacking = tuple(Problem("", sentence) for sentence in missing)
            pairs = config.read_pairs(self.options)
            self._configured = {
                pair.name: replace(pair, problems=pair.problems + lacking) for pair in pairs
            }
            self._outdated = True
        if self._outdated:
            self._replace_controllers()

    def _replace_controllers(self) -> None:
        """Replace controllers whose section was changed; that of a busy pair once it is idle."""
        before = self.controllers
        self.controllers = {}
        for name in [*self._configured, *(set(before) - set(self._configured))]:
            self._replace(name, self._configured.get(name), before.get(name))
        self._outdated = any(
            controller.pair != self._configured.get(name)
            for name, controller in self.controllers.items()
        )

    def _replace(
        self, name: str, pair: Optional[PairConfig], old: Optional[PairController]
    ) -> None:
        if old is not None and (old.pair == pair or old.busy):
            self.controllers[name] = old
            return
        if pair is not None:
            new = PairController(pair, self.services, self.settings, self)
            self.controllers[name] = new
            if old is not None:
                new.inherit(old)
                self.loop.call_soon(lambda: new.schedule(Cause(CauseKind.SECTION_CHANGED)))
        if old is not None:
            old.close()

    # lookup

    def controller(self, name: str) -> PairController:
        """Return the controller of a pair. An empty name means the only pair there is.

        Raises:
            UnknownPair: There is none, or the name is needed.
        """
        if not name and len(self.controllers) == 1:
            return next(iter(self.controllers.values()))
        if name not in self.controllers:
            known = ", ".join(sorted(self.controllers))
            raise errors.UnknownPair(
                f"no pair is named {name!r}, there is {known}"
                if name
                else f"name one of the pairs {known}"
            )
        return self.controllers[name]

    def controller_of(self, program: str) -> tuple[PairController, str]:
        """Return the controller of a program, and the program as the section names it.

        Raises:
            UnknownProgram: It belongs to no pair.
        """
        found = self._find(program)
        if found is None:
            raise errors.UnknownProgram(f"no pair has a program named {program!r}")
        return found

    def _find(self, program: str) -> Optional[tuple[PairController, str]]:
        for controller in self.controllers.values():
            for name in controller.pair.programs:
                if program in (name, f"{name}:{name}"):
                    return controller, name
        return None

    # Supervisor's events: supervisord/subscriptions.py

    def supervisord_running(self) -> None:
        self.loop.call_later(POLL_S, self._poll)
        for controller in self.controllers.values():
            for problem in controller.pair.problems:
                self.services.log.complain(str(problem))
            self.loop.guard(restore_links)(controller)
        self._schedule(self.controllers.values(), Cause(CauseKind.SUPERVISORD_RUNS))

    def programs_changed(self) -> None:
        self.refresh()
        self._schedule(self.controllers.values(), Cause(CauseKind.PROGRAMS_CHANGED))

    def on_starting(self, program: str, on_start: Optional[OnStart], cause: Cause) -> None:
        self.refresh()
        self._on_pool(program)
        self._tell(
            program,
            lambda events, name: events.on_starting(name, on_start, replace(cause, program=name)),
        )

    def on_running(self, program: str) -> None:
        self._on_pool(program)
        self._tell(program, PairEvents.on_running)

    def _on_pool(self, program: str) -> None:
        cause = Cause(CauseKind.POOL_STARTED, program)
        for controller in self.controllers.values():
            if program == controller.pair.pool:
                self._schedule_later(POOL_S, controller, cause)

    def on_ready(self, program: str) -> None:
        self._tell(program, PairEvents.on_ready)

    def on_stopping(self, program: str) -> None:
        self._tell(program, PairEvents.on_stopping)

    def on_ended(self, program: str, state: str) -> None:
        self._tell(program, lambda events, name: events.on_ended(name, state))

    def _tell(self, program: str, call: Callable[[PairEvents, str], None]) -> None:
        found = self._find(program)
        if found is not None:
            controller, name = found
            call(controller.events, name)

    # what controllers report

    def on_idle(self) -> None:
        """A section may have been changed meanwhile."""
        self.loop.call_soon(self.refresh)

    def process_ended(self, program: str, pid: int) -> None:
        self._tell(program, lambda events, name: events.on_process_ended(name, pid))

    # runs

    def reconcile_all(self) -> int:
        """Check every pair that reacts by itself. Returns how many there are.

        What could not be written of history and settings is written now, if the disk is free.
        """
        self.services.history.retry()
        self.settings.retry()
        active = [controller for controller in self.controllers.values() if controller.active()]
        self._schedule(active, Cause(CauseKind.PERIODIC_CHECK), routine=True)
        return len(active)

    def _schedule(
        self, controllers: Iterable[PairController], cause: Cause, routine: bool = False
    ) -> None:
        for number, controller in enumerate(controllers):
            self._schedule_later(number * SPREAD_S, controller, cause, routine)

    def _schedule_later(
        self, seconds: float, controller: PairController, cause: Cause, routine: bool = False
    ) -> None:
        self.loop.call_later(seconds, lambda: controller.schedule(cause, routine=routine))

    def _poll(self) -> None:
        self.loop.call_later(POLL_S, self._poll)
        if self.services.programs.running():
            for controller in self.controllers.values():
                controller.events.poll_fifos()

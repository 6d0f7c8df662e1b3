"""What Supervisor's events mean to a pair. supervisord calls these in the instant of the event, between two rounds of its loop: before
a stop signal is sent, and as soon as it has seen the end of a process.
"""

from supervisor import events
from supervisor.states import ProcessStates

from ..core import errors
from ..core.goals import OnStart
from .programs import name_of, started_by_supervisor

POOL_S = 1.0  # after the pool was started, its socket is there
READY = b"zerg ready"  # what the recommended inis print
ENDED = (
    events.ProcessStateExitedEvent,
    events.ProcessStateStoppedEvent,
    events.ProcessStateBackoffEvent,
    events.ProcessStateFatalEvent,
    events.ProcessStateUnknownEvent,
)


class Subscriptions:
    """:param plugin: keepers, loop and programs (plugin.py)."""

    def __init__(self, registry):
        self.registry, self.loop = registry, registry.loop
        self._restarts = {}  # program that is to be started again once it has stopped -> its Arrival then
        for kind, react in (
            (events.SupervisorRunningEvent, lambda event: registry.start()),
            (events.ProcessStateStartingEvent, self._on_starting),
            (events.ProcessStateRunningEvent, self._on_running),
            (events.ProcessStateStoppingEvent, self._on_stopping),
            (events.ProcessCommunicationEvent, self._on_communication),
            (
                events.ProcessGroupEvent,
                lambda event: self.loop.call_soon(registry.programs_changed),
            ),
            *((kind, self._on_ended) for kind in ENDED),
        ):
            events.subscribe(kind, self.loop.guard(react))

    def _concerned(self, event):
        """(keeper, program) of an event's process; (None, '') for a stranger."""
        try:
            return self.registry.controller_of(name_of(event.process))
        except errors.UnknownProgram:
            return None, ""

    def _on_starting(self, event):
        controller, program = self._concerned(event)
        if controller is None:
            return self._on_pool(event)
        if (
            event.from_state == ProcessStates.BACKOFF
        ):  # it keeps the place that its first start gave it, unless it had taken that
            on_start = controller.goals.on_start.get(program, OnStart.STANDBY)
            controller.arrives(program, on_start, f"{program} was started again by Supervisor")
        elif started_by_supervisor():
            controller.arrives(program, OnStart.STANDBY, f"{program} was started by Supervisor")
        else:
            controller.arrives(program, OnStart.PROMOTE, f"{program} was started")

    def _on_running(self, event):
        controller, program = self._concerned(event)
        if controller is None:
            return self._on_pool(event)
        controller.watch()
        controller.schedule(f"{program} runs")
        controller.deploys.wake()

    def _on_stopping(self, event):
        controller, program = self._concerned(event)
        if controller is not None:
            controller.stops(program)

    def _on_ended(self, event):
        controller, program = self._concerned(event)
        if controller is None:
            return
        again = self._restarts.pop(program, None)
        if again:
            self.loop.call_soon(lambda: self._start_again(controller, program, again))
        how = type(event).__name__.replace("ProcessState", "").replace("Event", "").upper()
        controller.ended(program, how)

    def _on_pool(self, event):
        for controller in self.registry.controllers.values():
            if name_of(event.process) == controller.pair.pool:
                self.loop.call_later(
                    POOL_S, lambda k=controller: k.schedule(f"the pool {k.pair.pool} was started")
                )

    def _on_communication(self, event):
        controller, program = self._concerned(event)
        if controller is not None and READY in _bytes(event.data):
            controller.schedule(f"{program} says that it is ready")
            controller.deploys.wake()

    # a stop and a start

    def restart(self, program, on_start):
        """Stop a program and, once it has stopped, start it again. :param arrival: what becomes of it then."""
        process = self.registry.programs.find(program)
        if process is not None and program not in self._restarts:
            self._restarts[program] = on_start
            process.stop()

    def _start_again(self, controller, program, on_start):
        if self.registry.programs.spawn(program):
            controller.goals.on_start[program] = on_start


def _bytes(data):
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")

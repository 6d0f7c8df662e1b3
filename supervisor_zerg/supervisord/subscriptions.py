"""Turns Supervisor's events into calls of :class:`ProcessEvents`.

supervisord calls the handlers synchronously: before it sends a stop signal, and as soon as it has
seen the end of a process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional, Protocol

from supervisor import events
from supervisor.states import ProcessStates

from ..core.causes import Cause, CauseKind
from ..core.goals import OnStart
from .loop import Loop
from .programs import Programs, name_of, started_by_supervisor

READY = b"zerg ready"  # what the recommended inis print
#: Supervisor's state of a program whose process is gone, by the event that reports it.
ENDED = {
    events.ProcessStateExitedEvent: "EXITED",
    events.ProcessStateStoppedEvent: "STOPPED",
    events.ProcessStateBackoffEvent: "BACKOFF",
    events.ProcessStateFatalEvent: "FATAL",
    events.ProcessStateUnknownEvent: "UNKNOWN",
}


class ProcessEvents(Protocol):
    """What happens to programs. A program is named ``name`` or ``group:name``."""

    def on_starting(self, program: str, on_start: Optional[OnStart], cause: Cause) -> None:
        """A program is being started. `on_start` is None if Supervisor retries."""

    def on_running(self, program: str) -> None: ...

    def on_ready(self, program: str) -> None:
        """The program printed that its instance is ready."""

    def on_stopping(self, program: str) -> None:
        """The stop signal is about to be sent."""

    def on_ended(self, program: str, state: str) -> None:
        """The process is gone. `state`: one of the values of ENDED."""

    def programs_changed(self) -> None:
        """supervisord has other programs than before."""

    def supervisord_running(self) -> None:
        """The programs are about to be started."""


class Subscriptions:
    """Subscribes to Supervisor's events, for one generation of supervisord."""

    def __init__(self, loop: Loop, programs: Programs, listener: ProcessEvents) -> None:
        self.loop = loop
        self.programs = programs
        self.listener = listener
        self._ready: set[str] = set()  # programs that printed so since the last round
        handlers = {
            events.SupervisorRunningEvent: self._on_supervisord_running,
            events.ProcessStateStartingEvent: self._on_starting,
            events.ProcessStateRunningEvent: self._on_running,
            events.ProcessStateStoppingEvent: self._on_stopping,
            events.ProcessCommunicationEvent: self._on_communication,
            events.ProcessGroupEvent: self._on_group,
        }
        for kind in ENDED:
            handlers[kind] = self._on_ended
        for kind, handler in handlers.items():
            events.subscribe(kind, loop.guard(handler))

    def _on_supervisord_running(self, event: Any) -> None:
        self.listener.supervisord_running()

    def _on_group(self, event: Any) -> None:
        self.loop.call_soon(self.listener.programs_changed)

    def _on_starting(self, event: Any) -> None:
        program = name_of(event.process)
        on_start: Optional[OnStart]
        if event.from_state == ProcessStates.BACKOFF:
            kind, on_start = CauseKind.RESTARTED_BY_SUPERVISOR, None
        elif started_by_supervisor():
            kind, on_start = CauseKind.STARTED_BY_SUPERVISOR, OnStart.STANDBY
        else:
            kind, on_start = CauseKind.STARTED, OnStart.PROMOTE
        self.listener.on_starting(program, on_start, Cause(kind, program))

    def _on_running(self, event: Any) -> None:
        self.listener.on_running(name_of(event.process))

    def _on_stopping(self, event: Any) -> None:
        self.listener.on_stopping(name_of(event.process))

    def _on_ended(self, event: Any) -> None:
        program = name_of(event.process)
        again = self.programs.take_restart(program)
        if again is not None:
            self.loop.call_soon(again)
        self.listener.on_ended(program, ENDED[type(event)])

    def _on_communication(self, event: Any) -> None:
        """Call the listener in the next round of the loop, once for each program.

        Supervisor calls this deep inside its recursion over the output of a program, for each print
        (supervisor/dispatchers.py ``record_output``).
        """
        if READY in _bytes(event.data):
            if not self._ready:
                self.loop.call_soon(self._tell_ready)
            self._ready.add(name_of(event.process))

    def _tell_ready(self) -> None:
        programs = sorted(self._ready)
        self._ready.clear()
        for program in programs:
            self.loop.guard(self.listener.on_ready)(program)


def _bytes(data: Any) -> bytes:
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")


def before_cleanup(options: Any, function: Callable[[], Any]) -> None:
    """Call a function before supervisord closes its descriptors.

    See supervisor/options.py ``cleanup``.
    """
    cleanup = options.cleanup

    def function_then_cleanup() -> None:
        function()
        cleanup()

    options.cleanup = function_then_cleanup

"""Supervisor's side of a pair: the state of a program, and starting and stopping it.

Nothing here blocks. A ``Subprocess`` is looked up each time: ``supervisorctl update`` replaces the
objects (supervisor/rpcinterface.py ``addProcessGroup``).
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple, Optional

from supervisor.options import split_namespec
from supervisor.process import Subprocess
from supervisor.states import ProcessStates, SupervisorStates, getProcessStateDescription


class Program(NamedTuple):
    """The statename of a program, and the pid of its process or 0."""

    state: str
    pid: int


ABSENT = Program("ABSENT", 0)


class Programs:
    """The programs of a supervisord.

    Args:
        supervisord: supervisor.supervisord.Supervisor.
    """

    def __init__(self, supervisord: Any) -> None:
        self.supervisord = supervisord
        self._restarts: dict[str, Callable[[], None]] = {}  # program -> what to do once it stopped

    def get(self, name: str) -> Program:
        """Return a program; ABSENT when ``supervisorctl update`` removed it or it never was."""
        process = self.find(name)
        if process is None:
            return ABSENT
        return Program(getProcessStateDescription(process.get_state()), process.pid)

    def find(self, name: str) -> Optional[Any]:
        """Return Supervisor's Subprocess, or None. It is not to be kept."""
        group_name, process_name = split_namespec(name)
        group = self.supervisord.process_groups.get(group_name)
        return group.processes.get(process_name) if group else None

    def autostarts(self, name: str) -> bool:
        """Return whether supervisord starts a program by itself."""
        process = self.find(name)
        return process is not None and bool(process.config.autostart)

    def running(self) -> bool:
        """Return whether supervisord is neither shutting down nor reloading."""
        return bool(self.supervisord.options.mood >= SupervisorStates.RUNNING)

    def expect_stop(self, name: str) -> None:
        """Make Supervisor wait for the end of a program as if it had sent its stop signal.

        uWSGI got ``q`` through its FIFO: SIGTERM would cut requests unless the ini says otherwise.
        As ``Subprocess.stop`` does (supervisor/process.py), but with SIGCONT as the signal; SIGKILL
        still follows after stopwaitsecs.
        """
        process = self.find(name)
        if process is not None:
            process.administrative_stop = True
            process.laststopreport = 0
            process.kill(signal.SIGCONT)

    def stop(self, name: str) -> bool:
        """Send the stop signal of a program.

        Returns:
            Whether it has stopped or is certain to: a signal within 3 ms of a start is lost, and a
            program that exited by itself may be about to be respawned.
        """
        process = self.find(name)
        if process is None:
            return True
        state = process.get_state()
        if state in (ProcessStates.STARTING, ProcessStates.RUNNING, ProcessStates.BACKOFF):
            process.stop()
        return state in (ProcessStates.STOPPING, ProcessStates.STOPPED, ProcessStates.FATAL)

    def kill(self, name: str, pid: int) -> None:
        """Send SIGKILL to a program that ignores its stop signal, if it is still that process."""
        process = self.find(name)
        if process is None or process.pid != pid:
            return
        if process.get_state() == ProcessStates.STOPPING:
            process.kill(signal.SIGKILL)

    def take_settings(self, name: str) -> bool:
        """Give a stopped program the settings that ``supervisorctl reread`` has read.

        ``supervisorctl update`` stops a whole group and replaces it (supervisor/rpcinterface.py
        ``addProcessGroup``). This replaces the settings of one program, so that the other one of a
        pair can serve meanwhile; afterwards ``update`` finds nothing left to do.

        Returns:
            Whether they were other settings.
        """
        process = self.find(name)
        if process is None or process.pid:
            return False
        group = process.group.config
        new_group = self._as_read(group.name)
        if new_group is None:
            return False
        read = new_group.process_configs
        config = next((new for new in read if new.name == process.config.name), process.config)
        if config == process.config:
            return False
        config.create_autochildlogs()
        group.process_configs = [
            config if old.name == config.name else old for old in group.process_configs
        ]
        process.config = config
        if group.process_configs == new_group.process_configs:
            process.group.config = new_group
        return True

    def _as_read(self, group: str) -> Optional[Any]:
        """Return the settings of a group as supervisord has read them last."""
        configs = self.supervisord.options.process_group_configs
        return next((config for config in configs if config.name == group), None)

    def spawn(self, name: str) -> bool:
        """Start a stopped program, unless supervisord ends. Returns whether it was started."""
        process = self.find(name)
        if process is None or process.pid or not self.running():
            return False
        process.spawn()
        process.transition()
        return bool(process.pid)

    def restart(self, name: str, restarted: Callable[[], Any]) -> None:
        """Stop a program and, once it has stopped, start it again. `restarted` is called then."""
        process = self.find(name)
        if process is None or name_of(process) in self._restarts:
            return

        def again() -> None:
            if self.spawn(name):
                restarted()

        self._restarts[name_of(process)] = again
        process.stop()

    def take_restart(self, name: str) -> Optional[Callable[[], None]]:
        """Return what :meth:`restart` has to do next for a program that has stopped, or None."""
        return self._restarts.pop(name, None)


def name_of(process: Any) -> str:
    """Return ``name`` or ``group:name``, as the configuration has it."""
    name: str = process.config.name
    group = process.group.config.name if process.group else name
    return name if group == name else f"{group}:{name}"


def started_by_supervisor() -> bool:
    """Return whether, within a STARTING event, Supervisor itself starts the program.

    Itself: by autostart or autorestart; else an operator did. The event does not say.
    ``Subprocess.spawn`` is called from ``Subprocess.transition`` for the former and by an RPC for
    the latter (supervisor/process.py ``transition``), so the callers tell.
    """
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        if frame.f_code is Subprocess.transition.__code__:
            return True
        frame = frame.f_back
    return False

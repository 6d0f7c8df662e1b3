"""Supervisor's side of a pair: the state of a program, and starting and stopping it. Nothing here blocks.

A ``Subprocess`` is looked up each time: ``supervisorctl update`` replaces the objects (supervisor/rpcinterface.py
``addProcessGroup``).
"""

import signal
import sys
from collections import namedtuple

from supervisor.options import split_namespec
from supervisor.process import Subprocess
from supervisor.states import ProcessStates, SupervisorStates, getProcessStateDescription

Program = namedtuple("Program", "state pid")
ABSENT = Program("ABSENT", 0)


class Programs:
    def __init__(self, supervisord):
        self.supervisord = supervisord
        self._restarts = {}  # name -> what to do once the program has stopped

    def get(self, name):
        """:returns: Program; ABSENT when ``supervisorctl update`` removed it or it never was."""
        process = self.find(name)
        if process is None:
            return ABSENT
        return Program(getProcessStateDescription(process.get_state()), process.pid)

    def find(self, name):
        """Supervisor's Subprocess, or None. Not to be kept."""
        group_name, process_name = split_namespec(name)
        group = self.supervisord.process_groups.get(group_name)
        return group.processes.get(process_name) if group else None

    def running(self):
        """supervisord is neither shutting down nor reloading."""
        return self.supervisord.options.mood >= SupervisorStates.RUNNING

    def expect_stop(self, name):
        """Make Supervisor wait for the end of a program as if it had sent its stop signal, without sending one: uWSGI was told
        to end through its FIFO, and SIGTERM would cut requests where the ini does not say otherwise. Like
        ``Subprocess.stop`` (supervisor/process.py), with SIGCONT for the signal; SIGKILL after stopwaitsecs stays."""
        process = self.find(name)
        process.administrative_stop = True
        process.laststopreport = 0
        process.kill(signal.SIGCONT)

    def stop(self, name):
        """Send its stop signal. :returns: True when it has stopped or is certain to: a signal that comes within 3 ms of a start is
        lost, and a program that exited by itself may be about to be respawned."""
        process = self.find(name)
        if process is None:
            return True
        state = process.get_state()
        if state in (ProcessStates.STARTING, ProcessStates.RUNNING, ProcessStates.BACKOFF):
            process.stop()
        return state in (ProcessStates.STOPPING, ProcessStates.STOPPED, ProcessStates.FATAL)

    def kill(self, name, pid):
        """SIGKILL to a program that does not heed its stop signal, if it still is that process."""
        process = self.find(name)
        if (
            process is not None
            and process.pid == pid
            and process.get_state() == ProcessStates.STOPPING
        ):
            process.kill(signal.SIGKILL)

    def spawn(self, name):
        """Start a program that is stopped, unless supervisord ends. :returns: True when it was started."""
        process = self.find(name)
        if process is None or process.pid or not self.running():
            return False
        process.spawn()
        process.transition()
        return bool(process.pid)

    def restart(self, name, restarted):
        """Stop a program and, once it has stopped, start it again. `restarted` is called then."""
        process = self.find(name)
        if process is None or name_of(process) in self._restarts:
            return

        def again():
            if self.spawn(name):
                restarted()

        self._restarts[name_of(process)] = again
        process.stop()

    def take_restart(self, name):
        """Return what restart() left to do for a program that has stopped, or None."""
        return self._restarts.pop(name, None)


def name_of(process):
    """``name`` or ``group:name`` as the configuration has it."""
    group = process.group.config.name if process.group else process.config.name
    return process.config.name if group == process.config.name else f"{group}:{process.config.name}"


def started_by_supervisor():
    """Within a STARTING event: was it Supervisor itself (autostart, autorestart) that starts the program, rather than an operator?

    The event does not say. ``Subprocess.spawn`` is called from ``Subprocess.transition`` for the former and by an RPC
    for the latter (supervisor/process.py ``transition``), so the callers tell.
    """
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code is Subprocess.transition.__code__:
            return True
        frame = frame.f_back
    return False

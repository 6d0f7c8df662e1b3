"""Carries out one action of the planner: signals to workers, or a command to the master FIFO."""

from __future__ import annotations

import enum
import signal
import time
from typing import TYPE_CHECKING, NamedTuple, Optional

from ..core.decision import Action, ActionKind
from ..core.instance import Instance
from ..core.pair_state import PairState, PathKind
from .fifo import FifoCommand

if TYPE_CHECKING:
    from ..linux.procfs import Kernel
    from .observer import Observer

STILL_S = 0.004  # how long workers may be stopped, until a pause is executed
STILL_POLL_S = 0.00005

SIGNALS: dict[ActionKind, tuple[signal.Signals, ...]] = {
    ActionKind.CONTINUE: (signal.SIGCONT,),
    # SIGCONT discards the SIGTSTP of the resume (signal(7)), so another one follows it. A worker
    # that is past its start-up only wakes up by it.
    ActionKind.THAW: (signal.SIGCONT, signal.SIGTSTP),
    ActionKind.FREEZE: (signal.SIGSTOP,),
    ActionKind.END_FLOOD: (signal.SIGKILL,),
    ActionKind.END_ORPHAN: (signal.SIGKILL,),
    ActionKind.END_WORKER: (signal.SIGKILL,),
}
#: uWSGI's suspended flag after a command.
FLAG_AFTER = {ActionKind.PAUSE: True, ActionKind.RESUME: False}


class Outcome(enum.Enum):
    """How an action ended."""

    DONE = "done"
    WRONG_MOMENT = "wrong moment"  # nothing was sent: observe again
    FAILED = "failed"  # the system refused; see ActionResult.error


class ActionResult(NamedTuple):
    """What happened when an action was carried out."""

    outcome: Outcome
    error: Optional[OSError] = None

    @property
    def done(self) -> bool:
        return self.outcome is Outcome.DONE


def execute(observer: Observer, observed: PairState, action: Action) -> ActionResult:
    """Carry out one action. RESTART is not an action on uWSGI: the caller handles it.

    Supervisor's side of QUIT (to expect the stop) is the caller's, too.
    """
    try:
        if action.kind is ActionKind.NUDGE:
            observer.kernel.nudge(action.pids)
        elif action.kind in SIGNALS:
            _signal(observer, action)
        elif not _command(observer, observed.instance(action.program), action):
            return ActionResult(Outcome.WRONG_MOMENT)
    except OSError as error:
        return ActionResult(Outcome.FAILED, error)
    return ActionResult(Outcome.DONE)


def _signal(observer: Observer, action: Action) -> None:
    pids = action.pids
    if action.kind is ActionKind.END_FLOOD:
        pids = _still_in_signal_loop(observer, action)
    for pid in pids:
        for number in SIGNALS[action.kind]:
            observer.kernel.signal(pid, number)
    if action.kind is ActionKind.THAW:
        observer.masters[action.program].toggled_at = observer.clock()


def _still_in_signal_loop(observer: Observer, action: Action) -> tuple[int, ...]:
    """A nudge may have ended the flood meanwhile, and the worker may have a request by now."""
    handling = observer.kernel.handling
    return tuple(pid for pid in action.pids if handling(pid, signal.SIGTSTP)[0])


def _command(observer: Observer, instance: Instance, action: Action) -> bool:
    """Write to the FIFO that the master reads.

    ``p`` is sent only while the master waits for commands: it may be forking when it does not.

    Returns:
        False when the moment was wrong and nothing was written.
    """
    kernel, tracked = observer.kernel, observer.masters[instance.program]
    held = kernel.held(instance.master, observer.paths, tracked.fd)
    if held is None:
        return False
    slot = held.slot if action.slot is None else action.slot
    if kernel.path_kind(observer.paths[slot]) not in (PathKind.ABSENT, PathKind.FIFO):
        return False  # uWSGI would replace a file, and exit at a directory
    still = [w.pid for w in instance.workers] if _needs_stillness(instance, action) else []
    with kernel.stopped_briefly(still) as alive:
        if not alive or b"p" in action.command and not kernel.is_polling(instance.master):
            return False
        command = FifoCommand(instance.master, held, action.command, FLAG_AFTER.get(action.kind))
        command.send()
        tracked.commands.append(command)
        if still:
            _wait_until_executed(observer, kernel, instance, command)
    if action.kind is not ActionKind.PAUSE:
        for pid in still:  # SIGCONT has discarded the signal of the resume (signal(7))
            kernel.signal(pid, signal.SIGTSTP)
    return True


def _wait_until_executed(
    observer: Observer, kernel: Kernel, instance: Instance, command: FifoCommand
) -> None:
    """Sleep in supervisord's loop until the master has executed a command, at most STILL_S."""
    tracked = observer.masters[instance.program]
    limit = time.monotonic() + STILL_S
    while time.monotonic() < limit:
        if command.executed(kernel.held(instance.master, observer.paths, tracked.fd)):
            return
        time.sleep(STILL_POLL_S)


def _needs_stillness(instance: Instance, action: Action) -> bool:
    """Stop the workers while the toggle is executed?

    None can end meanwhile, so the master is not starting one when it executes the toggle: that one
    would start a flood. It costs a millisecond, so only an instance whose workers are being
    recycled is treated so.
    """
    toggles = (ActionKind.PAUSE, ActionKind.RESUME, ActionKind.ALIGN)
    return instance.recycling and action.kind in toggles

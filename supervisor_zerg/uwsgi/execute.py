"""Carries out one action of the planner: signals to workers, or a command to the master FIFO."""

from __future__ import annotations

import contextlib
import enum
import random
import signal
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..core.decision import Action, ActionKind
from ..core.instance import Instance
from ..core.pair_state import PairState, PathKind
from ..linux.signals import ProvenProcess, nudge, stopped_briefly
from .connections import close_kept, served_names
from .fifo import FifoCommand, HeldFifo
from .tracked_state import FifoRecord

if TYPE_CHECKING:
    from .kernel import Kernel
    from .observer import Observer

WAKE_S = 0.1  # a cheap master is woken at most this often: each time is a connection in the queue
STILL_S = 0.004  # how long workers may be stopped, until a pause is executed
STILL_POLL_S = 0.00005
#: To prove a process takes 50 us. Of more, some are taken at random: the next observation shows
#: which are left.
SIGNALLED_LIMIT = 64
STILL_LIMIT = 128  # an instance with more workers is not stopped for a toggle

SIGNALS: dict[ActionKind, tuple[signal.Signals, ...]] = {
    ActionKind.CONTINUE: (signal.SIGCONT,),
    # SIGCONT discards the SIGTSTP of the resume (signal(7)), so another one follows it. A worker
    # that is past its start-up only wakes up by it.
    ActionKind.THAW: (signal.SIGCONT, signal.SIGTSTP),
    ActionKind.RESUME_UNREAD: (signal.SIGTSTP,),
    ActionKind.FREEZE: (signal.SIGSTOP,),
    ActionKind.END_FLOOD: (signal.SIGKILL,),
    ActionKind.END_ORPHAN: (signal.SIGKILL,),
    ActionKind.END_WORKER: (signal.SIGKILL,),
}
#: uWSGI's suspended flag after a command.
FLAG_AFTER = {ActionKind.PAUSE: True, ActionKind.RESUME: False}
TOGGLES = (ActionKind.PAUSE, ActionKind.RESUME, ActionKind.ALIGN)


class Outcome(enum.Enum):
    """How an action ended."""

    DONE = "done"
    WRONG_MOMENT = "wrong moment"  # nothing was sent: observe again
    FAILED = "failed"  # the system refused; see ActionResult.error


class ActionResult(NamedTuple):
    """What happened when an action was carried out."""

    outcome: Outcome
    error: OSError | None = None
    killed_requests: int = 0  # that were cut by it

    @property
    def done(self) -> bool:
        """Whether it was carried out."""
        return self.outcome is Outcome.DONE


def execute(observer: Observer, observed: PairState, action: Action) -> ActionResult:
    """Carry out one action.

    The caller handles RESTART, which is no action on uWSGI, and Supervisor's side of QUIT (it has
    to expect the stop).
    """
    instance = observed.instance(action.program)
    try:
        if action.command:
            done = _command(observer, instance, action)
            return ActionResult(Outcome.DONE if done else Outcome.WRONG_MOMENT)
        with _targets(observer, instance, action) as targets:
            if action.kind is ActionKind.WAKE:
                done = _wake(observer, targets, action)
                return ActionResult(Outcome.DONE if done else Outcome.WRONG_MOMENT)
            if action.kind is ActionKind.CLOSE:
                killed = _close(observer, targets, action)
                return ActionResult(Outcome.DONE, killed_requests=killed)
            _signal(observer, targets, action)
    except OSError as error:
        return ActionResult(Outcome.FAILED, error)
    return ActionResult(Outcome.DONE)


@contextlib.contextmanager
def _targets(
    observer: Observer, instance: Instance, action: Action
) -> Iterator[list[ProvenProcess]]:
    """The living processes that an action is for, proven by the kernel.

    Raises:
        NotProven: one of them does not belong to the program.
    """
    signals = observer.kernel.signals
    if action.kind is ActionKind.END_ORPHAN:
        known = [observer.environment.orphans.get(pid) for pid in _some(action.pids)]
        with signals.proven_orphans([orphan.sighting for orphan in known if orphan]) as targets:
            yield targets
    else:
        pids = (instance.master,) if action.kind is ActionKind.WAKE else _some(action.pids)
        with signals.proven(pids, instance.pid) as targets:
            yield targets


def _some(pids: Sequence[int]) -> Sequence[int]:
    return pids if len(pids) <= SIGNALLED_LIMIT else random.sample(pids, SIGNALLED_LIMIT)


def _wake(observer: Observer, targets: list[ProvenProcess], action: Action) -> bool:
    """Connect to what a cheap master watches: it then starts workers (core/master_events.c:140).

    Returns:
        False when that was done just now, or the master is gone.
    """
    record = observer.masters[action.program].workers
    now = observer.clock()
    if now - record.woken_at < WAKE_S or not targets:
        return False
    record.woken_at = now
    for name in served_names(record, observer.pair.stats_of(action.program)):
        for connection in observer.kernel.sockets.begin_connection(name):
            connection.close()
    return True


def _close(observer: Observer, targets: list[ProvenProcess], action: Action) -> int:
    """Close kept connections. Returns how many requests were cut.

    Where that is not allowed (a container's seccomp profile, a kernel before 5.6), the idle workers
    are ended: their master replaces them with parked ones.
    """
    record = observer.masters[action.program].workers
    try:
        return close_kept(observer.kernel, targets, record)
    except OSError:
        for target in targets:
            held = record.connections.get(target.pid)
            if held and not held.watched:
                target.send(signal.SIGKILL)
        return 0


def _signal(observer: Observer, targets: list[ProvenProcess], action: Action) -> None:
    if action.kind is ActionKind.NUDGE:
        nudge(targets)
        return
    if action.kind is ActionKind.END_FLOOD:
        targets = _still_in_signal_loop(observer.kernel, targets)
    for target in targets:
        for number in SIGNALS[action.kind]:
            target.send(number)
    if action.kind is ActionKind.RESUME_UNREAD:
        observer.unreadable.note_resumed(action.pids[0])
    if action.kind is ActionKind.THAW:
        observer.masters[action.program].fifo.woken_at = observer.clock()


def _still_in_signal_loop(kernel: Kernel, targets: list[ProvenProcess]) -> list[ProvenProcess]:
    """A nudge may have ended the flood meanwhile, and the worker may have a request by now."""
    return [t for t in targets if kernel.processes.handling(t.pid, signal.SIGTSTP)[0]]


def _command(observer: Observer, instance: Instance, action: Action) -> bool:
    """Write to the FIFO that the master reads, while the kernel proves master and workers.

    Returns:
        False when the moment was wrong and nothing was written.

    Raises:
        NotProven: the master or a worker does not belong to the program.
    """
    record = observer.masters[instance.program].fifo
    held = _held_now(observer, instance, record)
    if held is None:
        return False
    slot = held.slot if action.slot is None else action.slot
    if observer.kernel.fifos.path_kind(observer.paths[slot]) not in (
        PathKind.ABSENT,
        PathKind.FIFO,
    ):
        return False  # uWSGI would replace a file, and exit at a directory
    still = [w.pid for w in instance.workers] if _needs_stillness(instance, action) else []
    signals = observer.kernel.signals
    with (
        signals.proven([instance.master], instance.pid) as masters,
        signals.proven(still, instance.pid) as workers,
    ):
        if not masters or len(workers) < len(still):
            return False
        return _send(observer, instance, action, held, workers)


def _held_now(observer: Observer, instance: Instance, record: FifoRecord) -> HeldFifo | None:
    """The FIFO that the master reads at this moment, if it is where it was observed."""
    if record.held is None:
        return None
    return observer.kernel.fifos.at(instance.master, record.held.fd, observer.paths)


def _send(
    observer: Observer,
    instance: Instance,
    action: Action,
    held: HeldFifo,
    still: Sequence[ProvenProcess],
) -> bool:
    """Send a command, with some workers stopped until it is executed.

    ``p`` is sent only while the master waits for commands: it may be forking when it does not.
    """
    kernel = observer.kernel
    record = observer.masters[instance.program].fifo
    with stopped_briefly(kernel.processes, still) as alive:
        if not alive:
            return False
        if b"p" in action.command and not kernel.threads.is_polling(instance.master):
            return False
        command = FifoCommand(instance.master, held, action.command, FLAG_AFTER.get(action.kind))
        command.send()
        record.commands.append(command)
        if still:
            _wait_until_executed(observer, instance, command)
    if action.kind is not ActionKind.PAUSE:
        for worker in still:  # SIGCONT has discarded the signal of the resume (signal(7))
            worker.send(signal.SIGTSTP)
    return True


def _wait_until_executed(observer: Observer, instance: Instance, command: FifoCommand) -> None:
    """Sleep in supervisord's loop until the master has executed a command, at most STILL_S."""
    record = observer.masters[instance.program].fifo
    limit = time.monotonic() + STILL_S
    while time.monotonic() < limit:
        if command.executed(_held_now(observer, instance, record)):
            return
        time.sleep(STILL_POLL_S)


def _needs_stillness(instance: Instance, action: Action) -> bool:
    """Whether to stop the workers while the toggle is executed.

    None can end meanwhile, so the master is not starting one when it executes the toggle: that one
    would start a flood. It costs a millisecond, so it is done only while workers are being
    recycled.
    """
    few = len(instance.workers) <= STILL_LIMIT
    return instance.recycling and few and action.kind in TOGGLES

"""observe -> decide -> act, as a generator of short steps. There is no second path: what repairs a pair is what swaps it.

The generator yields :class:`~supervisor_zerg.core.effects.Ask` (read stats servers) or :class:`~supervisor_zerg.core.effects.Nap` (seconds) and never blocks;
loop.py drives it inside supervisord, a test drives it with a clock of its own.
"""

import signal
import time

from ..core.effects import Sleep
from ..core.model import ActionKind, PathKind
from ..core.planner import decide
from ..uwsgi.stats import FifoCommand

BRISK_S = 0.0003  # between two looks while the effect of a move is awaited
PATIENT_S = 0.05  # between two looks while an instance boots, drains or runs its hooks
SLOWER = 1.3  # each look in vain makes the next nap longer, up to PATIENT_S
BRISK_LOOKS = 40
FULL_LOOK = 15  # every so many looks in vain, look at everything
OTHERS_S = 0.1  # a hand-written `echo 1p > ...; echo 2p > ...` is not stepped in between
STILL_S = 0.004  # so long may workers stand still, until a pause is executed
STILL_LOOK_S = 0.00005
DESPERATE_S = 1.0  # nobody serves for so long: send the toggle although a worker is being born


def reconcile(observer, controller):
    """Converge. :param keeper: tells what is desired and is told what was seen and done (keeper.py).

    Ends when nothing is left to do or the keeper says that it is enough.
    """
    before, vain, nobody_since, moving = [], 0, None, False
    full, thorough = controller.observe_options()
    while True:
        controller.begin_look(ours=moving)
        observed = yield from observer.look(full and not controller.request_is_new(), thorough)
        thorough = False
        if not moving and controller.others_at_work():
            moving = True
            yield Sleep(OTHERS_S)
            continue
        now = observer.clock()
        nobody_since = None if observed.serving else (nobody_since or now)
        force_toggle = nobody_since is not None and now - nobody_since > DESPERATE_S
        decision = decide(observed, controller.desired(observed, force_toggle))
        if not controller.on_observed(observed, decision):
            return
        made = [
            action for action in decision.actions if act(observer, observed, action, controller)
        ]
        moving = bool(made) or any(instance.pending for instance in observed.instances)
        if made and made != before:
            before, vain, full = made, 0, False
            yield Sleep(BRISK_S)
            continue
        if controller.request_is_new():  # a request came while the look was under way
            yield Sleep(0)
            continue
        vain += 1  # so was the same move as before
        nap = (
            PATIENT_S
            if decision.poll_slowly
            else min(PATIENT_S, BRISK_S * SLOWER ** max(0, vain - BRISK_LOOKS))
        )
        full = decision.poll_slowly or vain % FULL_LOOK == 0
        yield Sleep(nap)


def act(observer, observed, action, controller):
    """Make one move. :returns: True when it was made; False when the moment was wrong: reconcile looks again."""
    kernel, instance = observer.kernel, observed.instance(action.program)
    try:
        if action.kind is ActionKind.NUDGE:
            kernel.nudge(action.pids)
        elif action.kind in SIGNALS:
            for pid in (
                _still_caught(observer, action)
                if action.kind is ActionKind.END_FLOOD
                else action.pids
            ):
                for number in SIGNALS[action.kind]:
                    kernel.signal(pid, number)
            if action.kind is ActionKind.THAW:
                observer.masters[action.program].toggled_at = observer.clock()
        elif action.kind is ActionKind.RESTART:
            controller.restart(instance)
        else:
            if not _command(observer, instance, action, kernel):
                return False
            if action.kind is ActionKind.QUIT:
                observer.programs.expect_stop(action.program)
    except OSError as error:
        controller.on_action_failed(action, error)
        return False
    controller.made(action)
    return True


def _still_caught(observer, action):
    """A nudge may have ended the flood meanwhile, and the worker may have a request by now."""
    return [pid for pid in action.pids if observer.kernel.handling(pid, signal.SIGTSTP)[0]]


def _command(observer, instance, action, kernel):
    """Write to the very FIFO that the master reads. ``p`` only while it waits for commands: it forks when it does not."""
    tracked = observer.masters[instance.program]
    held = kernel.held(instance.master, observer.paths, tracked.fd)
    if held is None or kernel.path_kind(
        observer.paths[held.slot if action.slot is None else action.slot]
    ) not in (PathKind.ABSENT, PathKind.FIFO):
        return (
            False  # uWSGI would replace a file, and die of a directory; the next full look says so
        )
    still = [w.pid for w in instance.workers] if _needs_stillness(instance, action) else []
    with kernel.stopped_briefly(still) as alive:
        if not alive or b"p" in action.command and not kernel.is_polling(instance.master):
            return False
        receipt = FifoCommand(
            instance.master,
            held,
            action.command,
            {ActionKind.PAUSE: True, ActionKind.RESUME: False}.get(action.kind),
        )
        tracked.receipts.append(receipt)
        limit = time.monotonic() + (STILL_S if still else 0)
        while time.monotonic() < limit and not receipt.executed(
            kernel.held(instance.master, observer.paths, tracked.fd)
        ):
            time.sleep(STILL_LOOK_S)
    for pid in (
        still if action.kind is not ActionKind.PAUSE else ()
    ):  # who goes on again has lost the signal of the resume (signal(7))
        kernel.signal(pid, signal.SIGTSTP)
    return True


def _needs_stillness(instance, action):
    """While its workers stand still none can end, so the master has none in the making when it executes the toggle: that one would
    start a flood. It costs a millisecond, so only an instance whose workers are being recycled is treated so."""
    return instance.recycling and action.kind in (
        ActionKind.PAUSE,
        ActionKind.RESUME,
        ActionKind.ALIGN,
    )


SIGNALS = {
    ActionKind.CONTINUE: (signal.SIGCONT,),
    # SIGCONT throws away the SIGTSTP of the resume (signal(7)), so another follows it; a born worker only wakes up by it
    ActionKind.THAW: (signal.SIGCONT, signal.SIGTSTP),
    ActionKind.FREEZE: (signal.SIGSTOP,),
    ActionKind.END_FLOOD: (signal.SIGKILL,),
    ActionKind.END_ORPHAN: (signal.SIGKILL,),
    ActionKind.END_WORKER: (signal.SIGKILL,),
}

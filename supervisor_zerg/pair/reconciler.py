"""observe -> decide -> act, as a generator of short steps. There is no second path: what repairs a pair is what swaps it.

The generator yields :class:`~supervisor_zerg.core.effects.Ask` (read stats servers) or :class:`~supervisor_zerg.core.effects.Nap` (seconds) and never blocks;
loop.py drives it inside supervisord, a test drives it with a clock of its own.
"""

import signal
import time

from ..core.effects import Nap
from ..core.model import Verb
from ..core.planner import decide
from ..linux.procfs import ABSENT, FIFO
from ..uwsgi.stats import Receipt

BRISK_S = 0.0003  # between two looks while the effect of a move is awaited
PATIENT_S = 0.05  # between two looks while a copy boots, drains or runs its hooks
SLOWER = 1.3  # each look in vain makes the next nap longer, up to PATIENT_S
BRISK_LOOKS = 40
FULL_LOOK = 15  # every so many looks in vain, look at everything
OTHERS_S = 0.1  # a hand-written `echo 1p > ...; echo 2p > ...` is not stepped in between
STILL_S = 0.004  # so long may workers stand still, until a pause is executed
STILL_LOOK_S = 0.00005
DESPERATE_S = 1.0  # nobody serves for so long: send the toggle although a worker is being born


def settle(observer, keeper):
    """Converge. :param keeper: tells what is desired and is told what was seen and done (keeper.py).

    Ends when nothing is left to do or the keeper says that it is enough.
    """
    before, vain, nobody_since, moving = [], 0, None, False
    full, thorough = keeper.depth()
    while True:
        keeper.begin_look(ours=moving)
        facts = yield from observer.look(full and not keeper.in_haste(), thorough)
        thorough = False
        if not moving and keeper.others_at_work():
            moving = True
            yield Nap(OTHERS_S)
            continue
        now = observer.clock()
        nobody_since = None if facts.serving else (nobody_since or now)
        desperate = nobody_since is not None and now - nobody_since > DESPERATE_S
        step = decide(facts, keeper.desired(facts, desperate))
        if not keeper.saw(facts, step):
            return
        made = [move for move in step.moves if act(observer, facts, move, keeper)]
        moving = bool(made) or any(copy.pending for copy in facts.copies)
        if made and made != before:
            before, vain, full = made, 0, False
            yield Nap(BRISK_S)
            continue
        if keeper.in_haste():  # a request came while the look was under way
            yield Nap(0)
            continue
        vain += 1  # so was the same move as before
        nap = (
            PATIENT_S
            if step.patient
            else min(PATIENT_S, BRISK_S * SLOWER ** max(0, vain - BRISK_LOOKS))
        )
        full = step.patient or vain % FULL_LOOK == 0
        yield Nap(nap)


def act(observer, facts, move, keeper):
    """Make one move. :returns: True when it was made; False when the moment was wrong: settle looks again."""
    kernel, copy = observer.kernel, facts.copy(move.program)
    try:
        if move.verb is Verb.NUDGE:
            kernel.nudge(move.pids)
        elif move.verb in SIGNALS:
            for pid in _still_caught(observer, move) if move.verb is Verb.END_FLOOD else move.pids:
                for number in SIGNALS[move.verb]:
                    kernel.signal(pid, number)
            if move.verb is Verb.THAW:
                observer.memos[move.program].toggled_at = observer.clock()
        elif move.verb is Verb.RESTART:
            keeper.restart(copy)
        else:
            if not _command(observer, copy, move, kernel):
                return False
            if move.verb is Verb.QUIT:
                observer.programs.expect_stop(move.program)
    except OSError as error:
        keeper.stumbled(move, error)
        return False
    keeper.made(move)
    return True


def _still_caught(observer, move):
    """A nudge may have ended the flood meanwhile, and the worker may have a request by now."""
    return [pid for pid in move.pids if observer.kernel.handling(pid, signal.SIGTSTP)[0]]


def _command(observer, copy, move, kernel):
    """Write to the very FIFO that the master reads. ``p`` only while it waits for commands: it forks when it does not."""
    memo = observer.memos[copy.program]
    held = kernel.held(copy.master, observer.paths, memo.fd)
    if held is None or kernel.lies_at(
        observer.paths[held.slot if move.slot is None else move.slot]
    ) not in (ABSENT, FIFO):
        return (
            False  # uWSGI would replace a file, and die of a directory; the next full look says so
        )
    still = [w.pid for w in copy.workers] if _needs_stillness(copy, move) else []
    with kernel.held_still(still) as alive:
        if not alive or b"p" in move.command and not kernel.waits(copy.master):
            return False
        receipt = Receipt(
            copy.master, held, move.command, {Verb.PAUSE: True, Verb.RESUME: False}.get(move.verb)
        )
        memo.receipts.append(receipt)
        limit = time.monotonic() + (STILL_S if still else 0)
        while time.monotonic() < limit and not receipt.executed(
            kernel.held(copy.master, observer.paths, memo.fd)
        ):
            time.sleep(STILL_LOOK_S)
    for pid in (
        still if move.verb is not Verb.PAUSE else ()
    ):  # who goes on again has lost the signal of the resume (signal(7))
        kernel.signal(pid, signal.SIGTSTP)
    return True


def _needs_stillness(copy, move):
    """While its workers stand still none can end, so the master has none in the making when it executes the toggle: that one would
    start a flood. It costs a millisecond, so only a copy whose workers are being recycled is treated so."""
    return copy.restless and move.verb in (Verb.PAUSE, Verb.RESUME, Verb.ALIGN)


SIGNALS = {
    Verb.CONTINUE: (signal.SIGCONT,),
    # SIGCONT throws away the SIGTSTP of the resume (signal(7)), so another follows it; a born worker only wakes up by it
    Verb.THAW: (signal.SIGCONT, signal.SIGTSTP),
    Verb.FREEZE: (signal.SIGSTOP,),
    Verb.END_FLOOD: (signal.SIGKILL,),
    Verb.END_ORPHAN: (signal.SIGKILL,),
    Verb.END_WORKER: (signal.SIGKILL,),
}

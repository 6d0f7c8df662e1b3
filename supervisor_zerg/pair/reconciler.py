"""observe -> decide -> act, as a generator of short steps. There is no second path: what repairs a pair is what swaps it.

The generator yields :class:`~supervisor_zerg.core.effects.Ask` (read stats servers) or :class:`~supervisor_zerg.core.effects.Nap` (seconds) and never blocks;
loop.py drives it inside supervisord, a test drives it with a clock of its own.
"""

from ..core.effects import Sleep
from ..core.decision import ActionKind
from ..core.planner import decide
from ..uwsgi.execute import execute

BRISK_S = 0.0003  # between two looks while the effect of a move is awaited
PATIENT_S = 0.05  # between two looks while an instance boots, drains or runs its hooks
SLOWER = 1.3  # each look in vain makes the next nap longer, up to PATIENT_S
BRISK_LOOKS = 40
FULL_LOOK = 15  # every so many looks in vain, look at everything
OTHERS_S = 0.1  # a hand-written `echo 1p > ...; echo 2p > ...` is not stepped in between
DESPERATE_S = 1.0  # nobody serves for so long: send the toggle although a worker is being born


def reconcile(observer, controller):
    """Converge. :param keeper: tells what is desired and is told what was seen and done (keeper.py).

    Ends when nothing is left to do or the keeper says that it is enough.
    """
    before, vain, nobody_since, moving = [], 0, None, False
    full, thorough = controller.observe_options()
    while True:
        controller.begin_look(ours=moving)
        observed = yield from observer.observe(full and not controller.request_is_new(), thorough)
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
            action for action in decision.actions if _act(observer, observed, action, controller)
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


def _act(observer, observed, action, controller):
    """Carry out one action. :returns: True when it was done; else reconcile observes again."""
    if action.kind is ActionKind.RESTART:
        controller.restart(observed.instance(action.program))
    else:
        result = execute(observer, observed, action)
        if result.error:
            controller.on_action_failed(action, result.error)
        if not result.done:
            return False
        if action.kind is ActionKind.QUIT:
            observer.programs.expect_stop(action.program)
    controller.made(action)
    return True

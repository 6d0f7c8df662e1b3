"""How often reconcile looks and acts, against a made-up pair and a clock of its own."""

import contextlib

from supervisor_zerg.core.causes import Cause, CauseKind
from supervisor_zerg.core.goals import DesiredState
from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.pair.reconciler import OTHERS_S, PATIENT_S, ReconcileRun, Sleep, reconcile

SERVES = Instance("a", "RUNNING", 10, 10, Slot.RUNNING, paused=False, workers=(Worker(11, 4),))
NEVER_SEALED = Instance(
    "b", "RUNNING", 20, 20, Slot.SLEEPING, paused=True, workers=(Worker(21, 4, parked=3),)
)
WISHED = DesiredState(last_active="a")


class Pair:
    """Observer, kernel and target in one, over facts that nothing changes."""

    def __init__(self, *instances):
        self.observed = PairState(instances)
        self.now = 0.0
        self.nudges = 0
        self.looks = []
        self.kernel = self
        self.others = False
        self.signals = self

    def clock(self):
        return self.now

    def observe(self, full, thorough):
        self.looks.append(full)
        return self.observed
        yield

    def take_foreign_changes(self, run):
        was, self.others = self.others, False
        return was

    @contextlib.contextmanager
    def proven(self, pids, program):
        self.nudges += 1
        yield []

    def observe_options(self, run):
        return False, False

    def live(self, seconds):
        """Returns the pauses, or None if the loop ended."""
        naps = []
        for nap in reconcile(self, ReconcileRun(Cause(CauseKind.AUTO_ON), 0.0), self):
            assert isinstance(nap, Sleep)
            naps.append(nap.seconds)
            self.now += nap.seconds
            if self.now > seconds:
                return naps

    def on_observe(self, ours):
        pass

    def on_observed(self, observed):
        pass

    def on_decision(self, run, decision):
        pass

    def on_action_done(self, action, killed_requests=0):
        pass

    def request_is_new(self):
        return False

    def desired(self, force_toggle):
        return WISHED

    def goes_on(self, run, decision):
        return not decision.done


def test_a_thread_that_never_parks_is_not_nudged_without_end():
    pair = Pair(SERVES, NEVER_SEALED)
    naps = pair.live(10)
    assert naps[-1] == PATIENT_S and max(naps[:20]) < 0.001
    assert 200 < pair.nudges < 300 and pair.looks.count(True) > 10


def test_a_converged_pair_is_observed_once():
    pair = Pair(SERVES, Instance("b"))
    assert pair.live(10) is None and len(pair.looks) == 1


def test_a_script_that_moves_slots_by_hand_is_not_stepped_in_between():
    pair = Pair(SERVES, NEVER_SEALED)
    pair.others = True
    naps = pair.live(0.2)
    assert naps[0] == OTHERS_S and naps.count(OTHERS_S) == 1 and pair.nudges

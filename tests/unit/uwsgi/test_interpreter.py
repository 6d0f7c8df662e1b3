"""What is made of what was seen of a copy: growth and renewal, against a clock of its own."""

from types import SimpleNamespace

import pytest

from supervisor_zerg.linux.procfs import Held, Threads
from supervisor_zerg.uwsgi.interpreter import RENEW_S, Appraiser
from supervisor_zerg.uwsgi.tracked_state import Look, Memo, Seen

WAITS = Look(Threads(1, 0, False, True, False, [5], [], False), False)


@pytest.fixture
def copy():
    """:returns: function(born) -> Copy of one unpaused worker, as seen now; its ``now`` is the clock."""
    flood = SimpleNamespace(check=lambda pid: False)
    memo = Memo(flood, master=10, cores={11: 1}, flag=False)

    def see(born, after=0.0):
        see.now += after
        memo.born = {11: born}
        held = Held(3, 1, 1, 1, True)
        seen = Seen("a", "RUNNING", 10, memo, see.now, 10, held, looks={11: WAITS})
        return Appraiser(None, lambda: see.now).copy(seen)

    see.now = 100.0
    return see


def test_a_copy_that_was_never_ready_boots(copy):
    seen = copy(born=False)
    assert seen.boots and not (seen.grown or seen.renewing)


def test_a_copy_whose_workers_are_all_newborn_again_is_renewing_for_a_moment(copy):
    assert copy(born=True).grown
    seen = copy(born=False)
    assert seen.renewing and not seen.boots and not seen.accepting
    assert copy(born=False, after=RENEW_S / 2).renewing
    assert not copy(born=False, after=RENEW_S).renewing, "by now another one should serve"
    assert not copy(born=True).renewing and copy(born=False).renewing

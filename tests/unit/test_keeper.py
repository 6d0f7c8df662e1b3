"""What a keeper does with a request, against a plugin whose loop drives nothing: the test looks in settle's place."""

from types import SimpleNamespace

import pytest

from supervisor_zerg import errors
from supervisor_zerg.keeper import Keeper
from supervisor_zerg.model import Copy, Facts, Slot, Worker
from supervisor_zerg.pair import PairConfig

SERVES = Copy("a", "RUNNING", 10, 10, Slot.RUNNING, paused=False, workers=(Worker(11),))
BOOTS = Copy("b", "RUNNING", 20)
PARKED = Copy("b", "RUNNING", 20, 20, Slot.SLEEPING, paused=True, workers=(Worker(21, 1, 1),))


class Plugin:
    """Loop, kernel and history in one."""

    def __init__(self):
        self.now, self.loop, self.kernel, self.programs = 0.0, self, self, self
        self.orders = SimpleNamespace(get=lambda name: {}, set=lambda name, **orders: None)
        self.inode = 1
        self.history = SimpleNamespace(add=lambda entry: None)

    def task(self, *_):
        return SimpleNamespace(alive=True, start=lambda: None, run_at_once=lambda seconds: None)

    clock = lambda self: self.now  # noqa: E731
    running = new_id = lambda *_: "yes"  # noqa: E731
    identity = lambda self, path: self.inode  # noqa: E731
    unsupported = lambda self: ()  # noqa: E731
    call_soon = answered = lambda *_: None  # noqa: E731


@pytest.fixture
def keeper():
    return Keeper(PairConfig("web", programs=("a", "b"), fifos=("/n", "/r", "/s")), Plugin())


def test_a_refusal_is_given_only_by_a_look_that_began_after_the_request(keeper):
    keeper.begin_look(ours=False)
    keeper.plugin.now = 0.002
    request = keeper.ask("promote", "b")
    keeper.desired(Facts((SERVES, BOOTS)), False)
    assert request.answer is None and keeper.in_haste()
    keeper.begin_look(ours=False)
    keeper.desired(Facts((SERVES, BOOTS)), False)
    assert isinstance(request.answer, errors.Booting) and not keeper.in_haste()


def test_a_request_that_came_during_a_look_is_taken_up_where_that_look_shows_that_it_can_be(keeper):
    keeper.begin_look(ours=False)
    keeper.plugin.now = 0.002
    keeper.ask("promote", "b")
    assert keeper.desired(Facts((SERVES, PARKED)), False).wish == "b" and not keeper.in_haste()


def test_what_others_change_at_the_paths_is_told_from_what_was_our_doing(keeper):
    keeper.begin_look(ours=True)
    assert not keeper.others_at_work()
    keeper.plugin.inode = 2
    keeper.begin_look(ours=True)
    assert not keeper.others_at_work()
    keeper.plugin.inode = 3
    keeper.begin_look(ours=False)
    assert keeper.others_at_work() and not keeper.others_at_work()


@pytest.mark.parametrize("hurry", [lambda keeper: keeper.ask("promote", "b"), lambda keeper: keeper.kick("a died", at_once=True)])
def test_where_somebody_waits_for_us_others_are_not_waited_for(keeper, hurry):
    keeper.begin_look(ours=True)
    keeper.plugin.inode = 2
    hurry(keeper)
    assert not keeper.others_at_work()

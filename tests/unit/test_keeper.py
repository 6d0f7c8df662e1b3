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
        self.history, self.task = SimpleNamespace(add=lambda entry: None), lambda *_: SimpleNamespace(alive=True, start=lambda: None)

    clock = lambda self: self.now  # noqa: E731
    running = new_id = identity = lambda *_: "yes"  # noqa: E731
    unsupported = lambda self: ()  # noqa: E731
    call_soon = answered = lambda *_: None  # noqa: E731


@pytest.fixture
def keeper():
    return Keeper(PairConfig("web", programs=("a", "b"), fifos=("/n", "/r", "/s")), Plugin())


def test_a_refusal_is_given_only_by_a_look_that_began_after_the_request(keeper):
    keeper.begin_look()
    keeper.plugin.now = 0.002
    request = keeper.ask("promote", "b")
    keeper.desired(Facts((SERVES, BOOTS)), False)
    assert request.answer is None and keeper.in_haste()
    keeper.begin_look()
    keeper.desired(Facts((SERVES, BOOTS)), False)
    assert isinstance(request.answer, errors.Booting) and not keeper.in_haste()


def test_a_request_that_came_during_a_look_is_taken_up_where_that_look_shows_that_it_can_be(keeper):
    keeper.begin_look()
    keeper.plugin.now = 0.002
    keeper.ask("promote", "b")
    assert keeper.desired(Facts((SERVES, PARKED)), False).wish == "b" and not keeper.in_haste()

"""What a keeper does with a request, against a plugin whose loop drives nothing: the test looks in settle's place."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from supervisor_zerg.core import errors
from supervisor_zerg.core.model import Arrival, Copy, Facts, Move, Slot, Step, Verb, Worker
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.pair import registry
from supervisor_zerg.pair.controller import Keeper

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
        return SimpleNamespace(
            alive=True,
            start=lambda: None,
            run_at_once=lambda seconds: None,
            wake=lambda: None,
            cancel=lambda: None,
        )

    def get(self, program):
        return SimpleNamespace(state="RUNNING", pid=0)

    def watched(self):
        return set()

    def log(self, *_, **__):
        pass

    def call_later(self, *_):
        return SimpleNamespace(cancel=lambda: None)

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


@pytest.mark.parametrize(
    "hurry",
    [lambda keeper: keeper.ask("promote", "b"), lambda keeper: keeper.kick("a died", at_once=True)],
)
def test_where_somebody_waits_for_us_others_are_not_waited_for(keeper, hurry):
    keeper.begin_look(ours=True)
    keeper.plugin.inode = 2
    hurry(keeper)
    assert not keeper.others_at_work()


def test_h22_who_comes_second_is_told_who_holds_the_pair_and_since_when(keeper):
    first = keeper.ask("swap")
    keeper.plugin.now = 0.25
    with pytest.raises(errors.Busy) as refusal:
        keeper.ask("swap")
    assert f"swap (id {first.id}) is under way since 0.250 s for the pair web" in str(refusal.value)


def test_h23_a_request_is_answered_though_nobody_waits_for_it(keeper):
    request = keeper.ask("promote", "a")
    facts = Facts((SERVES, PARKED))
    keeper.desired(facts, False)
    keeper.saw(facts, Step("a", met=True, done=True))
    assert request.answer["serving"] == "a" and keeper.request is None


def test_h31_nothing_is_begun_while_supervisord_ends_and_who_waits_is_told(keeper):
    request = keeper.ask("promote", "b")
    keeper.plugin.running = lambda: False
    assert not keeper.active() and not keeper.saw(Facts((SERVES, PARKED)), Step("b"))
    keeper._settled(None)
    assert isinstance(request.answer, errors.ShuttingDown)
    with pytest.raises(errors.ShuttingDown):
        keeper.ask("swap")


def test_a_hold_that_is_refused_is_taken_back(keeper):
    request = keeper.ask("pause", "a", hold=True)
    keeper.desired(Facts((SERVES, PARKED)), False)
    assert keeper.desires.held
    keeper.desk.answer(errors.Deaf("a is busy"))
    assert isinstance(request.answer, errors.Deaf) and not keeper.desires.held


def test_settle_is_answered_when_nothing_is_left_to_mend(keeper):
    request = keeper.ask("settle")
    facts, label = Facts((SERVES, PARKED)), Move(Verb.LABEL, "b", Slot.SLEEPING)
    keeper.desired(facts, False)
    assert keeper.saw(facts, Step("a", (label,), met=True)) and request.answer is None
    keeper.made(label)
    keeper.saw(facts, Step("a", met=True, done=True))
    assert request.answer["changed"] is True


def test_with_auto_off_what_belongs_to_a_request_is_finished_after_its_answer(keeper):
    keeper.desires.auto = False
    request = keeper.ask("promote", "a")
    facts, label = Facts((SERVES, PARKED)), Move(Verb.LABEL, "b", Slot.SLEEPING)
    keeper.desired(facts, False)
    assert keeper.saw(facts, Step("a", (label,), met=True)) and request.answer is not None
    assert not keeper.saw(facts, Step("a", met=True, wait_for="b boots", patient=True))


def test_a_keeper_whose_section_was_changed_hands_over_and_keeps_still(keeper):
    keeper.desires.last, keeper.desires.arrivals = "b", {"a": Arrival.PARKS}
    memo = keeper.observer.memos["a"]
    heir = Keeper(replace(keeper.pair, drain_timeout=1.0), keeper.plugin)
    heir.inherit(keeper)
    keeper.close()
    assert heir.observer.memos["a"] is memo and (heir.desires.last, heir.desires.arrivals) == (
        "b",
        {"a": Arrival.PARKS},
    )
    assert not keeper.active()
    with pytest.raises(errors.ZergError):
        keeper.ask("swap")


def test_a_machine_that_does_not_tell_what_is_needed_is_refused_and_named(keeper, monkeypatch):
    monkeypatch.setattr(registry, "CALLS", None)
    keeper.plugin.unsupported = registry.unsupported
    with pytest.raises(errors.Unsupported, match="the system calls of this machine"):
        keeper.ask("swap")

"""What a keeper does with a request, against a plugin whose loop drives nothing: the test looks in reconcile's place."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from supervisor_zerg.core import errors
from supervisor_zerg.core.decision import Action, ActionKind, Decision
from supervisor_zerg.core.goals import OnStart
from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.pair import registry
from supervisor_zerg.pair.controller import PairController

SERVES = Instance("a", "RUNNING", 10, 10, Slot.RUNNING, paused=False, workers=(Worker(11),))
BOOTS = Instance("b", "RUNNING", 20)
PARKED = Instance("b", "RUNNING", 20, 20, Slot.SLEEPING, paused=True, workers=(Worker(21, 1, 1),))


class Registry:
    """Loop, kernel and history in one."""

    def __init__(self):
        self.now, self.loop, self.kernel, self.programs = 0.0, self, self, self
        self.processes = self.fifos = self
        self.services = self
        self.settings = SimpleNamespace(get=lambda name: {}, set=lambda name, **settings: None)
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
def controller():
    return PairController(
        PairConfig("web", programs=("a", "b"), fifos=("/n", "/r", "/s")), Registry()
    )


def test_a_refusal_is_given_only_by_a_look_that_began_after_the_request(controller):
    controller.begin_look(ours=False)
    controller.registry.now = 0.002
    request = controller.ask("promote", "b")
    controller.desired(PairState((SERVES, BOOTS)), False)
    assert request.answer is None and controller.request_is_new()
    controller.begin_look(ours=False)
    controller.desired(PairState((SERVES, BOOTS)), False)
    assert isinstance(request.answer, errors.Booting) and not controller.request_is_new()


def test_a_request_that_came_during_a_look_is_taken_up_where_that_look_shows_that_it_can_be(
    controller,
):
    controller.begin_look(ours=False)
    controller.registry.now = 0.002
    controller.ask("promote", "b")
    assert (
        controller.desired(PairState((SERVES, PARKED)), False).requested == "b"
        and not controller.request_is_new()
    )


def test_what_others_change_at_the_paths_is_told_from_what_was_our_doing(controller):
    controller.begin_look(ours=True)
    assert not controller.others_at_work()
    controller.registry.inode = 2
    controller.begin_look(ours=True)
    assert not controller.others_at_work()
    controller.registry.inode = 3
    controller.begin_look(ours=False)
    assert controller.others_at_work() and not controller.others_at_work()


@pytest.mark.parametrize(
    "hurry",
    [
        lambda controller: controller.ask("promote", "b"),
        lambda controller: controller.schedule("a died", at_once=True),
    ],
)
def test_where_somebody_waits_for_us_others_are_not_waited_for(controller, hurry):
    controller.begin_look(ours=True)
    controller.registry.inode = 2
    hurry(controller)
    assert not controller.others_at_work()


def test_h22_who_comes_second_is_told_who_holds_the_pair_and_since_when(controller):
    first = controller.ask("swap")
    controller.registry.now = 0.25
    with pytest.raises(errors.Busy) as refusal:
        controller.ask("swap")
    assert f"swap (id {first.id}) is under way since 0.250 s for the pair web" in str(refusal.value)


def test_h23_a_request_is_answered_though_nobody_waits_for_it(controller):
    request = controller.ask("promote", "a")
    observed = PairState((SERVES, PARKED))
    controller.desired(observed, False)
    controller.on_observed(observed, Decision("a", met=True, done=True))
    assert request.answer["serving"] == "a" and controller.request is None


def test_h31_nothing_is_begun_while_supervisord_ends_and_who_waits_is_told(controller):
    request = controller.ask("promote", "b")
    controller.registry.running = lambda: False
    assert not controller.active() and not controller.on_observed(
        PairState((SERVES, PARKED)), Decision("b")
    )
    controller._settled(None)
    assert isinstance(request.answer, errors.ShuttingDown)
    with pytest.raises(errors.ShuttingDown):
        controller.ask("swap")


def test_a_hold_that_is_refused_is_taken_back(controller):
    request = controller.ask("pause", "a", hold=True)
    controller.desired(PairState((SERVES, PARKED)), False)
    assert controller.goals.hold
    controller.requests.answer(errors.Unresponsive("a is busy"))
    assert isinstance(request.answer, errors.Unresponsive) and not controller.goals.hold


def test_reconcile_is_answered_when_nothing_is_left_to_mend(controller):
    request = controller.ask("reconcile")
    observed, label = PairState((SERVES, PARKED)), Action(ActionKind.LABEL, "b", Slot.SLEEPING)
    controller.desired(observed, False)
    assert (
        controller.on_observed(observed, Decision("a", (label,), met=True))
        and request.answer is None
    )
    controller.made(label)
    controller.on_observed(observed, Decision("a", met=True, done=True))
    assert request.answer["changed"] is True


def test_with_auto_off_what_belongs_to_a_request_is_finished_after_its_answer(controller):
    controller.goals.auto = False
    request = controller.ask("promote", "a")
    observed, label = PairState((SERVES, PARKED)), Action(ActionKind.LABEL, "b", Slot.SLEEPING)
    controller.desired(observed, False)
    assert (
        controller.on_observed(observed, Decision("a", (label,), met=True))
        and request.answer is not None
    )
    assert not controller.on_observed(
        observed, Decision("a", met=True, waiting_for="b boots", poll_slowly=True)
    )


def test_a_keeper_whose_section_was_changed_hands_over_and_keeps_still(controller):
    controller.goals.last_active, controller.goals.on_start = "b", {"a": OnStart.STANDBY}
    tracked = controller.observer.masters["a"]
    heir = PairController(replace(controller.pair, drain_timeout=1.0), controller.registry)
    heir.inherit(controller)
    controller.close()
    assert heir.observer.masters["a"] is tracked and (
        heir.goals.last_active,
        heir.goals.on_start,
    ) == (
        "b",
        {"a": OnStart.STANDBY},
    )
    assert not controller.active()
    with pytest.raises(errors.ZergError):
        controller.ask("swap")


def test_a_machine_that_does_not_tell_what_is_needed_is_refused_and_named(controller, monkeypatch):
    monkeypatch.setattr(registry, "CALLS", None)
    controller.registry.unsupported = registry.unsupported
    with pytest.raises(errors.Unsupported, match="the system calls of this machine"):
        controller.ask("swap")

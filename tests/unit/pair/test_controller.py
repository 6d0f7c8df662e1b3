"""What the controller of a pair does with requests and events; the test acts as the loop."""

from dataclasses import replace

import pytest
from supervisor import events as supervisor_events

from supervisor_zerg.core import errors
from supervisor_zerg.core.causes import Cause, CauseKind
from supervisor_zerg.core.decision import Action, ActionKind, Decision
from supervisor_zerg.core.goals import OnStart
from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.pair.controller import PairController
from supervisor_zerg.pair.reconciler import ReconcileRun
from supervisor_zerg.supervisord import events

from .fakes import FakeOwner, FakeSettings, fake_services

SERVES = Instance("a", "RUNNING", 10, 10, Slot.RUNNING, paused=False, workers=(Worker(11),))
BOOTS = Instance("b", "RUNNING", 20)
PARKED = Instance("b", "RUNNING", 20, 20, Slot.SLEEPING, paused=True, workers=(Worker(21, 1, 1),))
HEALTHY = PairState((SERVES, PARKED))
LABEL = Action(ActionKind.LABEL, "b", Slot.SLEEPING)
ENDED = Cause(CauseKind.ENDED, "a", "EXITED")


@pytest.fixture
def services():
    return fake_services()


@pytest.fixture
def controller(services):
    pair = PairConfig("web", programs=("a", "b"), fifos=("/n", "/r", "/s"))
    return PairController(pair, services, FakeSettings(), FakeOwner())


@pytest.fixture
def run():
    return ReconcileRun(Cause(CauseKind.REQUEST, "", "swap"), 0.0)


def decide(controller, run, observed, decision):
    """Let the loop observe and decide. Returns whether it goes on."""
    controller.handler.on_observed(observed)
    controller.handler.on_decision(run, decision)
    return controller.handler.goes_on(run, decision)


def entries(services):
    services.loop.run_soon()
    return services.history.entries


# requests


def test_only_an_observation_that_began_after_the_request_can_refuse_it(controller, services):
    handler = controller.handler
    handler.on_observe(ours=False)
    services.loop.now = 0.002
    pending = controller.ask("promote", "b")
    handler.on_observed(PairState((SERVES, BOOTS)))
    assert pending.reply.pending and handler.request_is_new()
    handler.on_observe(ours=False)
    handler.on_observed(PairState((SERVES, BOOTS)))
    assert isinstance(pending.reply.error, errors.Booting) and not handler.request_is_new()


def test_a_request_that_came_during_an_observation_is_granted_by_it(controller, services):
    controller.handler.on_observe(ours=False)
    services.loop.now = 0.002
    controller.ask("promote", "b")
    controller.handler.on_observed(HEALTHY)
    assert controller.handler.desired(False).requested == "b"
    assert not controller.handler.request_is_new()


def test_h22_the_second_request_is_refused_with_the_first_one_and_its_age(controller, services):
    first = controller.ask("swap")
    services.loop.now = 0.25
    with pytest.raises(errors.Busy) as refusal:
        controller.ask("swap")
    expected = f"swap (id {first.request.id}) is under way since 0.250 s for the pair web"
    assert expected in str(refusal.value)


def test_h23_a_request_is_answered_though_nobody_waits_for_it(controller, run):
    pending = controller.ask("promote", "a")
    decide(controller, run, HEALTHY, Decision("a", met=True, done=True))
    assert pending.reply.value["serving"] == "a" and controller.requests.request is None


def test_h31_nothing_begins_while_supervisord_ends_and_the_request_is_refused(
    controller, services, run
):
    pending = controller.ask("promote", "b")
    services.programs.up = False
    assert not controller.active() and not decide(controller, run, HEALTHY, Decision("b"))
    controller._on_run_ended()
    assert isinstance(pending.reply.error, errors.ShuttingDown)
    with pytest.raises(errors.ShuttingDown):
        controller.ask("swap")


def test_a_hold_that_is_refused_is_taken_back(controller, run):
    pending = controller.ask("pause", "a", hold=True)
    controller.handler.on_observed(HEALTHY)
    assert controller.goals.hold
    refused = Decision("", refusal=errors.NoRights, waiting_for="no rights")
    controller.handler.on_decision(run, refused)
    assert isinstance(pending.reply.error, errors.NoRights) and not controller.goals.hold


def test_reconcile_is_answered_when_nothing_is_left_to_repair(controller, run):
    pending = controller.ask("reconcile")
    assert decide(controller, run, HEALTHY, Decision("a", (LABEL,), met=True))
    assert pending.reply.pending
    controller.handler.on_action_done(LABEL)
    decide(controller, run, HEALTHY, Decision("a", met=True, done=True))
    assert pending.reply.value["changed"] is True


def test_with_auto_off_what_belongs_to_a_request_is_finished_after_its_answer(controller, run):
    controller.goals.auto = False
    pending = controller.ask("promote", "a")
    assert decide(controller, run, HEALTHY, Decision("a", (LABEL,), met=True))
    assert pending.reply.value is not None
    waiting = Decision("a", met=True, waiting_for="b boots", poll_slowly=True)
    assert not decide(controller, run, HEALTHY, waiting)


def test_a_deploy_may_withdraw_its_promotion_and_no_other_request(controller, services):
    reply = controller.promote("b", "deploy b (id 1)")
    controller.withdraw(services.new_reply())
    assert reply.pending
    controller.withdraw(reply)
    assert isinstance(reply.error, errors.Busy) and controller.requests.request is None


def test_a_promotion_of_a_deploy_is_refused_in_its_reply(controller):
    controller.ask("swap")
    assert isinstance(controller.promote("b", "deploy b (id 1)").error, errors.Busy)


def test_a_machine_that_lacks_a_feature_is_refused_with_it(controller, services, monkeypatch):
    monkeypatch.setattr(services.kernel, "missing", ("the system calls are not known",))
    with pytest.raises(errors.Unsupported, match="the system calls are not known"):
        controller.ask("swap")


# others at the FIFOs


def test_foreign_changes_at_the_fifos_are_distinguished_from_ours(controller, services, run):
    handler = controller.handler
    handler.on_observe(ours=True)
    assert not handler.take_foreign_changes(run)
    services.kernel.inode = 2
    handler.on_observe(ours=True)
    assert not handler.take_foreign_changes(run)
    services.kernel.inode = 3
    handler.on_observe(ours=False)
    assert handler.take_foreign_changes(run) and not handler.take_foreign_changes(run)


@pytest.mark.parametrize("urgent", [True, False])
def test_where_somebody_waits_a_script_is_not_waited_for(controller, services, run, urgent):
    controller.handler.on_observe(ours=True)
    services.kernel.inode = 2
    if not urgent:
        controller.ask("promote", "b")
    assert not controller.handler.take_foreign_changes(replace(run, urgent=urgent))


# runs


def test_a_run_keeps_its_cause_once_it_has_acted(controller):
    controller.schedule(Cause(CauseKind.READY, "b"))
    controller.schedule(Cause(CauseKind.FOLLOW_UP), routine=True)
    assert controller.runs.run.cause == Cause(CauseKind.READY, "b")
    controller.schedule(Cause(CauseKind.RUNNING, "b"))
    assert controller.runs.run.cause == Cause(CauseKind.RUNNING, "b")
    controller.handler.on_action_done(LABEL)
    controller.schedule(Cause(CauseKind.AUTO_ON))
    assert controller.runs.run.cause == Cause(CauseKind.RUNNING, "b")


def test_an_urgent_event_ends_a_long_observation(controller):
    controller.schedule(Cause(CauseKind.PERIODIC_CHECK), routine=True)
    first = controller.runs.run
    controller.schedule(ENDED, urgent=True)
    assert controller.runs.run is not first and controller.runs.run.urgent


@pytest.mark.parametrize(
    "asked, routine, urgent, after, closely",
    [
        (False, False, False, 0, True),
        (False, True, False, 0, True),
        (False, True, False, 1, False),
        (False, True, False, 31, True),
        (False, False, True, 0, False),
        (True, False, False, 0, False),
    ],
)
def test_how_closely_a_run_observes(
    controller, services, run, asked, routine, urgent, after, closely
):
    if after:
        controller.handler.observe_options(run)
    services.loop.now = after
    if asked:
        controller.ask("swap")
    options = controller.handler.observe_options(replace(run, routine=routine, urgent=urgent))
    assert options == (closely, closely)


def test_a_run_gives_up_when_nothing_happens_for_longer_than_a_boot(controller, services, run):
    waiting = Decision("a", waiting_for="b boots", poll_slowly=True)
    services.loop.now = controller.pair.boot_timeout
    assert decide(controller, run, HEALTHY, waiting)
    assert decide(controller, run, HEALTHY, replace(waiting, actions=(LABEL,)))
    services.loop.now = 2 * controller.pair.boot_timeout
    assert decide(controller, run, HEALTHY, waiting)
    services.loop.now += 1
    assert not decide(controller, run, HEALTHY, waiting)


def test_a_stop_is_overdue_after_a_while(controller, services, run):
    stopping = PairState((SERVES, replace(PARKED, state="STOPPING")))
    decide(controller, run, stopping, Decision("a"))
    services.loop.now = 1.9
    assert controller.handler.desired(False).stop_overdue == ()
    services.loop.now = 2.1
    assert controller.handler.desired(False).stop_overdue == ("b",)
    decide(controller, run, HEALTHY, Decision("a"))
    assert controller.handler.desired(False).stop_overdue == ()


# fail-over


@pytest.fixture
def announced(monkeypatch):
    found = []
    monkeypatch.setattr(supervisor_events, "notify", found.append)
    return found


def serve_b(controller, run):
    """b serves where a did before."""
    b = replace(PARKED, paused=False, slot=Slot.RUNNING, workers=(Worker(21),))
    decide(controller, run, PairState((Instance("a"), b)), Decision("b", met=True, done=True))
    controller._on_run_ended()


@pytest.mark.parametrize("state", ["EXITED", "FATAL", "BACKOFF", "UNKNOWN"])
def test_it_is_a_failover_when_the_one_that_served_ended_by_itself(
    controller, services, announced, state
):
    run = ReconcileRun(ENDED, 0.0)
    decide(controller, run, HEALTHY, Decision("a", met=True, done=True))
    controller.events.on_ended("a", state)
    serve_b(controller, run)
    (entry,) = entries(services)
    assert entry["failover"] is True and entry["kind"] == "reconcile"
    (event,) = [e for e in announced if isinstance(e, events.FailedOver)]
    assert event.payload().startswith("pair:web program:b was:a")


def test_a_master_below_a_wrapper_that_ends_is_a_failover(controller, services, announced):
    run = ReconcileRun(ENDED, 0.0)
    decide(controller, run, HEALTHY, Decision("a", met=True, done=True))
    controller.events.on_process_ended("a", 10)
    serve_b(controller, run)
    assert entries(services)[0]["failover"] is True


@pytest.mark.parametrize("how", ["stopped", "started", "requested"])
def test_what_an_operator_did_is_no_failover(controller, services, announced, how, run):
    decide(controller, run, HEALTHY, Decision("a", met=True, done=True))
    if how == "stopped":
        controller.events.on_stopping("a")
        controller.events.on_ended("a", "STOPPED")
    elif how == "started":
        controller.events.on_ended("a", "EXITED")
        controller.events.on_starting("b", OnStart.PROMOTE, Cause(CauseKind.STARTED, "b"))
    else:
        controller.events.on_ended("a", "EXITED")
        controller.ask("promote", "b")
    serve_b(controller, run)
    assert not any(entry["failover"] for entry in entries(services))
    assert [type(e) for e in announced if isinstance(e, events.ZergEvent)] == [events.Promoted]


# sections


def test_a_controller_whose_section_was_changed_is_replaced_and_does_nothing_more(
    controller, services
):
    controller.goals.last_active = "b"
    controller.goals.on_start = {"a": OnStart.STANDBY}
    tracked = controller.observer.masters["a"]
    changed = replace(controller.pair, drain_timeout=1.0)
    heir = PairController(changed, services, FakeSettings(), FakeOwner())
    heir.inherit(controller)
    controller.close()
    assert heir.observer.masters["a"] is tracked
    assert (heir.goals.last_active, heir.goals.on_start) == ("b", {"a": OnStart.STANDBY})
    assert not controller.active()
    with pytest.raises(errors.ZergError):
        controller.ask("swap")


# status


def test_the_view_names_what_is_under_way(controller, services):
    assert controller.view(HEALTHY).busy == {}
    pending = controller.ask("promote", "b")
    services.loop.now = 0.5
    assert controller.view(HEALTHY).busy == {
        "kind": "promote",
        "program": "b",
        "id": pending.request.id,
        "by": "operator",
        "since": 0.5,
    }

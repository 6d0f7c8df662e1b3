"""What is kept of deploys, and how a release bears up."""

from types import SimpleNamespace

import pytest
from supervisor.events import getEventNameByType

from supervisor_zerg.core import errors
from supervisor_zerg.core.goals import DesiredState
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.deploy.crash_counter import REPLACED_S, CrashCounter
from supervisor_zerg.deploy.model import Outcome, Phase
from supervisor_zerg.deploy.registry import REMEMBERED, DeployRegistry
from supervisor_zerg.deploy.runner import EVENTS
from supervisor_zerg.jobs.hooks import GRACE_S, Hooks
from supervisor_zerg.jobs.queue import JobQueue
from supervisor_zerg.supervisord import events
from supervisor_zerg.supervisord.programs import Programs
from supervisor_zerg.uwsgi.stats import Row, Snapshot


class DeployRunner:
    def __init__(self, ident, phase=Phase.BOOTING):
        self.id, self.state = ident, SimpleNamespace(phase=phase)

    def start(self):
        return self

    def info(self):
        return {"id": self.id}


@pytest.fixture
def deploys():
    starts = {7: 70}
    kernel = SimpleNamespace(
        process=lambda pid: SimpleNamespace(start=starts[pid]) if pid in starts else None,
        starts=starts,
    )
    controller = SimpleNamespace(
        check=lambda: None,
        free=lambda by: None,
        pair=SimpleNamespace(name="web"),
        registry=SimpleNamespace(kernel=kernel),
    )
    return DeployRegistry(
        controller, {"a": [7, 70, "v2"], "b": [8, "from an older version of this file"]}
    )


def test_h52_who_was_disconnected_asks_for_the_deploy_by_its_id_though_another_one_was_begun(
    deploys,
):
    for number in range(REMEMBERED + 1):
        deploys.begin(DeployRunner(str(number)))
    assert deploys.told()["id"] == str(REMEMBERED) and deploys.told("1")["id"] == "1"
    with pytest.raises(errors.ForgottenDeploy):
        deploys.told("0")


def test_h53_a_deploy_that_nobody_remembers_is_no_matter_of_wrong_words(deploys):
    assert deploys.told() == {}
    with pytest.raises(errors.ForgottenDeploy) as refusal:
        deploys.told("6b-1")
    assert refusal.value.exit_status == errors.ExitStatus.FORGOTTEN and "reloaded" in str(
        refusal.value
    )


@pytest.mark.parametrize(
    "mood, spawned", [(1, True), (0, False), (-1, False)], ids=["runs", "reloads", "shuts-down"]
)
def test_h53_nothing_is_started_while_supervisord_ends(mood, spawned):
    process = SimpleNamespace(pid=0, transition=lambda: None)
    process.spawn = lambda: setattr(process, "pid", 9)
    groups = {"a": SimpleNamespace(processes={"a": process})}
    assert (
        Programs(SimpleNamespace(process_groups=groups, options=SimpleNamespace(mood=mood))).spawn(
            "a"
        )
        is spawned
    )


def test_h57_every_outcome_but_a_refusal_is_an_event_of_its_own_kind():
    assert {outcome for outcome in Outcome if outcome not in EVENTS} == {Outcome.REFUSED}
    for kind in set(EVENTS.values()):
        assert issubclass(kind, events.ZergEvent) and getEventNameByType(kind).startswith("ZERG_")
    assert events.RolledBack("it ended", pair="web", id="1").payload() == "pair:web id:1\nit ended"


def test_a_label_is_that_of_one_process_and_of_no_later_one_with_its_pid(deploys):
    assert (
        deploys.label_of("a", 7),
        deploys.label_of("a", 8),
        deploys.label_of("b", 8),
        deploys.label_of("c", 0),
    ) == ("v2", "", "", "")
    deploys.controller.registry.kernel.starts[7] = 71
    assert deploys.label_of("a", 7) == ""


@pytest.mark.parametrize(
    "phase, freeze", [(Phase.DRAINING, True), (Phase.CHECKING, False), (Phase.BAKING, True)]
)
def test_an_instance_that_is_yet_to_be_promoted_is_not_frozen(deploys, phase, freeze):
    assert deploys.awake(DesiredState(freeze=True)).freeze is True
    deploys.begin(DeployRunner("1", phase))
    assert deploys.awake(DesiredState(freeze=True)).freeze is freeze


def test_h54_a_hook_of_which_no_listener_tells_has_failed_in_the_end():
    later, heard, clock = [], [], lambda: 0.0
    loop = SimpleNamespace(call_later=lambda seconds, call: later.append((seconds, call)))
    registry = SimpleNamespace(
        job_queue=JobQueue(clock, lambda job: None),
        loop=loop,
        new_id=lambda: "1",
        log=lambda *words, **more: None,
    )
    controller = SimpleNamespace(
        pair=PairConfig(before_deploy="true", hook_timeout=5.0), observed=None
    )
    Hooks(registry).run(
        controller, "before_deploy", {}, lambda ok, words: heard.append((ok, words))
    )
    ((seconds, drain_expired),) = later
    registry.job_queue.take(False)
    drain_expired()
    drain_expired()
    assert seconds == 5.0 + GRACE_S and heard == [(False, "the listener told nothing for 15 s")]
    assert Hooks(registry).run(controller, "after_deploy", {}) is None


class Instance:
    """Its workers live until they are ended."""

    def __init__(self):
        self.alive, self.now = set(), 0.0
        self.crashes = CrashCounter(self.alive.__contains__)

    def see(self, *workers, after=0.1, snapshot=None):
        self.alive.clear()
        self.alive |= set(workers)
        self.now += after
        return self.crashes.see(workers, snapshot, self.now)


def test_h49_workers_that_end_and_are_replaced_are_counted_and_a_pool_that_grows_is_not():
    instance = Instance()
    assert instance.see(1, 2).lost == 0
    assert instance.see(1, 2, 3, 4, 5).lost == 0, "cheaper"
    assert instance.see(1, 2, 3).lost == 2, "they may be replaced yet"
    assert instance.see(1, 2, 3, after=REPLACED_S + 0.1).lost == 0, "they were not needed any more"
    assert instance.see(2, 3, 6).lost == 1 and instance.see(2, 3, 6, after=60).lost == 1
    assert instance.see(7, 8, 9).lost == 4


def test_what_uwsgi_counted_is_kept_while_its_stats_do_not_answer():
    instance, row = Instance(), Row(1, True, "idle", 1, 0, 5, 2, 1, 0)
    assert not instance.see(1).told
    told = instance.see(1, snapshot=Snapshot("2", 1, (row,), False, 5, False, False))
    assert (told.requests, told.exceptions, told.harakiris, told.told) == (5, 2, 1, True)
    assert instance.see(1) == told

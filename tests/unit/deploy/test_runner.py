"""A deploy that is carried out on a simulated pair, with a clock of its own."""

import signal
from dataclasses import replace

import pytest
from supervisor import events as supervisor_events

from supervisor_zerg.core import errors
from supervisor_zerg.core.causes import CauseKind
from supervisor_zerg.core.decision import Action, ActionKind
from supervisor_zerg.core.instance import Instance
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.deploy import runner as runner_module
from supervisor_zerg.deploy.executor import RECYCLED_S
from supervisor_zerg.deploy.model import PATIENCE_S, Outcome, Phase
from supervisor_zerg.deploy.plan import DeployOptions
from supervisor_zerg.deploy.registry import DeployRegistry
from supervisor_zerg.deploy.runner import EVENTS
from supervisor_zerg.deploy.start import start_deploy
from supervisor_zerg.deploy.state_machine import CUT_S
from supervisor_zerg.deploy.stopper import KILL_AFTER_S, RETRIES, RETRY_S
from supervisor_zerg.supervisord import events

from .fakes import FakeTarget, fake_services
from .pairs import OLD, PAIR, an_instance

NO_CHECKS = replace(PAIR, health="", bake=1.0)


class World:
    """A pair, its services and its deploys."""

    def __init__(self):
        self.target = FakeTarget()
        self.target.pair = NO_CHECKS
        self.services = fake_services(self.target)
        self.loop = self.services.loop
        self.ended = []
        self.deploys = DeployRegistry(self.services, self.target, {}, self.ended.append)

    def start(self, **options):
        return start_deploy(
            self.services, self.target, self.deploys, DeployOptions(**options), "operator"
        )

    @property
    def phase(self):
        return self.deploys.last.state.phase

    def until_promoting(self, **options):
        reply = self.start(**options)
        self.loop.run(1.0)
        assert self.phase is Phase.PROMOTING
        return reply

    def until_baking(self, **options):
        reply = self.until_promoting(**options)
        self.target.swap()
        self.loop.run(0.1)
        assert self.phase is Phase.BAKING
        return reply

    def jobs(self):
        return [(job["kind"], job["name"], job) for job in self.services.job_queue.claim(False)]


@pytest.fixture
def world():
    return World()


@pytest.fixture
def announced(monkeypatch):
    kinds = []
    monkeypatch.setattr(events, "announce", lambda kind, reason, **told: kinds.append(kind))
    return kinds


def test_h43_a_good_release_is_deployed_and_recorded(world, announced):
    reply = world.until_baking(label="v2")
    assert reply.pending
    world.loop.run(2.0)
    info = reply.result()
    assert (info["outcome"], info["serving"], info["target"]) == ("deployed", "new", "new")
    assert info["pid"] == world.target.observed.instance("new").pid
    assert world.target.promoted == [("new", f"deploy new (id {info['id']})")]
    assert world.deploys.label_of("new", info["pid"]) == "v2"
    assert announced == [events.Deployed]
    entry = world.ended[0].history_entry()
    assert (entry["kind"], entry["program"], entry["by"]) == ("deploy", "new", "operator")
    assert (entry["outcome"], entry["reason"], entry["label"]) == ("deployed", "", "v2")
    assert entry["took_ms"] == info["elapsed"] * 1000
    assert [step.partition(" ")[2] for step in entry["actions"]] == [
        "new drains",
        "new stops",
        "new boots",
        "new is promoted",
        "new bakes",
        "new has ended",
    ]


def test_a_client_that_does_not_wait_gets_the_struct_at_once(world):
    reply = world.start(wait=False)
    info = reply.result()
    assert (info["outcome"], info["serving"], info["old"]) == ("", "old", "old")
    assert world.deploys.running is not None


def test_a_dry_run_changes_nothing(world):
    info = world.start(dry_run=True).result()
    assert (info["outcome"], info["target"], info["serving"]) == ("dry run", "new", "old")
    assert info["steps"]
    assert world.deploys.last is None


def test_a_refusal_is_in_the_reply_or_raised_at_once(world):
    world.target.observed = PairState((Instance("old"), Instance("new")))
    with pytest.raises(errors.NobodyServes):
        world.start().result()
    world.target.observed = None
    with pytest.raises(errors.ZergError, match="could not be observed"):
        world.start().result()
    world.target.refusal = errors.Busy("a swap is under way")
    with pytest.raises(errors.Busy):
        world.start()


def test_hooks_and_checks_need_a_listener(world):
    world.target.pair = PAIR
    world.loop.run(60.0)
    with pytest.raises(errors.NoListener):
        world.start().result()


def test_h50_hooks_get_what_they_need_to_know(world):
    world.target.pair = replace(NO_CHECKS, before_deploy="b", after_deploy="a", on_rollback="r")
    world.start(label="v2")
    ((kind, name, job),) = world.jobs()
    assert (kind, name, job["check"]) == ("hook", "before_deploy", "b")
    known = {"ZERG_SERVING": "old", "ZERG_TARGET": "new", "ZERG_OLD": "old", "ZERG_LABEL": "v2"}
    assert known.items() <= job["environment"].items()
    world.services.job_queue.report(job["id"], False, "exit status 1")
    info = world.deploys.info()
    assert (info["outcome"], info["reason"]) == (
        "refused",
        "before_deploy failed: exit status 1",
    )


def test_h51_a_hook_that_runs_is_ended_by_an_abort(world):
    world.target.pair = replace(NO_CHECKS, before_deploy="b")
    world.start()
    ((_, _, job),) = world.jobs()
    world.deploys.abort("operator")
    assert [kind for kind, _, _ in world.jobs()] == ["end"]
    world.services.job_queue.report(job["id"], False, "ended by signal 15")
    assert world.deploys.info()["outcome"] == "refused"


def test_h48_a_bad_release_is_rolled_back_and_on_rollback_runs(world, announced):
    world.target.pair = replace(NO_CHECKS, on_rollback="r")
    reply = world.until_baking()
    world.deploys.abort("operator")
    assert world.phase is Phase.RETURNING
    assert world.target.promoted[-1][0] == "old"
    world.target.swap()
    world.loop.run(1.0)
    assert reply.result()["outcome"] == "rolled back"
    assert announced == [events.RolledBack]
    ((_, name, job),) = world.jobs()
    assert (name, job["environment"]["ZERG_REASON"]) == ("on_rollback", "aborted by operator")


def test_h46_health_is_asked_before_and_after_the_promotion(world):
    world.target.pair = PAIR
    world.start()
    world.loop.run(1.0)
    assert world.phase is Phase.CHECKING
    ((kind, _, job),) = world.jobs()
    assert (kind, job["environment"]["ZERG_PHASE"]) == ("health", "checking")
    for _ in range(PAIR.health_count):
        assert world.phase is Phase.CHECKING
        world.services.job_queue.report(job["id"], True, "200")
    assert world.phase is Phase.PROMOTING
    world.target.swap()
    world.loop.run(0.1)
    ((_, _, second),) = world.jobs()
    assert second["environment"]["ZERG_PHASE"] == "baking"
    assert world.services.job_queue.report(job["id"], True, "200") is None
    for _ in range(PAIR.health_count):
        world.services.job_queue.report(second["id"], False, "503")
    assert world.phase is Phase.RETURNING
    assert "503" in world.deploys.info()["reason"]


def test_a_promotion_that_is_refused_ends_the_deploy(world):
    reply = world.until_promoting()
    world.target.reply.fail(errors.Obstructed("a directory lies there"))
    world.loop.run(0.2)
    info = reply.result()
    assert info["outcome"] == "failed"
    assert "could not be promoted: a directory lies there" in info["reason"]


def test_a_promotion_that_is_refused_for_the_moment_is_requested_again(world):
    world.until_promoting()
    world.target.reply.fail(errors.Unsteady("a worker is starting"))
    world.loop.run(0.1)
    assert len(world.target.promoted) == 2
    assert world.phase is Phase.PROMOTING


def test_a_resume_means_that_users_may_have_met_the_release(world):
    reply = world.until_promoting()
    world.deploys.on_action_done(Action(ActionKind.RESUME, "new"))
    world.target.reply.fail(errors.Obstructed("a directory lies there"))
    world.loop.run(0.2)
    assert reply.result()["outcome"] == "rolled back"


def test_h44_a_release_that_ends_in_its_boot_fails(world, announced):
    world.until_promoting()
    world.target.end("new")
    world.deploys.on_program_ended("new", "EXITED")
    info = world.deploys.info()
    assert info["outcome"] == "failed"
    assert "ended while it was promoted: it exited" in info["reason"]
    assert announced == [events.DeployFailed]


def test_an_end_that_supervisor_has_not_noticed_yet_counts(world):
    world.until_promoting()
    world.services.kernel.processes.alive = lambda pid: False
    world.deploys.wake()
    assert "ended while it was promoted" in world.deploys.info()["reason"]


def test_a_program_that_cannot_be_started_fails(world):
    world.target.start_parked = lambda program: False
    world.start()
    world.loop.run(1.0)
    assert "supervisord could not start it" in world.deploys.info()["reason"]


def test_the_end_of_a_worker_is_examined_when_it_may_have_been_replaced(world):
    world.until_promoting()
    pid, died = next(iter(world.loop.watches.items()))
    died(pid)
    assert world.target.causes == []
    world.loop.run(RECYCLED_S)
    (cause,) = world.target.causes
    assert (cause.kind, cause.detail) == (CauseKind.WORKER_ENDED, str(pid))


@pytest.mark.parametrize("end", ["abort", "close"])
def test_workers_are_watched_no_longer_than_the_deploy(world, end):
    world.until_promoting()
    assert world.loop.watches
    if end == "close":
        world.deploys.running.close()
    else:
        world.deploys.abort("an operator")
        world.loop.run(60.0)
    assert not world.loop.watches


def test_h34_requests_beyond_the_limit_are_killed(world):
    busy = an_instance("new", True, busy=1)
    world.target.observed = PairState((OLD, busy))
    world.target.ends_parked = False
    world.services.programs.stop = lambda program: False
    world.start()
    world.loop.run(NO_CHECKS.drain_timeout + CUT_S + 1.0)
    assert ("new", 20) in world.services.programs.killed
    assert ("signal", 21, signal.SIGKILL) in world.services.logged
    assert world.deploys.info()["killed_requests"] == 1


def test_h34_workers_that_cannot_be_proven_are_not_signalled(world):
    world.target.observed = PairState((OLD, an_instance("new", True, busy=1)))
    world.target.ends_parked = False
    world.services.programs.stop = lambda program: False
    world.services.kernel.signals.proven = _fails
    world.start()
    world.loop.run(NO_CHECKS.drain_timeout + CUT_S + 1.0)
    assert ("new", 20) in world.services.programs.killed
    assert "could not prove the workers" in [entry[1] for entry in world.services.logged]


def _fails(pids, ancestor):
    raise OSError("no pidfd")


def test_a_program_that_never_stops_is_left_to_supervisor_in_the_end(world):
    tried = []
    world.target.ends_parked = False
    world.services.programs.stop = lambda program: tried.append(program)
    world.start()
    world.loop.run(2 * RETRIES * RETRY_S)
    assert len(tried) == RETRIES + 1


def test_a_parked_instance_that_does_not_end_gets_its_stop_signal(world):
    world.target.stop_parked = lambda instance: True
    world.start()
    world.loop.run(PATIENCE_S - 0.1)
    assert world.services.programs.stopped == []
    world.loop.run(0.2)
    assert world.services.programs.stopped == ["new"]


def test_a_stop_signal_that_is_lost_is_sent_again(world):
    answers = [False, True]
    tried = []
    world.target.ends_parked = False
    world.services.programs.stop = lambda program: tried.append(program) or answers.pop(0)
    world.start()
    world.loop.run(RETRY_S)
    assert tried == ["new", "new"]
    world.loop.run(KILL_AFTER_S)
    assert world.services.programs.killed == [("new", 20)]


def test_a_program_that_was_removed_is_not_stopped_again(world):
    tried = []
    world.target.ends_parked = False
    world.services.programs.stop = lambda program: tried.append(program)
    world.services.programs.get = lambda program: Instance(program, "ABSENT")
    world.start()
    world.loop.run(3 * RETRY_S)
    assert tried == ["new"]


@pytest.mark.parametrize("how", ["others", "another deploy"])
def test_a_program_that_was_started_again_is_not_stopped(world, how):
    world.target.stop_parked = lambda instance: True
    world.start()
    if how == "others":
        world.target.others_started = True
    else:
        world.deploys.running.executor.superseded = True
    world.loop.run(PATIENCE_S + 0.1)
    assert world.services.programs.stopped == []


def test_another_deploy_supersedes_the_last_one(world):
    world.until_promoting()
    first = world.deploys.running
    world.deploys.abort("operator")
    world.start()
    assert first.executor.superseded
    assert not world.deploys.running.executor.superseded


def test_h53_nothing_is_done_while_supervisord_ends(world):
    world.until_promoting()
    world.services.programs.up = False
    world.deploys.abort("operator")
    world.loop.run(10.0)
    assert world.phase is Phase.PROMOTING


def test_a_deploy_that_is_closed_does_nothing_any_more(world):
    world.until_promoting()
    world.deploys.close()
    world.deploys.abort("operator")
    world.loop.run(10.0)
    assert world.phase is Phase.PROMOTING


def test_an_observation_that_failed_is_repeated(world):
    world.until_promoting()
    observed = world.target.observed
    world.target.observed = None
    world.loop.run(0.2)
    assert world.phase is Phase.PROMOTING
    world.target.observed = observed
    world.target.swap()
    world.loop.run(0.1)
    assert world.phase is Phase.BAKING


def test_a_deploy_that_is_closed_while_it_observes_ignores_what_it_sees(world):
    world.until_promoting()
    deploy = world.deploys.running
    deploy.close()
    deploy._on_observed(world.target.observed)
    assert world.phase is Phase.PROMOTING


def test_an_end_or_an_action_that_is_not_about_the_target_changes_nothing(world):
    world.until_promoting()
    world.deploys.on_program_ended("old", "EXITED")
    world.deploys.on_action_done(Action(ActionKind.RESUME, "old"))
    process = world.deploys.running.executor.process
    assert (process.ended, process.resumed) == ("", False)


def test_without_a_deploy_nobody_cares_what_happens_to_the_pair(world):
    world.deploys.wake()
    world.deploys.on_program_ended("new", "EXITED")
    world.deploys.on_action_done(Action(ActionKind.RESUME, "new"))
    world.deploys.close()
    assert world.deploys.info() == {}


def test_h55_the_second_plan_begins_when_the_first_was_deployed(world):
    world.target.pair = replace(NO_CHECKS, update="git pull")
    reply = world.until_promoting(backup_first=True)
    world.target.swap()
    world.loop.run(0.1)
    ((_, name, job),) = world.jobs()
    assert (name, job["environment"]["ZERG_TARGET"]) == ("update", "old")
    world.services.job_queue.report(job["id"], True, "")
    world.loop.run(1.0)
    assert world.target.promoted[-1][0] == "old"
    world.target.swap()
    world.loop.run(2.0)
    assert reply.result()["outcome"] == "deployed"
    assert len(world.ended) == 1


def test_a_bug_does_not_keep_the_pair_busy(world, monkeypatch):
    reply = world.until_promoting()
    monkeypatch.setattr(runner_module, "advance", lambda state, observation: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        world.loop.run(0.1)
    assert world.deploys.running is None
    assert "a bug of supervisor_zerg" in reply.result()["reason"]


def test_h57_every_outcome_but_a_refusal_is_an_event_of_its_own_kind():
    assert {outcome for outcome in Outcome if outcome not in EVENTS} == {Outcome.REFUSED}
    for kind in set(EVENTS.values()):
        assert issubclass(kind, events.ZergEvent)
        assert supervisor_events.getEventNameByType(kind).startswith("ZERG_")
    rolled_back = events.RolledBack("it ended", pair="web", id="1")
    assert rolled_back.payload() == "pair:web id:1\nit ended"

"""What a dry run says: the planner and the state machine on an ideal pair."""

from dataclasses import replace

from supervisor_zerg.core.instance import Instance, Slot
from supervisor_zerg.core.pair_state import Obstacle, PairState, PathKind
from supervisor_zerg.deploy import dry_run as dry_run_module
from supervisor_zerg.deploy.dry_run import dry_run
from supervisor_zerg.deploy.plan import make_plans, read_options

from .pairs import OBSERVED, OLD, PAIR, PARKED, SERVING, an_instance

STEPS = """\
wait until no request of new is in flight (now 0), 60 s at most; requests that last 3 s longer are killed
write 'q' to /var/run/sleeping.fifo (pid 20): new ends; if not within 1 s, it gets its stop signal
start new, and wait until it is ready, 300 s at most
write '2' to /var/run/new.fifo (the new master): new moves to the slot sleeping
wait until the last 3 answers of unix:///run/new.companion:/health are good, 46 s at most \
(not if it accepts by itself, as with hooks.ini)
write 'p1' to /var/run/sleeping.fifo (the new master): new accepts requests \
(not if it accepts by itself, as with hooks.ini)
write 'p2' to /var/run/running.fifo (pid 10): old is parked
watch new for 10 s, and until the last 3 answers of unix:///run/new.companion:/health are good
if new fails: write 'p1' to /var/run/sleeping.fifo (pid 10): old accepts requests
if new fails: write 'p2' to /var/run/running.fifo (the new master): new is parked
if new fails: old serves again"""  # noqa: E501


def steps(pair=PAIR, observed=OBSERVED, **options):
    return dry_run(pair, make_plans(pair, observed, read_options(options)), observed)


def test_a_dry_run_lists_each_step_and_each_byte():
    assert "\n".join(steps()) == STEPS


def test_a_spare_that_does_not_run_is_just_started():
    assert steps(observed=PairState((OLD, Instance("new"))))[0].startswith("start new, and wait")


def test_threads_are_signalled_until_none_waits_for_a_request():
    listed = steps(observed=PairState((an_instance("old", False, threads=4), PARKED)))
    signal = "signal the threads of old until none waits for a request"
    assert listed.count(signal) == 1
    assert listed[listed.index(signal) - 1].endswith("(pid 10): old is parked")


def test_requests_in_flight_are_waited_for():
    observed = PairState((OLD, an_instance("new", True, busy=1)))
    assert "(now 1), 60 s at most" in steps(observed=observed)[0]


def test_without_a_bake_the_answers_before_the_promotion_suffice():
    assert "watch new for 0 s" in steps(bake=0)


def test_hooks_are_listed_with_their_commands():
    hooks = {"before_deploy": "a", "after_deploy": "b", "on_rollback": "c"}
    listed = steps(replace(PAIR, **hooks))
    assert listed[0] == "run before_deploy: a"
    assert listed[-2:] == ["if new fails: run on_rollback: c", "run after_deploy: b"]


def test_an_address_that_cannot_be_asked_before_the_promotion_is_explained():
    listed = steps(replace(PAIR, health="http://localhost/health"))
    (watch,) = [step for step in listed if "localhost" in step]
    assert watch.startswith("watch new for 10 s, and until the last 3 answers")
    assert "so it is not asked earlier" in watch


def test_without_health_the_release_is_only_watched():
    assert "watch new for 10 s" in steps(replace(PAIR, health=""))


def test_h55_backup_first_lists_both_halves():
    listed = steps(replace(PAIR, update="git pull"), backup_first=True)
    at = listed.index("run update: git pull")
    assert listed[at + 1].startswith("wait until no request of old is in flight, 60 s at most")
    assert listed[at + 2].startswith("write 'q' to /var/run/sleeping.fifo (pid 10): old ends")
    assert "write 'p2' to /var/run/running.fifo (the new master): new is parked" in listed[at:]
    assert listed[-1] == "if old fails: new serves again"


def test_h56_with_retire_stop_the_old_instance_ends():
    listed = steps(replace(PAIR, retire="stop"))
    fifo = "/var/run/sleeping.fifo (pid 10)"
    assert listed[-1] == f"write 'q' to {fifo}: old finishes its requests and ends (retire = stop)"


def test_h56_an_async_instance_has_no_way_back():
    observed = PairState((replace(OLD, asynchronous=True), PARKED))
    listed = steps(replace(PAIR, retire="stop", health=""), observed)
    quit_old = "write 'q' to /var/run/running.fifo (pid 10): old finishes its requests and ends"
    assert quit_old in listed
    assert listed[-1] == "if new fails: there is no way back: old has ended"


def test_an_async_instance_with_releases_is_booted_again_from_its_own():
    observed = PairState((replace(OLD, asynchronous=True), PARKED))
    pair = replace(PAIR, retire="stop", health="")
    plans = make_plans(pair, observed, read_options({}), "v2", "v1")
    listed = dry_run(pair, plans, observed)
    assert "if new fails: start old again, from its own release v1" in listed
    assert "if new fails: old serves again" in listed


def test_a_parked_instance_is_frozen_where_the_section_says_so():
    listed = steps(replace(PAIR, freeze=True))
    assert listed[-1] == "freeze old (freeze = true)"
    assert "if new fails: thaw old (resumed while its workers were stopped)" in listed
    at_boot = [step for step in listed if step.startswith("start new")]
    assert listed.index("freeze old (freeze = true)") > listed.index(at_boot[0])


def test_an_instance_that_cannot_be_ended_through_its_fifo_gets_its_stop_signal():
    lost = PairState((OLD, replace(PARKED, slot=None)))
    assert steps(observed=lost)[1] == "send new its stop signal (pid 20)"
    booting = PairState((OLD, Instance("new", "STARTING", 20)))
    assert steps(observed=booting)[1] == "send new its stop signal (pid 20)"
    directory = ((Slot.SLEEPING, Obstacle(PathKind.DIRECTORY, "a directory")),)
    listed = steps(observed=replace(OBSERVED, blocked=directory))
    assert listed[1] == "send new its stop signal (pid 20)"
    assert listed[-1] == "if new fails: old serves again"


def test_a_deploy_that_would_be_refused_says_why():
    both = PairState((OLD, replace(SERVING, slot=Slot.SLEEPING)))
    assert steps(observed=both)[-1] == "the deploy ends here, refused: new cannot be parked"


def test_a_deploy_that_would_fail_says_why_and_leaves_out_the_second_half():
    directory = ((Slot.NEW, Obstacle(PathKind.DIRECTORY, "a directory")),)
    observed = replace(OBSERVED, blocked=directory)
    listed = steps(replace(PAIR, update="git pull"), observed, backup_first=True)
    assert listed[-1].startswith("the deploy ends here, failed: new could not be promoted")
    assert "a directory lies at the path of slot new" in listed[-1]


def test_a_misplaced_fifo_is_put_back_first():
    observed = PairState((replace(OLD, fifo_in_place=False), PARKED))
    assert steps(observed=observed)[1] == (
        "write '\\n' to /var/run/running.fifo (pid 10):"
        " relink (its FIFO is not at the path of its slot)"
    )


def test_a_simulation_that_does_not_end_says_so(monkeypatch):
    monkeypatch.setattr(dry_run_module, "MANY_STEPS", 1)
    assert steps()[-1] == "the steps after that cannot be simulated: new stops"

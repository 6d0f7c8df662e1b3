"""Jobs for the listener, and what becomes of them when it dies."""

from types import SimpleNamespace

import pytest

from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.jobs.hooks import GRACE_S, run_hook
from supervisor_zerg.jobs.queue import PRESENT_S, SILENT_S, STARTS_S, Job, JobQueue


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Results:
    """Keeps what a job reports; answers whether to go on."""

    def __init__(self, go_on=True):
        self.go_on = go_on
        self.seen = []

    def __call__(self, ok, message):
        self.seen.append((ok, message))
        return self.go_on


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def job_queue(clock):
    woken = []
    queue = JobQueue(clock, woken.append)
    queue.woken = woken
    return queue


def a_job(kind, on_result, ident="1"):
    return Job(ident, kind, "web", "health", "true", 5.0, on_result)


def claimed(job_queue, restarted=False):
    return [(job["id"], job["kind"]) for job in job_queue.claim(restarted)]


def test_a_job_wakes_the_listener_and_is_given_once(job_queue):
    job = job_queue.add(a_job("health", Results()))
    assert job_queue.woken == [job]
    assert claimed(job_queue) == [("1", "health")]
    assert claimed(job_queue) == []


def test_the_listener_gets_a_struct_of_plain_values(job_queue):
    job_queue.add(a_job("health", Results()))
    (struct,) = job_queue.claim(False)
    assert struct == {
        "id": "1",
        "kind": "health",
        "pair": "web",
        "name": "health",
        "check": "true",
        "timeout": 5.0,
        "interval": 1.0,
        "expect": "",
        "environment": {},
    }


def test_a_check_goes_on_until_its_result_is_not_wanted(job_queue):
    results = Results()
    job_queue.add(a_job("health", results))
    job_queue.claim(False)
    assert job_queue.report("1", True, "200") is True
    results.go_on = False
    assert job_queue.report("1", False, "500") is False
    assert results.seen == [(True, "200"), (False, "500")]
    assert job_queue.report("1", True, "200") is None


def test_a_hook_is_reported_once(job_queue):
    results = Results()
    job_queue.add(a_job("hook", results))
    results.go_on = False
    assert job_queue.report("1", True, "") is False
    assert job_queue.report("1", True, "") is None
    assert results.seen == [(True, "")]


def test_a_hook_that_has_not_begun_is_withdrawn_at_once(job_queue):
    results = Results()
    job_queue.withdraw(job_queue.add(a_job("hook", results)))
    assert results.seen == [(False, "it was withdrawn before it began")]
    assert claimed(job_queue) == []
    job_queue.withdraw(None)


def test_a_hook_that_runs_is_ended_by_the_listener_and_reported_as_usual(job_queue):
    results = Results(go_on=False)
    running = job_queue.add(a_job("hook", results, "running"))
    assert claimed(job_queue) == [("running", "hook")]
    job_queue.withdraw(running)
    job_queue.withdraw(running)
    assert job_queue.woken.count(running) == 2
    assert claimed(job_queue) == [("running", "end")]
    assert claimed(job_queue) == []
    assert job_queue.report("running", False, "ended by signal 15") is False
    assert results.seen == [(False, "ended by signal 15")]


def test_a_check_that_is_withdrawn_is_forgotten(job_queue):
    check = job_queue.add(a_job("health", Results()))
    job_queue.claim(False)
    job_queue.withdraw(check)
    assert job_queue.report("1", True, "200") is None


def test_h54_a_check_about_which_nothing_is_reported_is_given_out_again(job_queue, clock):
    job_queue.add(a_job("health", Results()))
    job_queue.claim(False)
    clock.now += 10.0
    job_queue.report("1", True, "200")
    clock.now += 5.0 + 1.0 + SILENT_S
    assert claimed(job_queue) == []
    clock.now += 0.1
    assert claimed(job_queue) == [("1", "health")]
    assert claimed(job_queue) == []


def test_h54_another_listener_gets_the_checks_and_a_hook_that_had_begun_has_failed(job_queue):
    results = Results(go_on=False)
    job_queue.add(a_job("health", Results(), "check"))
    job_queue.add(a_job("hook", results, "hook"))
    job_queue.claim(False)
    assert claimed(job_queue, restarted=True) == [("check", "health")]
    assert results.seen == [(False, "the listener ended while it ran")]


def test_h54_a_listener_that_was_silent_for_long_is_not_present(job_queue, clock):
    assert job_queue.listener_present(), "it may still be starting"
    clock.now += STARTS_S
    assert not job_queue.listener_present()
    job_queue.claim(True)
    assert job_queue.listener_present()
    clock.now += PRESENT_S + 1
    assert not job_queue.listener_present()


def test_h54_a_hook_about_which_no_listener_reports_fails_in_the_end(job_queue):
    timers = []
    results = Results(go_on=False)
    services = SimpleNamespace(
        job_queue=job_queue,
        loop=SimpleNamespace(call_later=lambda seconds, call: timers.append((seconds, call))),
        new_id=lambda: "1",
        log=lambda level, sentence, **fields: None,
    )
    pair = PairConfig(before_deploy="true", hook_timeout=5.0)
    job = run_hook(services, pair, "pybossa", "before_deploy", {"ZERG_ID": "7"}, results)
    assert job.environment == {
        "ZERG_HOOK": "before_deploy",
        "ZERG_PAIR": "pybossa",
        "ZERG_SERVING": "pybossa",
        "ZERG_ID": "7",
    }
    ((seconds, expire),) = timers
    job_queue.claim(False)
    expire()
    expire()
    assert seconds == 5.0 + GRACE_S
    assert results.seen == [(False, "the listener reported nothing for 15 s")]
    assert run_hook(services, pair, "pybossa", "after_deploy", {}) is None

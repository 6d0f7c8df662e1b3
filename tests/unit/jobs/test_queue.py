"""Jobs for the listener, and what becomes of them when it dies."""

import pytest

from supervisor_zerg.jobs.queue import PRESENT_S, SILENT_S, STARTS_S, Job, JobQueue


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def job_queue(clock):
    woken = []
    made = JobQueue(clock, woken.append)
    made.woken = woken
    return made


def a_job(kind, told, ident="1"):
    return Job(ident, kind, "web", "health", "true", 5.0, told)


def test_a_job_wakes_the_listener_and_is_given_once(job_queue):
    job = job_queue.add(a_job("health", lambda ok, words: True))
    assert job_queue.woken == [job]
    assert [j["id"] for j in job_queue.take(False)] == ["1"] and job_queue.take(False) == []


def test_a_check_goes_on_until_nobody_wants_it(job_queue):
    heard = []
    job_queue.add(a_job("health", lambda ok, words: heard.append((ok, words)) or len(heard) < 2))
    job_queue.take(False)
    assert job_queue.tell("1", True, "200") is True and job_queue.tell("1", False, "500") is False
    assert heard == [(True, "200"), (False, "500")] and job_queue.tell("1", True, "200") is None


def test_a_hook_is_told_once(job_queue):
    heard = []
    job_queue.add(a_job("hook", lambda ok, words: heard.append(ok)))
    assert (
        job_queue.tell("1", True, "") is False
        and job_queue.tell("1", True, "") is None
        and heard == [True]
    )


def test_a_hook_that_runs_is_withdrawn_through_the_listener_and_one_that_does_not_at_once(
    job_queue,
):
    heard = []
    waiting = job_queue.add(a_job("hook", lambda ok, words: heard.append((ok, words)), "waiting"))
    job_queue.withdraw(waiting)
    assert heard == [(False, "it was withdrawn before it began")] and job_queue.take(False) == []
    running = job_queue.add(a_job("hook", lambda ok, words: heard.append((ok, words)), "running"))
    assert [(j["id"], j["kind"]) for j in job_queue.take(False)] == [("running", "hook")]
    job_queue.withdraw(running)
    job_queue.withdraw(running)
    assert job_queue.woken.count(running) == 2
    assert [(j["id"], j["kind"]) for j in job_queue.take(False)] == [
        ("running", "end")
    ] and job_queue.take(False) == []
    assert job_queue.tell("running", False, "ended by signal 15") is False and heard[-1] == (
        False,
        "ended by signal 15",
    )
    check = job_queue.add(a_job("health", lambda ok, words: True, "check"))
    job_queue.take(False)
    job_queue.withdraw(check)
    assert job_queue.tell("check", True, "200") is None


def test_h54_a_check_of_which_nothing_is_heard_is_given_out_again(job_queue, clock):
    job_queue.add(a_job("health", lambda ok, words: True))
    job_queue.take(False)
    clock.now += 10.0
    job_queue.tell("1", True, "200")
    clock.now += 5.0 + 1.0 + SILENT_S
    assert job_queue.take(False) == []
    clock.now += 0.1
    assert [j["id"] for j in job_queue.take(False)] == ["1"] and job_queue.take(False) == []


def test_h54_another_listener_gets_the_checks_and_a_hook_that_was_begun_has_failed(job_queue):
    heard = []
    job_queue.add(a_job("health", lambda ok, words: True, "check"))
    job_queue.add(a_job("hook", lambda ok, words: heard.append((ok, words)), "hook"))
    job_queue.take(False)
    assert [j["id"] for j in job_queue.take(True)] == ["check"]
    assert heard == [(False, "the listener ended while it ran")]


def test_h54_a_listener_that_is_silent_for_long_is_not_there(job_queue, clock):
    assert job_queue.listener_present(), "it may be on its way"
    clock.now += STARTS_S
    assert not job_queue.listener_present()
    job_queue.take(True)
    assert job_queue.listener_present()
    clock.now += PRESENT_S + 1
    assert not job_queue.listener_present()

"""Jobs for the listener, and what becomes of them when it dies."""

import pytest

from supervisor_zerg.jobs.queue import PRESENT_S, SILENT_S, STARTS_S, Job, Worklist


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def worklist(clock):
    woken = []
    made = Worklist(clock, woken.append)
    made.woken = woken
    return made


def a_job(kind, told, ident="1"):
    return Job(ident, kind, "web", "health", "true", 5.0, told)


def test_a_job_wakes_the_listener_and_is_given_once(worklist):
    job = worklist.add(a_job("health", lambda ok, words: True))
    assert worklist.woken == [job]
    assert [j["id"] for j in worklist.take(False)] == ["1"] and worklist.take(False) == []


def test_a_check_goes_on_until_nobody_wants_it(worklist):
    heard = []
    worklist.add(a_job("health", lambda ok, words: heard.append((ok, words)) or len(heard) < 2))
    worklist.take(False)
    assert worklist.tell("1", True, "200") is True and worklist.tell("1", False, "500") is False
    assert heard == [(True, "200"), (False, "500")] and worklist.tell("1", True, "200") is None


def test_a_hook_is_told_once(worklist):
    heard = []
    worklist.add(a_job("hook", lambda ok, words: heard.append(ok)))
    assert (
        worklist.tell("1", True, "") is False
        and worklist.tell("1", True, "") is None
        and heard == [True]
    )


def test_a_hook_that_runs_is_withdrawn_through_the_listener_and_one_that_does_not_at_once(worklist):
    heard = []
    waiting = worklist.add(a_job("hook", lambda ok, words: heard.append((ok, words)), "waiting"))
    worklist.withdraw(waiting)
    assert heard == [(False, "it was withdrawn before it began")] and worklist.take(False) == []
    running = worklist.add(a_job("hook", lambda ok, words: heard.append((ok, words)), "running"))
    assert [(j["id"], j["kind"]) for j in worklist.take(False)] == [("running", "hook")]
    worklist.withdraw(running)
    worklist.withdraw(running)
    assert worklist.woken.count(running) == 2
    assert [(j["id"], j["kind"]) for j in worklist.take(False)] == [
        ("running", "end")
    ] and worklist.take(False) == []
    assert worklist.tell("running", False, "ended by signal 15") is False and heard[-1] == (
        False,
        "ended by signal 15",
    )
    check = worklist.add(a_job("health", lambda ok, words: True, "check"))
    worklist.take(False)
    worklist.withdraw(check)
    assert worklist.tell("check", True, "200") is None


def test_h54_a_check_of_which_nothing_is_heard_is_given_out_again(worklist, clock):
    worklist.add(a_job("health", lambda ok, words: True))
    worklist.take(False)
    clock.now += 10.0
    worklist.tell("1", True, "200")
    clock.now += 5.0 + 1.0 + SILENT_S
    assert worklist.take(False) == []
    clock.now += 0.1
    assert [j["id"] for j in worklist.take(False)] == ["1"] and worklist.take(False) == []


def test_h54_another_listener_gets_the_checks_and_a_hook_that_was_begun_has_failed(worklist):
    heard = []
    worklist.add(a_job("health", lambda ok, words: True, "check"))
    worklist.add(a_job("hook", lambda ok, words: heard.append((ok, words)), "hook"))
    worklist.take(False)
    assert [j["id"] for j in worklist.take(True)] == ["check"]
    assert heard == [(False, "the listener ended while it ran")]


def test_h54_a_listener_that_is_silent_for_long_is_not_there(worklist, clock):
    assert worklist.listener_present(), "it may be on its way"
    clock.now += STARTS_S
    assert not worklist.listener_present()
    worklist.take(True)
    assert worklist.listener_present()
    clock.now += PRESENT_S + 1
    assert not worklist.listener_present()

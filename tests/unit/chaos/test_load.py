"""The account of failed requests: those inside a killed process are excused, no others."""

from supervisor_zerg.demo.traffic import Answer
from tests.chaos.load import REACTION_S, Ledger


def failure(began, ended):
    return Answer(began, ended, 0, "ConnectionResetError", 0, 0.0, "?")


def ledger(limit, now=10.0, seconds=1.0):
    account = Ledger()
    account.allow(now, seconds, limit, "master killed")
    return account


def test_a_request_that_ran_when_the_process_was_killed_is_excused():
    account = ledger(1)
    assert account.unexcused([failure(9.0, 10.1)]) == []
    assert account.excused == 1


def test_no_more_are_excused_than_the_process_could_handle():
    account = ledger(2)
    answers = [failure(9.0, 10.1), failure(9.0, 10.2), failure(9.0, 10.3)]
    assert account.unexcused(answers) == [answers[2]]
    assert account.unexcused([failure(9.5, 10.4)]) != []


def test_a_request_that_ended_before_or_began_after_it_is_not_excused():
    account = ledger(9)
    early = failure(9.0, 10.0 - 2 * REACTION_S)
    late = failure(11.1, 11.2)
    assert account.unexcused([late, early]) == [early, late]
    assert account.excused == 0


def test_the_newest_loss_is_used_up_first():
    account = ledger(1, now=10.0)
    account.allow(10.5, 1.0, 1, "worker killed")
    assert account.unexcused([failure(10.6, 10.7), failure(10.2, 10.8)]) == []

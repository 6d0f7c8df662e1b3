"""A bystander reports every signal, also those that it cannot catch."""

import os
import signal
import time

import pytest

from tests.chaos.bystander import Bystander


@pytest.fixture
def bystander():
    process = Bystander()
    until(lambda: process.ready())
    yield process
    process.end()


def until(true):
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGTSTP, signal.SIGCONT, signal.SIGHUP])
def test_a_signal_and_its_sender_are_reported(bystander, number):
    assert bystander.signals() == []
    os.kill(bystander.pid, number)
    until(bystander.signals)
    assert f"{number.name} from process {os.getpid()}" in bystander.signals()[0]


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_signal_that_nobody_catches_is_seen(bystander, number):
    os.kill(bystander.pid, number)
    until(bystander.signals)
    assert "was stopped" in bystander.signals()[0] or "ended with -9" in bystander.signals()[0]

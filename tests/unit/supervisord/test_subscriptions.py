"""Supervisor's events reach the listener; nothing runs inside its recursion over output."""

import sys
import traceback
from types import SimpleNamespace

import pytest
from supervisor import events

from supervisor_zerg.core.goals import OnStart
from supervisor_zerg.supervisord import subscriptions
from supervisor_zerg.supervisord.loop import Loop
from supervisor_zerg.supervisord.programs import Programs
from supervisor_zerg.supervisord.subscriptions import Subscriptions

FRAMES_OF_A_RUN = 30


class Listener:
    """Keeps what it hears; to be ready costs many frames, as a run of the reconcile loop does."""

    def __init__(self):
        self.heard = []

    def on_ready(self, program):
        self.dive(FRAMES_OF_A_RUN)
        self.heard.append(("ready", program))

    def dive(self, frames):
        return frames and self.dive(frames - 1)

    def __getattr__(self, name):
        return lambda *arguments: self.heard.append((name, *arguments))


def process(name="web"):
    return SimpleNamespace(
        config=SimpleNamespace(name=name), group=SimpleNamespace(config=SimpleNamespace(name=name))
    )


def printed(data, name="web"):
    event = events.ProcessCommunicationEvent.__new__(events.ProcessCommunicationEvent)
    event.process, event.data = process(name), data
    return event


@pytest.fixture
def stack(monkeypatch):
    """(loop, listener, what was logged); Supervisor's own subscriptions are left alone."""
    monkeypatch.setattr(events, "callbacks", [])
    logged = []
    logger = SimpleNamespace(critical=logged.append)
    poller = SimpleNamespace(poll=lambda timeout: ([], []))
    options = SimpleNamespace(logger=logger, poller=poller, get_socket_map=dict)
    supervisord = SimpleNamespace(options=options, process_groups={})
    loop, listener = Loop(supervisord), Listener()
    Subscriptions(loop, Programs(supervisord), listener)
    loop.start()
    return SimpleNamespace(loop=loop, listener=listener, logged=logged, poll=lambda: poller.poll(1))


def test_a_flood_of_ready_prints_is_one_wake_up_for_each_program_and_round(stack):
    for _ in range(1000):
        for name in ("web", "webbak"):
            events.notify(printed(b"zerg ready\n", name))
    assert stack.listener.heard == [], "nothing runs inside Supervisor's recursion"
    stack.poll()
    assert sorted(stack.listener.heard) == [("ready", "web"), ("ready", "webbak")]
    stack.poll()
    assert len(stack.listener.heard) == 2
    events.notify(printed(b"zerg ready\n"))
    stack.poll()
    assert len(stack.listener.heard) == 3


def test_other_output_is_no_wake_up(stack):
    events.notify(printed(b"hello"))
    stack.poll()
    assert stack.listener.heard == []


def with_frames_left(frames, function):
    """Call a function that can make so many more calls. Returns what it raised, or None."""

    def dive(frames_to_go):
        return dive(frames_to_go - 1) if frames_to_go else function()

    depth = 0
    here = sys._getframe()
    while here is not None:
        depth += 1
        here = here.f_back
    try:
        dive(sys.getrecursionlimit() - depth - 2 - frames)
    except RecursionError as error:
        return error
    return None


@pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer, as of coverage, needs frames")
@pytest.mark.parametrize("data", [b"zerg ready\n", b"hello"])
@pytest.mark.parametrize("frames", range(2, 60))
def test_no_depth_of_the_stack_lets_an_exception_out_of_the_guard(stack, data, frames):
    (handler,) = [c for kind, c in events.callbacks if kind is events.ProcessCommunicationEvent]
    event = printed(data)
    error = with_frames_left(frames, lambda: handler(event))
    passed = [frame.name for frame in traceback.extract_tb(error and error.__traceback__)]
    assert "guarded" not in passed, "it could be entered, and let the exception out"
    assert error is None or frames < 10


def test_a_ready_print_deep_inside_the_recursion_is_not_lost(stack):
    event = printed(b"zerg ready\n")
    for frames in range(59, 1, -1):
        with_frames_left(frames, lambda: events.notify(event))
    stack.poll()
    assert stack.listener.heard == [("ready", "web")]


def test_the_guard_reports_later_what_it_could_not_report_at_once(stack, monkeypatch):
    def fail(line):
        raise OSError("the disk is full")

    def bug():
        raise ValueError("what happened")

    monkeypatch.setattr(stack.loop.options.logger, "critical", fail)
    stack.loop.guard(bug)()
    stack.poll()
    monkeypatch.setattr(stack.loop.options.logger, "critical", stack.logged.append)
    stack.poll()
    stack.poll()
    (line,) = stack.logged
    assert "ValueError: what happened" in line


@pytest.mark.parametrize("kind, state", subscriptions.ENDED.items())
def test_the_end_of_a_process_is_reported_with_its_state(stack, kind, state):
    event = kind.__new__(kind)
    event.process = process()
    events.notify(event)
    assert stack.listener.heard == [("on_ended", "web", state)]


def test_a_start_by_an_operator_promotes(stack):
    event = events.ProcessStateStartingEvent.__new__(events.ProcessStateStartingEvent)
    event.process, event.from_state = process(), 0
    events.notify(event)
    ((name, program, on_start, _),) = stack.listener.heard
    assert (name, program, on_start) == ("on_starting", "web", OnStart.PROMOTE)

"""Real supervisord, real uWSGI, real load. Every stack is ended by pid, whatever a test does to it."""

import os
import time

import pytest

from supervisor_zerg.demo.nginx import Nginx, found
from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Traffic, failed, get, stale

PREFORK = {"processes": 4}
THREADS = {"processes": 2, "threads": 4}
LAZY = {"processes": 2, "lazy-apps": "true"}
CHEAPER = {"processes": 4, "cheaper": 1}
MODES = {"prefork": PREFORK, "threads": THREADS, "lazy": LAZY, "cheaper": CHEAPER}


@pytest.fixture(params=["managed", "hooks"])
def dialect(request):
    return request.param


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With a failure comes what its stacks look like and have logged."""
    report = yield
    for stack in getattr(item, "stacks", []):
        if report.failed and call.when == "call":
            report.sections.append(("the pair and supervisord's log", stack.report()))
    return report


@pytest.fixture
def make_stack(request):
    """A factory of stacks; all of them end with the test."""
    request.node.stacks = stacks = []

    def make(*args, start=True, **options):
        stack = Stack(*args, **options)
        stacks.append(stack)
        return stack.start() if start else stack

    yield make
    for stack in stacks:
        stack.stop()


@pytest.fixture
def stack(make_stack, dialect):
    """A pair in each dialect: pybossa serves, pybossabak was not started."""
    return make_stack(dialect)


@pytest.fixture
def warm(stack):
    """pybossabak serves, pybossa is parked."""
    stack.warm_up()
    return stack


@pytest.fixture
def mature(warm):
    """The same, and both have outlived their startsecs: an end is EXITED to Supervisor, and no BACKOFF."""
    both_run(warm)
    return warm


def both_run(stack):
    """Wait until Supervisor calls both programs RUNNING."""
    stack.until(lambda: {c["statename"] for c in stack.info()["instances"]} == {"RUNNING"})


def pid_of(stack, program):
    return stack.supervisor.getProcessInfo(program)["pid"]


def slots(stack):
    return {c["program"]: c["slot"] for c in stack.info()["instances"]}


def echo(stack, slot, text):
    """An operator's ``echo text > slot.fifo``, which waits for a reader, since the master makes its FIFO anew after each command."""
    end = time.monotonic() + 5
    while True:
        try:
            descriptor = os.open(stack.run / (f"{slot}.fifo"), os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            assert time.monotonic() < end, f"nobody reads {slot}.fifo"
            time.sleep(0.001)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def swap_under_load(
    stack, swaps, paths=("/", "/?s=0.02"), clients=6, pause=0.02, address=None, during=None
):
    """Swap again and again while clients ask. :returns: (answers, [(asked, replied, serving)])."""
    done = []
    zerg = stack.zerg
    with Traffic(address or stack.web, clients=clients, seconds=240, paths=paths) as traffic:
        for number in range(swaps):
            asked = time.monotonic()
            reply = zerg.swap("")
            done.append((asked, time.monotonic(), reply["serving"]))
            if during:
                during(number)
            time.sleep(pause)
        time.sleep(0.3)
        answers = traffic.answers()
    return answers, done


def assert_nobody_noticed(answers, swaps=()):
    assert len(answers) > 20
    assert failed(answers) == []
    assert stale(answers, list(swaps)) == []


def assert_serves(stack, program, tries=8):
    """Requests are answered, and by this program only."""
    answers = [get(stack.web, timeout=10) for _ in range(tries)]
    assert [a.program for a in answers] == [program] * tries


def history(stack, limit=200):
    return stack.zerg.getHistory("", limit)


def told(stack):
    """All moves in history as one text."""
    return "\n".join(action for entry in history(stack) for action in entry["actions"])


@pytest.fixture
def nginx():
    """nginx in front of a stack. :returns: function(stack) -> port."""
    if not found():
        pytest.skip("nginx is not installed: apt-get install nginx-light (.ci/run does)")
    servers = []

    def start(stack):
        servers.append(Nginx(stack))
        return servers[-1].port

    yield start
    for server in servers:
        server.stop()

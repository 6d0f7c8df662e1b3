"""Real supervisord, real uWSGI, real load. Every stack is ended by pid, whatever a test does."""

import os
import time
from pathlib import Path

import pytest

from supervisor_zerg.demo.nginx import Nginx, nginx_path
from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Traffic, failed, get, stale

PREFORK = {"processes": 4}
THREADS = {"processes": 2, "threads": 4}
LAZY = {"processes": 2, "lazy-apps": "true"}
CHEAPER = {"processes": 4, "cheaper": 1}
MODES = {"prefork": PREFORK, "threads": THREADS, "lazy": LAZY, "cheaper": CHEAPER}

#: An application that can be bad, and a pair that checks it quickly.
APP = {"wsgi-file": Path(__file__).parent / "apps" / "release.py"}
QUICK = {"health_interval": "0.1", "health_count": "2", "health_timeout": "1", "bake": "1"}


@pytest.fixture(params=["managed", "hooks"])
def dialect(request):
    return request.param


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the state and the logs of its stacks to the report of a failed test."""
    report = yield
    for stack in getattr(item, "stacks", []):
        if report.failed and call.when == "call":
            report.sections.append(("the pair and supervisord's log", stack.report()))
    return report


@pytest.fixture
def make_stack(request):
    """A factory of stacks, which all end with the test."""
    request.node.stacks = stacks = []

    def make(*args, start=True, **options):
        stack = Stack(*args, **options)
        stacks.append(stack)
        return stack.start() if start else stack

    yield make
    for stack in stacks:
        stack.stop()


@pytest.fixture
def make(make_stack, dialect):
    """A factory of pairs of APP in each dialect. pybossa serves version 1."""

    def make(app=PREFORK, **pair):
        stack = make_stack(dialect, app={**APP, **app}, pair={**QUICK, **pair})
        stack.until_roles("pybossa", "")
        return stack

    return make


@pytest.fixture
def managed(make_stack):
    """A factory of pairs of APP whose instances boot parked."""

    def make(app=PREFORK, **pair):
        return make_stack("managed", app={**APP, **app}, pair={**QUICK, **pair})

    return make


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
    """Both have also outlived their startsecs: Supervisor calls an end EXITED, not BACKOFF."""
    both_run(warm)
    return warm


def both_run(stack):
    """Wait until Supervisor calls both programs RUNNING."""
    stack.until(lambda: {found["statename"] for found in stack.info()["instances"]} == {"RUNNING"})


def pid_of(stack, program):
    return stack.supervisor.getProcessInfo(program)["pid"]


def slots(stack):
    return {found["program"]: found["slot"] for found in stack.info()["instances"]}


def echo(stack, slot, text):
    """An operator's ``echo text > slot.fifo``.

    It waits for a reader, since the master creates its FIFO again after each command.
    """
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
    """Swap repeatedly under load. Returns the answers, and (asked, replied, serving) by swap."""
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
    """Assert that this program, and no other, answers requests."""
    answers = [get(stack.web, timeout=10) for _ in range(tries)]
    assert [a.program for a in answers] == [program] * tries


def history(stack, limit=200):
    return stack.zerg.getHistory("", limit)


def actions_text(stack):
    """All actions of the history as one text."""
    return "\n".join(action for entry in history(stack) for action in entry["actions"])


@pytest.fixture
def nginx():
    """A function that starts nginx in front of a stack and returns its port."""
    if not nginx_path():
        pytest.skip("nginx is not installed: apt-get install nginx-light (.ci/run does)")
    servers = []

    def start(stack, **options):
        servers.append(Nginx(stack, **options))
        return servers[-1].port

    yield start
    for server in servers:
        server.stop()

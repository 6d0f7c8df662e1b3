"""The companion: a parked copy answers for its health, and what users would call first is called before they come."""

import os
import signal
import socket
import stat
import threading
from pathlib import Path

import pytest

from supervisor_zerg import checks
from supervisor_zerg.demo.traffic import Traffic, get

from .conftest import MODES, PREFORK, assert_nobody_noticed, assert_serves, swap_under_load
from .test_events import workers_of

WARMING = {"wsgi-file": Path(__file__).parent / "apps" / "warming.py"}


def companion(stack, program):
    return stack.run / (program + ".companion")


def health(stack, program, path="/", timeout=5.0):
    job = {"kind": "health", "timeout": timeout, "expect": "", "environment": {}, "pair": "p", "what": "health"}
    return checks.run({**job, "check": "unix://%s:%s" % (companion(stack, program), path)})


def healthy(stack, program):
    return health(stack, program)[0]


@pytest.mark.parametrize("app", [*MODES.values(), {**PREFORK, "enable-threads": "true"}], ids=[*MODES, "enable-threads"])
def test_each_copy_answers_parked_and_serving_and_stays_what_it_is(make_stack, app):
    stack = make_stack("managed", app=app)
    stack.warm_up()
    for program in ("pybossa", "pybossabak"):
        stack.until(lambda p=program: healthy(stack, p))
        assert stat.S_IMODE(os.lstat(companion(stack, program)).st_mode) == 0o600
    assert stack.copy("pybossa")["condition"] == "parked"
    answers, swaps = swap_under_load(stack, 6, during=lambda number: healthy(stack, "pybossa"))
    assert_nobody_noticed(answers, swaps)


def test_a_copy_that_drains_answers_too(make_stack):
    stack = make_stack("managed", app=PREFORK)
    stack.warm_up()
    thread = threading.Thread(target=get, args=(stack.web, "/?s=2"))
    thread.start()
    stack.until(lambda: stack.copy("pybossabak")["in_flight"])
    stack.zerg.swap("")
    assert healthy(stack, "pybossabak")
    thread.join()


def test_it_comes_back_with_a_respawned_worker(make_stack):
    stack = make_stack("managed", app=PREFORK)
    stack.warm_up()
    stack.until(lambda: healthy(stack, "pybossa"))
    for worker in workers_of(stack, "pybossa"):
        os.kill(worker, signal.SIGKILL)
    stack.until(lambda: not healthy(stack, "pybossa") or True)
    stack.until(lambda: healthy(stack, "pybossa"))
    stack.until_roles("pybossabak", "pybossa")
    assert_serves(stack, "pybossabak")


@pytest.mark.parametrize("lazy", [None, "true"], ids=["prefork", "lazy"])
def test_every_worker_is_warmed_before_users_come(make_stack, lazy):
    app = {**WARMING, "processes": 3, "lazy-apps": lazy}
    stack = make_stack("managed", app=app, environment={"ZERG_WARM": "/warm"})
    warmed = stack.run / "warmed"
    stack.until(lambda: warmed.exists() and len(warmed.read_text().splitlines()) == 3)
    assert {line.split()[0] for line in warmed.read_text().splitlines()} == {str(pid) for pid in workers_of(stack, "pybossa")}
    assert {line.split()[1] for line in warmed.read_text().splitlines()} == {"True"}
    stack.until(lambda: healthy(stack, "pybossa"))


def test_a_warm_up_that_fails_is_told_and_keeps_a_release_from_users(make_stack):
    pair = {"companion": "%(ENV_ZERG_RUN)s/%(program_name)s.companion", "health": "/", "health_interval": "0.1", "health_count": "2"}
    stack = make_stack("managed", app={**WARMING, "processes": 2}, pair=pair, environment={"ZERG_WARM": "/warm"})
    stack.version("cold")
    told = stack.zerg.deploy("")
    assert told["outcome"] == "failed" and "503 Not Warm" in told["why"]
    assert "the warm-up of /warm failed: 500" in stack.child_log("pybossabak") and "it cannot be warmed" in stack.child_log("pybossabak")


def test_an_application_that_did_not_load_is_not_healthy(make_stack):
    stack = make_stack("managed", app={**WARMING, "processes": 2, "need-app": "false"})
    stack.version("unimportable")
    stack.supervisor.startProcess("pybossabak", False)
    stack.until(lambda: "503" in health(stack, "pybossabak")[1])


def test_a_client_that_says_nothing_is_given_up(make_stack):
    stack = make_stack("managed", app=PREFORK)
    stack.until(lambda: healthy(stack, "pybossa"))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(companion(stack, "pybossa")))
        with Traffic(stack.web, clients=2, paths=("/",)) as traffic:
            assert health(stack, "pybossa", timeout=15)[0], "once the other one is given up"
            answers = traffic.answers()
    assert_nobody_noticed(answers)

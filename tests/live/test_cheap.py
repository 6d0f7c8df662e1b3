"""Instances that end their workers while nobody asks, and start them with the next request."""

import pytest

from supervisor_zerg.demo.traffic import get

from .conftest import assert_serves, history

IDLE = {"processes": 2, "idle": 4}
CHEAP = {"processes": 4, "cheaper": 1, "cheap": "true"}


def all_cheap(stack):
    info = stack.info()
    return info if all(found["cheap"] for found in info["instances"]) else None


ATTEMPTS = 3


def test_h69_cheap_instances_serve_and_are_parked_and_swaps_and_deploys_work(make_stack, dialect):
    """On a busy machine a master that becomes cheap may look for longer than RESPAWN_S as if all of
    its workers had ended, and the other instance takes over: then the test begins anew."""
    for _ in range(ATTEMPTS):
        stack = make_stack(dialect, app=IDLE, pair={"bake": "1"})
        stack.warm_up()
        try:
            return cheap_instances_work(stack)
        except (AssertionError, TimeoutError):
            if not any(entry["failover"] for entry in history(stack)):
                raise
            stack.stop()
    pytest.fail(f"a fail-over in each of {ATTEMPTS} attempts")


def cheap_instances_work(stack):
    info = stack.until(lambda: all_cheap(stack))
    assert (info["serving"], info["parked"], info["warm"]) == ("pybossabak", "pybossa", True)
    assert info["problems"] == []
    assert "cheap" in stack.zergctl("status").stdout
    assert get(stack.web, timeout=10).program == "pybossabak"
    stack.until(lambda: all_cheap(stack))
    stack.until_roles("pybossabak", "pybossa")
    assert stack.zerg.swap("")["serving"] == "pybossa"
    assert_serves(stack, "pybossa")
    stack.until(lambda: all_cheap(stack))
    stack.until_roles("pybossa", "pybossabak")
    assert not any(entry["failover"] for entry in history(stack))
    stack.version("2")
    deployed = stack.zerg.deploy("", {"label": "2"})
    assert deployed["outcome"] == "deployed", deployed
    assert get(stack.web, timeout=10).version == "2"


def test_h70_an_instance_that_boots_without_workers_is_woken_to_see_whether_it_is_paused(
    make_stack, dialect
):
    stack = make_stack(dialect, app=CHEAP, pair={"bake": "0.5"})
    stack.warm_up()
    assert_serves(stack, "pybossabak")
    stack.version("2")
    deployed = stack.zerg.deploy("", {"label": "2"})
    assert deployed["outcome"] == "deployed", deployed
    assert_serves(stack, "pybossa")
    assert get(stack.web, timeout=10).version == "2"
    stack.until_roles("pybossa", "pybossabak")

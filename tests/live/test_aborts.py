"""Deploys that are ended early: by an operator, by a reload of supervisord, by its end."""

import signal
import threading
import time
import xmlrpc.client

import pytest

from supervisor_zerg.demo.traffic import get

from .conftest import assert_serves
from .releases import begin, deploy

WAYS = {  # phase -> (version, options of the pair, outcome of an abort)
    "booting": ("2 hangs", {}, "failed"),
    "checking": (
        "2",
        {"health": "command:false", "health_count": "100", "health_interval": "1"},
        "failed",
    ),
    "baking": ("2", {"bake": "60"}, "rolled back"),
    "finishing": ("2", {"after_deploy": "sleep 60"}, "rolled back"),
}


def into(stack, phase, version):
    """Begin a deploy and wait until it is in that phase."""
    if phase in ("draining", "stopping"):
        assert deploy(stack, "1")["outcome"] == "deployed"
        hang(stack)
        stack.zerg.swap("")
    return begin(stack, version, phase)


def hang(stack):
    """A request that lasts in the instance that serves."""
    threading.Thread(target=lambda: get(stack.web, "/?s=15", timeout=30), daemon=True).start()
    stack.until(lambda: any(c["in_flight"] for c in stack.info()["instances"]))


@pytest.mark.parametrize("phase", WAYS)
def test_h51_abort_ends_a_deploy_on_the_old_release(managed, phase):
    version, pair, outcome = WAYS[phase]
    stack = managed(**pair)
    into(stack, phase, version)
    began = time.monotonic()
    info = stack.zerg.abort("")
    assert info["outcome"] == outcome and "aborted by operator" in info["reason"], info
    assert time.monotonic() - began < 3.0
    assert_serves(stack, "pybossa")


@pytest.mark.parametrize(
    "limit, phase", [("60", "draining"), ("0.2", "stopping")], ids=["draining", "stopping"]
)
def test_h51_abort_while_the_instance_drains_or_stops(managed, limit, phase):
    stack = managed(drain_timeout=limit, health="")
    into(stack, phase, "3")
    info = stack.zerg.abort("")
    assert info["outcome"] == ("refused" if phase == "draining" else "failed")
    assert_serves(stack, "pybossa")


def test_h51_abort_while_a_hook_runs_ends_the_hook(make, tmp_path):
    trap = f'touch {tmp_path}/begun; trap "touch {tmp_path}/ended; exit 1" TERM; sleep 60 & wait'
    stack = make(before_deploy=f"sh -c '{trap}'")
    begin(stack, "2", "preparing")
    stack.until((tmp_path / "begun").exists)
    info = stack.zerg.abort("")
    assert info["outcome"] == "refused" and "aborted by operator" in info["reason"]
    assert (tmp_path / "ended").exists(), "the deploy ended before its hook"
    assert stack.zerg.getDeploy("")["id"] == info["id"] and stack.info()["busy"] == {}


def test_h51_abort_while_it_boots_leaves_users_on_the_old_release(make):
    stack = make()
    begin(stack, "2 hangs", "booting")
    info = stack.zerg.abort("")
    assert info["outcome"] == "failed" and stack.info()["serving"] == "pybossa"
    assert_serves(stack, "pybossa")


@pytest.mark.parametrize("phase", ["draining", "booting", "checking", "baking"])
def test_h53_a_reload_of_supervisord_in_the_middle_leaves_a_pair_that_reconciles(
    make, dialect, phase
):
    if (dialect, phase) == ("hooks", "checking"):
        pytest.skip("nothing is checked before the promotion in the hooks dialect")
    version, pair, _ = WAYS.get(phase, ("2", {}, ""))
    stack = make(**{"health": "", **pair})
    begun = into(stack, phase, version)
    stack.process.send_signal(signal.SIGHUP)
    stack.version("2")
    stack.until(lambda: stack._answers() and stack.zerg.getDeploy("") == {}, seconds=90)
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.getDeploy("", begun["id"])
    assert refusal.value.faultCode == 323
    stack.until(lambda: stack.info()["serving"], seconds=60)


@pytest.mark.parametrize("phase", ["draining", "booting", "baking"])
def test_h53_supervisord_shuts_down_in_the_middle_and_nothing_is_started_again(managed, phase):
    version, pair, _ = WAYS.get(phase, ("2", {}, ""))
    stack = managed(**{"health": "", **pair})
    into(stack, phase, version)
    stack.process.send_signal(signal.SIGTERM)
    limit = time.monotonic() + 15
    while stack.process.poll() is None and time.monotonic() < limit:
        time.sleep(0.05)
        if (
            time.monotonic() > limit - 12
        ):  # a request that lasts delays it, and is not what is tested
            stack.kill_all(but=stack.process.pid)
    assert stack.process.poll() is not None, stack.supervisord_log()

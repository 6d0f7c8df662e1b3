"""The deploys that a pair knows, and the labels of its releases."""

import pytest

from supervisor_zerg.core import errors
from supervisor_zerg.core.exit_status import ExitStatus
from supervisor_zerg.core.reply import Reply
from supervisor_zerg.deploy.executor import DeployRequest
from supervisor_zerg.deploy.model import Phase
from supervisor_zerg.deploy.plan import make_plans, read_options
from supervisor_zerg.deploy.registry import REMEMBERED, DeployRegistry

from .fakes import FakeTarget, fake_services
from .pairs import OBSERVED, PAIR

LABELS = {"new": [7, 70, "v2"], "old": [8, "from an older version of this file"]}


@pytest.fixture
def deploys():
    target = FakeTarget()
    ended = []
    registry = DeployRegistry(fake_services(target), target, dict(LABELS), ended.append)
    registry.ended = ended
    return registry


def begin(deploys, ident="1"):
    plans = make_plans(PAIR, OBSERVED, read_options({}))
    return deploys.begin(DeployRequest(ident, plans, "", "operator"), OBSERVED, Reply())


def abort(deploys):
    reply = deploys.abort("operator")
    deploys.services.loop.run(1.0)
    return reply.result()


def test_h52_a_client_that_was_disconnected_asks_for_a_deploy_by_its_id(deploys):
    for number in range(REMEMBERED + 1):
        begin(deploys, str(number))
        abort(deploys)
    assert deploys.info()["id"] == str(REMEMBERED)
    assert deploys.info("1")["id"] == "1"
    with pytest.raises(errors.ForgottenDeploy):
        deploys.info("0")


def test_h53_a_deploy_that_nobody_remembers_has_an_exit_status_of_its_own(deploys):
    assert deploys.info() == {}
    assert deploys.last is None
    with pytest.raises(errors.ForgottenDeploy) as refusal:
        deploys.info("6b-1")
    assert refusal.value.exit_status == ExitStatus.FORGOTTEN
    assert "reloaded" in str(refusal.value)


def test_one_deploy_at_a_time(deploys):
    deploys.require_idle()
    begin(deploys)
    with pytest.raises(errors.Busy, match=r"deploy new \(id 1\) by operator is under way since"):
        deploys.require_idle()
    deploys.target.refusal = errors.Busy("a swap is under way")
    with pytest.raises(errors.Busy):
        begin(deploys, "2")


def test_h51_an_aborted_deploy_is_answered_at_its_end(deploys):
    with pytest.raises(errors.NoDeploy):
        deploys.abort("operator")
    begin(deploys)
    info = abort(deploys)
    assert (info["outcome"], info["reason"]) == ("failed", "aborted by operator")
    assert deploys.running is None
    assert deploys.ended == [deploys.last]


def test_a_label_is_that_of_one_process_and_of_no_later_one_with_its_pid(deploys):
    assert deploys.label_of("new", 7) == "v2"
    assert deploys.label_of("new", 8) == ""
    assert deploys.label_of("old", 8) == ""
    assert deploys.label_of("other", 0) == ""
    deploys.services.kernel.processes.get = lambda pid: None
    assert deploys.label_of("new", 7) == ""


@pytest.mark.parametrize(
    "phase, booting", [(Phase.DRAINING, False), (Phase.CHECKING, True), (Phase.BAKING, False)]
)
def test_an_instance_that_is_yet_to_be_promoted_is_booting(deploys, phase, booting):
    assert deploys.is_booting is False
    deploy = begin(deploys)
    deploy.state = deploy.state.enter(phase, 0.0)
    assert deploys.is_booting is booting

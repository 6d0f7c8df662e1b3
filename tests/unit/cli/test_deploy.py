"""``zerg deploy`` follows a deploy until it has ended."""

import xmlrpc.client

import pytest

from supervisor_zerg.cli import follow
from supervisor_zerg.core import errors
from supervisor_zerg.core.errors import ExitStatus

from ..structs import a_deploy
from .client import run


@pytest.mark.parametrize("outcome, status", errors.OUTCOMES.items())
def test_a_deploy_ends_with_the_status_of_its_outcome(outcome, status, capsys, monkeypatch):
    monkeypatch.setattr(follow, "FOLLOW_S", 0.0)
    done = run("deploy", capsys, deploy=a_deploy(), getDeploy=a_deploy(outcome=outcome, steps=[]))
    assert done.status == status and done.asked[1:] == [("getDeploy", "web", "x-1")], (
        "by its id: another one may have begun"
    )


def test_a_deploy_that_supervisord_has_forgotten_is_told_as_such(capsys, monkeypatch):
    monkeypatch.setattr(follow, "FOLLOW_S", 0.0)
    gone = xmlrpc.client.Fault(
        323,
        "ZERG_FORGOTTEN: nobody remembers the deploy x-1 of the pair web; "
        "'zerg status' tells who serves",
    )
    done = run("deploy", capsys, deploy=a_deploy(), getDeploy=gone)
    assert (
        done.status == errors.ExitStatus.FORGOTTEN
        and "error: nobody remembers the deploy x-1" in done.err
    )


def test_a_label_of_two_words_is_refused_with_what_it_is(capsys):
    unknown = xmlrpc.client.Fault(
        301, "ZERG_UNKNOWN_PAIR: no pair is named 'beta'; 'zerg status' lists the pairs"
    )
    done = run("deploy --label v2 beta", capsys, deploy=unknown)
    assert (
        done.status == ExitStatus.USAGE
        and "no pair is named 'beta'" in done.err
        and "a label is one word" in done.err
    )

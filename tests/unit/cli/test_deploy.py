"""``zerg deploy`` follows a deploy until it has ended."""

import xmlrpc.client

import pytest

from supervisor_zerg.cli import follow
from supervisor_zerg.core.exit_status import OUTCOMES, ExitStatus

from ..structs import a_deploy, a_pair
from .client import run


@pytest.mark.parametrize("outcome, status", OUTCOMES.items())
def test_a_deploy_ends_with_the_status_of_its_outcome(outcome, status, capsys, monkeypatch):
    monkeypatch.setattr(follow, "FOLLOW_S", 0.0)
    done = run("deploy", capsys, deploy=a_deploy(), getDeploy=a_deploy(outcome=outcome, steps=[]))
    assert done.status == status and done.asked[1:] == [("getDeploy", "web", "x-1")], (
        "by its id: another one may have begun"
    )


def test_a_deploy_that_supervisord_has_forgotten_is_reported_as_such(capsys, monkeypatch):
    monkeypatch.setattr(follow, "FOLLOW_S", 0.0)
    gone = xmlrpc.client.Fault(
        323,
        "ZERG_FORGOTTEN: supervisord does not remember the deploy x-1 of the pair web; "
        "'zerg status' shows who serves",
    )
    done = run("deploy", capsys, deploy=a_deploy(), getDeploy=gone)
    assert (
        done.status == ExitStatus.FORGOTTEN
        and "error: supervisord does not remember the deploy x-1" in done.err
    )


def test_a_label_of_two_words_is_refused_with_what_it_is(capsys):
    unknown = xmlrpc.client.Fault(320, "ZERG_BAD_OPTION: the pair web has no 'releases'; set it")
    done = run("deploy --label v2 beta", capsys, deploy=unknown, getAllPairInfo=[a_pair()])
    assert done.asked[-1] == ("deploy", "", {"label": "v2", "release": "beta", "wait": False})
    assert (
        done.status == ExitStatus.USAGE
        and "has no 'releases'" in done.err
        and "a label is one word" in done.err
    )


@pytest.mark.parametrize(
    "words, pair, release",
    [
        ("", "", None),
        ("web", "web", None),
        ("v2", "", "v2"),
        ("web v2", "web", "v2"),
        ("web web", "web", "web"),
    ],
)
@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_h68_a_single_word_that_names_no_pair_is_a_release(command, words, pair, release, capsys):
    done = run(
        f"{command} {words} --no-wait",
        capsys,
        getAllPairInfo=[a_pair()],
        **{command: a_deploy(outcome="")},
    )
    options = {"wait": False, **({"release": release} if release else {})}
    assert done.asked[-1] == (command, pair, options)


def test_h62_a_deploy_of_what_serves_is_told_as_such(capsys):
    same = a_deploy(outcome="deployed", changed=False, release="v2", label="", serving="a")
    done = run("deploy web v2", capsys, deploy=same)
    assert (done.status, done.out) == (0, "web: nothing to do, a serves v2\n")


def test_h64_a_rollback_is_told_with_its_release(capsys):
    back = a_deploy(kind="rollback", outcome="done", release="v1", label="", elapsed=0.1)
    done = run("rollback web", capsys, rollback=back, getAllPairInfo=[a_pair()])
    assert done.status == 0 and done.out.startswith("web: rolled back to v1 in 0.1 s, ")

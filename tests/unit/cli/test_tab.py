"""The Tab key in the shell of supervisorctl and zergctl."""

import xmlrpc.client

import pytest

from supervisor_zerg.cli import session
from supervisor_zerg.cli.plugin import make_zerg_controllerplugin

from ..structs import a_pair, an_instance
from .client import Controller, Zerg


def completed(line, bare=False, **answers):
    controller = Controller(
        Zerg(
            **{
                "getAllPairInfo": [a_pair(), a_pair("shop", instances=[an_instance("g:c")])],
                **answers,
            }
        )
    )
    make_zerg_controllerplugin(controller, bare=bare)
    text, found = line.rpartition(" ")[2], []
    while len(found) < 50:
        match = controller.complete(text, len(found), line)
        if match is None or match == "Supervisor's":
            return match if match else found
        found.append(match)
    raise AssertionError(f"endless completion of {line!r}")


@pytest.mark.parametrize(
    "line, found",
    [
        ("zerg s", ["status ", "swap "]),
        ("zerg promote ", ["a ", "b ", "g:c ", "--json "]),
        ("zerg promote g:", ["g:c "]),
        ("zerg swap w", ["web "]),
        ("zerg swap web ", ["--json "]),
        ("zerg swap web --json ", []),
        ("zerg pause --", ["--hold ", "--json "]),
        ("zerg pause --hold ", ["a ", "b ", "g:c ", "--json "]),
        ("zerg auto ", ["on ", "off ", "--json "]),
        ("zerg auto on s", ["shop "]),
        ("zerg history --limit ", []),
        ("zerg history --limit 5 w", ["web "]),
        ("zerg help sw", ["swap "]),
        ("help zerg sw", ["swap "]),
        ("zerg nonsense ", []),
        ("zerg promote nobody", []),
        ("", "Supervisor's"),
        ("ze", "Supervisor's"),
        ("start ", "Supervisor's"),
        ("swap ", "Supervisor's"),
    ],
)
def test_tab_completes_commands_names_and_options(line, found):
    assert completed(line) == found


def test_tab_in_zergctl_completes_without_the_word_zerg():
    assert completed("promote g", bare=True) == ["g:c "]
    assert completed("zerg promote g", bare=True) == ["g:c "]
    assert completed("help sw", bare=True) == "Supervisor's"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        xmlrpc.client.ProtocolError("x", 401, "Unauthorized", {}),
        KeyError("x"),
    ],
)
def test_tab_never_raises_or_prints(error, capsys):
    assert completed("zerg promote ", getAllPairInfo=error) == []
    assert capsys.readouterr() == ("", "")


def test_tab_asks_once_for_a_while(monkeypatch):
    controller = Controller(Zerg(getAllPairInfo=[a_pair()]))
    make_zerg_controllerplugin(controller)
    for state in range(4):
        controller.complete("", state, "zerg promote ")
    controller.complete("", 0, "zerg swap ")
    assert controller.zerg.asked == [("getAllPairInfo",)]
    monkeypatch.setattr(session, "CACHE_S", 0.0)
    controller = Controller(Zerg(getAllPairInfo=[a_pair()]))
    make_zerg_controllerplugin(controller)
    assert [controller.complete("", 0, "zerg swap ") for _ in range(2)] == ["web ", "web "]
    assert len(controller.zerg.asked) == 2

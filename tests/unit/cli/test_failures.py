"""How a command ends: answers on stdout, failures on stderr, and the exit status."""

import http.client
import io
import json
import socket
import xmlrpc.client
from xml.parsers.expat import ExpatError

import pytest

from supervisor_zerg.cli import failures
from supervisor_zerg.cli.plugin import INTERRUPTED, UNWRITABLE, make_zerg_controllerplugin
from supervisor_zerg.cli.session import limit
from supervisor_zerg.core import errors
from supervisor_zerg.core.exit_status import ExitStatus

from ..structs import a_pair, a_reply, an_instance
from .client import URL, Controller, Zerg, run

REFUSED = xmlrpc.client.Fault(304, "ZERG_NOT_RUNNING: b is STOPPED; start it")


def test_auto_tells_what_it_is_now(capsys):
    assert run("auto off", capsys, setAuto=a_reply(auto=False)).out == "web: auto off\n"
    assert (
        run("auto on", capsys, setAuto=a_reply(auto=True, changed=False)).out
        == "web: nothing to do, auto on\n"
    )


@pytest.mark.parametrize(
    "line, method, reply",
    [
        ("status web", "getPairInfo", a_pair()),
        ("status", "getAllPairInfo", [a_pair()]),
        ("swap", "swap", a_reply()),
        ("history", "getHistory", []),
    ],
)
def test_json_is_the_reply_itself_in_one_document_with_sorted_keys(line, method, reply, capsys):
    out = run(f"{line} --json", capsys, **{method: reply}).out
    assert json.loads(out) == reply
    assert out == f"{json.dumps(reply, indent=2, sort_keys=True)}\n"


def test_a_problem_cannot_forge_a_second_line(capsys):
    done = run("status", capsys, getAllPairInfo=[a_pair(problems=["caf\u00e9\nweb2: b serves"])])
    assert done.out.splitlines()[-1] == r"  problem: caf\xe9\nweb2: b serves"


@pytest.mark.parametrize("refusal", errors.ALL)
def test_a_refusal_ends_with_its_own_status_and_names_itself_on_stderr(refusal, capsys):
    fault = xmlrpc.client.Fault(refusal.code, f"{refusal.name}: it is so; do that")
    done = run("swap", capsys, swap=fault, getAllPairInfo=[a_pair()])
    assert (done.status, done.out) == (refusal.exit_status, "")
    assert done.err == f"error: it is so; do that ({refusal.name})\n"


@pytest.mark.parametrize(
    "infos, status",
    [
        ([a_pair()], ExitStatus.REFUSED),
        ([a_pair(serving="")], ExitStatus.NOBODY_SERVES),
        ([a_pair(serving="", held=True)], ExitStatus.NOBODY_SERVES),
        ([a_pair(), a_pair("other", serving="", instances=[an_instance("c")])], ExitStatus.REFUSED),
        (
            [a_pair(serving=""), a_pair("other", instances=[an_instance("c")])],
            ExitStatus.NOBODY_SERVES,
        ),
        ([], ExitStatus.NOBODY_SERVES),
        (ConnectionRefusedError(111, "refused"), ExitStatus.UNREACHABLE),
        (xmlrpc.client.Fault(6, "SHUTDOWN_STATE"), ExitStatus.UNREACHABLE),
    ],
)
def test_a_refusal_only_ends_with_3_if_somebody_serves_the_pair_it_is_about(infos, status, capsys):
    done = run("promote b", capsys, promote=REFUSED, getAllPairInfo=infos)
    assert done.status == status
    assert done.asked == [("promote", "b"), ("getAllPairInfo",)]


def test_the_pair_that_a_refusal_is_about_is_found_by_its_name_and_by_its_programs():
    web, other = a_pair(), a_pair("other", instances=[an_instance("g:c")])
    assert failures.concerned([web, other], {"PAIR": "other"}) == [other]
    assert failures.concerned([web, other], {"PROGRAM": "b"}) == [web]
    assert failures.concerned([web, other], {"PROGRAM": "b:b"}) == [web]
    assert failures.concerned([web, other], {"PROGRAM": "g:c"}) == [other]
    assert failures.concerned([web, other], {"PAIR": ""}) == [web, other]


@pytest.mark.parametrize(
    "error, hint",
    [
        (
            FileNotFoundError(2, "No such file or directory"),
            f"cannot be reached at {URL}: [Errno 2] No such file",
        ),
        (ConnectionRefusedError(111, "Connection refused"), "does it run, with a"),
        (PermissionError(13, "Permission denied"), "may this user open it?"),
        (TimeoutError("timed out"), "timed out"),
        (http.client.RemoteDisconnected("closed"), "closed"),
        (http.client.BadStatusLine("x"), "cannot be reached"),
        (ExpatError("not well-formed"), "not well-formed"),
        (xmlrpc.client.ResponseError(), "ResponseError"),
        (xmlrpc.client.Fault(1, "UNKNOWN_METHOD"), "'[rpcinterface:zerg]' is not configured"),
        (
            xmlrpc.client.ProtocolError("host/RPC2", 401, "Unauthorized", {}),
            "wants another username and password; give -u and -p",
        ),
    ],
)
def test_what_cannot_be_reached_ends_with_7(error, hint, capsys):
    done = run("swap", capsys, swap=error)
    assert (done.status, done.out) == (ExitStatus.UNREACHABLE, "")
    assert hint in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize(
    "error, hint",
    [
        (xmlrpc.client.Fault(2, "INCORRECT_PARAMETERS"), "INCORRECT_PARAMETERS"),
        (xmlrpc.client.Fault(6, "SHUTDOWN_STATE"), "SHUTDOWN_STATE"),
        (
            xmlrpc.client.ProtocolError("host/RPC2", 500, "Internal Server Error", {}),
            "HTTP 500 Internal Server Error; see its log",
        ),
        (KeyError("serving"), "KeyError: 'serving'; a bug"),
    ],
)
def test_an_unforeseen_failure_is_one_line_and_asks_who_serves(error, hint, capsys):
    done = run("swap", capsys, swap=error, getAllPairInfo=[a_pair()])
    assert (done.status, done.out) == (ExitStatus.REFUSED, "")
    assert hint in done.err and done.err.count("\n") == 1


def test_a_reply_without_the_keys_we_know_is_no_traceback(capsys):
    done = run("swap", capsys, swap={"pair": "web"}, getAllPairInfo=[a_pair()])
    assert done.status == ExitStatus.REFUSED and "KeyError" in done.err and not done.out


def test_an_interactive_shell_lets_supervisor_ask_for_the_password(capsys):
    with pytest.raises(xmlrpc.client.ProtocolError):
        run(
            "swap",
            capsys,
            interactive=1,
            swap=xmlrpc.client.ProtocolError("host/RPC2", 401, "Unauthorized", {}),
        )


def test_ctrl_c_is_no_traceback(capsys):
    done = run("swap", capsys, swap=KeyboardInterrupt())
    assert done.status == INTERRUPTED and "interrupted" in done.err
    assert (
        run("promote b", capsys, promote=REFUSED, getAllPairInfo=KeyboardInterrupt()).status
        == INTERRUPTED
    )


@pytest.mark.parametrize(
    "infos, status",
    [
        ([a_pair()], 0),
        ([a_pair(), a_pair(serving="")], ExitStatus.NOBODY_SERVES),
        ([a_pair(serving="", held=True)], ExitStatus.NOBODY_SERVES),
    ],
)
def test_status_ends_with_0_only_if_every_pair_serves(infos, status, capsys):
    assert run("status", capsys, getAllPairInfo=infos).status == status
    assert run("status --json", capsys, getAllPairInfo=infos).status == status


class FullDisk(io.StringIO):
    def flush(self):
        raise OSError(28, "No space left on device")


class NobodyReads(io.StringIO):
    def flush(self):
        raise BrokenPipeError(32, "Broken pipe")


def test_an_answer_that_cannot_be_written_is_a_failure_but_a_closed_pipe_is_none(capsys):
    for stdout, status in ((FullDisk(), UNWRITABLE), (NobodyReads(), 0)):
        controller = Controller(Zerg(swap=a_reply()))
        controller.stdout = stdout
        make_zerg_controllerplugin(controller).do_zerg("swap")
        assert controller.exitstatus == status
        assert bool(capsys.readouterr().err) == bool(status)


def test_the_limit_for_answers_is_only_ours():
    before = socket.getdefaulttimeout()
    with limit(3.0):
        assert socket.getdefaulttimeout() == 3.0
    assert socket.getdefaulttimeout() == before

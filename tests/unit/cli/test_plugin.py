"""The words of supervisorctl zerg and zergctl: what is understood, what is told, and with which status it ends."""

import http.client
import io
import json
import time
import types
import xmlrpc.client
from pathlib import Path
from xml.parsers.expat import ExpatError

import pytest
from hypothesis import given
from hypothesis import strategies as st

import supervisor_zerg
from supervisor_zerg.cli import commands, failures, help, main, plugin
from supervisor_zerg.core import errors, text
from supervisor_zerg.core.errors import ARGUMENTS, NOBODY, SERVED, UNREACHABLE

NOW = 1_700_000_000.0
URL = "unix:///run/supervisor.sock"
REFUSED = xmlrpc.client.Fault(304, "ZERG_NOT_RUNNING: b is STOPPED; start it")


def a_copy(program, condition="parked", **options):
    instance = {
        "program": program,
        "pid": 7,
        "master": 7,
        "statename": "RUNNING",
        "slot": "sleeping",
        "condition": condition,
        "in_flight": 0,
        "workers": 2,
        "threads": 8,
        "accepting_threads": 0,
        "frozen": False,
        "requests": 12.0,
        "source": "kernel, stats",
        "since": NOW - 3661,
    }
    return {**instance, **options}


def a_pair(pair="web", serving="a", parked="b", **options):
    instances = [a_copy("a", "serving", slot="running", accepting_threads=8), a_copy("b")]
    info = {
        "pair": pair,
        "serving": serving,
        "parked": parked,
        "warm": True,
        "held": False,
        "auto": True,
        "busy": "",
        "pool": "zergpool RUNNING",
        "problems": [],
        "instances": instances,
    }
    return {**info, **options}


def a_reply(**options):
    reply = {
        "pair": "web",
        "id": "x-1",
        "changed": True,
        "took_ms": 4.24,
        "serving": "b",
        "parked": "a",
        "draining": 0,
        "held": False,
    }
    return {**reply, **options}


class Zerg:
    """The namespace, as far as a test says what it answers."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __getattr__(self, method):
        def call(*args):
            self.asked.append((method,) + args)
            answer = self.answers[method]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return call


class Shell:
    """What a plugin sees of supervisorctl."""

    def __init__(self, zerg, interactive=0):
        self.options = types.SimpleNamespace(
            plugins=[types.SimpleNamespace()], serverurl=URL, interactive=interactive
        )
        self.zerg, self.stdout, self.exitstatus = zerg, io.StringIO(), 0
        self.complete = lambda text, state, line=None: "Supervisor's"

    def output(self, line):
        self.stdout.write(f"{line}\n")

    def get_server_proxy(self, namespace):
        assert namespace == "zerg"
        return self.zerg


def shell(line, capsys, interactive=0, bare=False, **answers):
    """Run one command. :returns: status, stdout, stderr, what was asked."""
    zerg = Zerg(**answers)
    controller = Shell(zerg, interactive)
    assert plugin.make_zerg_controllerplugin(controller, bare=bare).do_zerg(line) is None
    out, err = capsys.readouterr()
    assert out == ""
    return types.SimpleNamespace(
        status=controller.exitstatus, out=controller.stdout.getvalue(), err=err, asked=zerg.asked
    )


# what is understood


def test_every_command_asks_the_method_of_its_name(capsys):
    answers = dict.fromkeys(
        ("swap", "promote", "pause", "resume", "reconcile", "setAuto"), a_reply(auto=True)
    )
    answers.update(getPairInfo=a_pair(), getAllPairInfo=[a_pair()], getHistory=[])
    for line, asked in (
        ("status", ("getAllPairInfo",)),
        ("status web", ("getPairInfo", "web")),
        ("swap", ("swap", "")),
        ("swap web --json", ("swap", "web")),
        ("promote g:a", ("promote", "g:a")),
        ("pause a", ("pause", "a", False)),
        ("pause --hold a", ("pause", "a", True)),
        ("resume a", ("resume", "a", False)),
        ("resume a --both", ("resume", "a", True)),
        ("reconcile", ("reconcile", "")),
        ("auto on", ("setAuto", "", True)),
        ("auto off web", ("setAuto", "web", False)),
        ("history", ("getHistory", "", commands.LIMIT)),
        ("history web --limit 3", ("getHistory", "web", 3)),
        ("history --limit=3", ("getHistory", "", 3)),
    ):
        done = shell(line, capsys, **answers)
        assert (done.asked, done.status, done.err) == ([asked], 0, ""), line
        assert done.out or line.startswith("history")


@pytest.mark.parametrize(
    "line, hint",
    [
        ("", "name a command"),
        ("swp", "did you mean 'swap'?"),
        ("promote", "promote takes PROGRAM; usage: promote PROGRAM [--json]"),
        ("promote a b", "promote takes PROGRAM"),
        ("swap a b", "swap takes [PAIR]"),
        ("swap --hold", "swap has no option --hold"),
        ("swap -j", "swap has no option -j"),
        ("swap --json=yes", "--json takes no value"),
        ("companion here", "companion takes no words"),
        ("auto", "auto takes on|off [PAIR]"),
        ("auto web on", "auto takes on or off, not 'web'"),
        ("history --limit", "--limit takes a number from 1 to 100000"),
        ("history --limit ten", "not 'ten'"),
        ("history --limit 0", "not '0'"),
        ("history --limit 99999999999999999999", "--limit takes a number"),
        ("promote a\x01", r"no name looks like 'a\x01'"),
        ("promote \udcff", "no name looks like"),
        ("help swp", "did you mean 'swap'?"),
        ("deploy --label v2 beta of it", "a label is one word"),
    ],
)
def test_bad_words_are_refused_with_a_hint_before_anything_is_asked(line, hint, capsys):
    done = shell(line, capsys)
    assert (done.status, done.out, done.asked) == (ARGUMENTS, "", [])
    assert hint in done.err and done.err.startswith("error: ") and done.err.count("\n") == 1


@given(
    st.lists(
        st.one_of(
            st.text(),
            st.sampled_from(
                list(commands.COMMANDS) + ["--json", "--limit", "--hold", "on", "a", "3"]
            ),
        )
    )
)
def test_any_words_are_either_understood_or_refused(words):
    try:
        call = help.parse(words)
    except help.UsageError as error:
        assert text.plain(str(error)).isascii()
    else:
        assert call.command.name in commands.COMMANDS
        assert set(call.words) == {take.strip("[]") for take in call.command.takes}


# deploys


def a_deploy(**options):
    told = {
        "id": "x-1",
        "pair": "web",
        "label": "",
        "elapsed": 1.0,
        "waiting_for": "b boots",
        "outcome": "",
        "reason": "",
        "killed_requests": 0,
        "serving": "a",
    }
    return {**told, **options}


@pytest.mark.parametrize("outcome, status", errors.OUTCOMES.items())
def test_a_deploy_ends_with_the_status_of_its_outcome(outcome, status, capsys, monkeypatch):
    monkeypatch.setattr(plugin, "FOLLOW_S", 0.0)
    done = shell("deploy", capsys, deploy=a_deploy(), getDeploy=a_deploy(outcome=outcome, steps=[]))
    assert done.status == status and done.asked[1:] == [("getDeploy", "web", "x-1")], (
        "by its id: another one may have begun"
    )


def test_a_deploy_that_supervisord_has_forgotten_is_told_as_such(capsys, monkeypatch):
    monkeypatch.setattr(plugin, "FOLLOW_S", 0.0)
    gone = xmlrpc.client.Fault(
        323,
        "ZERG_FORGOTTEN: nobody remembers the deploy x-1 of the pair web; 'zerg status' tells who serves",
    )
    done = shell("deploy", capsys, deploy=a_deploy(), getDeploy=gone)
    assert done.status == errors.FORGOTTEN and "error: nobody remembers the deploy x-1" in done.err


def test_a_label_of_two_words_is_refused_with_what_it_is(capsys):
    unknown = xmlrpc.client.Fault(
        301, "ZERG_UNKNOWN_PAIR: no pair is named 'beta'; 'zerg status' lists the pairs"
    )
    done = shell("deploy --label v2 beta", capsys, deploy=unknown)
    assert (
        done.status == ARGUMENTS
        and "no pair is named 'beta'" in done.err
        and "a label is one word" in done.err
    )


def test_status_and_history_tell_the_label():
    info = a_pair(instances=[a_copy("a", "serving", label="v2"), a_copy("b", label="")])
    assert ["  label v2" in line for line in text.tell_status(info, NOW)] == [False, True, False]
    entry = {
        "at": NOW,
        "id": "x-1",
        "what": "deploy b",
        "label": "v2",
        "by": "an operator",
        "outcome": "deployed",
        "took_ms": 1.0,
    }
    (line,) = text.tell_history([entry])
    assert "deploy b v2, by an operator, deployed" in line


# what is told


def test_status_tells_one_fact_a_line():
    info = a_pair(problems=["the pool is EXITED"], busy="swap b (id x-2)")
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW - 3661))
    assert list(text.tell_status([info], NOW)) == [
        "web: a serves, b parked, warm yes, auto on, held no, pool zergpool RUNNING, busy with swap b (id x-2)",
        f"  a  serving  running   RUNNING  pid 7  in flight 0  workers 2x4  requests 12  since {local} (1h 1m)  source kernel, stats",
        f"  b  parked   sleeping  RUNNING  pid 7  in flight 0  workers 2x4  requests 12  since {local} (1h 1m)  source kernel, stats",
        "  problem: the pool is EXITED",
    ]


def test_status_of_an_instance_that_does_not_run_keeps_its_columns():
    stopped = a_copy(
        "b",
        "stopped",
        slot="",
        pid=0,
        workers=0,
        threads=0,
        requests=0.0,
        since=0.0,
        source="",
        statename="STOPPED",
    )
    line = list(text.tell_status(a_pair(instances=[stopped]), NOW))[1]
    assert (
        line
        == "  b  stopped  -  STOPPED  pid -  in flight 0  workers 0  requests 0  since -  source -"
    )


def test_status_says_when_threads_do_not_accept_yet_or_the_instance_is_frozen():
    uneven = a_copy("c", "serving", workers=3, accepting_threads=8)
    instances = [a_copy("a", "serving", accepting_threads=2), a_copy("b", frozen=True), uneven]
    serving, parked, uneven = list(text.tell_status(a_pair(instances=instances), NOW))[1:]
    assert serving.endswith("  only 2 of 8 threads accept yet")
    assert parked.endswith("  frozen")
    assert "workers 3 (8 threads)" in uneven


def test_status_of_a_misconfigured_pair_is_told():
    info = a_pair(
        serving="",
        parked="",
        instances=[],
        pool="",
        auto=False,
        warm=False,
        problems=["[zerg:web] fifos must be three"],
    )
    assert list(text.tell_status(info, NOW)) == [
        "web: nobody serves, nobody parked, warm no, auto off, held no, pool -",
        "  problem: [zerg:web] fifos must be three",
    ]


@pytest.mark.parametrize(
    "seconds, told",
    [
        (-5, "0s"),
        (0.4, "0s"),
        (59.9, "59s"),
        (60, "1m 0s"),
        (3600, "1h 0m"),
        (86399, "23h 59m"),
        (864000, "10d 0h"),
        (3605, "1h 0m"),
    ],
)
def test_age_is_told_in_its_two_largest_units(seconds, told):
    assert text.age(seconds) == told


@pytest.mark.parametrize(
    "reply, told",
    [
        ({}, "web: b serves, a parked (4.2 ms)"),
        ({"changed": False}, "web: nothing to do, b serves, a parked (4.2 ms)"),
        ({"draining": 3}, "web: b serves, a parked, draining 3 (4.2 ms)"),
        ({"parked": ""}, "web: b serves, nobody parked (4.2 ms)"),
        (
            {"serving": "", "held": True},
            "web: nobody serves, a parked, held by an operator: requests wait until 'zerg resume PROGRAM' (4.2 ms)",
        ),
    ],
)
def test_a_move_is_told_in_one_line(reply, told):
    assert list(text.tell_move(a_reply(**reply))) == [told]


def test_auto_tells_what_it_is_now(capsys):
    assert shell("auto off", capsys, setAuto=a_reply(auto=False)).out == "web: auto off\n"
    assert (
        shell("auto on", capsys, setAuto=a_reply(auto=True, changed=False)).out
        == "web: nothing to do, auto on\n"
    )


def test_history_tells_an_entry_and_its_moves():
    entry = {
        "at": NOW,
        "pair": "web",
        "id": "x-1",
        "what": "swap b",
        "by": "an operator",
        "outcome": "done",
        "took_ms": 2.44,
        "serving": "b",
        "actions": ["+0.5ms resume b to running", "+1.5ms pause a to sleeping"],
    }
    short = {
        "at": NOW,
        "pair": "web",
        "id": "x-2",
        "what": "auto on",
        "by": "an operator",
        "outcome": "done",
    }
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW))
    assert list(text.tell_history([entry, short])) == [
        f"{local} x-1 swap b, by an operator, done, took 2.4 ms",
        "  +0.5ms resume b to running",
        "  +1.5ms pause a to sleeping",
        f"{local} x-2 auto on, by an operator, done",
    ]


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
    out = shell(f"{line} --json", capsys, **{method: reply}).out
    assert json.loads(out) == reply
    assert out == f"{json.dumps(reply, indent=2, sort_keys=True)}\n"


@given(st.text())
def test_output_is_ascii_and_one_line_whatever_a_message_contains(message):
    told = text.plain(message)
    assert told.isascii() and told.isprintable()
    assert told == message or not (message.isascii() and message.isprintable())


def test_a_problem_cannot_forge_a_second_line(capsys):
    done = shell("status", capsys, getAllPairInfo=[a_pair(problems=["caf\u00e9\nweb2: b serves"])])
    assert done.out.splitlines()[-1] == r"  problem: caf\xe9\nweb2: b serves"


# how it ends


@pytest.mark.parametrize("refusal", errors.ALL)
def test_a_refusal_ends_with_its_own_status_and_names_itself_on_stderr(refusal, capsys):
    fault = xmlrpc.client.Fault(refusal.code, f"{refusal.name}: it is so; do that")
    done = shell("swap", capsys, swap=fault, getAllPairInfo=[a_pair()])
    assert (done.status, done.out) == (refusal.exit_status, "")
    assert done.err == f"error: it is so; do that ({refusal.name})\n"


@pytest.mark.parametrize(
    "infos, status",
    [
        ([a_pair()], SERVED),
        ([a_pair(serving="")], NOBODY),
        ([a_pair(serving="", held=True)], NOBODY),
        ([a_pair(), a_pair("other", serving="", instances=[a_copy("c")])], SERVED),
        ([a_pair(serving=""), a_pair("other", instances=[a_copy("c")])], NOBODY),
        ([], NOBODY),
        (ConnectionRefusedError(111, "refused"), UNREACHABLE),
        (xmlrpc.client.Fault(6, "SHUTDOWN_STATE"), UNREACHABLE),
    ],
)
def test_a_refusal_only_ends_with_3_if_somebody_serves_the_pair_it_is_about(infos, status, capsys):
    done = shell("promote b", capsys, promote=REFUSED, getAllPairInfo=infos)
    assert done.status == status
    assert done.asked == [("promote", "b"), ("getAllPairInfo",)]


def test_the_pair_that_a_refusal_is_about_is_found_by_its_name_and_by_its_programs():
    web, other = a_pair(), a_pair("other", instances=[a_copy("g:c")])
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
    done = shell("swap", capsys, swap=error)
    assert (done.status, done.out) == (UNREACHABLE, "")
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
def test_an_unforeseen_failure_is_told_in_a_line_and_asks_who_serves(error, hint, capsys):
    done = shell("swap", capsys, swap=error, getAllPairInfo=[a_pair()])
    assert (done.status, done.out) == (SERVED, "")
    assert hint in done.err and done.err.count("\n") == 1


def test_a_reply_without_the_keys_we_know_is_no_traceback(capsys):
    done = shell("swap", capsys, swap={"pair": "web"}, getAllPairInfo=[a_pair()])
    assert done.status == SERVED and "KeyError" in done.err and not done.out


def test_an_interactive_shell_lets_supervisor_ask_for_the_password(capsys):
    with pytest.raises(xmlrpc.client.ProtocolError):
        shell(
            "swap",
            capsys,
            interactive=1,
            swap=xmlrpc.client.ProtocolError("host/RPC2", 401, "Unauthorized", {}),
        )


def test_ctrl_c_is_no_traceback(capsys):
    done = shell("swap", capsys, swap=KeyboardInterrupt())
    assert done.status == plugin.INTERRUPTED and "interrupted" in done.err
    assert (
        shell("promote b", capsys, promote=REFUSED, getAllPairInfo=KeyboardInterrupt()).status
        == plugin.INTERRUPTED
    )


@pytest.mark.parametrize(
    "infos, status",
    [
        ([a_pair()], 0),
        ([a_pair(), a_pair(serving="")], NOBODY),
        ([a_pair(serving="", held=True)], NOBODY),
    ],
)
def test_status_ends_with_0_only_if_every_pair_serves(infos, status, capsys):
    assert shell("status", capsys, getAllPairInfo=infos).status == status
    assert shell("status --json", capsys, getAllPairInfo=infos).status == status


class FullDisk(io.StringIO):
    def flush(self):
        raise OSError(28, "No space left on device")


class NobodyReads(io.StringIO):
    def flush(self):
        raise BrokenPipeError(32, "Broken pipe")


def test_an_answer_that_cannot_be_written_is_a_failure_but_a_closed_pipe_is_none(capsys):
    for stdout, status in ((FullDisk(), plugin.UNWRITABLE), (NobodyReads(), 0)):
        controller = Shell(Zerg(swap=a_reply()))
        controller.stdout = stdout
        plugin.make_zerg_controllerplugin(controller).do_zerg("swap")
        assert controller.exitstatus == status
        assert bool(capsys.readouterr().err) == bool(status)


def test_the_limit_for_answers_is_only_ours():
    before = plugin.socket.getdefaulttimeout()
    with plugin.limit(3.0):
        assert plugin.socket.getdefaulttimeout() == 3.0
    assert plugin.socket.getdefaulttimeout() == before


# help


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_help_of_every_command_teaches(name, capsys):
    done = shell(f"help {name}", capsys)
    assert done.status == 0 and done.out.isascii() and done.asked == []
    for title in ("Prints", "Use it", "Exit status", "Example", f"$ supervisorctl zerg {name}"):
        assert f"\n{title}" in done.out or f"\n  {title}" in done.out
    assert commands.COMMANDS[name].usage in done.out.splitlines()[0]
    assert "{zerg}" not in done.out and shell(f"{name} --help", capsys).out == done.out


def test_help_names_every_command_and_every_exit_status(capsys):
    out = shell("help", capsys, bare=True).out
    for name in commands.COMMANDS:
        assert f"\n  {name}" in out
    for status in (0, ARGUMENTS, SERVED, NOBODY, UNREACHABLE):
        assert "\n  %d  " % status in out
    assert "zergctl COMMAND" in out


def test_examples_in_the_help_are_understood():
    for command in commands.COMMANDS.values():
        first = command.example.splitlines()[0]
        assert help.parse(first.replace("$ {zerg} ", "").split()).command is command


def test_every_command_that_needs_supervisord_is_asked_and_json_is_offered():
    assert set(plugin.ASK) == set(commands.COMMANDS) - {
        "help",
        "companion",
        "check",
        "completion",
        "watch",
    }
    assert all("--json" in commands.COMMANDS[name].options for name in plugin.ASK)


def test_companion_prints_the_path_of_the_file_and_nothing_else(capsys):
    done = shell("companion", capsys)
    assert done.out == "%s\n" % (
        Path(supervisor_zerg.__file__).resolve().parent / "uwsgi" / "companion.py"
    )
    assert (done.status, done.err, done.asked) == (0, "", [])
    assert Path(done.out.strip()).is_file()


# completion


def completed(line, bare=False, **answers):
    controller = Shell(
        Zerg(**{"getAllPairInfo": [a_pair(), a_pair("shop", instances=[a_copy("g:c")])], **answers})
    )
    plugin.make_zerg_controllerplugin(controller, bare=bare)
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
    controller = Shell(Zerg(getAllPairInfo=[a_pair()]))
    plugin.make_zerg_controllerplugin(controller)
    for state in range(4):
        controller.complete("", state, "zerg promote ")
    controller.complete("", 0, "zerg swap ")
    assert controller.zerg.asked == [("getAllPairInfo",)]
    monkeypatch.setattr(plugin, "CACHE_S", 0.0)
    controller = Shell(Zerg(getAllPairInfo=[a_pair()]))
    plugin.make_zerg_controllerplugin(controller)
    assert [controller.complete("", 0, "zerg swap ") for _ in range(2)] == ["web ", "web "]
    assert len(controller.zerg.asked) == 2


# supervisorctl's own help


def test_other_plugins_keep_quiet_about_our_topics_and_we_about_theirs(capsys):
    controller = Shell(Zerg())
    zerg_plugin = plugin.make_zerg_controllerplugin(controller)
    later = types.SimpleNamespace()
    controller.options.plugins += [zerg_plugin, later]
    zerg_plugin.do_help("start")
    assert controller.stdout.getvalue() == ""
    for topic in ("help_zerg", "help_zerg swap"):
        assert [getattr(p, topic)() for p in (controller.options.plugins[0], later)] == [None, None]
    zerg_plugin.do_help("zerg swap")
    assert controller.stdout.getvalue().startswith("supervisorctl zerg swap [PAIR]")


# zergctl


def run_zergctl(*args, monkeypatch, tmp_path, **answers):
    """main() with a made-up namespace, in a folder of its own. :returns: (status, what was asked)"""
    zerg = Zerg(**answers)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main.ZergController, "get_server_proxy", lambda self, namespace: zerg)
    monkeypatch.setattr(
        main.ZergOptions,
        "default_configfile",
        lambda self: next(map(str, tmp_path.glob("supervisord.conf")), None),
    )
    return main.main(list(args)), zerg.asked


@pytest.mark.parametrize(
    "words",
    [["swap"], ["zerg", "swap"], ["-s", URL, "swap"], ["-s", URL, "zerg", "swap", "--json"]],
)
def test_zergctl_knows_its_commands_with_and_without_the_word_zerg(
    words, monkeypatch, tmp_path, capsys
):
    assert run_zergctl(*words, monkeypatch=monkeypatch, tmp_path=tmp_path, swap=a_reply()) == (
        0,
        [("swap", "")],
    )
    assert (
        '"serving": "b"' in (out := capsys.readouterr().out)
        or out == "web: b serves, a parked (4.2 ms)\n"
    )


@pytest.mark.parametrize(
    "words, hint",
    [
        (["swp"], "did you mean 'swap'?"),
        (["help", "nix"], "no command 'nix'"),
        (["swap", "--x"], "--x"),
    ],
)
def test_zergctl_refuses_unknown_words_on_stderr(words, hint, monkeypatch, tmp_path, capsys):
    assert run_zergctl(*words, monkeypatch=monkeypatch, tmp_path=tmp_path) == (ARGUMENTS, [])
    out, err = capsys.readouterr()
    assert out == "" and hint in err


def test_zergctl_still_explains_supervisors_own_actions(monkeypatch, tmp_path, capsys):
    assert run_zergctl("help", "start", monkeypatch=monkeypatch, tmp_path=tmp_path) == (0, [])
    out = capsys.readouterr().out
    assert "Start a process" in out and "***" not in out


def test_zergctl_lists_its_commands_once_though_the_file_names_the_plugin_too(
    monkeypatch, tmp_path, capsys
):
    (tmp_path / "supervisord.conf").write_text(
        "[supervisorctl]\n[ctlplugin:other]\nsupervisor.ctl_factory=supervisor_zerg.controllerplugin:make_zerg_controllerplugin\n"
    )
    assert run_zergctl("help", "zerg", monkeypatch=monkeypatch, tmp_path=tmp_path) == (0, [])
    assert capsys.readouterr().out.count("zergctl COMMAND") == 1


@pytest.mark.parametrize(
    "text",
    [
        "[supervisord]\n",
        "nonsense",
        "[ctlplugin:x]\nsupervisor.ctl_factory=nix:nix\n[supervisorctl]\n",
    ],
)
def test_a_file_that_is_not_needed_may_be_unusable(text, monkeypatch, tmp_path, capsys):
    (tmp_path / "supervisord.conf").write_text(text)
    assert (
        run_zergctl("-s", URL, "swap", monkeypatch=monkeypatch, tmp_path=tmp_path, swap=a_reply())[
            0
        ]
        == 0
    )
    assert run_zergctl("companion", monkeypatch=monkeypatch, tmp_path=tmp_path)[0] == 0
    for words in (["swap"], ["-c", "supervisord.conf", "-s", URL, "swap"]):
        with pytest.raises(SystemExit) as ended:
            run_zergctl(*words, monkeypatch=monkeypatch, tmp_path=tmp_path)
        assert ended.value.code == ARGUMENTS


def test_a_serverurl_of_an_unknown_kind_is_bad_arguments(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main.ZergOptions, "default_configfile", lambda self: None)
    assert main.main(["-s", "gopher://x", "status"]) == ARGUMENTS
    assert "give http://HOST:PORT or unix:///PATH" in capsys.readouterr().err

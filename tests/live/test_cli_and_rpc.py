"""Every command through both doors, ``supervisorctl zerg`` and ``zergctl``, against a real
supervisord: answers, exit statuses, Tab.

One stack and one small supervisord without the namespace serve all tests of this file.
"""

import json
import os
import pty
import re
import select
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import supervisor_zerg
from supervisor_zerg.core.exit_status import ExitStatus
from supervisor_zerg.demo.stack import BIN, Stack
from supervisor_zerg.demo.traffic import get

PATIENCE_S = 10.0
ROLES = r"pybossa: {serving} serves, {parked} parked(, draining \d+)? \(\d+\.\d ms\)\n"
STRANGER = """\
[unix_http_server]
file = {folder}/supervisor.sock

[inet_http_server]
port = 127.0.0.1:{port}
username = operator
password = secret

[supervisord]
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{folder}/supervisor.sock

[ctlplugin:zerg]
supervisor.ctl_factory = supervisor_zerg.controllerplugin:make_zerg_controllerplugin
"""


@pytest.fixture(scope="module")
def stack():
    with Stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """A supervisord that has Supervisor's namespace only. :returns: its file ``conf`` and ``web``,
    an address that wants a password.
    """
    folder = tmp_path_factory.mktemp("stranger")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    conf = folder / "supervisord.conf"
    conf.write_text(STRANGER.format(folder=folder, port=port))
    process = subprocess.Popen(
        [BIN / "supervisord", "-n", "-c", conf],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + PATIENCE_S
        while run("supervisorctl", "-c", conf, "pid").returncode:
            assert process.poll() is None and time.monotonic() < end
        yield SimpleNamespace(conf=conf, web=f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def run(program, *words):
    return subprocess.run([BIN / program, *words], capture_output=True, text=True, timeout=60)


@pytest.fixture(params=["supervisorctl", "zergctl"])
def door(request, stack):
    """:returns: function(line) that runs a command of ours through one of the doors."""
    if request.param == "zergctl":
        return lambda line: stack.zergctl(*line.split())
    return lambda line: stack.ctl("zerg", *line.split())


def be_cold(stack):
    """pybossa serves, pybossabak does not run."""
    for instance in stack.info()["instances"]:
        if instance["program"] == "pybossabak" and instance["pid"]:
            stack.supervisor.stopProcess("pybossabak")
        if instance["program"] == "pybossa" and not instance["pid"]:
            stack.supervisor.startProcess("pybossa")
    stack.until_roles("pybossa", "")


def be_warm(stack):
    """pybossa serves, pybossabak is parked."""
    if not all(instance["pid"] for instance in stack.info()["instances"]):
        be_cold(stack)
        stack.warm_up()
    stack.until(lambda: stack.zerg.promote("pybossa")["parked"])
    stack.until_roles("pybossa", "pybossabak")


def be_down(stack):
    """Neither runs."""
    for instance in stack.info()["instances"]:
        if instance["pid"]:
            stack.supervisor.stopProcess(instance["program"])
    assert stack.info()["serving"] == ""


def ok(done):
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.isascii()
    return done.stdout


def refused(done, status, hint):
    assert (done.returncode, done.stdout) == (status, ""), done
    assert (
        hint in done.stderr and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    ), done


def roles(serving, parked):
    return re.compile(ROLES.format(serving=serving, parked=parked)).fullmatch


# answers


def test_every_command_does_what_it_says(stack, door):
    be_warm(stack)
    status = ok(door("status"))
    assert re.match(
        r"pybossa: pybossa serves, pybossabak parked, warm yes, auto on, held no, pool "
        r"zergpool \w+\n",
        status,
    )
    columns = (
        r"  pybossabak  parked   sleeping  \w+ +pid \d+  in flight 0  workers 4x1  requests \d+ "
        r" since .*  source \w+"
    )
    assert re.fullmatch(columns, status.splitlines()[2].partition(",")[0])
    assert ok(door("status pybossa")).partition(",")[0] == status.partition(",")[0]

    assert roles("pybossabak", "pybossa")(ok(door("swap")))
    assert get(stack.web).program == "pybossabak"
    assert roles("pybossa", "pybossabak")(ok(door("promote pybossa")))
    assert "nothing to do, pybossa serves" in ok(door("promote pybossa"))
    assert roles("pybossa", "nobody")(ok(door("resume pybossabak --both")))
    assert roles("pybossabak", "pybossa")(ok(door("pause pybossa")))
    assert roles("pybossa", "pybossabak")(ok(door("resume pybossa")))
    assert "nothing to do, pybossa serves" in ok(door("reconcile"))

    assert ok(door("auto off")) == "pybossa: auto off\n"
    assert ok(door("auto off pybossa")) == "pybossa: nothing to do, auto off\n"
    assert ok(door("auto on")) == "pybossa: auto on\n"
    assert (
        ok(door("companion"))
        == f"{Path(supervisor_zerg.__file__).parent / 'uwsgi' / 'companion.py'}\n"
    )


def test_history_shows_the_newest_entries_with_their_actions(stack, door):
    be_warm(stack)
    ident = json.loads(ok(door("swap --json")))["id"]
    stack.until(lambda: any(entry["id"] == ident for entry in stack.zerg.getHistory("", 5)))
    first, *actions = ok(door("history --limit 1")).splitlines()
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {ident} swap pybossabak by operator: done, took "
        r"[\d.]+ ms",
        first,
    )
    assert re.match(r"  \+[\d.]+ms resume pybossabak to running", actions[0])
    assert any("pause pybossa to sleeping" in action for action in actions)


def test_a_hold_is_reported_and_nobody_is_said_to_be_served(stack, door):
    be_warm(stack)
    refused(door("pause pybossabak --hold --both"), ExitStatus.USAGE, "pause has no option --both")
    held = ok(door("pause pybossa --hold"))
    assert held.startswith("pybossa: nobody serves, ") and "held by an operator" in held
    status = door("status")
    assert (
        status.returncode == ExitStatus.NOBODY_SERVES
        and "held yes" in status.stdout
        and "  problem: an operator holds the pair" in status.stdout
    )
    assert not status.stderr
    refused(door("swap"), ExitStatus.NOBODY_SERVES, "ZERG_NOBODY_SERVES")
    assert ok(door("resume pybossa")).startswith("pybossa: pybossa serves, ")


def test_requests_that_drain_are_counted(stack):
    be_warm(stack)
    slow = threading.Thread(target=get, args=(stack.web, "/?s=1.5"))
    slow.start()
    stack.until(lambda: stack.instance("pybossa")["in_flight"])
    assert ", draining 1 (" in ok(stack.zergctl("swap"))
    slow.join()


def test_json_is_the_reply_of_the_method(stack, door):
    be_warm(stack)
    zerg = stack.zerg

    def keys(value):
        if isinstance(value, dict):
            return {key: keys(each) for key, each in value.items()}
        return [keys(each) for each in value] if isinstance(value, list) else type(value)

    for line, reply in (
        ("status", zerg.getAllPairInfo()),
        ("status pybossa", zerg.getPairInfo("pybossa")),
        ("promote pybossa", zerg.promote("pybossa")),
        ("auto on", zerg.setAuto("", True)),
    ):
        assert keys(json.loads(ok(door(f"{line} --json")))) == keys(reply)
    stack.until(lambda: zerg.getHistory("", 3) == json.loads(ok(door("history --limit 3 --json"))))


def test_supervisor_issue_1455_both_doors_open_with_and_without_the_word_zerg(stack):
    """supervisorctl loads no plugin with -s alone; zergctl needs nothing else (``stack.zergctl``
    gives it no file).
    """
    assert ok(stack.zergctl("zerg", "status", "pybossa")).startswith("pybossa: ")
    assert ok(stack.zergctl("pid")).strip() == str(stack.process.pid)
    assert ok(run("zergctl", "-c", stack.conf, "status")).startswith("pybossa: ")


def test_nobody_reading_the_answer_is_no_error(stack):
    command = f"{BIN / 'zergctl'} -s {stack.url} history --limit 50 | true; exit ${{PIPESTATUS[0]}}"
    ok(subprocess.run(["bash", "-c", command], capture_output=True, text=True))


# exit statuses


def test_unknown_names_and_words_are_bad_arguments(stack, door):
    refused(door("swap nix"), ExitStatus.USAGE, "no pair is named 'nix', there is pybossa")
    refused(door("promote nix"), ExitStatus.USAGE, "ZERG_UNKNOWN_PROGRAM")
    refused(door("swp"), ExitStatus.USAGE, "did you mean 'swap'?")
    refused(door("history --limit x"), ExitStatus.USAGE, "--limit takes a number")


def test_a_refusal_that_leaves_users_served_ends_with_3(stack, door):
    be_cold(stack)
    refused(door("swap"), ExitStatus.REFUSED, "pybossabak is STOPPED; start it")
    refused(door("promote pybossabak"), ExitStatus.REFUSED, "ZERG_NOT_RUNNING")
    refused(door("pause pybossa"), ExitStatus.REFUSED, "ZERG_LAST_INSTANCE")
    cold = door("status")
    assert (
        cold.returncode == 0
        and "  problem: no warm instance: pybossabak is STOPPED\n" in cold.stdout
    )


# interactive


class Terminal:
    """A door in a terminal of its own. Everything that it shows is in ``shown``."""

    def __init__(self, *command):
        self.master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "INPUTRC": "/dev/null"}
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def types(self, keys):
        """Type. What was shown before is forgotten."""
        self.shown = ""
        os.write(self.master, keys.encode())

    def shows(self, pattern):
        """Wait until it shows that."""
        end = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.shown):
            readable, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            assert readable, f"no {pattern!r} in {self.shown!r}"
            self.shown += os.read(self.master, 4096).decode()
        return self.shown


def test_an_interactive_supervisorctl_completes_answers_and_goes_on_after_errors(stack):
    be_cold(stack)
    with Terminal(BIN / "supervisorctl", "-c", stack.conf) as terminal:
        terminal.shows("supervisor> $")
        terminal.types("ze\t")
        terminal.shows("zerg ")
        terminal.types("sw\t")
        terminal.shows("ap ")
        terminal.types("pyb\t")
        terminal.shows("ossa ")
        terminal.types("--j\t")
        terminal.shows("--json ")
        terminal.types("\n")
        terminal.shows(r"error: pybossabak is STOPPED.*\(ZERG_NOT_RUNNING\)\r\nsupervisor> $")
        terminal.types("zerg promote \t\t")
        assert re.search(r"--json +pybossa +pybossabak", terminal.shows(r"pybossabak\s"))
        terminal.types("pybossa\n")
        terminal.shows("nothing to do, pybossa serves.*\r\nsupervisor> $")
        terminal.types("zerg pause pybossa --h\t")
        terminal.shows("--hold ")
        terminal.types("\x15zerg au\to\t\t")
        terminal.shows(r"off +on")
        terminal.types("\x15start py\t")
        terminal.shows("bossa")
        terminal.types("\x15quit\n")
        assert terminal.process.wait(PATIENCE_S) == 0


def test_an_interactive_zergctl_completes_its_own_commands(stack):
    be_cold(stack)
    with Terminal(BIN / "zergctl", "-s", stack.url) as terminal:
        terminal.shows(r"pybossa: pybossa serves.*(\r\n.*)*\r\nzerg> $")
        terminal.types("prom\t")
        terminal.shows("ote ")
        terminal.types("pybossa\n")
        terminal.shows("nothing to do, pybossa serves.*\r\nzerg> $")
        terminal.types("help sw\t")
        terminal.shows("ap ")
        terminal.types("\n")
        terminal.shows(r"zergctl swap \[PAIR\](.|\r\n)*\r\nzerg> $")
        terminal.types("zerg status pyb\t\n")
        terminal.shows(r"pybossa: pybossa serves(.|\r\n)*\r\nzerg> $")
        terminal.types("\x04")
        assert terminal.process.wait(PATIENCE_S) == 0


def test_an_interactive_shell_asks_for_the_password_like_supervisors_own_commands(stranger):
    with Terminal(
        BIN / "supervisorctl", "-c", stranger.conf, "-s", stranger.web, "-i", "zerg", "swap"
    ) as terminal:
        terminal.shows("Username:$")
        terminal.types("operator\n")
        terminal.shows("Password:$")
        terminal.types("secret\n")
        terminal.shows(r"'\[rpcinterface:zerg\]' is not configured")
        assert terminal.process.wait(PATIENCE_S) == ExitStatus.UNREACHABLE


# unreachable


@pytest.mark.parametrize("url", ["unix:///nowhere/supervisor.sock", "http://127.0.0.1:1"])
def test_a_supervisord_that_does_not_run_ends_with_7(url):
    refused(
        run("zergctl", "-s", url, "swap"),
        ExitStatus.UNREACHABLE,
        f"supervisord cannot be reached at {url}",
    )


def test_supervisorctl_without_supervisord_ends_with_7_and_still_helps(stranger, tmp_path):
    conf = tmp_path / "supervisord.conf"
    conf.write_text(stranger.conf.read_text().replace("/supervisor.sock", "/gone.sock"))
    refused(
        run("supervisorctl", "-c", conf, "zerg", "swap"),
        ExitStatus.UNREACHABLE,
        "does it run, with a",
    )
    assert ok(run("supervisorctl", "-c", conf, "zerg", "companion")).endswith("companion.py\n")
    assert "*** No help" not in ok(run("supervisorctl", "-c", conf, "help", "zerg"))


@pytest.mark.parametrize("words", [["supervisorctl", "zerg"], ["zergctl"]])
def test_a_missing_namespace_ends_with_7_and_names_the_section(stranger, words):
    refused(
        run(words[0], "-c", stranger.conf, *words[1:], "swap"),
        ExitStatus.UNREACHABLE,
        "'[rpcinterface:zerg]' is not configured",
    )


@pytest.mark.parametrize("words", [["supervisorctl", "zerg"], ["zergctl"]])
def test_a_wrong_password_ends_with_7_and_is_said_once(stranger, words):
    program = [words[0], "-c", stranger.conf, "-s", stranger.web]
    refused(
        run(*program, *words[1:], "swap"),
        ExitStatus.UNREACHABLE,
        "wants another username and password",
    )
    refused(
        run(*program, "-u", "operator", "-p", "wrong", *words[1:], "swap"),
        ExitStatus.UNREACHABLE,
        "wants another username and password",
    )
    refused(
        run(*program, "-u", "operator", "-p", "secret", *words[1:], "swap"),
        ExitStatus.UNREACHABLE,
        "[rpcinterface:zerg]",
    )


# help


def test_help_comes_by_every_way_and_other_plugins_keep_quiet(stack):
    swap = ok(stack.ctl("zerg", "help", "swap"))
    assert (
        swap.startswith("supervisorctl zerg swap [PAIR] [--json]\n") and "\nExit status\n" in swap
    )
    assert ok(stack.ctl("help", "zerg", "swap")) == ok(stack.ctl("zerg", "swap", "--help")) == swap
    assert ok(stack.zergctl("help", "swap")) == swap.replace("supervisorctl zerg", "zergctl")
    overview = ok(stack.ctl("help", "zerg"))
    assert overview.startswith("Two instances of a uWSGI application") and overview == ok(
        stack.ctl("zerg", "help")
    )
    assert "No help on" not in ok(stack.ctl("help", "start"))
    assert "zerg" in ok(stack.ctl("help"))


# nobody serves: last, since starting the instances again takes time


def test_a_refusal_that_leaves_nobody_served_ends_with_5(stack, door):
    be_down(stack)
    refused(door("swap"), ExitStatus.NOBODY_SERVES, "ZERG_NOBODY_SERVES")
    refused(door("promote pybossa"), ExitStatus.NOBODY_SERVES, "ZERG_NOT_RUNNING")
    refused(door("reconcile"), ExitStatus.NOBODY_SERVES, "ZERG_NOBODY_SERVES")
    status = door("status")
    assert status.returncode == ExitStatus.NOBODY_SERVES and status.stdout.startswith(
        "pybossa: nobody serves, nobody parked, "
    )
    refused(door("swap nix"), ExitStatus.USAGE, "ZERG_UNKNOWN_PAIR")


@pytest.mark.parametrize("words", [["zergctl"], ["supervisorctl", "zerg"]])
def test_check_reads_the_files_as_the_running_supervisord_does(stack, words):
    """conf.d takes variables that only supervisord has."""
    program, *rest = words
    command = [BIN / program, "-c", stack.conf, *rest, "check"]
    bare = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, env=bare, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "0 errors, 0 warnings, 0 notes\n" and not done.returncode, done

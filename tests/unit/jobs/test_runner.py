"""The listener with a real XML-RPC server as the namespace, and behind supervisord's pipes."""

import os
import signal
import subprocess
import sys
import threading
import time
import xmlrpc.client
from pathlib import Path
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

import pytest

import supervisor_zerg
from supervisor_zerg.jobs import runner, subprocesses
from supervisor_zerg.jobs.runner import JobRunner

WAIT_S = 20.0  # on a busy machine; a test that passes waits for much less
FAULT_UNKNOWN_JOB = 399


class Quiet(SimpleXMLRPCRequestHandler):
    def address_string(self):
        return "somebody"


class Namespace:
    """Plays supervisord: gives each job in ``waiting`` once, and remembers every report."""

    def __init__(self):
        self.waiting = []
        self.reported = []
        self.restarted = []
        self.reconciled = 0
        self.answer = lambda report: True
        self.server = SimpleXMLRPCServer(
            ("127.0.0.1", 0), Quiet, logRequests=False, allow_none=False
        )
        self.server.register_function(self.claim, "zerg.claimJobs")
        self.server.register_function(self.report, "zerg.reportJob")
        self.server.register_function(self.reconcile, "zerg.reconcileAll")
        self.environ = {
            "SUPERVISOR_SERVER_URL": f"http://127.0.0.1:{self.server.server_address[1]}"
        }
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def claim(self, restarted):
        self.restarted.append(restarted)
        given, self.waiting = self.waiting, []
        return given

    def report(self, identifier, ok, message, seconds):
        self.reported.append((identifier, ok, message))
        assert isinstance(seconds, float)
        return self.answer((identifier, ok, message))

    def reconcile(self):
        self.reconciled += 1
        return 1

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def namespace():
    namespace = Namespace()
    yield namespace
    namespace.close()


@pytest.fixture
def logged():
    return []


@pytest.fixture
def worker(namespace, logged, monkeypatch):
    monkeypatch.setattr(subprocesses, "RUNNING", subprocesses.Running())
    monkeypatch.setattr(runner, "REPORT_S", 0.5)
    monkeypatch.setattr(runner, "RETRY_S", 0.05)
    worker = JobRunner(namespace.environ, logged.append)
    yield worker
    worker.end()


def hook(identifier, line, timeout=20.0):
    return {
        "id": identifier,
        "kind": "hook",
        "pair": "pybossa",
        "name": "before_deploy",
        "check": line,
        "environment": {"WHO": identifier},
        "timeout": timeout,
        "interval": 1.0,
        "expect": "",
    }


def health(identifier, line="true", interval=0.05):
    return {
        **hook(identifier, f"command:{line}"),
        "kind": "health",
        "name": "health",
        "interval": interval,
    }


def until(condition, wait_s=WAIT_S):
    limit = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < limit, "it did not become true"
        time.sleep(0.01)


def test_claimed_jobs_begin_at_once_run_side_by_side_and_are_reported(namespace, worker, tmp_path):
    wait = f"sh -c 'touch {tmp_path}/$WHO; until [ -e {tmp_path}/go ]; do sleep 0.01; done'"
    namespace.waiting = [
        hook("a", wait),
        hook("b", wait),
        hook("c", "sh -c 'echo $WHO; exit 1'"),
    ]
    worker.claim()
    until(lambda: namespace.reported and {"a", "b"} <= set(os.listdir(tmp_path)))
    (tmp_path / "go").touch()
    until(lambda: len(namespace.reported) == 3)
    assert namespace.reported[0] == ("c", False, "exit status 1: c")
    assert sorted(namespace.reported[1:]) == [
        ("a", True, "exit status 0"),
        ("b", True, "exit status 0"),
    ]


def test_a_hook_that_is_withdrawn_is_ended_with_what_it_started_and_reported(
    namespace, worker, tmp_path
):
    namespace.waiting = [hook("a", f"sh -c 'touch {tmp_path}/begun; sleep 60 & wait'")]
    worker.claim()
    until((tmp_path / "begun").exists)
    namespace.waiting = [{**hook("a", ""), "kind": "end"}]
    worker.claim()
    until(lambda: namespace.reported)
    assert namespace.reported == [("a", False, "ended by signal 15 (Terminated)")]


def test_a_hook_that_is_withdrawn_before_its_turn_does_not_begin(namespace, worker, tmp_path):
    namespace.waiting = [{**hook("a", ""), "kind": "end"}, hook("a", f"touch {tmp_path}/begun")]
    worker.claim()
    until(lambda: namespace.reported)
    assert (
        namespace.reported == [("a", False, "it was withdrawn before it began")]
        and not (tmp_path / "begun").exists()
    )


def test_only_the_first_successful_claim_says_that_the_listener_restarted(namespace, worker):
    give = namespace.claim
    namespace.server.register_function(lambda restarted: 1 / 0, "zerg.claimJobs")
    with pytest.raises(xmlrpc.client.Fault):
        worker.claim()
    namespace.server.register_function(give, "zerg.claimJobs")
    for _ in range(3):
        worker.claim()
    assert namespace.restarted == [True, False, False]


def test_a_health_check_repeats_until_supervisord_wants_no_more(namespace, worker):
    namespace.answer = lambda report: len(namespace.reported) < 4
    namespace.waiting = [health("h", "false")]
    worker.claim()
    until(lambda: len(namespace.reported) == 4)
    time.sleep(0.2)
    assert namespace.reported == [("h", False, "exit status 1")] * 4


def test_a_hook_runs_once_whatever_supervisord_answers(namespace, worker):
    namespace.waiting = [hook("a", "true")]
    worker.claim()
    until(lambda: namespace.reported)
    time.sleep(0.2)
    assert len(namespace.reported) == 1


def test_a_job_that_supervisord_no_longer_knows_ends(namespace, worker, logged):
    def refuse(report):
        raise xmlrpc.client.Fault(FAULT_UNKNOWN_JOB, "ZERG_UNKNOWN_JOB: no such job")

    namespace.answer = refuse
    namespace.waiting = [health("h"), hook("a", "true")]
    worker.claim()
    until(lambda: logged and len(namespace.reported) == 2)
    time.sleep(0.2)
    assert len(namespace.reported) == 2, "a refused report is not repeated"
    (sentence,) = logged
    assert "before_deploy of pybossa (exit status 0)" in sentence and "ZERG_UNKNOWN_JOB" in sentence


def test_the_same_job_claimed_twice_runs_once(namespace, worker):
    namespace.answer = lambda report: False
    for _ in range(3):
        namespace.waiting = [
            hook("a", "sleep 0.1"),
            health("h", "sleep 0.1"),
            hook("a", "sleep 0.1"),
        ]
        worker.claim()
    until(lambda: len(namespace.reported) == 2)
    namespace.waiting = [hook("a", "true"), health("h", "true")]
    time.sleep(0.1)
    worker.claim()
    until(lambda: len(namespace.reported) == 3)
    time.sleep(0.1)
    assert [identifier for identifier, _, _ in namespace.reported].count("a") == 1


def test_while_supervisord_is_away_a_hook_reports_again_and_a_health_check_ends_silently(
    namespace, worker, logged
):
    namespace.waiting = [hook("a", "sleep 0.2"), health("h")]
    worker.claim()
    until(lambda: namespace.reported)
    namespace.close()
    until(lambda: logged)
    assert (
        len(logged) == 1
        and "cannot report the result of before_deploy" in logged[0]
        and "refused" in logged[0]
    )
    until(lambda: not names_of_threads())


def names_of_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("job ")]


def test_a_report_reaches_a_supervisord_that_comes_back(namespace, worker, logged):
    def shutting_down(report):
        if len(namespace.reported) < 4:
            raise xmlrpc.client.Fault(6, "SHUTDOWN_STATE")
        return False

    namespace.answer = shutting_down
    namespace.waiting = [hook("a", "true")]
    worker.claim()
    until(lambda: len(namespace.reported) == 4)
    assert logged == []


def test_no_more_than_the_maximum_run_at_once_and_a_waiting_health_check_takes_no_place(
    namespace, logged, monkeypatch
):
    monkeypatch.setattr(subprocesses, "RUNNING", subprocesses.Running())
    monkeypatch.setattr(runner, "MAX_RUNNING", 2)
    worker = JobRunner(namespace.environ, logged.append)
    namespace.waiting = [health(f"h{n}", interval=60) for n in range(5)] + [
        hook(f"a{n}", "sleep 0.1") for n in range(6)
    ]
    began = time.monotonic()
    worker.claim()
    until(lambda: len(namespace.reported) == 11)
    assert time.monotonic() - began >= 0.3
    worker.end()


def test_a_command_that_the_listener_ends_is_not_reported(namespace, worker):
    namespace.waiting = [hook("a", "sleep 61.4155"), health("h", interval=60)]
    worker.claim()
    until(lambda: namespace.reported and subprocesses.RUNNING._processes)
    worker.end()
    until(lambda: not names_of_threads())
    assert [identifier for identifier, _, _ in namespace.reported] == ["h"]


# the process that supervisord runs


class Listener:
    """zerg-listener behind pipes, fed as by supervisor/dispatchers.py PEventListenerDispatcher."""

    def __init__(self, environ):
        code = "import sys; from supervisor_zerg.jobs.listener import main; sys.exit(main())"
        path = str(Path(supervisor_zerg.__file__).parent.parent)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, **environ},
        )
        self.serial = 0

    def says(self, words):
        assert self.process.stdout.read(len(words)) == words

    def event(self, name, payload="when:1"):
        """Send an event; returns after how many seconds it was answered."""
        self.says(b"READY\n")
        self.serial += 1
        header = "ver:3.0 server:supervisor serial:%d pool:zerg poolserial:%d eventname:%s len:%d\n"
        began = time.monotonic()
        self.process.stdin.write(
            (header % (self.serial, self.serial, name, len(payload)) + payload).encode()
        )
        self.process.stdin.flush()
        self.says(b"RESULT 2\nOK")
        return time.monotonic() - began

    def end(self):
        self.process.terminate()
        _, said = self.process.communicate(timeout=WAIT_S)
        return said.decode()


@pytest.fixture
def listener(namespace):
    listener = Listener(namespace.environ)
    yield listener
    listener.end()


def gone(pid):
    """A zombie counts as gone: another process reaps it."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def pid_in(path):
    until(lambda: path.exists() and path.read_text().strip())
    return int(path.read_text())


def test_events_are_answered_at_once_while_jobs_run(namespace, listener, tmp_path):
    namespace.waiting = [hook("first", "echo hello")]
    until(lambda: ("first", True, "exit status 0: hello") in namespace.reported)
    assert namespace.restarted == [True] and namespace.reconciled == 1
    namespace.waiting = [hook("long", f"sh -c 'echo $$ > {tmp_path / 'pid'}; sleep 61.4154'", 60.0)]
    assert listener.event("ZERG_JOB_WAITS") < WAIT_S
    pid = pid_in(tmp_path / "pid")
    namespace.waiting = [hook("short", "true")]
    assert listener.event("TICK_5") < WAIT_S
    until(lambda: namespace.reported[-1][0] == "short")
    assert namespace.reconciled == 2 and namespace.restarted == [True, False, False]
    assert listener.event("PROCESS_STATE_RUNNING") < WAIT_S
    assert namespace.restarted == [True, False, False], "an event that is not ours makes no call"
    assert not gone(pid)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "end of file"])
def test_a_listener_that_is_ended_ends_its_commands(namespace, listener, tmp_path, how):
    namespace.waiting = [
        hook("long", f"sh -c 'sleep 61.4153 & echo $! > {tmp_path / 'pid'}; wait'", 60.0)
    ]
    pid = pid_in(tmp_path / "pid")
    if how == "end of file":
        listener.process.stdin.close()
        listener.process.stdin = None
    else:
        listener.process.send_signal(getattr(signal, how))
    assert listener.process.wait(WAIT_S) == 0
    until(lambda: gone(pid))
    assert "Traceback" not in listener.end() and namespace.reported == []


def test_a_hook_prints_to_the_log_of_the_listener_and_not_into_the_protocol(namespace, listener):
    namespace.waiting = [hook("a", "sh -c 'echo RESULT 4; echo FAIL >&2'")]
    until(lambda: namespace.reported)
    assert listener.event("TICK_5") < WAIT_S
    listener.says(b"READY\n")
    assert "pybossa before_deploy: RESULT 4\npybossa before_deploy: FAIL\n" in listener.end()

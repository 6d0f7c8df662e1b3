"""The listener against a real XML-RPC server that plays the namespace, and through pipes as supervisord drives it."""

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
from supervisor_zerg.jobs.runner import Jobs

WAIT_S = 5.0
FAULT_UNKNOWN_JOB = 399


class Quiet(SimpleXMLRPCRequestHandler):
    def address_string(self):
        return "somebody"


class Namespace:
    """Plays the side of supervisord. Gives each job that is put into ``waiting`` once, and remembers what it is told."""

    def __init__(self):
        self.waiting, self.told, self.anew, self.settled = [], [], [], 0
        self.answer = lambda told: True
        self.server = SimpleXMLRPCServer(
            ("127.0.0.1", 0), Quiet, logRequests=False, allow_none=False
        )
        self.server.register_function(self.take, "zerg.claimJobs")
        self.server.register_function(self.tell, "zerg.reportJob")
        self.server.register_function(self.reconcile, "zerg.reconcileAll")
        self.environ = {
            "SUPERVISOR_SERVER_URL": "http://127.0.0.1:%d" % self.server.server_address[1]
        }
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def take(self, anew):
        self.anew.append(anew)
        given, self.waiting = self.waiting, []
        return given

    def tell(self, identifier, ok, words, seconds):
        self.told.append((identifier, ok, words))
        assert isinstance(seconds, float)
        return self.answer((identifier, ok, words))

    def reconcile(self):
        self.settled += 1
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
def said():
    return []


@pytest.fixture
def worker(namespace, said, monkeypatch):
    monkeypatch.setattr(subprocesses, "RUNNING", subprocesses.Running())
    monkeypatch.setattr(runner, "TELL_S", 0.5)
    monkeypatch.setattr(runner, "RETRY_S", 0.05)
    worker = Jobs(namespace.environ, said.append)
    yield worker
    worker.end()


def hook(identifier, line, timeout=5.0):
    return {
        "id": identifier,
        "kind": "hook",
        "pair": "pybossa",
        "what": "before_deploy",
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
        "what": "health",
        "interval": interval,
    }


def until(condition, wait_s=WAIT_S):
    limit = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


def test_jobs_are_begun_at_once_side_by_side_and_told(namespace, worker):
    namespace.waiting = [
        hook("a", "sleep 0.3"),
        hook("b", "sleep 0.3"),
        hook("c", "sh -c 'echo $WHO; exit 1'"),
    ]
    began = time.monotonic()
    worker.take()
    assert time.monotonic() - began < 0.25
    until(lambda: len(namespace.told) == 3)
    assert namespace.told[0] == ("c", False, "exit status 1: c")
    assert sorted(namespace.told[1:]) == [
        ("a", True, "exit status 0"),
        ("b", True, "exit status 0"),
    ]


def test_a_hook_that_is_not_wanted_any_more_is_ended_with_what_it_started_and_told(
    namespace, worker, tmp_path
):
    namespace.waiting = [hook("a", f"sh -c 'touch {tmp_path}/begun; sleep 60 & wait'")]
    worker.take()
    until((tmp_path / "begun").exists)
    namespace.waiting = [{**hook("a", ""), "kind": "end"}]
    worker.take()
    until(lambda: namespace.told)
    assert namespace.told == [("a", False, "ended by signal 15 (Terminated)")]


def test_a_hook_that_is_not_wanted_before_its_turn_is_not_begun(namespace, worker, tmp_path):
    namespace.waiting = [{**hook("a", ""), "kind": "end"}, hook("a", f"touch {tmp_path}/begun")]
    worker.take()
    until(lambda: namespace.told)
    assert (
        namespace.told == [("a", False, "it was withdrawn before it began")]
        and not (tmp_path / "begun").exists()
    )


def test_only_the_first_call_is_anew_and_one_that_failed_was_none(namespace, worker):
    give = namespace.take
    namespace.server.register_function(lambda anew: 1 / 0, "zerg.claimJobs")
    with pytest.raises(xmlrpc.client.Fault):
        worker.take()
    namespace.server.register_function(give, "zerg.claimJobs")
    for _ in range(3):
        worker.take()
    assert namespace.anew == [True, False, False]


def test_a_health_check_is_repeated_until_it_is_told_to_stop(namespace, worker):
    namespace.answer = lambda told: len(namespace.told) < 4
    namespace.waiting = [health("h", "false")]
    worker.take()
    until(lambda: len(namespace.told) == 4)
    time.sleep(0.2)
    assert namespace.told == [("h", False, "exit status 1")] * 4


def test_a_hook_is_run_once_whatever_the_answer(namespace, worker):
    namespace.waiting = [hook("a", "true")]
    worker.take()
    until(lambda: namespace.told)
    time.sleep(0.2)
    assert len(namespace.told) == 1


def test_a_job_that_nobody_knows_any_more_ends(namespace, worker, said):
    def refuse(told):
        raise xmlrpc.client.Fault(FAULT_UNKNOWN_JOB, "ZERG_UNKNOWN_JOB: no such job")

    namespace.answer = refuse
    namespace.waiting = [health("h"), hook("a", "true")]
    worker.take()
    until(lambda: said and len(namespace.told) == 2)
    time.sleep(0.2)
    assert len(namespace.told) == 2, "a refusal is not argued with"
    (sentence,) = said
    assert "before_deploy of pybossa (exit status 0)" in sentence and "ZERG_UNKNOWN_JOB" in sentence


def test_the_same_job_taken_twice_is_run_once(namespace, worker):
    namespace.answer = lambda told: False
    for _ in range(3):
        namespace.waiting = [
            hook("a", "sleep 0.1"),
            health("h", "sleep 0.1"),
            hook("a", "sleep 0.1"),
        ]
        worker.take()
    until(lambda: len(namespace.told) == 2)
    namespace.waiting = [hook("a", "true"), health("h", "true")]
    time.sleep(0.1)
    worker.take()
    until(lambda: len(namespace.told) == 3)
    time.sleep(0.1)
    assert [identifier for identifier, _, _ in namespace.told].count("a") == 1


def test_while_supervisord_is_away_a_hook_tells_again_and_a_health_check_ends_quietly(
    namespace, worker, said
):
    namespace.waiting = [hook("a", "sleep 0.2"), health("h")]
    worker.take()
    until(lambda: namespace.told)
    namespace.close()
    until(lambda: said)
    assert (
        len(said) == 1
        and "cannot tell supervisord of before_deploy" in said[0]
        and "refused" in said[0]
    )
    until(lambda: not names_of_threads())


def names_of_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("job ")]


def test_a_result_gets_through_to_a_supervisord_that_comes_back(namespace, worker, said):
    def shutting_down(told):
        if len(namespace.told) < 4:
            raise xmlrpc.client.Fault(6, "SHUTDOWN_STATE")
        return False

    namespace.answer = shutting_down
    namespace.waiting = [hook("a", "true")]
    worker.take()
    until(lambda: len(namespace.told) == 4)
    assert said == []


def test_no_more_than_the_places_run_at_once_and_a_waiting_health_check_takes_none(
    namespace, said, monkeypatch
):
    monkeypatch.setattr(subprocesses, "RUNNING", subprocesses.Running())
    monkeypatch.setattr(runner, "AT_ONCE", 2)
    worker = Jobs(namespace.environ, said.append)
    namespace.waiting = [health("h%d" % n, interval=60) for n in range(5)] + [
        hook("a%d" % n, "sleep 0.1") for n in range(6)
    ]
    began = time.monotonic()
    worker.take()
    until(lambda: len(namespace.told) == 11)
    assert time.monotonic() - began >= 0.3
    worker.end()


def test_what_is_ended_is_not_told(namespace, worker):
    namespace.waiting = [hook("a", "sleep 31.4155"), health("h", interval=60)]
    worker.take()
    until(lambda: namespace.told and subprocesses.RUNNING._processes)
    worker.end()
    until(lambda: not names_of_threads())
    assert [identifier for identifier, _, _ in namespace.told] == ["h"]


# the process that supervisord runs


class Listener:
    """zerg-listener behind pipes, fed as supervisord feeds it (supervisor/dispatchers.py PEventListenerDispatcher)."""

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
    """A zombie has gone as well: who reaps it is not ours to say."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def pid_in(path):
    until(lambda: path.exists() and path.read_text().strip())
    return int(path.read_text())


def test_events_are_answered_at_once_while_jobs_run(namespace, listener, tmp_path):
    namespace.waiting = [hook("first", "echo hello", 5.0)]
    until(lambda: ("first", True, "exit status 0: hello") in namespace.told)
    assert namespace.anew == [True] and namespace.settled == 1
    namespace.waiting = [hook("long", f"sh -c 'echo $$ > {tmp_path / 'pid'}; sleep 31.4154'", 20.0)]
    assert listener.event("ZERG_JOB_WAITS") < 1.0
    pid = pid_in(tmp_path / "pid")
    namespace.waiting = [hook("short", "true")]
    assert listener.event("TICK_5") < 1.0
    until(lambda: namespace.told[-1][0] == "short")
    assert namespace.settled == 2 and namespace.anew == [True, False, False]
    assert listener.event("PROCESS_STATE_RUNNING") < 1.0
    assert namespace.anew == [True, False, False], (
        "an event that does not concern us asks for nothing"
    )
    assert not gone(pid)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "end of file"])
def test_a_listener_that_is_ended_ends_its_commands(namespace, listener, tmp_path, how):
    namespace.waiting = [
        hook("long", f"sh -c 'sleep 31.4153 & echo $! > {tmp_path / 'pid'}; wait'", 20.0)
    ]
    pid = pid_in(tmp_path / "pid")
    if how == "end of file":
        listener.process.stdin.close()
        listener.process.stdin = None
    else:
        listener.process.send_signal(getattr(signal, how))
    assert listener.process.wait(WAIT_S) == 0
    until(lambda: gone(pid), 1.0)
    assert "Traceback" not in listener.end() and namespace.told == []


def test_the_output_of_a_hook_is_in_the_log_of_the_listener_and_not_in_the_protocol(
    namespace, listener
):
    namespace.waiting = [hook("a", "sh -c 'echo RESULT 4; echo FAIL >&2'")]
    until(lambda: namespace.told)
    assert listener.event("TICK_5") < 1.0
    listener.says(b"READY\n")
    assert "pybossa before_deploy: RESULT 4\npybossa before_deploy: FAIL\n" in listener.end()

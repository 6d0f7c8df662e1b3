"""The companion in real instances: health in every state and mode, the warm-up, and that it
disturbs nothing.
"""

import importlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time
from collections import namedtuple
from pathlib import Path

import pytest

from .conftest import (
    CHEAPER,
    LAZY,
    PREFORK,
    THREADS,
    assert_nobody_noticed,
    pid_of,
    swap_under_load,
)

LIMIT_S = 2.0  # companion.CLIENT_S
SMALL = {"processes": 2}
MODES = {
    "prefork": PREFORK,
    "enable-threads": {**SMALL, "enable-threads": "true"},
    "threads": THREADS,
    "lazy": LAZY,
    "cheaper": CHEAPER,
}
APP = """\
import os
calls = []

def application(environ, start_response):
    path = environ["PATH_INFO"]
    ours = environ.get("zerg.companion", False)
    calls.append((os.getpid(), path, ours, environ["wsgi.multithread"]))
    if path == "/calls":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [repr(calls).encode()]
    if path == "/raises":
        raise LookupError("no such\\nluck")
    if path == "/exits":
        raise SystemExit(3)
    start_response("500 Bad" if path == "/bad" else "200 OK", [("Content-Length", "3")])
    return [b"ok\\n"]
"""
Reply = namedtuple("Reply", "status head body")


SLOW = """\
import os, time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        open(f"{__file__}.{os.getpid()}", "w").close()
        time.sleep(0 if os.path.exists(f"{__file__}.quick") else 600)
    start_response("200 OK", [("Content-Length", "3")])
    return [b"ok\\n"]
"""


@pytest.fixture(autouse=True)
def at_once(request, make_stack):
    """These stacks need no graceful end."""
    yield
    for stack in request.node.stacks:
        stack.kill_all()


def ask(stack, target="/.zerg/ready", program="pybossa", method="GET", timeout=10):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout)
        client.connect(path_of(stack, program))
        client.sendall(f"{method} {target} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode())
        head, _, body = (
            b"".join(iter(lambda: client.recv(65536), b"")).decode().partition("\r\n\r\n")
        )
    return Reply(int(head.split(" ")[1]), head, body)


def path_of(stack, program="pybossa"):
    return str(stack.run / (f"{program}.companion"))


def ready(stack, program="pybossa"):
    reply = ask(stack, program=program)
    return reply.status, json.loads(reply.body)


def with_app(make_stack, text=APP, options=SMALL, warm="", start=True, **environment):
    """A stack whose application is this text."""
    stack = make_stack("managed", start=False, environment={"ZERG_WARM": warm, **environment})
    (stack.folder / "small.py").write_text(text)
    stack.write_app({**options, "wsgi-file": stack.folder / "small.py"})
    return stack.start() if start else stack


def calls(address):
    """What the worker that answers was asked: [(pid, path, by the companion, multithread)]."""
    return eval(through(address, "/calls"))


def through(address, target):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(address)
        client.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        return b"".join(iter(lambda: client.recv(65536), b"")).decode().partition("\r\n\r\n")[2]


@pytest.mark.parametrize("mode", MODES)
def test_an_instance_answers_while_it_serves_drains_and_is_parked_and_when_its_worker_was_killed(
    make_stack, mode
):
    stack = make_stack("managed", app=MODES[mode], environment={"ZERG_WARM": "/ /about"})
    assert stat.S_IMODE(os.stat(path_of(stack)).st_mode) == 0o600
    status, document = ready(stack)
    assert (status, document["ready"], document["warm"]) == (
        200,
        True,
        {"/": "200 OK", "/about": "200 OK"},
    )
    assert ask(stack, "/x?s=0.01").body.split()[:2] == ["pybossa", str(document["pid"])]
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(stack.web)
        slow.sendall(b"GET /?s=1.2 HTTP/1.0\r\n\r\n")
        time.sleep(0.2)
        stack.supervisor.startProcess("pybossabak", False)
        stack.until(lambda: stack.instance("pybossa")["condition"] == "draining", every=0.005)
        assert ready(stack)[0] == 200 and stack.instance("pybossa")["condition"] == "draining"
        slow.settimeout(10)
        assert b" 200 OK" in slow.recv(100)  # what was in flight was finished
    stack.until_roles("pybossabak", "pybossa")
    for _ in range(20):
        assert ask(stack, "/").body.startswith("pybossa ")
    assert ready(stack)[1]["ready"] and ready(stack, "pybossabak")[1]["ready"]
    assert stack.instance("pybossa")["condition"] == "parked"

    killed = ready(stack)[1]["pid"]
    os.kill(killed, signal.SIGKILL)
    time.sleep(0.02)  # what it had accepted ends with it
    assert ready(stack)[1]["pid"] != killed
    stack.until(
        lambda: (
            stack.instance("pybossa")["workers"] == stack.instance("pybossabak")["workers"]
            and stack.info()["warm"]
        )
    )
    answers, swaps = swap_under_load(
        stack, 6, during=lambda _: [ready(stack), ready(stack, "pybossabak")]
    )
    assert_nobody_noticed(answers, swaps)
    assert "no warm-up" not in stack.child_log("pybossa") and "no health" not in stack.child_log(
        "pybossa"
    )


def test_the_only_worker_comes_back_and_who_asks_meanwhile_waits(make_stack):
    stack = make_stack("managed", app={"processes": 1})
    first = ready(stack)[1]
    os.kill(first["pid"], signal.SIGKILL)
    time.sleep(0.02)
    second = ready(stack)[1]
    assert second["worker"] == 1 and second["pid"] != first["pid"] and second["ready"]


@pytest.mark.parametrize("options", [SMALL, LAZY], ids=["prefork", "lazy"])
def test_every_worker_asks_the_warm_paths_before_it_accepts(make_stack, options):
    stack = with_app(make_stack, options=options, warm="/one /two?x=1")
    seen = {}
    stack.until(
        lambda: [seen.setdefault(c[-1][0], c) for c in [calls(stack.web)]] and len(seen) == 2
    )
    for pid, made in seen.items():
        assert [c[:3] for c in made[:2]] == [(pid, "/one", True), (pid, "/two", True)]
        assert made[2][1:3] == ("/calls", False)
    old = ready(stack)[1]["pid"]
    os.kill(old, signal.SIGKILL)
    made = stack.until(lambda: (c := calls(stack.web))[-1][0] not in seen and c)
    assert [c[1] for c in made[:2]] == ["/one", "/two"], "a respawned worker is warm, too"


def test_what_fails_in_the_warm_up_is_in_log_and_health_and_the_instance_serves(make_stack):
    stack = with_app(make_stack, warm="/fine /raises /bad /exits")
    status, document = ready(stack)
    assert status == 503 and document["ready"] is False and "/exits" in document["reason"]
    assert document["warm"] == {
        "/fine": "200 OK",
        "/raises": "500 LookupError: no such luck",
        "/bad": "500 Bad",
        "/exits": "500 SystemExit: 3",
    }
    log = stack.child_log("pybossa")
    for worker in (1, 2):
        assert (
            f"supervisor_zerg: worker {worker}: the warm-up of /raises failed: 500 "
            "LookupError: no such luck\n" in log
        )
        assert f"supervisor_zerg: worker {worker}: the warm-up of /bad failed: 500 Bad\n" in log
    assert ask(stack, "/fine").body == "ok\n" and ask(stack, "/raises").status == 500
    assert ask(stack, "/exits").status == 500 and ask(stack, "/fine").status == 200
    assert ask(stack, "/", method="POST").status == 405
    assert calls(stack.web)


def test_what_fails_in_one_worker_only_is_reported_by_whichever_answers(make_stack):
    odd = '    import uwsgi\n    assert uwsgi.worker_id() != 2 or environ["PATH_INFO"] != "/odd"\n'
    text = APP.replace("    path = environ", f"{odd}    path = environ")
    stack = with_app(make_stack, text, {"processes": 3}, warm="/odd")
    _status, document = stack.until(lambda: (r := ready(stack)) and r[0] == 503 and r)
    assert document["reason"] == "worker 2: the warm-up of /odd failed: 500 AssertionError:"


@pytest.mark.parametrize("options", [SMALL, LAZY], ids=["prefork", "lazy"])
def test_an_application_that_did_not_load_is_a_503_on_every_path(make_stack, options):
    stack = with_app(make_stack, "import no_such_module\n", options, warm="/", start=False)
    ini = stack.conf_d / "uwsgi" / "managed.ini"
    ini.write_text(ini.read_text().replace("need-app = true", ""))
    stack.start()
    for target in ("/", "/about", "/.zerg/ready"):
        reply = ask(stack, target)
        assert reply.status == 503 and "no application was loaded" in reply.body
    assert ready(stack)[1]["ready"] is False


MOUNTED = {
    "a module": {"module": "small:application"},
    "two mounts": {"mount": "/=small.py\nmount = /other=other.py"},
    "a dictionary": {"module": "both"},
}


@pytest.mark.parametrize("way", MOUNTED)
def test_the_application_that_uwsgi_serves_is_asked_however_it_is_mounted(make_stack, way):
    stack = mounted(make_stack, MOUNTED[way])
    stack.until(lambda: stack.info()["serving"])
    assert ask(stack, "/x").body == through(stack.web, "/x") in ("ok\n", "no\n")


def test_an_application_in_another_interpreter_is_not_touched(make_stack):
    stack = mounted(make_stack, {"mount": "/other=other.py\nmount = /=small.py"})
    assert "no application was loaded at / in the first interpreter" in ask(stack, "/x").body


def mounted(make_stack, options):
    stack = make_stack("managed", start=False)
    (stack.folder / "small.py").write_text(APP)
    (stack.folder / "other.py").write_text(APP.replace('b"ok\\n"', 'b"no\\n"'))
    (stack.folder / "both.py").write_text(
        "import small, other\napplications = {b'/other': other.application, b'/': "
        "small.application}\n"
    )
    stack.write_app(
        {
            "processes": 1,
            "pythonpath": stack.folder,
            "chdir": stack.folder,
            "wsgi-file": None,
            **options,
        }
    )
    stack.start(wait=False)
    stack.until(lambda: os.path.exists(path_of(stack)))
    return stack


def test_a_client_that_says_nothing_holds_up_the_next_for_the_limit_only(make_stack):
    stack = make_stack("managed", app=SMALL)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(path_of(stack))
        silent.sendall(b"GET /")
        began = time.monotonic()
        assert ask(stack, "/").status == 200
        assert time.monotonic() - began < LIMIT_S + 1


def test_the_applications_own_post_fork_hook_runs_as_ever(make_stack):
    hook = (
        "import uwsgi\nforks = []\nuwsgi.post_fork_hook = lambda: calls.append((os.getpid(), "
        "'forked', False, False))\n"
    )
    stack = with_app(make_stack, APP + hook, warm="/one")
    assert [c[1] for c in calls(stack.web)[:2]] == ["forked", "/one"]


def test_the_socket_of_another_instance_and_what_is_no_socket_are_left_alone(make_stack):
    stack = make_stack("managed", app=SMALL, start=False)
    ini = stack.conf_d / "uwsgi" / "managed.ini"
    ini.write_text(
        ini.read_text().replace("$(SUPERVISOR_PROCESS_NAME).companion", "pybossa.companion")
    )
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(path_of(stack))  # left behind by somebody who is gone
        old.close()
        stack.start()
    owner = pid_of(stack, "pybossa")
    stack.warm_up()
    assert (
        f"process {owner} listens there: each instance needs a path of its own"
        in stack.child_log("pybossabak")
    )
    assert ask(stack, "/").body.startswith("pybossa ")
    stack.supervisor.stopProcess("pybossa")
    os.unlink(path_of(stack))
    Path(path_of(stack)).write_text("precious")
    stack.supervisor.startProcess("pybossa", False)
    stack.until_roles("pybossa", "pybossabak")
    assert Path(path_of(stack)).read_text() == "precious"
    assert "there is something there that is no socket" in stack.child_log("pybossa")


def test_without_its_variables_it_does_nothing_but_park_and_with_serving_not_even_that(make_stack):
    stack = make_stack("managed", app=SMALL, start=False, environment={"ZERG_BOOT": "serving"})
    ini = stack.conf_d / "uwsgi" / "managed.ini"
    ini.write_text(re.sub("env = .*", "", ini.read_text()))
    stack.start()
    assert not os.path.exists(path_of(stack))
    assert "PAUSE" not in stack.child_log("pybossa")
    threads = {len(os.listdir(f"/proc/{pid}/task")) for pid in children(pid_of(stack, "pybossa"))}
    assert threads == {1}


def test_the_commented_lines_of_the_hooks_dialect_give_health_alone(make_stack):
    stack = make_stack("hooks", app=SMALL, start=False)
    ini = stack.conf_d / "uwsgi" / "hooks.ini"
    ini.write_text(re.sub("; (env|shared-py-import) =", r"\1 =", ini.read_text()))
    stack.start()
    assert ready(stack)[0] == 200 and "PAUSE" not in stack.child_log("pybossa")
    stack.warm_up()
    assert ready(stack)[0] == 200 and ready(stack, "pybossabak")[0] == 200


def test_an_asynchronous_instance_is_left_alone(make_stack):
    pytest.importorskip("gevent", reason="gevent is not installed: pip install -e .[test]")
    options = {"processes": 1, "gevent": 20, "gevent-early-monkey-patch": "true"}
    stack = make_stack("managed", app=options, environment={"ZERG_WARM": "/"})
    assert "no warm-up and no health in worker 1: it is asynchronous\n" in stack.child_log(
        "pybossa"
    )
    assert through(stack.web, "/").startswith("pybossa ")


def children(pid):
    return subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
    ).stdout.split()


@pytest.fixture
def companion(monkeypatch):
    """The module itself, where there is no uWSGI."""
    monkeypatch.setenv("ZERG_BOOT", "serving")
    monkeypatch.delenv("ZERG_COMPANION_SOCKET", raising=False)
    monkeypatch.delenv("ZERG_WARM", raising=False)
    return importlib.import_module("supervisor_zerg.uwsgi.companion")


def test_an_answer_is_closed_and_cut_and_an_odd_one_is_a_500(companion):
    class Chunks:
        closed = False

        def __iter__(self):
            while True:
                yield b"x" * 65536

        def close(self):
            self.closed = True

    endless = Chunks()
    status, _, body = companion.ask(lambda environ, start: start("200 OK", []) and endless, {})
    assert (status, len(body), endless.closed) == ("200 OK", companion.MOST, True)
    assert companion.ask(lambda environ, start: [b""], {})[0].startswith("500 IndexError")
    assert companion.ask(lambda environ, start: start("fine", []) and [], {})[0].startswith(
        "500 ValueError"
    )
    assert companion.ask(lambda environ, start: start("200 OK", []) and ["text"], {})[0].startswith(
        "500 TypeError"
    )


def test_a_request_becomes_an_environ(companion):
    environ = companion.environ_of(
        "/caf%C3%A9?a=%20b", True, [["Host", " example.org"], ["X-Real-IP", " ::1"]]
    )
    assert environ["PATH_INFO"] == "/caf\xc3\xa9" and environ["QUERY_STRING"] == "a=%20b"
    assert (environ["HTTP_HOST"], environ["HTTP_X_REAL_IP"]) == ("example.org", "::1")
    assert environ["zerg.companion"] is True and environ["wsgi.multithread"] is True


def test_a_worker_that_its_master_ends_during_its_warm_up_ends(make_stack):
    """A master ends a worker with SIGINT (core/uwsgi.c ``kill_them_all``)."""
    stack = with_app(make_stack, SLOW, warm="/slow", start=False)
    stack.start(wait=False)
    pattern = "small.py.*[0-9]"
    workers = stack.until(lambda: len(found := sorted(stack.folder.glob(pattern))) == 2 and found)
    (stack.folder / "small.py.quick").write_text("")
    pids = [int(worker.suffix[1:]) for worker in workers]
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    stack.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
    stack.until_roles("pybossa", "")

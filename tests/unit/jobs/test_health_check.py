"""Health checks and hooks with real servers and real processes of this machine.

Limits are tenths of a second. What a limit must not cut short on a busy machine is tried with
longer and longer ones (``at_a_limit``).
"""

import http.server
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg import __version__
from supervisor_zerg.jobs import health_check, subprocesses

LIMIT_S = 0.2
SLACK_S = 10.0  # other work on this machine
LONG_S = 30.0  # what only ends because of a limit
LIMITS_S = (LIMIT_S, 1.0, 5.0, 20.0)


@pytest.fixture(autouse=True)
def short_grace(monkeypatch):
    monkeypatch.setattr(subprocesses, "GRACE_S", 0.2)


def health(check, expect="", timeout=LIMIT_S, **more):
    job = {
        "id": "1",
        "kind": "health",
        "pair": "pybossa",
        "name": "health",
        "check": check,
        "expect": expect,
        "interval": 1.0,
    }
    return health_check.run({**job, "timeout": timeout, "environment": {}, **more})


def hook(line, timeout=LIMIT_S, **more):
    return health(line, "", timeout, kind="hook", name="before_deploy", **more)


def at_a_limit(line, begun):
    """Run a hook that never ends, with longer and longer limits until it had time to begin.

    Returns its result and how many seconds it ran beyond its limit.
    """
    for limit_s in LIMITS_S:
        began = time.monotonic()
        result = hook(line, timeout=limit_s)
        if begun(result):
            return result, limit_s, time.monotonic() - began - limit_s
    raise AssertionError(f"it did not begin within {LIMITS_S[-1]} s")


def python(code):
    return f"{sys.executable} -c '{code}'"


class Page(http.server.BaseHTTPRequestHandler):
    """``/503`` answers 503, and so on."""

    asked: ClassVar[list] = []

    def do_GET(self):
        self.asked.append((self.path, dict(self.headers)))
        self.send_response(int(self.path[1:4]))
        self.send_header("Location", "/500")
        self.end_headers()
        self.wfile.write(b"x" * 10)

    def address_string(self):
        return "somebody"

    def log_message(self, *args):
        pass


def serve(server):
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    return server


@pytest.fixture
def site():
    with serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)) as server:
        Page.asked = []
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def crude():
    """Call it with what each server is to do with a connection; it returns the port."""
    listeners = []

    def start(behave):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=accept, args=(listener, behave), daemon=True).start()
        return listener.getsockname()[1]

    def accept(listener, behave):
        try:
            while True:
                with listener.accept()[0] as connection:
                    behave(connection)
        except OSError:
            pass

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def saying(answer):
    def behave(connection):
        connection.recv(1 << 16)
        connection.sendall(answer)

    return behave


def dripping(answer, dripped):
    """Sends a byte each 50 ms. :param dripped: gets an entry when the other side has gone."""

    def behave(connection):
        try:
            connection.sendall(answer)
            for _ in range(round(LONG_S / 0.05)):
                connection.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            dripped.append("gone")

    return behave


# over HTTP


@pytest.mark.parametrize(
    "status, expect, ok",
    [
        (200, "", True),
        (302, "", True),
        (399, "", True),
        (404, "", False),
        (503, "", False),
        (200, "200", True),
        (204, "200", False),
        (301, "200,204,300-302", True),
        (303, "200, 204, 300-302", False),
        (503, "503", True),
    ],
)
def test_a_status_is_good_if_it_is_expected(site, status, expect, ok):
    said, message = health(f"{site}/{status}", expect)
    assert said is ok
    assert (
        message.startswith(f"{status} in ")
        if ok
        else message.endswith(", expected %s" % (expect or "200-399"))
    )


def test_the_message_says_what_came_and_what_was_expected(site):
    assert health(f"{site}/503") == (False, "503 Service Unavailable, expected 200-399")


def test_a_redirect_is_not_followed_and_the_headers_name_us(site):
    assert health(f"{site}/302?a=b")[0]
    ((path, headers),) = Page.asked
    assert (
        path == "/302?a=b"
        and headers["User-Agent"] == f"supervisor_zerg/{__version__}"
        and headers["Host"] == site[7:]
    )


def test_a_unix_socket_is_asked_over_plain_http(tmp_path):
    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with serve(Server(str(tmp_path / "a:b.sock"), Page)) as server:
        address = f"unix://{tmp_path / 'a:b.sock'}"
        assert health(f"{address}:/204")[0] and Page.asked[-1][1]["Host"] == "localhost"
        assert health(f"{address}:/500/x:/y") == (
            False,
            "500 Internal Server Error, expected 200-399",
        )
        assert Page.asked[-1][0] == "/500/x:/y"
        server.shutdown()


def test_no_answer_is_a_failure_with_its_reason():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and never listens
        assert health(f"http://127.0.0.1:{bound.getsockname()[1]}/") == (
            False,
            "no answer: Connection refused",
        )
    assert health("unix:///no/such.sock:/") == (False, "no answer: No such file or directory")


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 999\r\n\r\n"]
)
def test_a_slow_answer_is_cut_off_at_the_limit(crude, answer):
    dripped = []
    port, began = crude(dripping(answer, dripped)), time.monotonic()
    assert health(f"http://127.0.0.1:{port}/") == (False, "no answer within 0.2 s")
    assert time.monotonic() - began < LIMIT_S + SLACK_S
    until = time.monotonic() + SLACK_S
    while not dripped and time.monotonic() < until:
        time.sleep(0.01)
    assert dripped, "the connection was left open"


def test_a_silent_server_and_a_silent_handshake_end_at_the_limit(crude):
    port = crude(lambda connection: connection.recv(1 << 16) and time.sleep(LONG_S))
    for scheme in ("http", "https"):
        began = time.monotonic()
        assert health(f"{scheme}://127.0.0.1:{port}/") == (False, "no answer within 0.2 s")
        assert time.monotonic() - began < LIMIT_S + SLACK_S


def test_a_name_service_that_hangs_ends_at_the_limit(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(LONG_S))
    began = time.monotonic()
    assert health("http://example.org/", timeout=0.1) == (False, "no answer within 0.1 s")
    assert time.monotonic() - began < 0.1 + SLACK_S


def test_of_an_endless_body_only_the_beginning_is_read(crude):
    def behave(connection):
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    assert health(f"http://127.0.0.1:{crude(behave)}/", timeout=LONG_S)[0]


@pytest.mark.parametrize(
    "answer, message",
    [
        (b"", "no answer: Remote end closed connection without response"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "no HTTP answer: BadStatusLine"),
        (b"HTTP/1.0 500 \xe9\x01\x1b[31m" + b"o" * 400 + b"\r\n\r\n", "500 \\xe9 [31mooo"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "no HTTP answer: IncompleteRead",
        ),
    ],
)
def test_a_bad_answer_is_reported_in_one_short_line(crude, answer, message):
    ok, said = health(f"http://127.0.0.1:{crude(saying(answer))}/", timeout=LONG_S)
    assert not ok and said.startswith(message)
    assert len(said) < 200 and said.isascii() and said.isprintable()


def test_a_certificate_that_nobody_signed_is_refused(tmp_path, crude, monkeypatch):
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            key,
            "-out",
            certificate,
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ],
        check=True,
        capture_output=True,
        timeout=10,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def behave(connection):
        with context.wrap_socket(connection, server_side=True) as safe:
            saying(b"HTTP/1.0 204 Nothing\r\n\r\n")(safe)

    def behave_in_vain(connection):
        with pytest.raises(ssl.SSLError):
            behave(connection)

    port = crude(behave_in_vain)
    assert health(f"https://localhost:{port}/", timeout=LONG_S)[1].startswith(
        "no answer: the certificate is not valid: self"
    )
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    port = crude(behave)
    assert health(f"https://localhost:{port}/", timeout=LONG_S)[0]
    assert (
        "not valid: IP address mismatch" in health(f"https://127.0.0.1:{port}/", timeout=LONG_S)[1]
    )


@pytest.mark.parametrize(
    "check",
    [
        "",
        "ftp://x/",
        "http://",
        "http://x:y/",
        "http://a b/",
        "http://\xfc..x/",
        "unix://",
        "nonsense",
        "http://[",
    ],
)
def test_a_bad_address_is_reported(check):
    ok, message = health(check)
    assert not ok and message


def test_a_bad_expected_status_is_reported(site):
    assert health(f"{site}/200", "fine") == (
        False,
        "cannot be run: the status 'fine' is not like 200-399 or 200,204",
    )


JSON = st.none() | st.floats() | st.text() | st.integers() | st.lists(st.text())


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "kind": JSON,
            "check": JSON,
            "environment": JSON,
            "timeout": JSON,
            "expect": JSON,
        },
    )
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_malformed_job_raises_nothing(job):
    ok, message = health_check.run(job)
    assert ok is False and message.isascii() and len(message) < 200


# commands


def test_exit_status_and_last_line_are_reported_and_the_lines_are_logged(capsys):
    assert hook("sh -c 'echo one; echo two >&2; echo; exit 3'", timeout=LONG_S) == (
        False,
        "exit status 3: two",
    )
    assert hook("command:echo -n caf\xe9", timeout=LONG_S) == (True, "exit status 0: caf\\xe9")
    assert health("command:true", timeout=LONG_S) == (True, "exit status 0")
    said = capsys.readouterr().err
    assert said == "".join(
        f"pybossa before_deploy: {line}\n" for line in ("one", "two", "", "caf\xe9")
    )


def test_there_is_no_shell_but_there_is_the_environment(capsys):
    assert hook("echo $HOME ';' *", timeout=LONG_S) == (True, "exit status 0: $HOME ; *")
    assert hook("sh -c 'echo $ZERG_TEST$HOME'", timeout=2.0, environment={"ZERG_TEST": "a b"})[
        1
    ].endswith(f": a b{os.environ['HOME']}")


@pytest.mark.parametrize(
    "line, message",
    [
        ("no-such-command x", "cannot run no-such-command: No such file or directory"),
        ("/dev/null", "cannot run /dev/null: Permission denied"),
        ("", "cannot be run: there is no command"),
        ("sh -c 'x", "cannot be run: No closing quotation"),
        ("sh -c 'kill -9 $$'", "ended by signal 9 (Killed)"),
        ("echo a\0b", "cannot be run: embedded null byte"),
    ],
)
def test_what_cannot_be_run_is_reported(line, message):
    assert hook(line, timeout=LONG_S) == (False, message)


def alive(marker):
    """pids of processes with this marker in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                if marker in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def test_at_the_limit_a_command_and_all_that_it_started_is_ended():
    (ok, message), limit_s, beyond_s = at_a_limit(
        "sh -c 'sleep 61.4159 & echo begun; sleep 61.4159'", lambda result: "begun" in result[1]
    )
    assert (ok, message) == (False, f"no end within {limit_s:.1f} s: begun")
    assert beyond_s < SLACK_S and not alive("61.4159")


def test_a_command_that_ignores_sigterm_is_killed():
    line = """sh -c 'trap "" TERM; echo begun; sleep 61.4158 & sleep 61.4158; sleep 61.4158'"""
    result, limit_s, beyond_s = at_a_limit(line, lambda result: "begun" in result[1])
    assert result == (False, f"no end within {limit_s:.1f} s: begun")
    assert beyond_s < SLACK_S and not alive("61.4158")


def test_a_command_may_end_itself_in_order_after_sigterm(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocesses, "GRACE_S", LONG_S)
    begun = tmp_path / "begun"
    done = tmp_path / "done"
    trap = f"""trap "sleep 0.05; echo x > {done}; exit" TERM; touch {begun}"""
    line = f"sh -c '{trap}; while :; do sleep 0.02; done'"
    result, _, _ = at_a_limit(line, lambda result: begun.exists())
    assert not result[0] and done.exists()


def test_what_a_command_leaves_behind_ends_with_it_and_delays_nothing():
    began = time.monotonic()
    assert hook("sh -c 'sleep 61.4157 & exit 0'", timeout=LONG_S) == (True, "exit status 0")
    assert time.monotonic() - began < SLACK_S and not alive("61.4157")


def test_a_flood_is_bounded_in_lines_and_in_length_and_its_last_line_is_known(capsys):
    code = (
        'import sys; print("x" * 5000000); [print(n) for n in range(20000)];'
        ' sys.stdout.write("\\x1b[1mend\\r")'
    )
    assert hook(python(code), timeout=LONG_S) == (True, "exit status 0: [1mend")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == subprocesses.MAX_LINES + 1 and "not shown" in lines[-1]
    assert max(map(len, lines)) == len("pybossa before_deploy: ") + subprocesses.LINE_BYTES


def test_an_endless_flood_ends_at_the_limit(capsys):
    result, limit_s, beyond_s = at_a_limit("yes", lambda result: result[1].endswith(": y"))
    assert result == (False, f"no end within {limit_s:.1f} s: y") and beyond_s < SLACK_S


def test_a_command_that_closes_its_output_is_waited_for():
    assert hook("sh -c 'exec >&- 2>&-; sleep 0.1; exit 4'", timeout=LONG_S) == (
        False,
        "exit status 4",
    )


def test_without_a_pidfd_an_end_is_noticed_as_well(monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.setattr(subprocesses, "POLL_S", 0.05)
    assert hook("sh -c 'exec >&- 2>&-; sleep 0.1; exit 4'", timeout=LONG_S) == (
        False,
        "exit status 4",
    )


def test_a_closed_log_stops_no_command(monkeypatch):
    with open(os.devnull, "w") as gone:
        pass
    monkeypatch.setattr(sys, "stderr", gone)
    assert hook("echo fine", timeout=LONG_S) == (True, "exit status 0: fine")


def test_all_commands_end_together_and_no_other_begins(monkeypatch):
    monkeypatch.setattr(subprocesses, "RUNNING", subprocesses.Running())
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(hook("sleep 61.4156", timeout=60.0)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + SLACK_S
    while len(alive("61.4156")) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    subprocesses.RUNNING.close()
    assert not alive("61.4156")
    for thread in threads:
        thread.join(SLACK_S)
    assert answers == [(False, "ended by signal 15 (Terminated)")] * 3
    assert not hook("true")[0]

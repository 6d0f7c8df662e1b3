"""Checks and hooks against real servers and real processes on this machine. Limits are tenths of a second."""

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

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_zerg import __version__
from supervisor_zerg.jobs import health_check, subprocesses

LIMIT_S = 0.2
SLACK_S = 0.7  # other work on this machine


@pytest.fixture(autouse=True)
def short_grace(monkeypatch):
    monkeypatch.setattr(subprocesses, "GRACE_S", 0.2)


def health(check, expect="", timeout=LIMIT_S, **more):
    job = {
        "id": "1",
        "kind": "health",
        "pair": "pybossa",
        "what": "health",
        "check": check,
        "expect": expect,
        "interval": 1.0,
    }
    return health_check.run({**job, "timeout": timeout, "environment": {}, **more})


def hook(line, timeout=LIMIT_S, **more):
    return health(line, "", timeout, kind="hook", what="before_deploy", **more)


def python(code):
    return f"{sys.executable} -c '{code}'"


class Page(http.server.BaseHTTPRequestHandler):
    """``/503`` answers 503, and so on."""

    asked = []

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
        yield "http://127.0.0.1:%d" % server.server_port
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
            for _ in range(100):
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
def test_a_status_is_good_when_it_is_wanted(site, status, expect, ok):
    said, words = health("%s/%d" % (site, status), expect)
    assert said is ok
    assert (
        words.startswith("%d in " % status)
        if ok
        else words.endswith(", wanted %s" % (expect or "200-399"))
    )


def test_the_words_say_what_came_and_what_was_wanted(site):
    assert health(f"{site}/503") == (False, "503 Service Unavailable, wanted 200-399")


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
            "500 Internal Server Error, wanted 200-399",
        )
        assert Page.asked[-1][0] == "/500/x:/y"
        server.shutdown()


def test_nobody_there():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and never listens
        assert health("http://127.0.0.1:%d/" % bound.getsockname()[1]) == (
            False,
            "no answer: Connection refused",
        )
    assert health("unix:///no/such.sock:/") == (False, "no answer: No such file or directory")


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 999\r\n\r\n"]
)
def test_a_server_that_drips_is_cut_off_at_the_limit(crude, answer):
    dripped = []
    port, began = crude(dripping(answer, dripped)), time.monotonic()
    assert health("http://127.0.0.1:%d/" % port) == (False, "no answer within 0.2 s")
    assert time.monotonic() - began < LIMIT_S + SLACK_S
    until = time.monotonic() + SLACK_S
    while not dripped and time.monotonic() < until:
        time.sleep(0.01)
    assert dripped, "the connection was left open"


def test_a_silent_server_and_a_silent_handshake_end_at_the_limit(crude):
    port = crude(lambda connection: connection.recv(1 << 16) and time.sleep(LIMIT_S * 2))
    for scheme in ("http", "https"):
        began = time.monotonic()
        assert health("%s://127.0.0.1:%d/" % (scheme, port)) == (False, "no answer within 0.2 s")
        assert time.monotonic() - began < LIMIT_S + SLACK_S


def test_a_name_service_that_hangs_ends_at_the_limit(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(2))
    began = time.monotonic()
    assert health("http://example.org/", timeout=0.1) == (False, "no answer within 0.1 s")
    assert time.monotonic() - began < 0.1 + SLACK_S


def test_of_an_endless_body_only_the_beginning_is_read(crude):
    def behave(connection):
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    assert health("http://127.0.0.1:%d/" % crude(behave), timeout=2.0)[0]


@pytest.mark.parametrize(
    "answer, words",
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
def test_what_is_no_good_answer_is_told_in_one_short_line(crude, answer, words):
    ok, said = health("http://127.0.0.1:%d/" % crude(saying(answer)), timeout=2.0)
    assert not ok and said.startswith(words)
    assert len(said) < 200 and said.isascii() and said.isprintable()


def test_a_certificate_that_nobody_signed_is_no_good(tmp_path, crude, monkeypatch):
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

    port = crude(lambda connection: pytest.raises(ssl.SSLError, behave, connection))
    assert health("https://localhost:%d/" % port, timeout=2.0)[1].startswith(
        "no answer: the certificate is not good: self"
    )
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    port = crude(behave)
    assert health("https://localhost:%d/" % port, timeout=2.0)[0]
    assert "not good: IP address mismatch" in health("https://127.0.0.1:%d/" % port, timeout=2.0)[1]


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
def test_an_address_that_is_none_is_told(check):
    ok, words = health(check)
    assert not ok and words


def test_a_wanted_status_that_is_none_is_told(site):
    assert health(f"{site}/200", "fine") == (
        False,
        "cannot be done: the wanted status 'fine' is not like 200-399 or 200,204",
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
def test_a_job_that_is_rubbish_raises_nothing(job):
    ok, words = health_check.run(job)
    assert ok is False and words.isascii() and len(words) < 200


# commands


def test_exit_status_and_last_line_are_told_and_the_lines_are_logged(capsys):
    assert hook("sh -c 'echo one; echo two >&2; echo; exit 3'", timeout=2.0) == (
        False,
        "exit status 3: two",
    )
    assert hook("command:echo -n caf\xe9", timeout=2.0) == (True, "exit status 0: caf\\xe9")
    assert health("command:true", timeout=2.0) == (True, "exit status 0")
    said = capsys.readouterr().err
    assert said == "".join(
        f"pybossa before_deploy: {line}\n" for line in ("one", "two", "", "caf\xe9")
    )


def test_there_is_no_shell_but_there_is_the_environment(capsys):
    assert hook("echo $HOME ';' *", timeout=2.0) == (True, "exit status 0: $HOME ; *")
    assert hook("sh -c 'echo $ZERG_COPY$HOME'", timeout=2.0, environment={"ZERG_COPY": "a b"})[
        1
    ].endswith(f": a b{os.environ['HOME']}")


@pytest.mark.parametrize(
    "line, words",
    [
        ("no-such-command x", "cannot run no-such-command: No such file or directory"),
        ("/dev/null", "cannot run /dev/null: Permission denied"),
        ("", "cannot be done: no command is named"),
        ("sh -c 'x", "cannot be done: No closing quotation"),
        ("sh -c 'kill -9 $$'", "ended by signal 9 (Killed)"),
        ("echo a\0b", "cannot be done: embedded null byte"),
    ],
)
def test_what_cannot_be_run_is_told(line, words):
    assert hook(line, timeout=2.0) == (False, words)


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
    began = time.monotonic()
    assert hook("sh -c 'echo begun; sleep 31.4159 & sleep 31.4159'") == (
        False,
        "no end within 0.2 s: begun",
    )
    assert time.monotonic() - began < LIMIT_S + SLACK_S and not alive("31.4159")


def test_a_command_that_ignores_sigterm_is_killed():
    began = time.monotonic()
    assert hook("""sh -c 'trap "" TERM; sleep 31.4158 & sleep 31.4158; sleep 31.4158'""") == (
        False,
        "no end within 0.2 s",
    )
    assert time.monotonic() - began < LIMIT_S + 0.2 + SLACK_S and not alive("31.4158")


def test_a_command_may_end_itself_in_order_after_sigterm(tmp_path):
    done = tmp_path / "done"
    assert not hook(
        f"""sh -c 'trap "sleep 0.05; echo x > {done}; exit" TERM; while :; do sleep 0.02; done'"""
    )[0]
    assert done.exists()


def test_what_a_command_leaves_behind_ends_with_it_and_keeps_nobody_waiting():
    began = time.monotonic()
    assert hook("sh -c 'sleep 31.4157 & exit 0'", timeout=5.0) == (True, "exit status 0")
    assert time.monotonic() - began < SLACK_S and not alive("31.4157")


def test_a_flood_is_bounded_in_lines_and_in_length_and_its_last_line_is_known(capsys):
    code = 'import sys; print("x" * 5000000); [print(n) for n in range(20000)]; sys.stdout.write("\\x1b[1mend\\r")'
    assert hook(python(code), timeout=5.0) == (True, "exit status 0: [1mend")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == subprocesses.LINES + 1 and "not shown" in lines[-1]
    assert max(map(len, lines)) == len("pybossa before_deploy: ") + subprocesses.LINE_BYTES


def test_an_endless_flood_ends_at_the_limit(capsys):
    assert hook("yes", timeout=0.1) == (False, "no end within 0.1 s: y")


def test_a_command_that_closes_its_output_is_waited_for():
    assert hook("sh -c 'exec >&- 2>&-; sleep 0.1; exit 4'", timeout=2.0) == (False, "exit status 4")


def test_without_a_pidfd_an_end_is_noticed_as_well(monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.setattr(subprocesses, "LOOK_S", 0.05)
    assert hook("sh -c 'exec >&- 2>&-; sleep 0.1; exit 4'", timeout=2.0) == (False, "exit status 4")


def test_a_log_that_is_gone_stops_no_command(monkeypatch):
    gone = open(os.devnull, "w")
    gone.close()
    monkeypatch.setattr(sys, "stderr", gone)
    assert hook("echo fine", timeout=2.0) == (True, "exit status 0: fine")


def test_all_commands_can_be_ended_together_and_no_other_is_begun(monkeypatch):
    monkeypatch.setattr(subprocesses, "RUNNING", subprocesses.Running())
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(hook("sleep 31.4156", timeout=20.0)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 2
    while len(alive("31.4156")) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    subprocesses.RUNNING.close()
    assert not alive("31.4156")
    for thread in threads:
        thread.join(2)
    assert answers == [(False, "ended by signal 15 (Terminated)")] * 3
    assert not hook("true")[0]

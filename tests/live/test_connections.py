"""Connections that an instance holds beside its requests: kept or left to an offload thread."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from supervisor_zerg.demo.traffic import Traffic, failed, stale

from .conftest import history

KEPT = {"processes": 8, "protocol": "http11"}  # an idle connection takes a whole worker
KEPT_BY_THREADS = {"processes": 2, "threads": 6, "protocol": "http11"}
OFFLOADED_BYTES = 30_000_000
#: A thread that waits for a next request keeps all others of its worker from accepting one, until
#: `socket-timeout` has passed.
SOCKET_TIMEOUT_S = 4


@pytest.mark.parametrize(
    "app, slow_s", [(KEPT, 1), (KEPT_BY_THREADS, 3 * SOCKET_TIMEOUT_S)], ids=["prefork", "threads"]
)
def test_h58_behind_nginx_no_request_is_stale_or_hangs_on_a_kept_connection(
    make_stack, dialect, nginx, app, slow_s
):
    stack = make_stack(dialect, app=app)
    stack.warm_up()
    port = nginx(stack, keepalive=8)
    swaps = []
    with Traffic(port, clients=6, seconds=240, paths=("/", "/?s=0.02")) as traffic:
        for _ in range(6):
            asked = time.monotonic()
            reply = stack.zerg.swap("")
            swaps.append((asked, time.monotonic(), reply["serving"]))
            time.sleep(0.5)
        assert traffic.end(20), "a request hangs"
        answers = traffic.answers()
    assert len(answers) > 100
    assert failed(answers) == [] and stale(answers, swaps) == []
    assert max(a.ended - a.began for a in answers) < slow_s


class Kept:
    """A client that keeps its connection."""

    def __init__(self, address):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(10)
        self.connection.connect(address)

    def get(self, path="/"):
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nHost: demo\r\n\r\n".encode())
        return self.connection.recv(65536).decode()


def test_h58_a_kept_connection_is_closed_with_the_swap_and_one_with_a_request_after_its_answer(
    make_stack, dialect
):
    stack = make_stack(dialect, app=KEPT)
    stack.warm_up()
    idle, busy = Kept(stack.web), Kept(stack.web)
    for client in (idle, busy):
        assert "pybossabak" in client.get()
    assert stack.instance("pybossabak")["in_flight"] == 2
    answers = []
    thread = threading.Thread(target=lambda: answers.append(busy.get("/?s=1.5")))
    thread.start()
    time.sleep(0.5)
    reply = stack.zerg.swap("")
    assert (reply["serving"], reply["draining"]) == ("pybossa", 1)
    assert idle.connection.recv(1) == b""
    assert stack.instance("pybossabak")["condition"] == "draining"
    thread.join()
    assert "pybossabak" in answers[0]
    assert busy.connection.recv(1) == b""
    stack.until_roles("pybossa", "pybossabak")
    assert not any(entry.get("killed_requests") for entry in history(stack))
    stack.zerg.swap("")
    assert "pybossabak" in Kept(stack.web).get(), "its workers take new connections"


@contextmanager
def slow_download(stack):
    """A client that has read the beginning of a file that an offload thread sends."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(stack.web)
        connection.sendall(b"GET /file HTTP/1.0\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.0 200")
        yield connection


def rest_of(connection):
    """How many bytes still come."""
    count = 0
    while data := connection.recv(1 << 20):
        count += len(data)
    return count


@pytest.fixture
def offloading(make_stack, dialect):
    """A function that makes a warm pair which offloads a large file."""

    def make(**pair):
        stack = make_stack(dialect, start=False, pair={"health": "", "bake": "0.2", **pair})
        file = stack.folder / "file"
        file.write_bytes(bytes(OFFLOADED_BYTES))
        stack.write_app({"processes": 2, "offload-threads": 1, "static-map": f"/file={file}"})
        stack.start()
        stack.warm_up()
        return stack

    return make


def test_h59_a_download_of_an_offload_thread_survives_a_swap_and_a_deploy(offloading):
    stack = offloading()
    with slow_download(stack) as connection:
        reply = stack.zerg.swap("")
        assert (reply["serving"], reply["draining"]) == ("pybossa", 1)
        assert stack.instance("pybossabak")["condition"] == "draining"
        stack.version("2")
        deploys = []
        thread = threading.Thread(
            target=lambda: deploys.append(stack.zerg.deploy("", {"label": "2"}))
        )
        thread.start()
        stack.until(lambda: stack.info()["busy"])
        time.sleep(1)
        assert stack.info()["deploy"]["phase"] == "draining"
        assert rest_of(connection) >= OFFLOADED_BYTES - 1000
    thread.join()
    assert deploys[0]["outcome"] == "deployed" and deploys[0]["killed_requests"] == 0


def test_h60_a_download_beyond_the_drain_limit_is_cut_and_counted(offloading):
    stack = offloading(drain_timeout="0.5")
    with slow_download(stack) as connection:
        stack.zerg.swap("")
        info = stack.zerg.deploy("", {"label": "2"})
        assert info["outcome"] == "deployed" and info["killed_requests"] == 1
        assert rest_of(connection) < OFFLOADED_BYTES - 1000
    assert history(stack)[-1]["killed_requests"] == 1

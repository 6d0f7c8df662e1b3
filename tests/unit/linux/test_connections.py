"""Which accepted connections are open."""

import os
import socket

import pytest

from supervisor_zerg.linux.connections import Connections
from supervisor_zerg.linux.pieces import Pacer, at_once
from supervisor_zerg.linux.signals import _MADE_HERE, ProvenProcess


def inode(connection):
    return os.fstat(connection.fileno()).st_ino


@pytest.fixture(params=["path", "abstract", "tcp"])
def listener(request, tmp_path):
    """A listening socket, and its name."""
    if request.param == "tcp":
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server, f"port {server.getsockname()[1]}"
        return
    path = str(tmp_path / "s") if request.param == "path" else f"\0zerg-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        yield server, path.replace("\0", "@")


def test_a_connection_is_found_until_it_is_shut_in_both_directions(listener):
    server, name = listener
    connections = Connections(Pacer(seconds=0))

    def found():
        return at_once(connections.accepted([name, "/nowhere", "port 1"]))

    assert found() == frozenset()
    with socket.socket(server.family) as client:
        client.connect(server.getsockname())
        with server.accept()[0] as connection:
            assert found() == {inode(connection)}
            connection.shutdown(socket.SHUT_RD)
            assert found() == {inode(connection)}
            connection.shutdown(socket.SHUT_RDWR)
            assert found() == frozenset()


def test_the_socket_of_another_process_is_reached_while_it_holds_it():
    pidfd = os.pidfd_open(os.getpid())
    ours = ProvenProcess(_MADE_HERE, os.getpid(), pidfd)
    try:
        with socket.socketpair()[0] as one:
            with ours.duplicate(one.fileno(), inode(one)) as duplicate:
                assert inode(duplicate) == inode(one) and duplicate.fileno() != one.fileno()
            assert ours.duplicate(one.fileno(), inode(one) + 1) is None
            number = one.fileno()
        assert ours.duplicate(number, 1) is None, "it is closed"
    finally:
        os.close(pidfd)

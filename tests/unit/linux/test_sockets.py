"""Which sockets of this process listen."""

import os
import socket

from supervisor_zerg.linux.descriptors import Descriptors
from supervisor_zerg.linux.pieces import at_once
from supervisor_zerg.linux.sockets import Sockets
from tests.unit.processes import NOBODY

SOCKETS = Sockets(Descriptors())


def test_listening_sockets_have_names_and_connected_ones_are_left_out(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as unix, socket.socket() as tcp, socket.socket() as idle:
        unix.bind(path)
        unix.listen()
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        found = at_once(SOCKETS.listening(os.getpid()))
        assert found[os.fstat(unix.fileno()).st_ino] == path
        assert found[os.fstat(tcp.fileno()).st_ino] == f"port {tcp.getsockname()[1]}"
        assert os.fstat(idle.fileno()).st_ino not in found
        assert at_once(SOCKETS.offered(os.getpid()))[path] == os.fstat(unix.fileno()).st_ino


def test_a_process_that_is_gone_listens_nowhere():
    assert at_once(SOCKETS.listening(NOBODY)) == {}

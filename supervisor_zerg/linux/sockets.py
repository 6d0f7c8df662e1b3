"""Which sockets listen: inode -> address.

/proc/net/tcp takes 5 ms even when it is empty, sock_diag(7) 0.05 ms.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from .descriptors import Descriptors
from .pieces import Pacer, Pieces

SOCK_DIAG = 4  # NETLINK_SOCK_DIAG, linux/netlink.h
BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY, linux/sock_diag.h
DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
LISTEN = 1 << 10  # TCP_LISTEN as a bit
UNIX_LISTENS = "00010000"  # the flag __SO_ACCEPTCON in /proc/net/unix
OFFERED_S = 1.0  # how long the listening sockets of a pool are believed


class Sockets:
    """The listening sockets of a process.

    Args:
        descriptors: of the processes.
        pacer: divides long readings.
        proc: where procfs is mounted.
    """

    def __init__(
        self, descriptors: Descriptors, pacer: Pacer | None = None, proc: str = "/proc"
    ) -> None:
        self.descriptors = descriptors
        self.pacer = pacer or Pacer()
        self.proc = proc
        self._offers: dict[int, tuple[float, dict[str, int]]] = {}

    def listening(self, pid: int) -> Pieces[dict[int, str]]:
        """Read inode -> unix path or ``port N`` of the listening sockets that a process holds."""
        inodes = yield from self.descriptors.sockets(pid)
        if not inodes:
            return {}
        names = yield from self._all_listening()
        return {inode: name for inode, name in names.items() if inode in inodes}

    def offered(self, pid: int) -> Pieces[dict[str, int]]:
        """Read path -> inode of the unix sockets that a process listens on.

        The answer is OFFERED_S old at most: one reading serves all pairs of a pool.
        """
        now = time.monotonic()
        known = self._offers.get(pid)
        if known and now - known[0] < OFFERED_S:
            return known[1]
        names = yield from self.listening(pid)
        self._offers = {p: offer for p, offer in self._offers.items() if now - offer[0] < OFFERED_S}
        offer = {name: inode for inode, name in names.items() if name.startswith("/")}
        self._offers[pid] = (now, offer)
        return offer

    def _all_listening(self) -> Pieces[dict[int, str]]:
        """Read every listening socket of this network namespace."""
        names: dict[int, str] = {}
        for inode, name in _tcp_listeners():
            names[inode] = name
            if self.pacer.due():
                yield
        with open(f"{self.proc}/net/unix", errors="surrogateescape") as file:
            next(file)
            for line in file:
                fields = line.split(None, 7)
                if fields[3] == UNIX_LISTENS:
                    names[int(fields[6])] = fields[7].rstrip("\n") if len(fields) > 7 else ""
                if self.pacer.due():
                    yield
        return names

    def begin_connection(self, name: str) -> list[socket.socket]:
        """Connect to a listening socket of this network namespace.

        Nothing is waited for: a unix socket is connected or refuses, and so is a TCP socket of this
        machine, whose addresses are those at which the kernel shows it listen.

        Args:
            name: path or ``port N``, as of :meth:`listening`.

        Returns:
            The connections. One that was refused is left out.
        """
        found = []
        for family, address in _addresses(name):
            connection = socket.socket(family)
            connection.setblocking(False)
            try:
                connection.connect(address)
            except BlockingIOError:
                pass
            except OSError:
                connection.close()
                continue
            found.append(connection)
        return found


def _addresses(name: str) -> Iterator[tuple[int, Any]]:
    """The address family and the address of a listening socket."""
    if not name.startswith("port "):
        yield socket.AF_UNIX, "\0" + name[1:] if name.startswith("@") else name
        return
    for family, message in _tcp_messages():
        port = struct.unpack_from(">H", message, 4)[0]
        if name == f"port {port}":
            host = message[8:12] if family == socket.AF_INET else message[8:24]
            yield family, (socket.inet_ntop(family, host), port)


def _tcp_listeners() -> Iterator[tuple[int, str]]:
    """(inode, "port N") of every listening TCP socket."""
    for _, message in _tcp_messages():
        port = struct.unpack_from(">H", message, 4)[0]
        yield struct.unpack_from("=I", message, 68)[0], f"port {port}"


def _tcp_messages() -> Iterator[tuple[int, bytes]]:
    """Family and struct inet_diag_msg of every listening TCP socket, if the kernel shows them."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as netlink:
                request = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, LISTEN)
                header = struct.pack("=IHHII", 72, BY_FAMILY, DUMP, 1, 0)
                netlink.send(header + request + bytes(48))
                for message in _diag_messages(netlink):
                    yield family, message
        except OSError:
            return


def _diag_messages(netlink: socket.socket) -> Iterator[bytes]:
    while True:
        data = netlink.recv(1 << 16)
        while data:
            length, kind = struct.unpack("=IH", data[:6])
            if kind != BY_FAMILY:  # done, or an error
                return
            yield data[16:length]
            data = data[(length + 3) & ~3 :]

"""Which connections of a listening socket are accepted and still open, by sock_diag(7).

An accepted unix socket carries the path of the listening one, an accepted TCP socket its port. A
process that holds the inode of such a socket holds the connection, whatever else it says.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator

from .pieces import Pacer, Pieces

SOCK_DIAG = 4  # NETLINK_SOCK_DIAG, linux/netlink.h
BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY, linux/sock_diag.h
DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
ESTABLISHED = 1 << 1  # TCP_ESTABLISHED as a bit, which unix sockets use as well
CLOSE_WAIT = 1 << 8  # the client has ended its half; an answer may still go out
SHOW_NAME = 0x1  # UDIAG_SHOW_NAME, linux/unix_diag.h
NAME = 0  # UNIX_DIAG_NAME
SHUTDOWN = 6  # UNIX_DIAG_SHUTDOWN
BOTH_WAYS = 3  # RCV_SHUTDOWN | SEND_SHUTDOWN, Linux include/net/sock.h
RECEIVE_BYTES = 1 << 16  # the kernel sends at most 32 KiB at once


class Connections:
    """The accepted connections of this network namespace.

    Args:
        pacer: divides long readings.
    """

    def __init__(self, pacer: Pacer | None = None) -> None:
        self.pacer = pacer or Pacer()

    def accepted(self, names: Collection[str]) -> Pieces[frozenset[int]]:
        """Read the inodes of open connections that were accepted from sockets with these names.

        One that was shut down in both directions is not open any more: nobody waits for it,
        although a process may hold it. None are found where this kernel does not tell.

        Args:
            names: unix paths, and ``port N`` for TCP (:meth:`Sockets.listening`).
        """
        inodes: set[int] = set()
        for read in _readings(names):
            for inode in read:
                if inode:
                    inodes.add(inode)
                if self.pacer.due():
                    yield
        return frozenset(inodes)


def _readings(names: Collection[str]) -> Iterator[Iterator[int]]:
    paths = {name.encode(errors="surrogateescape") for name in names if name.startswith(("/", "@"))}
    if paths:
        yield _unix(paths)
    for name in names:
        if name.startswith("port "):
            yield _tcp(int(name[5:]))


def _unix(paths: set[bytes]) -> Iterator[int]:
    """The inodes of accepted unix sockets; 0 for other sockets, so that the reading has pieces."""
    request = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, ESTABLISHED, 0, SHOW_NAME, 0, 0)
    for data in _dump(request):
        if not any(path.lstrip(b"@") in data for path in paths):
            yield 0
            continue
        for message in _messages(data):
            attributes = dict(_attributes(message[16:]))
            name = attributes.get(NAME, b"")
            name = b"@" + name[1:] if name[:1] == b"\0" else name.rstrip(b"\0")
            is_open = attributes.get(SHUTDOWN, b"\0")[0] & BOTH_WAYS != BOTH_WAYS
            found: int = struct.unpack_from("=I", message, 4)[0] if name in paths and is_open else 0
            yield found


def _tcp(port: int) -> Iterator[int]:
    """The inodes of accepted TCP sockets. The kernel compares the port itself."""
    for family in (socket.AF_INET, socket.AF_INET6):
        states = ESTABLISHED | CLOSE_WAIT
        head = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, states)
        for data in _dump(head + struct.pack(">H", port) + bytes(46)):
            for message in _messages(data):
                if struct.unpack_from(">H", message, 4)[0] == port:
                    yield struct.unpack_from("=I", message, 68)[0]


def _dump(request: bytes) -> Iterator[bytes]:
    """The answers of the kernel, as they come; none where it does not tell."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as netlink:
            header = struct.pack("=IHHII", 16 + len(request), BY_FAMILY, DUMP, 1, 0)
            netlink.send(header + request)
            while True:
                data = netlink.recv(RECEIVE_BYTES)
                if len(data) < 16 or struct.unpack_from("=H", data, 4)[0] != BY_FAMILY:
                    return  # done, or an error
                yield data
    except OSError:
        return


def _messages(data: bytes) -> Iterator[bytes]:
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if kind != BY_FAMILY or length < 16:
            return
        yield data[16:length]
        data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind, data[4:length]
        data = data[(length + 3) & ~3 :]

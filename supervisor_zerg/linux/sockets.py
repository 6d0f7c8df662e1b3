"""Which listening sockets there are: inode -> address. /proc/net/tcp takes 5 ms even when it is empty, sock_diag(7) 0.05 ms."""

import socket
import struct

SOCK_DIAG = 4  # NETLINK_SOCK_DIAG, linux/netlink.h
BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY, linux/sock_diag.h
DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
LISTEN = 1 << 10  # TCP_LISTEN as a bit
UNIX_LISTENS = "00010000"  # the flag __SO_ACCEPTCON in /proc/net/unix


def listening_sockets(proc="/proc"):
    """Inode -> unix path or tcp port of every listening socket of this network namespace."""
    names = dict(_tcp_listeners())
    with open(f"{proc}/net/unix") as file:
        next(file)
        for line in file:
            fields = line.split(None, 7)
            if fields[3] == UNIX_LISTENS:
                names[int(fields[6])] = fields[7].strip() if len(fields) > 7 else ""
    return names


def _tcp_listeners():
    """(inode, "port N") of every listening TCP socket; none where this kernel does not tell."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as netlink:
                request = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, LISTEN) + bytes(
                    48
                )
                netlink.send(
                    struct.pack("=IHHII", 16 + len(request), BY_FAMILY, DUMP, 1, 0) + request
                )
                yield from _diag_messages(netlink)
        except OSError:
            return


def _diag_messages(netlink):
    while True:
        data = netlink.recv(1 << 16)
        while data:
            length, kind = struct.unpack("=IH", data[:6])
            if kind != BY_FAMILY:  # done, or an error
                return
            message = data[16:length]
            yield (
                struct.unpack("=I", message[68:72])[0],
                "port %d" % struct.unpack(">H", message[4:6])[0],
            )
            data = data[(length + 3) & ~3 :]

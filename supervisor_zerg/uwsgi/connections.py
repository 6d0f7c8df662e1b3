"""The connections that the workers of a master have accepted and not closed.

uWSGI's stats count requests only. A worker holds more: a connection that is kept for a next request
(``http11``, uWSGI proto/http.c), or one that an offload thread answers (uWSGI core/offload.c).
"""

from __future__ import annotations

import array
import fcntl
import socket
import termios
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from ..linux.pieces import Pieces, TooLarge, at_once
from ..linux.signals import ProvenProcess
from .tracked_state import HeldConnections, InstanceReading, ParkedWorkers, WorkersRecord

if TYPE_CHECKING:
    from ..core.pair_config import PairConfig
    from .kernel import Kernel
    from .workers import WorkerReader


#: So many connections of a worker are closed at once, in about 1 ms; the others the next time.
CLOSED_LIMIT = 128


class ConnectionReader:
    """Reads the connections of workers.

    Args:
        pair: its section.
        kernel: what it shows.
        workers: knows the listening sockets of their master.
    """

    def __init__(self, pair: PairConfig, kernel: Kernel, workers: WorkerReader) -> None:
        self.pair = pair
        self.kernel = kernel
        self.workers = workers

    def read(self, reading: InstanceReading, always: bool) -> Pieces[None]:
        """Add the connections to a reading, where they matter.

        Sockets that are once found to be something else are not asked about again, so an instance
        without connections costs 0.05 ms a worker.

        Args:
            always: read them although nothing is to be decided by them.
        """
        record = reading.tracked.workers
        are_parked = _are_parked(reading)
        if not are_parked:
            record.unconnected = None
        if not (always or _matter(reading, are_parked)):
            return
        sockets = {}
        for pid, worker in reading.workers.items():
            if worker is not None:
                sockets[pid] = yield from self.kernel.descriptors.socket_inodes(pid)
        held = {inode for found in sockets.values() for inode in found.values()}
        if record.listening is None:  # what was found by an earlier list is not believed either
            record.other_sockets = set()
        open_ones: frozenset[int] = frozenset()
        if not held <= record.other_sockets:
            open_ones = yield from self._accepted(reading, record)
        record.other_sockets = held - open_ones
        for pid, found in sockets.items():
            kept = {fd: inode for fd, inode in found.items() if inode in open_ones}
            if kept:
                listening = frozenset(record.listening or ())
                reading.connections[pid] = yield from self._divide(pid, kept, listening)
        record.connections = reading.connections
        is_empty = are_parked and not reading.connections
        record.unconnected = _parked_as(reading) if is_empty else None

    def _accepted(self, reading: InstanceReading, record: WorkersRecord) -> Pieces[frozenset[int]]:
        yield from self.workers.listening(reading.master, record)
        names = served_names(record, self.pair.stats_of(reading.program))
        return (yield from self.kernel.connections.accepted(names))

    def _divide(
        self, pid: int, held: dict[int, int], listening: frozenset[int]
    ) -> Pieces[HeldConnections]:
        try:
            epolls = yield from self.kernel.descriptors.epolls(pid)
        except TooLarge:
            return HeldConnections(held, {})
        watched = frozenset().union(*(epoll.sockets for epoll in epolls))
        return HeldConnections(
            {fd: inode for fd, inode in held.items() if inode in watched},
            {fd: inode for fd, inode in held.items() if inode not in watched},
            frozenset(epoll.descriptor for epoll in epolls if epoll.sockets & listening),
        )


def _matter(reading: InstanceReading, are_parked: bool) -> bool:
    """Whether anything depends on the connections of an instance at this moment.

    Nothing does while it is not paused. A parked worker accepts nothing: once none of them held a
    connection, they are not read again until one runs on or their master executes a command.
    """
    if not reading.tracked.flag:
        return False
    record = reading.tracked.workers
    known_empty = are_parked and record.unconnected == _parked_as(reading)
    return record.asynchronous or not known_empty


def _are_parked(reading: InstanceReading) -> bool:
    known = reading.tracked.workers.known
    return all(
        worker is not None and pid in known and worker.threads.paused >= known[pid].threads
        for pid, worker in reading.workers.items()
    )


def _parked_as(reading: InstanceReading) -> ParkedWorkers:
    """What changes when parked workers may have run meanwhile."""
    moved_at = reading.tracked.fifo.moved_at
    return ParkedWorkers(frozenset(reading.workers), reading.held, moved_at)


def served_names(record: WorkersRecord, stats: str) -> set[str]:
    """The names of the listening sockets of a master, but for its stats server."""
    names = set((record.listening or {}).values())
    return names - {stats, f"port {stats.rpartition(':')[2]}"}


def close_kept(kernel: Kernel, workers: Iterable[ProvenProcess], record: WorkersRecord) -> int:
    """Close the connections that paused workers keep for a next request.

    A parked worker reads nothing any more: both directions are shut, so whoever is at the other end
    sees that at once. A worker that waits for the next request on the connection is only told that
    none will come. It closes the connection, or answers the request that has arrived.

    Returns:
        How many requests had arrived in parked workers, and will not be answered.

    Raises:
        OSError: no right to reach the descriptors of a worker (pidfd_getfd(2)).
    """
    cut = 0
    for worker in workers:
        held = record.connections.get(worker.pid)
        known = record.known.get(worker.pid)
        if held is None or known is None:
            continue
        reading = kernel.threads.read(worker.pid, main_only=known.threads == 1)
        threads = at_once(reading)
        if not held.may_be_closed(known, threads):
            continue
        record.keeps_connections = True
        is_parked = threads.paused >= known.threads
        for descriptor, inode in islice(held.others.items(), CLOSED_LIMIT):
            connection = worker.duplicate(descriptor, inode)
            if connection is not None:
                with connection:
                    cut += _shut(connection, is_parked)
    return cut


def _shut(connection: socket.socket, is_parked: bool) -> bool:
    """Shut a connection. Returns whether a request is lost."""
    try:
        connection.shutdown(socket.SHUT_RD)
        if not is_parked:
            return False
        is_lost = _unread_bytes(connection) > 0
        connection.shutdown(socket.SHUT_WR)
    except OSError:  # the other end has just closed it
        return False
    return is_lost


def _unread_bytes(connection: socket.socket) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(connection, termios.FIONREAD, count)
    return count[0]

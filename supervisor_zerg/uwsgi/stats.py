"""uWSGI's stats server: its document as plain values that cannot hold nonsense.

An instance can write what it likes. A document that is invalid or exceeds the limits is refused
with a reason; the kernel is then the only source.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Iterable
from typing import NamedTuple, Optional, Union

from ..linux.pieces import Pacer, Pieces, at_once
from .json_pieces import InvalidJson, Json, JsonReader, read_small

#: gevent with 100 threads in each of 4 processes makes 100 kB, and 600 kB while all are busy.
STATS_LIMIT_BYTES = 2 << 20
SMALL_BYTES = 1 << 15  # the most expensive document of that size takes 2 ms
ROWS_LIMIT = 512  # as many as children of a master that are read
PID_LIMIT = 1 << 22  # Linux include/linux/threads.h PID_MAX_LIMIT
COUNT_LIMIT = (1 << 31) - 1  # counts stop there: XML-RPC knows no larger integer
UNSIGNED_LIMIT = (1 << 64) - 1  # of a counter of uWSGI
VERSION_LIMIT = 64  # characters
#: Of a worker (uWSGI core/master_utils.c:1166).
STATUS = re.compile(r"idle|busy|pause|cheap|sig[0-9]{1,3}")

MEMBERS = frozenset(
    "version pid workers accepting status requests exceptions harakiri_count respawn_count "
    "cores in_request metrics zerg_3xx zerg_4xx zerg_5xx value".split()
)
#: The metrics that conf.d/uwsgi/responses.ini adds, by the class of statuses that they count.
CLASSES = {"3xx": "zerg_3xx", "4xx": "zerg_4xx", "5xx": "zerg_5xx"}


class Row(NamedTuple):
    """One worker in the stats.

    Attributes:
        status: idle, busy, pause or sigN.
        threads: how many it has; 0 where the stats do not tell (``stats-no-cores``).
        busy: how many requests are in it.
    """

    pid: int
    accepting: bool
    status: str
    threads: int
    busy: int
    requests: int
    exceptions: int
    harakiris: int
    respawns: int


class Snapshot(NamedTuple):
    """A stats document.

    Attributes:
        paused: uWSGI's suspended flag; None where every worker is busy and the stats do not show
            it, or where it is ``partly_paused``.
        requests: of all workers, since the start.
        cheap: there are workers that do not run now and may be spawned at any time.
        partly_paused: some workers are paused and some are not.
        missing: workers that are to run and have no process.
        responses: by class of statuses, since the start; None where uWSGI does not count them.
    """

    version: str
    pid: int
    workers: tuple[Row, ...]
    paused: Optional[bool]
    requests: int
    cheap: bool
    partly_paused: bool
    missing: int = 0
    responses: Optional[dict[str, int]] = None

    def without(self, foreign: Collection[int]) -> Snapshot:
        """Return it without the rows of some processes."""
        if not foreign:
            return self
        rows = tuple(row for row in self.workers if row.pid not in foreign)
        ignored = sum(row.requests for row in self.workers if row.pid in foreign)
        paused, partly_paused = _suspended(rows)
        return self._replace(
            workers=rows,
            paused=paused,
            partly_paused=partly_paused,
            requests=max(0, self.requests - ignored),
        )


class InvalidStats(ValueError):
    """The answer is not that of a uWSGI stats server."""


def parse(data: bytes, pacer: Optional[Pacer] = None) -> Snapshot:
    """Return the snapshot in the bytes of a stats server, without a pause. See :func:`read`."""
    return at_once(read(data, pacer or Pacer()))


def read(data: bytes, pacer: Pacer) -> Pieces[Snapshot]:
    """Read the bytes of a stats server, in pieces.

    Raises:
        InvalidStats: they are no uWSGI stats document within the limits.
    """
    try:
        if len(data) > STATS_LIMIT_BYTES:
            raise InvalidStats(f"more than {STATS_LIMIT_BYTES} bytes")
        if len(data) <= SMALL_BYTES:
            document = read_small(data)
        else:
            document = yield from JsonReader(data, MEMBERS, pacer).read()
        if not isinstance(document, dict):
            raise InvalidStats("no object")
        return (yield from _snapshot(document, pacer))
    except (InvalidJson, InvalidStats) as error:
        raise InvalidStats(f"not a uWSGI stats document ({error})") from None


def _snapshot(document: dict[str, Json], pacer: Pacer) -> Pieces[Snapshot]:
    version = document.get("version")
    if not isinstance(version, str) or len(version) > VERSION_LIMIT:
        raise InvalidStats("version is no short text")
    workers = _list(document, "workers")
    if len(workers) > ROWS_LIMIT:
        raise InvalidStats(f"more than {ROWS_LIMIT} workers")
    rows = []
    requests = 0
    missing = 0
    for worker in workers:
        row = _row(worker)
        requests += row.requests
        if row.pid and row.status != "cheap":
            rows.append(row)
        missing += not row.pid and row.status != "cheap"
        if pacer.due():
            yield
    if len({row.pid for row in rows}) < len(rows):
        raise InvalidStats("two workers have one pid")
    paused, partly_paused = _suspended(rows)
    return Snapshot(
        version=version,
        pid=_integer(document, "pid", PID_LIMIT),
        workers=tuple(rows),
        paused=paused,
        requests=min(requests, COUNT_LIMIT),
        cheap=len(rows) < len(workers),
        partly_paused=partly_paused,
        missing=missing,
        responses=_responses(document.get("metrics")),
    )


def _responses(metrics: Json) -> Optional[dict[str, int]]:
    """The responses that uWSGI's metrics count, or None."""
    if not isinstance(metrics, dict):
        return None
    found = {name: metrics.get(metric) for name, metric in CLASSES.items()}
    if not all(isinstance(metric, dict) for metric in found.values()):
        return None
    return {n: _count(m, "value") for n, m in found.items() if isinstance(m, dict)}


def _suspended(rows: Iterable[Row]) -> tuple[Optional[bool], bool]:
    """uWSGI's suspended flag, and whether only some workers have it."""
    shown = {row.status == "pause" for row in rows if row.status != "busy"}
    return (shown.pop(), False) if len(shown) == 1 else (None, bool(shown))


def _row(worker: Json) -> Row:
    if not isinstance(worker, dict):
        raise InvalidStats("a worker is no object")
    status = worker.get("status")
    if not isinstance(status, str) or not STATUS.fullmatch(status):
        raise InvalidStats("the status of a worker is unknown")
    cores = _list(worker, "cores") if "cores" in worker else []
    return Row(
        pid=_integer(worker, "pid", PID_LIMIT),
        accepting=bool(_integer(worker, "accepting", 1)),
        status=status,
        threads=len(cores),
        busy=sum(map(_in_request, cores)) if cores else int(status == "busy"),
        requests=_count(worker, "requests"),
        exceptions=_count(worker, "exceptions"),
        harakiris=_count(worker, "harakiri_count"),
        respawns=_count(worker, "respawn_count"),
    )


def _in_request(core: Json) -> bool:
    if not isinstance(core, dict):
        raise InvalidStats("a core is no object")
    return bool(_integer(core, "in_request", COUNT_LIMIT))


def _list(record: dict[str, Json], name: str) -> list[Json]:
    value = record.get(name)
    if not isinstance(value, list):
        raise InvalidStats(f"{name} is no list")
    return value


def _integer(record: dict[str, Json], name: str, limit: int) -> int:
    value = record.get(name)
    if type(value) is not int:  # a bool is none either
        raise InvalidStats(f"{name} is no integer")
    if 0 <= value <= limit:
        return value
    raise InvalidStats(f"{name} is out of range")


def _count(record: dict[str, Json], name: str) -> int:
    """A counter; uWSGI's may exceed the limit, at which ours stops."""
    value = _integer(record, name, UNSIGNED_LIMIT)
    return value if value < COUNT_LIMIT else COUNT_LIMIT


def connect(address: str) -> socket.socket:
    """Return a non-blocking connection to a stats server.

    Args:
        address: unix path or ``IP:PORT``.

    Raises:
        OSError: nothing listens there, or its queue is full.
    """
    if address.startswith("/"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        target: Union[str, tuple[str, int]] = address
    else:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        host, _, port = address.rpartition(":")
        target = (host, int(port))
    connection.setblocking(False)
    try:
        connection.connect(target)
    except BlockingIOError:
        if connection.family == socket.AF_UNIX:  # a full queue: the connection was not made
            connection.close()
            raise
    except OSError:
        connection.close()
        raise
    return connection

"""What uWSGI says and does: the stats snapshot, and commands through the master FIFO."""

import json
import socket
from collections import namedtuple

STATS_LIMIT_BYTES = (
    4 << 20
)  # gevent = 100 x 4 processes makes 100 KB; more than this is not a stats server

#: One worker in the stats: ``status`` is idle, busy, pause, cheap or sigN (uWSGI core/master_utils.c:1166).
Row = namedtuple("Row", "pid accepting status threads busy requests exceptions harakiris respawns")
#: ``paused``: uWSGI's suspended flag, None where every worker is busy and the stats do not show it, or where it is ``torn``: some
#: workers are paused and some are not. ``cheap``: there are workers that do not run now and may be spawned at any time.
Snapshot = namedtuple("Snapshot", "version pid workers paused requests cheap partly_paused")


class InvalidStats(ValueError):
    """What answered is no uWSGI stats server."""


def parse(text):
    """The bytes of a stats server -> Snapshot.

    :raises Rubbish: they are not a uWSGI stats document.
    """
    try:
        document = json.loads(text)
        workers = tuple(
            _row(w) for w in document["workers"] if w["pid"] > 0 and w["status"] != "cheap"
        )
        pid, version = int(document["pid"]), str(document["version"])
        cheap = any(w["status"] == "cheap" or w["pid"] <= 0 for w in document["workers"])
        requests = sum(int(w["requests"]) for w in document["workers"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidStats(
            f"not a uWSGI stats document ({type(error).__name__}: {error})"
        ) from None
    shown = {w.status == "pause" for w in workers if w.status != "busy"}
    return Snapshot(
        version,
        pid,
        workers,
        shown.pop() if len(shown) == 1 else None,
        requests,
        cheap,
        len(shown) > 1,
    )


def _row(worker):
    threads = worker.get("cores") or []  # empty with stats-no-cores
    busy = (
        sum(bool(core["in_request"]) for core in threads)
        if threads
        else int(worker["status"] == "busy")
    )
    return Row(
        int(worker["pid"]),
        bool(worker["accepting"]),
        str(worker["status"]),
        len(threads),
        busy,
        int(worker["requests"]),
        int(worker["exceptions"]),
        int(worker["harakiri_count"]),
        int(worker["respawn_count"]),
    )


def connect(address):
    """A non-blocking connection to a stats server. :param address: unix path or ``IP:PORT``. :raises OSError:"""
    if address.startswith("/"):
        family, target = socket.AF_UNIX, address
    else:
        host, _, port = address.rpartition(":")
        family, target = socket.AF_INET, (host, int(port))
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        connection.connect(target)
    except BlockingIOError:
        if family == socket.AF_UNIX:  # a full queue: EAGAIN, the connection was not made
            connection.close()
            raise
    except OSError:
        connection.close()
        raise
    return connection

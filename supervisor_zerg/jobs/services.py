"""What all pairs of one supervisord share."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any, Callable, Protocol

from ..core.reply import Reply
from ..supervisord import events
from ..supervisord.log import Log
from ..supervisord.loop import Loop
from ..supervisord.programs import Programs
from ..uwsgi.kernel import Kernel
from .queue import Job, JobQueue


class HistoryStore(Protocol):
    """Keeps the entries of all pairs, oldest first."""

    @property
    def problem(self) -> str:
        """Why entries are only in memory; empty while they are in the file, too."""

    def add(self, entry: dict[str, Any]) -> None: ...

    def retry(self) -> None:
        """Write the entries that are not in the file yet."""

    def last(self, pair: str, limit: int) -> list[dict[str, Any]]: ...


def id_source() -> Callable[[], str]:
    """Return a function that returns a new id with each call, also after a restart."""
    numbers = itertools.count(1)
    generation = int(time.time())
    return lambda: f"{generation:x}-{next(numbers)}"


@dataclass(frozen=True)
class Services:
    """Made once for each generation of supervisord, by rpcinterface.py.

    Attributes:
        new_id: Returns an id that no other request, deploy or job of this generation has.
        answered: Called when a reply is there: supervisord then asks its deferred RPCs at once.
    """

    loop: Loop
    kernel: Kernel
    programs: Programs
    job_queue: JobQueue
    history: HistoryStore
    log: Log
    new_id: Callable[[], str]
    answered: Callable[[], None]

    def new_reply(self) -> Reply[Any]:
        """Return a pending reply that wakes up the deferred RPCs once it is answered."""
        return Reply(self.answered)


def make_services(supervisord: Any, loop: Loop, log: Log, history: HistoryStore) -> Services:
    """Return the services of one generation of supervisord.

    Args:
        supervisord: supervisor.supervisord.Supervisor.
    """

    def announce_job(job: Job) -> None:
        fields = {"pair": job.pair, "id": job.id, "kind": job.kind}
        loop.call_soon(lambda: events.announce(events.JobToDo, **fields))

    return Services(
        loop=loop,
        kernel=Kernel(),
        programs=Programs(supervisord),
        job_queue=JobQueue(loop.clock, announce_job),
        history=history,
        log=log,
        new_id=id_source(),
        answered=lambda: loop.call_soon(loop.poke),
    )

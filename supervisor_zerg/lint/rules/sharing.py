"""Rules about what two instances of one ini fight over: addresses, locks, files. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..config_model import POOLS, Pair, Program
from ..rule import ERROR, NOTE, WARNING, Hits, rule
from ..uwsgi_ini import Option
from ..uwsgi_options import options_of

ANY_PORT = re.compile(r":0$|^=|^fd://")
FOR_REQUESTS = re.compile(r"(socket|router2?|^https?2?|^http-to-https)$")
LOG_FILES = ("logto", "logto2", "logger", "req-logger", "logger-req")


def _resource(option: Option) -> str:
    """The address or path of an option: ``ADDRESS,CERT,KEY``, ``addr=ADDRESS,...``, ``PATH``."""
    found = re.search(r"(?:^|,)(?:addr|store)=([^,]+)", option.value)
    return found[1] if found else re.split(r"[, ]", option.value)[0]


def _own(program: Program, topic: str) -> Iterator[Option]:
    pools = POOLS if topic == "address" else ()  # one that an instance has kept
    for option in program.all(*options_of(topic), *pools):
        if option.on and _resource(option) not in ("", "true"):
            yield option


def _shared(pair: Pair, topic: str) -> Iterator[Option]:
    """The options with a topic that name the same thing in both instances."""
    if len(pair.instances) == 2:
        first, second = pair.instances
        theirs = {_resource(option) for option in _own(first, topic)}
        yield from (option for option in _own(second, topic) if _resource(option) in theirs)


@rule(
    "address-shared",
    ERROR,
    summary="both instances bind the same address: ``socket``, ``http``, ``https``,"
    " ``fastcgi-socket``, ``fastrouter`` and the like",
    reason="on TCP the second instance fails with 'Address already in use' and never boots; on a"
    " unix socket the younger one takes the path, and requests to it wait while it is parked",
    fix="remove it: requests come through the pool",
)
def address_shared(pair: Pair) -> Hits:
    for option in _shared(pair, "address"):
        if not ANY_PORT.search(_resource(option)):
            yield option, f"both instances bind {_resource(option)}, by {option.name}"


@rule(
    "address-private",
    NOTE,
    summary="an instance has an address of its own",
    reason="a parked instance answers on none of its sockets: requests wait there until it is"
    " promoted",
    fix="send requests to the pool only; to ask a parked instance, use its companion",
)
def address_private(pair: Pair) -> Hits:
    shared = set(_shared(pair, "address"))
    for instance in pair.instances:
        for option in _own(instance, "address"):
            if option not in shared and FOR_REQUESTS.search(option.name):
                yield option, f"{instance.name} binds {_resource(option)}, by {option.name}"


@rule(
    "lock-shared",
    ERROR,
    summary="both instances lock the same file: ``flock`` and the like",
    reason="the second instance finds the file locked: with flock it exits with 1, with flock-wait"
    " it waits as long as the first one runs",
    fix="remove it; Supervisor starts each program only once",
)
def lock_shared(pair: Pair) -> Hits:
    for option in _shared(pair, "lock-shared"):
        yield option, f"both instances lock {_resource(option)}, by {option.name}"


@rule(
    "store-shared",
    ERROR,
    summary="both instances store their cache or queue in the same file",
    reason="each instance has locks and counters of its own, so that they overwrite each other's"
    " items in the file",
    fix="a file of its own for each instance, with $(SUPERVISOR_PROCESS_NAME) in its path, or a"
    " store outside of uWSGI",
)
def store_shared(pair: Pair) -> Hits:
    for option in _shared(pair, "store-shared"):
        yield option, f"both instances store to {_resource(option)}, by {option.name}"
    for option in _shared(pair, "cache-private"):
        if "store=" in option.value:
            yield option, f"both instances store to {_resource(option)}, by {option.name}"


@rule(
    "file-shared",
    WARNING,
    summary="both instances write the same file or folder: ``pidfile``, ``metrics-dir``,"
    " ``rrdtool``",
    reason="the younger instance overwrites what the other one wrote: a pid file names the instance"
    " that booted last, whichever serves",
    fix="remove it, or put $(SUPERVISOR_PROCESS_NAME) into the path",
)
def file_shared(pair: Pair) -> Hits:
    for option in _shared(pair, "file-shared"):
        yield option, f"both instances write {_resource(option)}, by {option.name}"


@rule(
    "log-shared",
    WARNING,
    summary="``log-truncate`` or ``log-maxsize`` with one log file for both instances",
    reason="the instance that boots empties the log of the serving one; the one that rotates the"
    " file leaves the other writing to the renamed one",
    fix="no logto: Supervisor writes and rotates the log of each program",
)
def log_shared(pair: Pair) -> Hits:
    files = [{option.value for option in program.all(*LOG_FILES)} for program in pair.instances]
    if len(files) == 2 and files[0] & files[1]:
        for name in options_of("log-shared"):
            option = pair.instances[1].flag(name)
            if option:
                log = min(files[0] & files[1])
                yield option, f"{name} = {option.value}, and both instances log to {log}"


@rule(
    "semaphore-shared",
    WARNING,
    summary="``ftok`` with one path for both instances",
    reason="both use the same semaphores, and the instance that ends removes them (uWSGI"
    " core/lock.c:637): the workers of the other one exit at their next lock",
    fix="remove ftok; lock-engine = pthread is the default",
)
def semaphore_shared(pair: Pair) -> Hits:
    for option in _shared(pair, "semaphore-shared"):
        yield option, f"both instances use the semaphores of {_resource(option)}"


RULES = (
    address_shared,
    address_private,
    lock_shared,
    store_shared,
    file_shared,
    log_shared,
    semaphore_shared,
)

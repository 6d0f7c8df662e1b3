"""Stats sockets that are gone, hang, or lie."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import threading
from pathlib import Path
from typing import Any, Callable

from ..target import NotPossible, Target
from .fault import Fault, Undo

ANSWER_S = 5.0

LASTS_S = 4.0


def _set_aside(target: Target, rng: random.Random) -> tuple[dict[str, Any], Path, Path]:
    """Rename the socket of an instance: uWSGI goes on answering at its new name."""
    instance = target.instance(rng)
    path = Path(target.stack.run) / f"{instance['program']}.stats"
    aside = path.with_name(f"{path.name}.{rng.randrange(10**6)}.aside")
    try:
        path.rename(aside)
    except FileNotFoundError as error:
        raise NotPossible("it has no stats socket") from error
    return instance, path, aside


def _put_back(path: Path, aside: Path) -> None:
    """Not over the socket of an instance that was started meanwhile."""
    if os.path.lexists(path):
        aside.unlink()
    else:
        aside.rename(path)


def delete(target: Target, rng: random.Random) -> Undo:
    _, path, aside = _set_aside(target, rng)
    return lambda: _put_back(path, aside)


def _serve(path: Path, aside: Path, answer: Callable[[socket.socket], None]) -> Undo:
    """Answer each client at this path, until that is undone."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(64)
    os.chmod(path, 0o777)
    ours = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    ended = threading.Event()

    def one(client: socket.socket) -> None:
        with client:
            client.settimeout(ANSWER_S)
            with contextlib.suppress(OSError):
                answer(client)

    def loop() -> None:
        server.settimeout(0.1)
        while not ended.is_set():
            try:
                client, _ = server.accept()
            except socket.timeout:
                continue
            threading.Thread(target=one, args=(client,), daemon=True).start()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()
        server.close()
        if os.path.lexists(path) and os.path.samestat(os.lstat(path), os.fstat(ours)):
            path.unlink()
        os.close(ours)
        _put_back(path, aside)

    return end


def _read_for_ever(client: socket.socket) -> None:
    client.recv(1)


def hang(target: Target, rng: random.Random) -> Undo:
    _, path, aside = _set_aside(target, rng)
    return _serve(path, aside, _read_for_ever)


def lie(target: Target, rng: random.Random) -> Undo:
    instance, path, aside = _set_aside(target, rng)
    document = _ask(aside) or {"workers": [], "pid": instance["master"]}
    data = rng.choice(LIES)(target, rng, document)
    return _serve(path, aside, lambda client: client.sendall(data))


def _ask(path: Path) -> dict[str, Any]:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            data = b"".join(iter(lambda: connection.recv(65536), b""))
        return dict(json.loads(data))
    except (OSError, ValueError):
        return {}


# lies: each makes the bytes of an answer

Document = dict[str, Any]
Lie = Callable[[Target, random.Random, Document], bytes]


def _foreign(target: Target, rng: random.Random, document: Document) -> bytes:
    """Its workers are processes that have nothing to do with it."""
    others = [b.pid for b in target.bystanders] + [
        target.supervisord.pid,
        target.pid_of("zergpool"),
    ]
    own = document["workers"]
    row = own[0] if own else {"id": 1, "accepting": 1, "requests": 1, "cores": [{}]}
    row = {**row, "status": rng.choice(("idle", "busy", "pause")), "accepting": rng.choice((0, 1))}
    rows = [{**row, "id": number, "pid": pid} for number, pid in enumerate(others, len(own) + 1)]
    return json.dumps({**document, "workers": rng.choice((rows, own + rows))}).encode()


def _odd_rows(target: Target, rng: random.Random, document: Document) -> bytes:
    key = rng.choice(("pid", "requests", "status", "accepting", "cores", "id"))
    value: Any = rng.choice((10**400, -1, 10**30, None, True, "x", [], {}, 1.5, float("inf")))
    rows = [{**row, key: value} for row in document["workers"]]
    return json.dumps({**document, "workers": rows}).encode()


def _odd_document(target: Target, rng: random.Random, document: Document) -> bytes:
    key = rng.choice(("pid", "workers", "version", "listen_queue"))
    value: Any = rng.choice((10**400, -1, None, True, "x", [], {}, f"{document['pid']}.5"))
    return json.dumps({**document, key: value}).encode()


def _flipped(target: Target, rng: random.Random, document: Document) -> bytes:
    rows = [
        {**row, "status": "idle" if row.get("status") == "pause" else "pause"}
        for row in document["workers"]
    ]
    return json.dumps({**document, "workers": rows}).encode()


def _garbage(target: Target, rng: random.Random, document: Document) -> bytes:
    nested = b'{"workers":' + b"[" * 100_000
    many = json.dumps({**document, "workers": document["workers"] * 5_000}).encode()
    half = json.dumps(document).encode()[: rng.randrange(200)]
    return bytes(rng.choice((b"", nested, many, half, rng.randbytes(500), b"x" * 3_000_000)))


LIES: tuple[Lie, ...] = (_foreign, _foreign, _odd_rows, _odd_document, _flipped, _garbage)

FAULTS = (
    Fault("stats-deleted", delete, lasts_s=LASTS_S),
    Fault("stats-hung", hang, lasts_s=LASTS_S),
    Fault("stats-lying", lie, lasts_s=LASTS_S, weight=4),
)

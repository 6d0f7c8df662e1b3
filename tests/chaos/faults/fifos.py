"""FIFOs that vanish or are replaced, and bytes written to them by hand."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import threading
import time
from pathlib import Path
from typing import Callable

from ..target import SLOTS, NotPossible, Target
from .fault import MERCY_S, Fault, Undo

HARMLESS = ("p", "1", "2", "0", "1p", "2p", "p1", "p2", "pp", "x", "\n", "+", "-", "c", "w", "zzz")
ENDING = ("q", "Q", "r")
LASTS_S = 3.0
ENDING_S = 5.0
PRECIOUS = "nobody may write here\n"


def _make_way(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        raise NotPossible("a directory lies there already")
    path.unlink(missing_ok=True)


def delete(target: Target, rng: random.Random) -> None:
    _make_way(target.fifo(rng.choice(SLOTS)))


def _placed(path: Path, place: Callable[[], None]) -> int:
    """Put something at a path. A master may be faster with its FIFO, so try a few times.

    Returns:
        A descriptor of it: while that is open, its inode number means nothing else.
    """
    for _ in range(20):
        _make_way(path)
        try:
            place()
            return os.open(path, os.O_PATH | os.O_NOFOLLOW)
        except FileExistsError:
            time.sleep(0.01)
        except FileNotFoundError:
            break
    raise NotPossible("a master was faster")


def _is(path: Path, placed: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(placed))
    except FileNotFoundError:
        return False


def _take_away(path: Path, placed: int) -> None:
    try:
        if _is(path, placed):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except FileNotFoundError:
        pass
    os.close(placed)


def file_at_path(target: Target, rng: random.Random) -> Undo:
    path = target.fifo(rng.choice(SLOTS))
    placed = _placed(path, lambda: _create(path))

    def undo() -> None:
        if _is(path, placed) and path.read_text() != PRECIOUS:
            _complain(target, f"the file at {path.name} was written to")
        _take_away(path, placed)

    return undo


def _complain(target: Target, text: str) -> None:
    """In the dialect ``hooks`` the instances themselves write to the paths of the slots."""
    if target.dialect == "managed":
        target.complaints.append(text)


def _create(path: Path) -> None:
    with open(path, "x") as file:
        file.write(PRECIOUS)


def link_at_path(target: Target, rng: random.Random) -> Undo:
    path = target.fifo(rng.choice(SLOTS))
    precious = Path(target.stack.folder) / f"precious-{path.name}"
    precious.write_text(PRECIOUS)
    placed = _placed(path, lambda: path.symlink_to(precious))

    def undo() -> None:
        if precious.read_text() != PRECIOUS:
            _complain(target, f"a link at {path.name} was followed and written to")
        _take_away(path, placed)

    return undo


def directory_at_path(target: Target, rng: random.Random) -> Undo:
    path = target.fifo(rng.choice(SLOTS))
    placed = _placed(path, path.mkdir)
    if target.dialect == "managed":
        return lambda: _take_away(path, placed)
    loss = target.allow(60, 2 * target.capacity(), "its own hooks move a master to a directory")

    def undo() -> None:
        _take_away(path, placed)
        loss.until = time.monotonic()

    return undo


def stranger_at_path(target: Target, rng: random.Random) -> Undo:
    """A FIFO that another process reads. Only the instances' own hooks may write to it."""
    path = target.fifo(rng.choice(SLOTS))
    placed = _placed(path, lambda: os.mkfifo(path))
    if not _is(path, placed):
        raise NotPossible("a master was faster")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    ours = _is(path, placed)

    def undo() -> None:
        try:
            got = os.read(descriptor, 100) if ours else b""
        except BlockingIOError:
            got = b""
        os.close(descriptor)
        _take_away(path, placed)
        if got and not target.written_by_hand:
            _complain(target, f"a stranger that read {path.name} was sent {got!r}")

    return undo


def _echo(target: Target, path: Path, text: str) -> None:
    """As a shell's ``echo text > path``, but it does not wait for a reader forever."""
    target.written_by_hand = True
    end = time.monotonic() + 1
    while True:
        try:
            if not path.is_fifo():
                raise NotPossible("no FIFO lies there")
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            if time.monotonic() > end:
                raise NotPossible(f"nobody reads {path.name}") from None
            time.sleep(0.002)
    try:
        os.write(descriptor, text.encode())
    except BrokenPipeError:
        pass
    finally:
        os.close(descriptor)


def bytes_by_hand(target: Target, rng: random.Random) -> None:
    text = rng.choice(HARMLESS)
    _to_a_place_without_directory(target, text)
    _echo(target, target.fifo(rng.choice(("running", "sleeping"))), text)


def _to_a_place_without_directory(target: Target, text: str) -> None:
    """uWSGI ends a master that is sent to a directory: that would be this test's doing."""
    if any(target.fifo(SLOTS[int(digit)]).is_dir() for digit in text if digit in "012"):
        target.allow(ENDING_S, target.capacity(), "moved by hand to a directory")


def script_by_hand(target: Target, rng: random.Random) -> None:
    """The article's roll-back, and others like it."""
    for slot in rng.sample(("running", "sleeping"), 2):
        text = rng.choice(("1p", "2p", "p", "p2", "p1"))
        _to_a_place_without_directory(target, text)
        _echo(target, target.fifo(slot), text)
        time.sleep(rng.random() * 0.05)


def two_writers(target: Target, rng: random.Random) -> Undo:
    """Two shells write at once."""
    seeds = [rng.random() for _ in range(2)]

    def write(seed: float) -> None:
        own = random.Random(seed)
        for _ in range(4):
            with contextlib.suppress(NotPossible):
                _echo(target, target.fifo(own.choice(("running", "sleeping"))), own.choice("p12x"))

    threads = [threading.Thread(target=write, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()

    def undo() -> None:
        for thread in threads:
            thread.join()

    return undo


def end_by_hand(target: Target, rng: random.Random) -> None:
    text = rng.choice(ENDING)
    if text != "q":
        target.allow(ENDING_S, target.capacity(), f"told {text}")
    _echo(target, target.fifo(rng.choice(("running", "sleeping"))), text)


FAULTS = (
    Fault("delete-fifo", delete, weight=3),
    Fault("fifo-file", file_at_path, lasts_s=LASTS_S),
    Fault("fifo-link", link_at_path, lasts_s=LASTS_S),
    Fault("fifo-directory", directory_at_path, lasts_s=LASTS_S),
    Fault("fifo-stranger", stranger_at_path, lasts_s=LASTS_S),
    Fault("bytes-by-hand", bytes_by_hand, weight=3),
    Fault("script-by-hand", script_by_hand),
    Fault("two-writers", two_writers),
    Fault(
        "end-by-hand", end_by_hand, "what ran inside an instance told Q or r", ends_within_s=MERCY_S
    ),
)

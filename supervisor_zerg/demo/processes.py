"""Finds the processes of a stack."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from pathlib import Path


def pids_of(run: Path | str) -> list[int]:
    """Every process whose environment names this folder, or one below it, as ``ZERG_RUN``."""
    mark = re.compile(b"ZERG_RUN=%s[/\0]" % re.escape(str(run).encode()))
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # it has ended, or is another user's
            if mark.search(Path("/proc", name, "environ").read_bytes()):
                found.append(int(name))
    return found


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, if it still exists."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def children(pid: int) -> list[int]:
    """The pids of the children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def worker_threads(master: int) -> str:
    """A line for each thread of a master's workers, with its state and system call."""
    lines = [f"--- workers of master {master}"]
    for path in sorted(Path("/proc").glob("[0-9]*/task/[0-9]*")):
        with suppress(OSError):  # it has ended
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == master:
                lines.append(f"{path} {state} {(path / 'syscall').read_text().strip()}")
    return "\n".join(lines)

"""What /proc tells about the stack, read here anew, without the code under test."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def children(pid: int) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        fields = _stat(int(name))
        if fields and int(fields[1]) == pid:
            found.append(int(name))
    return sorted(found)


def state(pid: int) -> str:
    """One letter; empty if there is no such process."""
    fields = _stat(pid)
    return fields[0] if fields else ""


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def threads(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[17]) if fields else 0


def descriptors(pid: int) -> dict[int, str]:
    """Number -> what it leads to."""
    found = {}
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
    except FileNotFoundError:
        pass
    return found


def slots_read(master: int, paths: dict[str, Path]) -> dict[str, bool]:
    """Slot -> whether what the master reads lies at its path, for each FIFO that it holds open."""
    found = {}
    for number, link in descriptors(master).items():
        for slot, path in paths.items():
            if link in (str(path), f"{path} (deleted)"):
                found[slot] = _same(f"/proc/{master}/fd/{number}", path)
    return found


def _same(descriptor: str, path: Path) -> bool:
    try:
        return os.path.samestat(os.stat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def cpu_s(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0

"""Which processes there are, and which is whose child, as /proc tells at this moment."""

from __future__ import annotations

import os
from typing import NamedTuple

from .pieces import Pacer, Pieces, TooLarge

PF_EXITING = 0x4  # Linux include/linux/sched.h
CHILDREN_LIMIT = 512  # of one process
CAP_SYS_PTRACE = 19  # linux/capability.h
FORKS_LIMIT = 2000  # with more new processes than this, all of /proc is read again


class Process(NamedTuple):
    """One line of /proc/PID/stat.

    Attributes:
        start: start time in clock ticks; with the pid it identifies a process for good.
        exits: it is about to be a zombie.
        session: id of its session.
        group: id of its process group.
        command: name of the program, at most 15 bytes.
        threads: how many threads it has.
    """

    pid: int
    state: str
    ppid: int
    start: int
    exits: bool = False
    session: int = 0
    command: bytes = b""
    threads: int = 1
    group: int = 0

    @property
    def alive(self) -> bool:
        return self.state not in "ZX"

    @property
    def stopped(self) -> bool:
        return self.state in "Tt"


class Processes:
    """The processes of this machine. One that is gone, or never was, reads as None or as nothing.

    Args:
        pacer: divides long readings.
        proc: where procfs is mounted.
    """

    def __init__(self, pacer: Pacer | None = None, proc: str = "/proc") -> None:
        self.pacer = pacer or Pacer()
        self.proc = proc
        self._table: dict[int, Process] = {}
        self._last_pid: int | None = None
        self.has_children_file = os.path.exists(f"{proc}/self/task/{os.getpid()}/children")

    def get(self, pid: int) -> Process | None:
        """Return a process, or None."""
        try:
            with open(f"{self.proc}/{pid}/stat", "rb", buffering=0) as file:
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            return None
        end = text.rindex(b")")
        fields = text[end + 2 :].split()
        return Process(
            pid=pid,
            state=fields[0].decode(),
            ppid=int(fields[1]),
            start=int(fields[19]),
            exits=bool(int(fields[6]) & PF_EXITING),
            session=int(fields[3]),
            command=text[text.index(b"(") + 1 : end],
            threads=int(fields[17]),
            group=int(fields[2]),
        )

    def alive(self, pid: int, start: int | None = None) -> bool:
        """Return whether a process runs. With ``start``, also whether it is that very process."""
        process = self.get(pid)
        return process is not None and process.alive and start in (None, process.start)

    def user_ids(self, pid: int) -> frozenset[int]:
        """Return the real, effective, saved and file system user id; empty when it is gone."""
        (users,) = self._status(pid, b"Uid")
        return frozenset(map(int, users.split()))

    def children(self, pid: int) -> Pieces[list[int]]:
        """Read the pids of the children of a process.

        Raises:
            TooLarge: it has more than CHILDREN_LIMIT.
        """
        if self.has_children_file:
            pids = yield from self._children_file(pid)
        else:
            table = yield from self._refreshed_table()
            pids = [p.pid for p in table.values() if p.ppid == pid and self.get(p.pid)]
        if len(pids) > CHILDREN_LIMIT:
            raise TooLarge(f"process {pid} has more than {CHILDREN_LIMIT} children")
        return pids

    def _children_file(self, pid: int) -> Pieces[list[int]]:
        pids: list[int] = []
        try:
            with os.scandir(f"{self.proc}/{pid}/task") as tasks:
                for task in tasks:
                    with open(f"{task.path}/children", "rb", buffering=0) as file:
                        pids += [int(word) for word in file.read().split()]
                    if self.pacer.due():
                        yield
        except (FileNotFoundError, ProcessLookupError):
            pass
        return pids

    def in_group(self, group: int) -> Pieces[list[Process]]:
        """Read the living processes of a process group.

        While it has a member, its number means no other group and no other process (Linux
        kernel/pid.c free_pid). Only a process itself or its parent can put it into a group
        (setpgid(2)).
        """
        found = []
        for name in os.listdir(self.proc):
            process = self.get(int(name)) if name.isdigit() else None
            if process and process.group == group and process.alive:
                found.append(process)
            if self.pacer.due():
                yield
        return found

    def _refreshed_table(self) -> Pieces[dict[int, Process]]:
        """Read all processes by pid.

        Only those that are new since the last time are read: the kernel tells its newest pid.
        """
        newest = self._newest_pid()
        if self._last_pid is None or not self._last_pid <= newest <= self._last_pid + FORKS_LIMIT:
            pids = [int(name) for name in os.listdir(self.proc) if name.isdigit()]
            table: dict[int, Process] = {}
        else:
            pids = list(range(self._last_pid + 1, newest + 1))
            table = dict(self._table)
        for pid in pids:
            process = self.get(pid)
            if process:
                table[pid] = process
            if self.pacer.due():
                yield
        self._last_pid = newest
        self._table = table
        return table

    def _newest_pid(self) -> int:
        with open(f"{self.proc}/loadavg", "rb", buffering=0) as file:
            return int(file.read().split()[4])

    def handling(self, pid: int, number: int) -> tuple[bool, bool]:
        """Return whether the main thread of a process runs its handler of a signal, or is about to.

        The kernel blocks a signal while its handler runs (sigaction(2)).

        Returns:
            (runs it, is about to)
        """
        masks = self._status(pid, b"SigBlk", b"SigPnd", b"ShdPnd")
        blocked, pending, shared = (int(mask or b"0", 16) for mask in masks)
        bit = 1 << (number - 1)
        return bool(blocked & bit), bool((pending | shared) & bit)

    def _status(self, pid: int, *keys: bytes) -> list[bytes]:
        """The values of some lines of /proc/PID/status; empty ones when the process is gone.

        A name with a line feed in it is escaped there (Linux fs/proc/array.c proc_task_name).
        """
        try:
            with open(f"{self.proc}/{pid}/status", "rb", buffering=0) as file:
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            text = b""
        return [text.partition(b"\n%b:" % key)[2].partition(b"\n")[0] for key in keys]

    def writes(self, pid: int) -> int:
        """Return how often a process has called write; 0 where the kernel does not count."""
        try:
            with open(f"{self.proc}/{pid}/io") as file:
                return next((int(line.split()[1]) for line in file if line.startswith("syscw:")), 0)
        except OSError:
            return 0


def may_ptrace(proc: str = "/proc") -> bool:
    """Return whether this process may read processes of other users, as far as capabilities go."""
    with open(f"{proc}/self/status") as file:
        effective = next((line for line in file if line.startswith("CapEff:")), "CapEff: 0")
    return bool(int(effective.split()[1], 16) & (1 << CAP_SYS_PTRACE))

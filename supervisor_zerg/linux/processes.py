"""Which processes there are, and who is whose child, read from /proc when it is asked for; and signals to them."""

import contextlib
import os
import signal
import time
from collections import namedtuple

NUDGE_S = 0.0001  # between SIGSTOP and SIGCONT
PF_EXITING = 0x4  # Linux include/linux/sched.h
#: One line of /proc/PID/stat. ``start`` is the start time in clock ticks; with the pid it names a process for good. ``ends``: it is on its
#: way to be a zombie.
Process = namedtuple("Process", "pid state ppid start ends")


class Processes:
    """:param proc: where procfs is mounted."""

    def __init__(self, proc="/proc"):
        self.proc = proc
        self._table = {}
        self._last_pid = None
        self._has_children_file = os.path.exists("%s/self/task/%d/children" % (proc, os.getpid()))

    def process(self, pid):
        """:returns: Process, or None when there is none."""
        try:
            with open("%s/%d/stat" % (self.proc, pid), "rb", buffering=0) as file:
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = text[text.rindex(b")") + 2 :].split()
        return Process(
            pid,
            fields[0].decode(),
            int(fields[1]),
            int(fields[19]),
            bool(int(fields[6]) & PF_EXITING),
        )

    def children(self, pid):
        """Pids of the children of a process."""
        if self._has_children_file:
            return self._children_file(pid)
        return [
            p.pid for p in self._refreshed_table().values() if p.ppid == pid and self.process(p.pid)
        ]

    def _children_file(self, pid):
        pids = []
        try:
            for tid in os.listdir("%s/%d/task" % (self.proc, pid)):
                with open(
                    "%s/%d/task/%s/children" % (self.proc, pid, tid), "rb", buffering=0
                ) as file:
                    pids += [int(word) for word in file.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            pass
        return pids

    def _refreshed_table(self):
        """All processes by pid. Only what was born since the last look is read anew: the kernel tells its newest pid."""
        newest = self._newest_pid()
        if self._last_pid is None or not self._last_pid <= newest <= self._last_pid + 2000:
            pids = [int(name) for name in os.listdir(self.proc) if name.isdigit()]
            self._table = {}
        else:
            pids = range(self._last_pid + 1, newest + 1)
        self._last_pid = newest
        for pid in list(pids):
            self._table[pid] = self.process(pid)
        for pid in [pid for pid, process in self._table.items() if process is None]:
            del self._table[pid]
        return self._table

    def _newest_pid(self):
        with open(f"{self.proc}/loadavg", "rb", buffering=0) as file:
            return int(file.read().split()[4])

    def handling(self, pid, number):
        """Is the main thread of a process inside its handler of a signal, or about to be? The kernel holds a signal back while
        its handler runs (sigaction(2)). :returns: (inside, about to be)"""
        masks = {"SigBlk": 0, "SigPnd": 0, "ShdPnd": 0}
        try:
            with open("%s/%d/status" % (self.proc, pid)) as file:
                masks.update(
                    (key, int(value, 16))
                    for key, _, value in (line.partition(":") for line in file)
                    if key in masks
                )
        except (FileNotFoundError, ProcessLookupError):
            pass
        bit = 1 << (number - 1)
        return bool(masks["SigBlk"] & bit), bool((masks["SigPnd"] | masks["ShdPnd"]) & bit)

    def writes(self, pid):
        """How often a process has called write so far; 0 where the kernel does not count."""
        try:
            with open("%s/%d/io" % (self.proc, pid)) as file:
                return next((int(line.split()[1]) for line in file if line.startswith("syscw:")), 0)
        except OSError:
            return 0

    def alive(self, pid, start=None):
        process = self.process(pid)
        return process is not None and process.state not in "ZX" and start in (None, process.start)

    # signals

    def signal(self, pid, number):
        """:returns: True when a process took the signal, False when it is gone."""
        try:
            os.kill(pid, number)
            return True
        except ProcessLookupError:
            return False

    @contextlib.contextmanager
    def stopped_briefly(self, pids):
        """Stop processes for a moment, so that none of them ends within it. :yields: are all of them alive?"""
        for pid in pids:
            self.signal(pid, signal.SIGSTOP)
        try:
            found = map(self.process, pids)
            yield all(p is not None and p.state not in "ZX" and not p.ends for p in found)
        finally:
            for pid in pids:
                self.signal(pid, signal.SIGCONT)

    def nudge(self, pids):
        """Make waiting threads go round their loop: SIGSTOP then SIGCONT makes epoll_wait return EINTR (signal(7)). Without the
        moment between the two the second often takes the first back before a thread has woken: with it, every nudge seals one
        more thread of each worker (2 x 4 threads: 3 nudges, 3 ms; without: 3 to 9, up to 26 ms)."""
        for pid in pids:
            self.signal(pid, signal.SIGSTOP)
        time.sleep(NUDGE_S)
        for pid in pids:
            self.signal(pid, signal.SIGCONT)

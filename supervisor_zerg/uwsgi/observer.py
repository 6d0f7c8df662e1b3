"""Facts of one pair: what Supervisor, the kernel and uWSGI's stats say at this moment, as one
:class:`~supervisor_zerg.core.model.Facts`.

The kernel is asked first, then the stats: a thread that was parked at the first look cannot be inside a request at the
second, so the two never count the same thread twice. The stats are asked only where the kernel alone cannot tell.
"""

import signal

from .. import config
from ..core.effects import Ask
from ..core.model import Facts
from . import stats
from .environment import Surroundings, Trap
from .interpreter import Appraiser
from .tracked_state import Look, Memo, Seen

STATS_RETRY_S = 2.0  # a stats server that hung or lied is left alone for so long
STATS_ABSENT_S = 0.1  # one that is not there (yet) costs nothing to ask
REOPEN_S = 0.5  # after each command a master closes its FIFO and makes it anew; for so long its absence means nothing
THREADS_S = 0.5  # for so long after it accepts, a threaded worker may lack threads
NOT_A_WORKER_S = (
    5.0  # a child of the master that watches no socket for so long is a mule, a spooler, a cron job
)


class Observer:
    """Eyes of one pair. :param clock: monotonic seconds."""

    def __init__(self, pair, kernel, programs, clock):
        self.pair, self.kernel, self.programs, self.clock = pair, kernel, programs, clock
        self.paths = tuple(config.canonical(path) for path in pair.fifos)
        self.memos = {program: self._memo() for program in pair.programs}
        self.appraise = Appraiser(kernel, clock)
        self.surroundings = Surroundings(pair, self.paths, kernel, programs, clock)

    def _memo(self, master=0):
        return Memo(Trap(self.kernel, self.clock, signal.SIGTSTP), master)

    def inherit(self, old):
        """Take over what the observer of the same pair keeps in mind about masters that both know: commands on their way most of all."""
        if self.paths == old.paths:
            for program in set(self.memos) & set(old.memos):
                self.memos[program] = old.memos.pop(program)
        self.surroundings.orphans.update(old.surroundings.orphans)

    def close(self):
        """Let go of commands on their way."""
        for memo in self.memos.values():
            memo.forget()

    # the look

    def look(self, full=False, thorough=False):
        """Generator: yields Ask or Nap, returns Facts.

        :param full: ask every stats server, look at everything. Else only at what moves within milliseconds.
        :param thorough: look also for what seldom changes: strangers at the paths, the pool's socket.
        """
        for attempt in range(2):
            copies = [self._glance(program, full) for program in self.pair.programs]
            wanted = {
                c.program: self.pair.stats_of(c.program)
                for c in copies
                if self._needs_stats(c, full) and not self._asleep(c)
            }
            if not wanted:
                break
            answers = (yield Ask(tuple(wanted.values()))) or {}
            news = [
                self._learn(c, answers[wanted[c.program]])
                for c in copies
                if wanted.get(c.program) in answers
            ]
            if not any(news):
                break
        if thorough:
            yield from self.surroundings.explore(copies)
        facts = tuple(self.appraise.copy(c) for c in copies)
        return Facts(facts, self.surroundings.obstacles(copies), self.surroundings.orphaned())

    def _needs_stats(self, seen, full):
        if not seen.master or seen.state == "STOPPING" or not self.pair.stats_of(seen.program):
            return False
        if self.clock() < seen.memo.stats_retry_at:
            return False
        return full or not self._plain(seen, seen.memo)

    def _asleep(self, seen):
        """Its master will not answer in time. (One whose workers end too fast sleeps for seconds: ``forkbomb_delay``,
        uWSGI core/master.c:1097.)"""
        asleep = self.kernel.sleeps(seen.master)
        if asleep:
            self._without_stats(seen, "its master sleeps", STATS_ABSENT_S)
        return asleep

    @staticmethod
    def _plain(seen, memo):
        """The kernel alone tells everything: the workers are the known ones, each born, and all parked, or the copy accepts."""
        if memo.snapshot and memo.snapshot.cheap:
            return False
        if (
            not memo.cores
            or set(seen.looks) != set(memo.cores)
            or memo.flag is None
            or not all(memo.born.values())
        ):
            return False
        if any(look is None or look.threads.ended for look in seen.looks.values()):
            return False
        if memo.flag:
            return all(look.threads.paused >= memo.cores[pid] for pid, look in seen.looks.items())
        return any(not look.threads.main_paused for look in seen.looks.values())

    # the kernel's witness

    def _glance(self, program, full):
        """What Supervisor and the kernel tell of one copy."""
        state, pid = self.programs.get(program)
        memo = self.memos[program]
        seen = Seen(program, state, pid, memo, self.clock())
        if not pid:
            self._switch(program, 0)
            seen.memo = self.memos[program]
            return seen
        try:
            self._find_master(seen, memo)
            seen.memo = memo = self.memos[program]
            self._take_receipts(memo, seen.held)
            if seen.master:
                seen.deaf = seen.deaf or (full and self._deaf(seen.master)) or ""
                if not memo.cores or memo.snapshot is None:
                    self._workers_by_kernel(seen.master, memo)
                elif self._stats_down(memo, program) and not all(
                    self.kernel.alive(worker) for worker in memo.cores
                ):
                    self._workers_by_kernel(seen.master, memo)
                seen.looks = {worker: self._look_at(worker, memo, full) for worker in memo.cores}
        except PermissionError as error:
            seen.blind = f"no right to look at the process of {program} ({error})"
        except OSError as error:
            seen.blind = f"this kernel does not tell about the process of {program} ({error})"
        return seen

    def _stats_down(self, memo, program):
        return not self.pair.stats_of(program) or self.clock() < memo.stats_retry_at

    def _take_receipts(self, memo, held):
        """A toggle that was executed turns the flag; the stats, where they are asked, have the last word."""
        for receipt in [r for r in memo.receipts if r.executed(held)]:
            memo.receipts.remove(receipt)
            if receipt.toggles:
                memo.flag, memo.toggled_at = receipt.expects, self.clock()

    def _find_master(self, seen, memo):
        """The process that reads one of the FIFOs: the program itself, the one known, or one below a wrapper."""
        below = memo.master not in (0, seen.pid) and self.kernel.alive(memo.master)
        known = memo.master if below else seen.pid
        held = self.kernel.held(known, self.paths, memo.fd if known == memo.master else None)
        if held or known == memo.master and not (below and self.clock() - memo.held_at > REOPEN_S):
            return self._seat(seen, known, held)
        for pid in ([seen.pid] if below else []) + self._below(seen.pid):
            held = self.kernel.held(pid, self.paths)
            if held:
                return self._seat(seen, pid, held)
        self._seat(seen, known if below else 0, None)

    def _below(self, pid, depth=4):
        children = self.kernel.children(pid) if depth else []
        return children + [below for child in children for below in self._below(child, depth - 1)]

    def _seat(self, seen, master, held):
        self._switch(seen.program, master)
        memo, now = self.memos[seen.program], self.clock()
        if held:
            memo.fd, memo.held, memo.held_at = held.fd, held, now
        elif memo.held and now - memo.held_at < REOPEN_S:
            held, seen.deaf = memo.held, "is just making its FIFO anew"
        seen.master, seen.held = master, held

    def _switch(self, program, master):
        memo = self.memos[program]
        if memo.master != master:
            self.surroundings.bereave(program, memo)
            memo.forget()
            self.memos[program] = self._memo(master)

    def _deaf(self, master):
        if self.kernel.waits(master):
            return ""
        process = self.kernel.process(master)
        if process is None:
            return "is gone"
        if process.state in "Tt":
            return "is stopped (state T): it takes no command before somebody sends it SIGCONT"
        return "is busy and does not wait for commands"

    def _workers_by_kernel(self, master, memo):
        """Children of the master that watch its listening socket. A child that watches nothing is newborn, or no worker. Those of
        a master that is gone are kept in mind: they may be orphans."""
        if not self.kernel.alive(master):
            return
        if memo.listening is None:
            memo.listening = self.kernel.listening(master)
        served, now = self.kernel.served(master, memo.listening), self.clock()
        if not served:  # the kernel's list of sockets may lack one when it changes while it is read
            memo.listening = None
        memo.cores, memo.born, memo.queues = {}, {}, {}
        for pid in self.kernel.children(master):
            queues = self.kernel.queues(pid, served)
            since = memo.first_seen.setdefault(pid, now)
            process = self.kernel.process(pid)
            if process and (queues or now - since < NOT_A_WORKER_S or process.state in "Tt"):
                memo.cores[pid], memo.born[pid], memo.queues[pid] = (
                    max(len(queues), 1),
                    bool(queues),
                    queues,
                )
        self._note_workers(memo)

    def _look_at(self, pid, memo, full):
        """One worker. Whether it is stopped costs as much as all the rest, and changes by nobody's hand but a person's and ours."""
        threads = self.kernel.threads(pid, main_only=memo.cores[pid] == 1)
        if not threads.total:
            return None
        if full or self.pair.freeze or memo.stopped.get(pid):
            process = self.kernel.process(pid)
            memo.stopped[pid] = process is not None and process.state in "Tt"
        return Look(threads, memo.stopped.get(pid, False))

    # uWSGI's witness

    def _learn(self, seen, answer):
        """Take in a stats answer. :returns: True when it names other workers than those looked at."""
        memo = seen.memo
        try:
            if not isinstance(answer, bytes):
                raise stats.Rubbish(str(answer or "no answer in time"))
            snapshot = stats.parse(answer)
            if snapshot.pid != seen.master:
                raise stats.Rubbish(
                    "process %d answers in place of master %d" % (snapshot.pid, seen.master)
                )
        except stats.Rubbish as error:
            cheap = isinstance(answer, (FileNotFoundError, ConnectionRefusedError))
            self._without_stats(seen, str(error), STATS_ABSENT_S if cheap else STATS_RETRY_S)
            return False
        if seen.at < memo.stats_at:  # another look has been told something newer meanwhile
            return set(memo.cores) != set(seen.looks)
        memo.snapshot, memo.stats_error, memo.stats_at = snapshot, "", seen.at
        news = {row.pid for row in snapshot.workers} != set(seen.looks)
        memo.cores = {row.pid: row.cores or memo.cores.get(row.pid, 1) for row in snapshot.workers}
        memo.born = {row.pid: row.accepting for row in snapshot.workers}
        memo.busy = {row.pid: row.busy for row in snapshot.workers}
        self._note_workers(memo)
        self._threads_of_async(memo)
        if snapshot.paused is not None and seen.at > memo.toggled_at:
            memo.flag = snapshot.paused
        return news

    def _note_workers(self, memo):
        pids, memo.pids = memo.pids, frozenset(memo.cores)
        if pids and memo.pids - pids:
            memo.replaced_at = self.clock()

    def _without_stats(self, seen, why, retry_s):
        memo = seen.memo
        memo.stats_error, memo.stats_retry_at, memo.snapshot = why, self.clock() + retry_s, None
        self._workers_by_kernel(seen.master, memo)

    def _threads_of_async(self, memo):
        """More cores than threads: greenlets. For counting, such a worker is one thread (the one that accepts). A threaded worker
        starts its threads only after it is called accepting, so for a moment it looks the same; it is not born before that."""
        now, memo.asynchronous = self.clock(), False
        for pid, cores in memo.cores.items():
            if cores > 1 and memo.born[pid] and self.kernel.threads(pid).total < cores:
                if now - memo.first_seen.setdefault(pid, now) < THREADS_S:
                    memo.born[pid] = False
                else:
                    memo.asynchronous = True

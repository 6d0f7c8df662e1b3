"""Facts of one pair: what Supervisor, the kernel and uWSGI's stats say at this moment, as one
:class:`~supervisor_zerg.core.Facts`.

The kernel is asked first, then the stats: a thread that was parked at the first look cannot be inside a request at the
second, so the two never count the same thread twice. The stats are asked only where the kernel alone cannot tell.
"""

import signal
from typing import Optional

from .. import config
from ..core.effects import ReadStats
from ..core.instance import UnresponsiveReason
from ..core.pair_state import PairState
from . import stats
from .environment import PairEnvironment, SignalLoopDetector
from .interpreter import Interpreter
from .tracked_state import WorkerReading, TrackedMaster, InstanceReading

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
        self.masters = {program: self._memo() for program in pair.programs}
        self.interpreter = Interpreter(kernel, clock)
        self.environment = PairEnvironment(pair, self.paths, kernel, programs, clock)

    def _memo(self, master=0):
        return TrackedMaster(SignalLoopDetector(self.kernel, self.clock, signal.SIGTSTP), master)

    def inherit(self, old):
        """Take over what the observer of the same pair keeps in mind about masters that both know: commands on their way most of all."""
        if self.paths == old.paths:
            for program in set(self.masters) & set(old.masters):
                self.masters[program] = old.masters.pop(program)
        self.environment.orphans.update(old.environment.orphans)

    def close(self):
        """Let go of commands on their way."""
        for tracked in self.masters.values():
            tracked.forget()

    # the look

    def look(self, full=False, thorough=False):
        """Generator: yields Ask or Nap, returns Facts.

        :param full: ask every stats server, look at everything. Else only at what moves within milliseconds.
        :param thorough: look also for what seldom changes: strangers at the paths, the pool's socket.
        """
        for attempt in range(2):
            instances = [self._glance(program, full) for program in self.pair.programs]
            wanted = {
                c.program: self.pair.stats_of(c.program)
                for c in instances
                if self._needs_stats(c, full) and not self._asleep(c)
            }
            if not wanted:
                break
            answers = (yield ReadStats(tuple(wanted.values()))) or {}
            news = [
                self._learn(c, answers[wanted[c.program]])
                for c in instances
                if wanted.get(c.program) in answers
            ]
            if not any(news):
                break
        if thorough:
            yield from self.environment.explore(instances)
        observed = tuple(self.interpreter.instance(c) for c in instances)
        return PairState(
            observed, self.environment.obstacles(instances), self.environment.orphaned()
        )

    def _needs_stats(self, seen, full):
        if not seen.master or seen.state == "STOPPING" or not self.pair.stats_of(seen.program):
            return False
        if self.clock() < seen.tracked.stats_retry_at:
            return False
        return full or not self._plain(seen, seen.tracked)

    def _asleep(self, seen):
        """Its master will not answer in time. (One whose workers end too fast sleeps for seconds: ``forkbomb_delay``,
        uWSGI core/master.c:1097.)"""
        asleep = self.kernel.is_blocked(seen.master)
        if asleep:
            self._without_stats(seen, "its master sleeps", STATS_ABSENT_S)
        return asleep

    @staticmethod
    def _plain(seen, tracked):
        """The kernel alone tells everything: the workers are the known ones, each born, and all parked, or the instance accepts."""
        if tracked.snapshot and tracked.snapshot.cheap:
            return False
        if (
            not tracked.threads
            or set(seen.looks) != set(tracked.threads)
            or tracked.flag is None
            or not all(tracked.started.values())
        ):
            return False
        if any(look is None or look.threads.ended for look in seen.looks.values()):
            return False
        if tracked.flag:
            return all(
                look.threads.paused >= tracked.threads[pid] for pid, look in seen.looks.items()
            )
        return any(not look.threads.main_paused for look in seen.looks.values())

    # the kernel's source

    def _glance(self, program, full):
        """What Supervisor and the kernel tell of one instance."""
        state, pid = self.programs.get(program)
        tracked = self.masters[program]
        seen = InstanceReading(program, state, pid, tracked, self.clock())
        if not pid:
            self._switch(program, 0)
            seen.tracked = self.masters[program]
            return seen
        try:
            self._find_master(seen, tracked)
            seen.tracked = tracked = self.masters[program]
            self._note_executed(tracked, seen.held)
            if seen.master:
                if full and seen.unresponsive is None:
                    seen.unresponsive = self._unresponsive(seen.master)
                if not tracked.threads or tracked.snapshot is None:
                    self._workers_by_kernel(seen.master, tracked)
                elif self._stats_down(tracked, program) and not all(
                    self.kernel.alive(worker) for worker in tracked.threads
                ):
                    self._workers_by_kernel(seen.master, tracked)
                seen.looks = {
                    worker: self._look_at(worker, tracked, full) for worker in tracked.threads
                }
        except PermissionError as error:
            seen.unreadable = f"no right to look at the process of {program} ({error})"
        except OSError as error:
            seen.unreadable = f"this kernel does not tell about the process of {program} ({error})"
        return seen

    def _stats_down(self, tracked, program):
        return not self.pair.stats_of(program) or self.clock() < tracked.stats_retry_at

    def _note_executed(self, tracked, held):
        """A toggle that was executed turns the flag; the stats, where they are asked, have the last word."""
        for command in [c for c in tracked.commands if c.executed(held)]:
            tracked.commands.remove(command)
            if command.toggles:
                tracked.flag, tracked.toggled_at = command.expects, self.clock()

    def _find_master(self, seen, tracked):
        """The process that reads one of the FIFOs: the program itself, the one known, or one below a wrapper."""
        below = tracked.master not in (0, seen.pid) and self.kernel.alive(tracked.master)
        known = tracked.master if below else seen.pid
        held = self.kernel.held(known, self.paths, tracked.fd if known == tracked.master else None)
        if (
            held
            or known == tracked.master
            and not (below and self.clock() - tracked.held_at > REOPEN_S)
        ):
            return self._seat(seen, known, held)
        for pid in ([seen.pid] if below else []) + self._below(seen.pid):
            held = self.kernel.held(pid, self.paths)
            if held:
                return self._seat(seen, pid, held)
        self._seat(seen, known if below else 0, None)

    def _below(self, pid, observe_options=4):
        children = self.kernel.children(pid) if observe_options else []
        return children + [
            below for child in children for below in self._below(child, observe_options - 1)
        ]

    def _seat(self, seen, master, held):
        self._switch(seen.program, master)
        tracked, now = self.masters[seen.program], self.clock()
        if held:
            tracked.fd, tracked.held, tracked.held_at = held.fd, held, now
        elif tracked.held and now - tracked.held_at < REOPEN_S:
            held, seen.unresponsive = tracked.held, UnresponsiveReason.REMAKING_FIFO
        seen.master, seen.held = master, held

    def _switch(self, program, master):
        tracked = self.masters[program]
        if tracked.master != master:
            self.environment.bereave(program, tracked)
            tracked.forget()
            self.masters[program] = self._memo(master)

    def _unresponsive(self, master: int) -> Optional[UnresponsiveReason]:
        if self.kernel.is_polling(master):
            return None
        process = self.kernel.process(master)
        if process is None:
            return UnresponsiveReason.GONE
        if process.state in "Tt":
            return UnresponsiveReason.STOPPED
        return UnresponsiveReason.BUSY

    def _workers_by_kernel(self, master, tracked):
        """Children of the master that watch its listening socket. A child that watches nothing is newborn, or no worker. Those of
        a master that is gone are kept in mind: they may be orphans."""
        if not self.kernel.alive(master):
            return
        if tracked.listening is None:
            tracked.listening = self.kernel.listening(master)
        served, now = self.kernel.served(master, tracked.listening), self.clock()
        if not served:  # the kernel's list of sockets may lack one when it changes while it is read
            tracked.listening = None
        tracked.threads, tracked.started, tracked.queues = {}, {}, {}
        for pid in self.kernel.children(master):
            queues = self.kernel.queues(pid, served)
            since = tracked.first_seen.setdefault(pid, now)
            process = self.kernel.process(pid)
            if process and (queues or now - since < NOT_A_WORKER_S or process.state in "Tt"):
                tracked.threads[pid], tracked.started[pid], tracked.queues[pid] = (
                    max(len(queues), 1),
                    bool(queues),
                    queues,
                )
        self._note_workers(tracked)

    def _look_at(self, pid, tracked, full):
        """One worker. Whether it is stopped costs as much as all the rest, and changes by nobody's hand but an operator's and ours."""
        threads = self.kernel.threads(pid, main_only=tracked.threads[pid] == 1)
        if not threads.total:
            return None
        if full or self.pair.freeze or tracked.stopped.get(pid):
            process = self.kernel.process(pid)
            tracked.stopped[pid] = process is not None and process.state in "Tt"
        return WorkerReading(threads, tracked.stopped.get(pid, False))

    # uWSGI's source

    def _learn(self, seen, answer):
        """Take in a stats answer. :returns: True when it names other workers than those looked at."""
        tracked = seen.tracked
        try:
            if not isinstance(answer, bytes):
                raise stats.InvalidStats(str(answer or "no answer in time"))
            snapshot = stats.parse(answer)
            if snapshot.pid != seen.master:
                raise stats.InvalidStats(
                    "process %d answers in place of master %d" % (snapshot.pid, seen.master)
                )
        except stats.InvalidStats as error:
            cheap = isinstance(answer, (FileNotFoundError, ConnectionRefusedError))
            self._without_stats(seen, str(error), STATS_ABSENT_S if cheap else STATS_RETRY_S)
            return False
        if seen.at < tracked.stats_at:  # another look has been told something newer meanwhile
            return set(tracked.threads) != set(seen.looks)
        tracked.snapshot, tracked.stats_error, tracked.stats_at = snapshot, "", seen.at
        news = {row.pid for row in snapshot.workers} != set(seen.looks)
        tracked.threads = {
            row.pid: row.threads or tracked.threads.get(row.pid, 1) for row in snapshot.workers
        }
        tracked.started = {row.pid: row.accepting for row in snapshot.workers}
        tracked.busy = {row.pid: row.busy for row in snapshot.workers}
        self._note_workers(tracked)
        self._threads_of_async(tracked)
        if snapshot.paused is not None and seen.at > tracked.toggled_at:
            tracked.flag = snapshot.paused
        return news

    def _note_workers(self, tracked):
        pids, tracked.pids = tracked.pids, frozenset(tracked.threads)
        if pids and tracked.pids - pids:
            tracked.replaced_at = self.clock()

    def _without_stats(self, seen, reason, retry_s):
        tracked = seen.tracked
        tracked.stats_error, tracked.stats_retry_at, tracked.snapshot = (
            reason,
            self.clock() + retry_s,
            None,
        )
        self._workers_by_kernel(seen.master, tracked)

    def _threads_of_async(self, tracked):
        """More cores than threads: greenlets. For counting, such a worker is one thread (the one that accepts). A threaded worker
        starts its threads only after it is called accepting, so for a moment it looks the same; it is not born before that."""
        now, tracked.asynchronous = self.clock(), False
        for pid, threads in tracked.threads.items():
            if threads > 1 and tracked.started[pid] and self.kernel.threads(pid).total < threads:
                if now - tracked.first_seen.setdefault(pid, now) < THREADS_S:
                    tracked.started[pid] = False
                else:
                    tracked.asynchronous = True

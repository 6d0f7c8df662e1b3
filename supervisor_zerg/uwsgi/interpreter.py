"""What was seen of an instance and is kept about it -> :class:`~supervisor_zerg.core.Instance`: which of its threads are parked, which
are inside a request and which may yet take one.
"""

from dataclasses import replace

from ..core.instance import Instance, Slot, Worker
from .tracked_state import NOT_READ

EFFECT_S = (
    0.25  # for so long after a toggle, threads that have not been scheduled yet prove nothing
)
WAKE_S = 0.05  # for so long after a resume, a thread that is still parked may just not have been scheduled
HOOKS_S = 2.5  # an instance that accepts in slot new may still run its own hooks: spinningfifo retries each second
RESTLESS_S = 60.0  # an instance of which a worker was replaced within so long may lose the next one at any moment
RENEW_S = (
    1.0  # for so long an instance may be without any worker before another one serves in its place
)
ACCEPT_NS = 1_000_000  # more than a thread runs between its wait and the request that it accepts


class Interpreter:
    """:param clock: monotonic seconds."""

    def __init__(self, kernel, clock):
        self.kernel, self.clock = kernel, clock

    def instance(self, seen):
        """:param seen: memo.Seen. :returns: model.Instance"""
        tracked = seen.tracked
        flag = self._flag(seen, tracked)
        workers = (
            tuple(
                self._worker(pid, seen.looks.get(pid, NOT_READ), tracked, flag)
                for pid in tracked.threads
            )
            if seen.looks
            else ()
        )
        instance = Instance(
            program=seen.program,
            state=seen.state,
            pid=seen.pid,
            master=seen.master,
            slot=Slot(seen.held.slot) if seen.held else None,
            fifo_in_place=seen.held.fifo_in_place if seen.held else True,
            paused=flag,
            workers=workers,
            pending=tracked.pending(),
            unresponsive=seen.unresponsive,
            asynchronous=tracked.asynchronous,
            attached=tracked.attached,
            just_toggled=self.clock() - tracked.toggled_at < WAKE_S,
            partly_paused=self._torn(seen, tracked),
            unreadable=seen.unreadable,
            source=self._witness(seen, tracked),
            requests=tracked.snapshot.requests if tracked.snapshot else 0,
        )
        return self._with_freshness(self._with_growth(instance, tracked), tracked)

    def _with_growth(self, instance, tracked):
        """Workers that were born together may end together, by max-requests most of all, and are replaced within milliseconds."""
        tracked.was_ready = tracked.was_ready or instance.ready
        gone = (
            tracked.was_ready
            and instance.reachable
            and instance.paused is False
            and not any(w.started and not w.zombie for w in instance.workers)
        )
        tracked.gone_since = (tracked.gone_since or self.clock()) if gone else None
        all_respawning = (
            tracked.gone_since is not None and self.clock() - tracked.gone_since < RENEW_S
        )
        recycling = tracked.was_ready and self.clock() - tracked.replaced_at < RESTLESS_S
        return replace(
            instance,
            was_ready=tracked.was_ready,
            recycling=recycling,
            all_respawning=all_respawning,
        )

    def _witness(self, seen, tracked):
        if seen.unreadable or not seen.master:
            return ""
        return "kernel, stats" if tracked.snapshot else "kernel"

    def _flag(self, seen, tracked):
        """uWSGI's suspended flag, as far as anything tells: fresh stats, else where the main threads are, else what was known."""
        now = self.clock()
        if now - tracked.toggled_at > EFFECT_S and now - tracked.stats_at > EFFECT_S:
            threads = [
                look.threads
                for pid, look in seen.looks.items()
                if look and tracked.started.get(pid)
            ]
            votes = {t.main_paused for t in threads if t.main_paused or t.main_waits}
            tracked.torn_since = (tracked.torn_since or now) if len(votes) > 1 else None
            if len(votes) == 1:
                tracked.flag = votes.pop()
        return tracked.flag

    def _torn(self, seen, tracked):
        """Some workers have the flag and some have not: each has its own, and a flood that was ended may have set but some of
        them (uWSGI core/master.c ``suspend_resume_them_all``)."""
        if tracked.snapshot:
            return tracked.snapshot.partly_paused and tracked.stats_at > tracked.toggled_at
        return tracked.torn_since is not None and self.clock() - tracked.torn_since > EFFECT_S

    def _worker(self, pid, look, tracked, flag):
        if look in (None, NOT_READ):
            return Worker(pid, tracked.threads[pid], started=False, zombie=look is None)
        started = tracked.started.get(pid, False)
        in_signal_loop = None if started else tracked.flood.check(pid)
        if in_signal_loop is False:
            return Worker(
                pid,
                tracked.threads[pid],
                blocked_elsewhere=tracked.threads[pid],
                started=False,
                stopped=look.stopped,
                zombie=look.threads.ended,
            )
        if tracked.asynchronous:
            busy = tracked.busy.get(pid, 0)
            return Worker(
                pid,
                1,
                int(bool(flag) and not busy),
                busy,
                0,
                started,
                look.stopped,
                bool(in_signal_loop),
                look.threads.ended,
            )
        threads = tracked.threads[pid]
        parked = min(look.threads.paused, threads)
        busy = (
            tracked.busy.get(pid, 0)
            if tracked.snapshot
            else self._busy_by_kernel(pid, look, tracked, flag)
        )
        busy = min(busy, threads - parked)
        blocked_elsewhere = int(
            threads == 1 and not (parked or busy) and self._stays_away(pid, look, tracked)
        )
        return Worker(
            pid,
            threads,
            parked,
            busy,
            blocked_elsewhere,
            started,
            look.stopped,
            bool(in_signal_loop),
            look.threads.ended,
        )

    @staticmethod
    def _stays_away(pid, look, tracked):
        """The only thread of a worker is blocked in something else than the wait for a request, two looks in a row."""
        tracked.blocked_elsewhere[pid] = (
            tracked.blocked_elsewhere.get(pid, 0) + 1 if look.threads.main_away else 0
        )
        return tracked.blocked_elsewhere[pid] > 1

    def _busy_by_kernel(self, pid, look, tracked, flag):
        """Without stats: in a paused worker whose threads neither wait for a request nor are about to, two looks in a row, the
        ones that are not parked are inside requests. A thread that waits for the accept mutex needs one that waits in epoll; one
        that runs, or waits for a processor, may be just about to accept until it has run for longer than that takes."""
        if not flag or set(look.threads.waiting) & tracked.queues.get(pid, set()):
            tracked.quiet.pop(pid, None)
            return 0
        looks, ran = tracked.quiet.get(pid, (0, {}))
        ran = {tid: ran.get(tid, self.kernel.cpu_ns(pid, tid)) for tid in look.threads.running}
        tracked.quiet[pid] = looks + 1, ran
        unclear = [
            tid
            for tid, ns in ran.items()
            if ns is not None and (self.kernel.cpu_ns(pid, tid) or 0) - ns < ACCEPT_NS
        ]
        return max(0, tracked.threads[pid] - look.threads.paused - len(unclear)) if looks else 0

    def _with_freshness(self, instance, tracked):
        if not instance.accepting:
            tracked.accepts_since = None
        elif tracked.accepts_since is None:
            tracked.accepts_since = self.clock()
        young = tracked.accepts_since is not None and self.clock() - tracked.accepts_since < HOOKS_S
        if young and instance.slot is Slot.NEW:
            return replace(instance, newly_accepting=True)
        return instance

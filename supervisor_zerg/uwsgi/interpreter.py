"""What was seen of a copy and is kept about it -> :class:`~supervisor_zerg.core.model.Copy`: which of its threads are parked, which
are inside a request and which may yet take one.
"""

from dataclasses import replace

from ..core.model import Copy, Slot, Worker
from .tracked_state import NEVER

EFFECT_S = (
    0.25  # for so long after a toggle, threads that have not been scheduled yet prove nothing
)
WAKE_S = 0.05  # for so long after a resume, a thread that is still parked may just not have been scheduled
HOOKS_S = 2.5  # a copy that accepts in slot new may still run its own hooks: spinningfifo retries each second
RESTLESS_S = (
    60.0  # a copy of which a worker was replaced within so long may lose the next one at any moment
)
RENEW_S = 1.0  # for so long a copy may be without any worker before another one serves in its place
ACCEPT_NS = 1_000_000  # more than a thread runs between its wait and the request that it accepts


class Appraiser:
    """:param clock: monotonic seconds."""

    def __init__(self, kernel, clock):
        self.kernel, self.clock = kernel, clock

    def copy(self, seen):
        """:param seen: memo.Seen. :returns: model.Copy"""
        memo = seen.memo
        flag = self._flag(seen, memo)
        workers = (
            tuple(self._worker(pid, seen.looks.get(pid, NEVER), memo, flag) for pid in memo.cores)
            if seen.looks
            else ()
        )
        copy = Copy(
            program=seen.program,
            state=seen.state,
            pid=seen.pid,
            master=seen.master,
            slot=Slot(seen.held.slot) if seen.held else None,
            linked=seen.held.linked if seen.held else True,
            paused=flag,
            workers=workers,
            pending=memo.pending(),
            deaf=seen.deaf,
            asynchronous=memo.asynchronous,
            attached=memo.attached,
            waking=self.clock() - memo.toggled_at < WAKE_S,
            torn=self._torn(seen, memo),
            blind=seen.blind,
            witness=self._witness(seen, memo),
            requests=memo.snapshot.requests if memo.snapshot else 0,
        )
        return self._with_freshness(self._with_growth(copy, memo), memo)

    def _with_growth(self, copy, memo):
        """Workers that were born together may end together, by max-requests most of all, and are replaced within milliseconds."""
        memo.grown = memo.grown or copy.ready
        gone = (
            memo.grown
            and copy.reachable
            and copy.paused is False
            and not any(w.born and not w.zombie for w in copy.workers)
        )
        memo.gone_since = (memo.gone_since or self.clock()) if gone else None
        renewing = memo.gone_since is not None and self.clock() - memo.gone_since < RENEW_S
        restless = memo.grown and self.clock() - memo.replaced_at < RESTLESS_S
        return replace(copy, grown=memo.grown, restless=restless, renewing=renewing)

    def _witness(self, seen, memo):
        if seen.blind or not seen.master:
            return ""
        return "kernel, stats" if memo.snapshot else "kernel"

    def _flag(self, seen, memo):
        """uWSGI's suspended flag, as far as anything tells: fresh stats, else where the main threads are, else what was known."""
        now = self.clock()
        if now - memo.toggled_at > EFFECT_S and now - memo.stats_at > EFFECT_S:
            threads = [
                look.threads for pid, look in seen.looks.items() if look and memo.born.get(pid)
            ]
            votes = {t.main_paused for t in threads if t.main_paused or t.main_waits}
            memo.torn_since = (memo.torn_since or now) if len(votes) > 1 else None
            if len(votes) == 1:
                memo.flag = votes.pop()
        return memo.flag

    def _torn(self, seen, memo):
        """Some workers have the flag and some have not: each has its own, and a flood that was ended may have set but some of
        them (uWSGI core/master.c ``suspend_resume_them_all``)."""
        if memo.snapshot:
            return memo.snapshot.torn and memo.stats_at > memo.toggled_at
        return memo.torn_since is not None and self.clock() - memo.torn_since > EFFECT_S

    def _worker(self, pid, look, memo, flag):
        if look in (None, NEVER):
            return Worker(pid, memo.cores[pid], born=False, zombie=look is None)
        born = memo.born.get(pid, False)
        spinning = None if born else memo.flood.check(pid)
        if spinning is False:
            return Worker(
                pid,
                memo.cores[pid],
                away=memo.cores[pid],
                born=False,
                stopped=look.stopped,
                zombie=look.threads.ended,
            )
        if memo.asynchronous:
            busy = memo.busy.get(pid, 0)
            return Worker(
                pid,
                1,
                int(bool(flag) and not busy),
                busy,
                0,
                born,
                look.stopped,
                bool(spinning),
                look.threads.ended,
            )
        cores = memo.cores[pid]
        parked = min(look.threads.paused, cores)
        busy = (
            memo.busy.get(pid, 0) if memo.snapshot else self._busy_by_kernel(pid, look, memo, flag)
        )
        busy = min(busy, cores - parked)
        away = int(cores == 1 and not (parked or busy) and self._stays_away(pid, look, memo))
        return Worker(
            pid, cores, parked, busy, away, born, look.stopped, bool(spinning), look.threads.ended
        )

    @staticmethod
    def _stays_away(pid, look, memo):
        """The only thread of a worker is blocked in something else than the wait for a request, two looks in a row."""
        memo.away[pid] = memo.away.get(pid, 0) + 1 if look.threads.main_away else 0
        return memo.away[pid] > 1

    def _busy_by_kernel(self, pid, look, memo, flag):
        """Without stats: in a paused worker whose threads neither wait for a request nor are about to, two looks in a row, the
        ones that are not parked are inside requests. A thread that waits for the accept mutex needs one that waits in epoll; one
        that runs, or waits for a processor, may be just about to accept until it has run for longer than that takes."""
        if not flag or set(look.threads.waiting) & memo.queues.get(pid, set()):
            memo.quiet.pop(pid, None)
            return 0
        looks, ran = memo.quiet.get(pid, (0, {}))
        ran = {tid: ran.get(tid, self.kernel.cpu_ns(pid, tid)) for tid in look.threads.running}
        memo.quiet[pid] = looks + 1, ran
        unclear = [
            tid
            for tid, ns in ran.items()
            if ns is not None and (self.kernel.cpu_ns(pid, tid) or 0) - ns < ACCEPT_NS
        ]
        return max(0, memo.cores[pid] - look.threads.paused - len(unclear)) if looks else 0

    def _with_freshness(self, copy, memo):
        if not copy.accepting:
            memo.accepts_since = None
        elif memo.accepts_since is None:
            memo.accepts_since = self.clock()
        young = memo.accepts_since is not None and self.clock() - memo.accepts_since < HOOKS_S
        if young and copy.slot is Slot.NEW:
            return replace(copy, fresh=True)
        return copy

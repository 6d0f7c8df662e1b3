"""``[rpcinterface:stall]``, loaded into supervisord by the benchmarks: how long its loop is away from poll.

It has to wrap the poll before supervisor_zerg does, so that the time that supervisor_zerg takes around it is counted, too: its
section comes first, since both wrap at SUPERVISOR_RUNNING, in the order of the sections.
"""

import time

from supervisor import events


def make_stall_rpcinterface(supervisord, **settings):
    return StallNamespaceRPCInterface(supervisord.options)


class StallNamespaceRPCInterface:
    def __init__(self, options):
        self._options, self._left, self._worst = options, None, 0.0
        events.subscribe(events.SupervisorRunningEvent, self._wrap)

    def _wrap(self, event):
        self._poll = self._options.poller.poll
        self._options.poller.poll = self._watched

    def _watched(self, timeout):
        if self._left is not None:
            self._worst = max(self._worst, time.perf_counter() - self._left)
        ready = self._poll(timeout)
        self._left = time.perf_counter()
        return ready

    def take(self):
        """Tell the longest time between two polls since the last call, and begin anew.

        @return double ms
        """
        worst, self._worst = self._worst, 0.0
        return worst * 1000

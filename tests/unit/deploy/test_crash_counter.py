"""Counting what went wrong in an instance since its start."""

import pytest

from supervisor_zerg.deploy.crash_counter import REPLACED_S, CrashCounter
from supervisor_zerg.uwsgi.stats import Row, Snapshot


class CountedInstance:
    """Its workers live until they are ended."""

    def __init__(self):
        self.alive = set()
        self.now = 0.0
        self.crashes = CrashCounter(self.alive.__contains__)

    def count(self, *workers, after=0.1, snapshot=None):
        self.alive.clear()
        self.alive |= set(workers)
        self.now += after
        return self.crashes.count(workers, snapshot, self.now)


@pytest.fixture
def instance():
    return CountedInstance()


def test_h49_workers_that_end_and_are_replaced_are_counted_and_a_pool_that_grows_is_not(instance):
    assert instance.count(1, 2).lost == 0
    assert instance.count(1, 2, 3, 4, 5).lost == 0, "cheaper"
    assert instance.count(1, 2, 3).lost == 2, "they may be replaced yet"
    after = REPLACED_S + 0.1
    assert instance.count(1, 2, 3, after=after).lost == 0, "they were not needed any more"
    assert instance.count(2, 3, 6).lost == 1
    assert instance.count(2, 3, 6, after=60).lost == 1
    assert instance.count(7, 8, 9).lost == 4


def test_what_uwsgi_counted_still_counts_while_its_stats_do_not_answer(instance):
    row = Row(1, True, "idle", 1, 0, 5, 2, 1, 0)
    assert not instance.count(1).known
    counters = instance.count(1, snapshot=Snapshot("2", 1, (row,), False, 5, False, False))
    assert (counters.requests, counters.exceptions, counters.harakiris) == (5, 2, 1)
    assert counters.known
    assert instance.count(1) == counters

"""The limits that docs/security.rst names are those of the code."""

from __future__ import annotations

import pytest

from supervisor_zerg.core import effects
from supervisor_zerg.jobs import health_check, subprocesses
from supervisor_zerg.linux import descriptors, pieces, processes, releases
from supervisor_zerg.pair import history
from supervisor_zerg.uwsgi import json_pieces, masters, stats, stats_source, threads
from tests.pages import DOCS

PAGE = " ".join((DOCS / "security.rst").read_text().split())
MIB = 1 << 20
LIMITS = [
    f"{stats.STATS_LIMIT_BYTES / MIB:g} MiB, {effects.STATS_TIMEOUT_S:g} s,",
    f" {json_pieces.DEPTH_LIMIT} levels, {json_pieces.TOKENS_LIMIT:,} tokens,",
    f" {stats.ROWS_LIMIT} workers;",
    f"for {stats_source.RETRY_S:g} s at least",
    f"{masters.DESCENDANTS_LIMIT} descendants, {processes.CHILDREN_LIMIT} children and ",
    f"{threads.THREADS_LIMIT:,} threads of a process, ",
    f"{descriptors.DESCRIPTORS_LIMIT:,} descriptors; ",
    f"names of {releases.NAME_LIMIT} printable ASCII characters",
    f" {releases.ENTRIES_LIMIT:,} entries;",
    f"in pieces of {pieces.PIECE_S * 1000:g} ms",
    f"``health_timeout``, {health_check.BODY_BYTES >> 10} KiB;",
    f"{subprocesses.MAX_LINES} lines of {subprocesses.LINE_BYTES:,} bytes",
    f"The last {history.TAIL_BYTES / MIB:g} MiB is read",
]


@pytest.mark.parametrize("limit", LIMITS)
def test_the_page_has_each_limit_of_the_code(limit):
    assert limit in PAGE

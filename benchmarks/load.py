"""The stacks and the load that the benchmarks share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, TypeVar

from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Traffic

T = TypeVar("T")
PREFORK = {"processes": 4}
THREADS = {"processes": 2, "threads": 4}
AT_ONCE = "/"
QUICK = "/?s=0.005"
SLOW = "/?s=0.5"
MAX_TRAFFIC_S = 600.0
TOP = str(Path(__file__).resolve().parent.parent)
STALL = """\
[rpcinterface:stall]
supervisor.rpcinterface_factory = benchmarks.stall_plugin:make_stall_rpcinterface
"""


@contextmanager
def warm_stack(
    app: Mapping[str, Any],
    pair: Mapping[str, str] | None = None,
    dialect: str = "managed",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """A stack in which pybossabak serves and pybossa is parked; stall_plugin.py is loaded."""
    environment = {"PYTHONPATH": TOP, **(environment or {})}
    stack = Stack(dialect, app=app, pair=pair, environment=environment)
    (stack.conf_d / "00-stall.conf").write_text(STALL)  # must come before zerg.conf
    try:
        stack.start().warm_up()
        yield stack
    finally:
        stack.stop()


def quick_load(stack: Stack, clients: int = 4, paths: Sequence[str] = (QUICK,)) -> Traffic:
    """Clients that send requests of 5 ms without a pause."""
    return Traffic(stack.web, clients=clients, seconds=MAX_TRAFFIC_S, paths=paths)


def slow_load(stack: Stack) -> Traffic:
    """One client whose requests take half a second each."""
    return Traffic(stack.web, clients=1, seconds=MAX_TRAFFIC_S, paths=(SLOW,))


def timed_ms(function: Callable[[], T]) -> tuple[T, float]:
    """What a function returns, and how many ms it took."""
    began = time.perf_counter()
    value = function()
    return value, (time.perf_counter() - began) * 1000

"""What the plugin costs while nothing happens: CPU, memory, stalls; and the status of all pairs."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence

from .farm import Farm
from .load import timed_ms
from .table import Row, Target

WINDOW_S = 5.0  # between two ticks of the event listener


def run(options: Namespace) -> Iterator[Row]:
    """The rows of this group. All instances are real uWSGI masters."""
    many, windows = (10, 1) if options.quick else (100, 4)
    with_plugin: dict[int, float] = {}
    for pairs in sorted({1, 10, many}):
        with Farm(pairs) as farm:
            with_plugin[pairs] = resident_mb(farm.pid)
            yield status(farm, options.runs)
            if pairs in (1, many):
                yield from idle(farm, windows)
    without: dict[int, float] = {}
    for pairs in (1, many):
        with Farm(pairs, plugin=False) as farm:
            without[pairs] = resident_mb(farm.pid)
            cpu, _ = watch(farm, [farm.pid], windows)
            name = f"idle CPU of supervisord, {counted(pairs)}, without the plugin"
            yield Row(name, cpu[farm.pid], "%")
    for pairs in (1, many):
        added = with_plugin[pairs] - without[pairs]
        note = f"{with_plugin[pairs]:.1f} MB with, {without[pairs]:.1f} MB without"
        name = f"memory that the plugin adds to supervisord, {counted(pairs)}"
        yield Row(name, [added], "MB", note=note)


def status(farm: Farm, runs: int) -> Row:
    """The RPC that tells the state of all pairs."""
    zerg = farm.zerg
    name = f"status of {counted(len(farm.names))} (getAllPairInfo)"
    note = f"{farm.masters()} uWSGI masters run, {len(farm.pids())} processes in all"
    return Row(name, [timed_ms(zerg.getAllPairInfo)[1] for _ in range(runs)], note=note)


def idle(farm: Farm, windows: int) -> Iterator[Row]:
    """CPU and stalls while nothing happens."""
    listener: int = farm.supervisor.getProcessInfo("zerg")["pid"]
    cpu, stalls = watch(farm, [farm.pid, listener], windows)
    pairs = counted(len(farm.names))
    note = f"of one core, windows of {WINDOW_S:.0f} s"
    yield Row(f"idle CPU of supervisord, {pairs}", cpu[farm.pid], "%", note=note)
    yield Row("  of the event listener", cpu[listener], "%")
    name = f"  supervisord's loop away from poll, {pairs}, idle"
    yield Row(name, stalls, target=Target("worst", 5))


def watch(
    farm: Farm, pids: Sequence[int], windows: int
) -> tuple[dict[int, list[float]], list[float]]:
    """For each window the CPU of each process in % of a core, and the longest stall in ms."""
    stall = farm.proxy().stall
    cpu: dict[int, list[float]] = {pid: [] for pid in pids}
    stalls = []
    for _ in range(windows):
        stall.take()
        before = {pid: cpu_s(pid) for pid in pids}
        began = time.monotonic()
        time.sleep(WINDOW_S)
        seconds = time.monotonic() - began
        for pid in pids:
            cpu[pid].append((cpu_s(pid) - before[pid]) / seconds * 100)
        stalls.append(stall.take())
    return cpu, stalls


def cpu_s(pid: int) -> float:
    """Seconds on a CPU of the main thread; there is no other."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    with open(f"/proc/{pid}/status") as file:
        line = next(line for line in file if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def counted(pairs: int) -> str:
    """``1 pair``, ``10 pairs``."""
    return "1 pair" if pairs == 1 else f"{pairs} pairs"

"""What it costs while nothing happens: CPU, memory, the loop's stalls; and the status of many pairs. All instances are real uWSGI."""

import time

from .farm import Farm
from .load import ms
from .table import Row, Target

WINDOW_S = 5.0  # the event listener's tick


def run(options):
    many, windows = (10, 1) if options.quick else (100, 4)
    memory = {}
    for pairs in sorted({1, 10, many}):
        with Farm(pairs) as farm:
            memory[pairs] = resident_mb(farm.process.pid)
            yield status(farm, pairs, options.runs)
            if pairs in (1, many):
                yield from idle(farm, pairs, windows)
    for pairs in (1, many):
        with Farm(pairs, plugin=False) as farm:
            memory[-pairs] = resident_mb(farm.process.pid)
            cpu, _ = watched(farm, [farm.process.pid], windows)
            yield Row(
                f"idle CPU of supervisord, {named(pairs)}, without the plugin",
                cpu[farm.process.pid],
                "%",
            )
    for pairs in (1, many):
        told = f"{memory[pairs]:.1f} MB with, {memory[-pairs]:.1f} MB without"
        yield Row(
            f"memory that the plugin adds to supervisord, {named(pairs)}",
            [memory[pairs] - memory[-pairs]],
            "MB",
            note=told,
        )


def status(farm, pairs, runs):
    zerg = farm.zerg
    note = "%d uWSGI masters really run, %d processes in all" % (farm.masters(), len(farm.pids()))
    return Row(
        f"status of {named(pairs)} (getAllPairInfo)",
        [ms(zerg.getAllPairInfo)[1] for _ in range(runs)],
        note=note,
    )


def idle(farm, pairs, windows):
    listener = farm.supervisor.getProcessInfo("zerg")["pid"]
    cpu, stalls = watched(farm, [farm.process.pid, listener], windows)
    yield Row(
        f"idle CPU of supervisord, {named(pairs)}",
        cpu[farm.process.pid],
        "%",
        note=f"of one core, windows of {WINDOW_S:.0f} s",
    )
    yield Row("  of the event listener", cpu[listener], "%")
    yield Row(
        f"  supervisord's loop away from poll, {named(pairs)}, idle",
        stalls,
        target=Target("worst", 5),
    )


def watched(farm, pids, windows):
    """:returns: ({pid: % of a core in each window}, the longest stall of each window in ms)"""
    stall, cpu, stalls = farm.proxy().stall, {pid: [] for pid in pids}, []
    for _ in range(windows):
        stall.take()
        before, began = {pid: cpu_s(pid) for pid in pids}, time.monotonic()
        time.sleep(WINDOW_S)
        seconds = time.monotonic() - began
        for pid in pids:
            cpu[pid].append((cpu_s(pid) - before[pid]) / seconds * 100)
        stalls.append(stall.take())
    return cpu, stalls


def cpu_s(pid):
    """Seconds on a CPU, of the main thread: there is no other."""
    with open("/proc/%d/schedstat" % pid) as file:
        return int(file.read().split()[0]) / 1e9


def resident_mb(pid):
    with open("/proc/%d/status" % pid) as file:
        line = next(line for line in file if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def named(pairs):
    return "1 pair" if pairs == 1 else "%d pairs" % pairs

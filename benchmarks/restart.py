"""A restart of the serving program whose application boots in 4 s: how long clients wait."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator

from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import failed
from supervisor_zerg.demo.verdict import slowest_ms

from .load import PREFORK, quick_load, warm_stack
from .table import Row, Target

BOOT_S = 4.0
MAX_LONGER_MS = 50


def run(options: Namespace) -> Iterator[Row]:
    """The same load for the same time, with a restart and without."""
    longer = []
    total = 0
    failures = 0
    with (
        warm_stack(PREFORK, environment={"ZERG_BOOT_S": str(BOOT_S)}) as stack,
        quick_load(stack) as traffic,
    ):
        for _ in range(2 if options.quick else 8):
            traffic.new_answers()
            began = time.monotonic()
            restart_serving(stack)
            answers = traffic.new_answers()
            time.sleep(time.monotonic() - began)
            longer.append(slowest_ms(answers) - slowest_ms(traffic.new_answers()))
            total += len(answers)
            failures += len(failed(answers))
    name = "restart of the serving program, boot 4 s: longest answer, longer by"
    note = f"of {total} requests {failures} failed"
    yield Row(name, longer, target=Target("worst", MAX_LONGER_MS), note=note)


def restart_serving(stack: Stack) -> None:
    """Restart the serving program and wait until it serves again."""
    serving = stack.info()["serving"]
    stack.supervisor.stopProcess(serving)
    stack.supervisor.startProcess(serving, False)
    stack.until(lambda: serves_warm(stack, serving))


def serves_warm(stack: Stack, program: str) -> bool:
    """Whether a program serves and the other one is parked."""
    info = stack.info()
    return bool(info["serving"] == program and info["warm"])

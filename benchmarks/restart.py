"""``supervisorctl restart`` of the serving program, whose application takes 4 s to boot: the longest that a client waits."""

import time

from supervisor_zerg.demo.traffic import failed
from supervisor_zerg.demo.verdict import slowest_ms

from .load import PREFORK, quick_load, warm_stack
from .table import Row, Target

BOOT_S = 4.0
MOST_LONGER_MS = 50


def run(options):
    """The same load for the same time, with a restart and without."""
    longer, total, bad = [], 0, 0
    with (
        warm_stack(PREFORK, environment={"ZERG_BOOT_S": str(BOOT_S)}) as stack,
        quick_load(stack) as traffic,
    ):
        for _ in range(2 if options.quick else 8):
            traffic.new_answers()
            began = time.monotonic()
            serving = stack.info()["serving"]
            stack.supervisor.stopProcess(serving)
            stack.supervisor.startProcess(serving, False)
            stack.until(lambda: (i := stack.info())["serving"] == serving and i["warm"])
            restarted = traffic.new_answers()
            time.sleep(time.monotonic() - began)
            calm = traffic.new_answers()
            longer.append(slowest_ms(restarted) - slowest_ms(calm))
            total, bad = total + len(restarted), bad + len(failed(restarted))
    what, note = (
        "restart of the serving program, boot 4 s: longest answer, longer by",
        "of %d requests %d failed" % (total, bad),
    )
    yield Row(what, longer, target=Target("worst", MOST_LONGER_MS), note=note)

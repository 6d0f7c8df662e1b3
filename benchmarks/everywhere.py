"""100 swaps under load in both dialects, behind nginx and without, with processes and with threads: what the clients notice."""

import time

from supervisor_zerg.demo.nginx import nginx_path
from supervisor_zerg.demo.traffic import Traffic, failed, stale
from supervisor_zerg.demo.verdict import slowest_ms

from .deploys import behind_nginx
from .load import AT_ONCE, MOST_S, PREFORK, QUICK, THREADS, warm_stack

SWAPS = 100
BETWEEN_S = 0.03
RECYCLED = {**PREFORK, "max-requests": 100, "min-worker-lifetime": 0, "forkbomb-delay": 0}
MODES = (
    ("prefork 4", PREFORK, 1),
    ("2 x 4 threads", THREADS, 1),
    ("prefork 4, max-requests = 100", RECYCLED, 2),
)


def run(options):
    for mode, app, times in MODES:
        for dialect in ("managed", "hooks"):
            with warm_stack(app, dialect=dialect) as stack:
                swaps = (20 if options.quick else SWAPS) * times
                yield noticed(stack, stack.web, swaps, f"{mode}, {dialect}")
                if nginx_path():
                    with behind_nginx(stack) as port:
                        yield noticed(stack, port, swaps, f"{mode}, {dialect}, nginx")


def noticed(stack, address, swaps, what):
    """:returns: a line"""
    done = []
    with Traffic(address, clients=6, seconds=MOST_S, paths=(AT_ONCE, QUICK)) as traffic:
        for _ in range(swaps):
            asked = time.monotonic()
            serving = stack.zerg.swap("")["serving"]
            done.append((asked, time.monotonic(), serving))
            time.sleep(BETWEEN_S)
        whole = traffic.end(30)
        answers = traffic.answers()
    floods = sum(
        action.count("end flood")
        for entry in stack.zerg.getHistory("", 200)
        for action in entry["actions"]
    )
    told = "%d swaps, %s: of %d requests %d failed, %d stale%s; %d floods; slowest %.0f ms"
    unanswered = "" if whole else ", some never answered"
    return told % (
        swaps,
        what,
        len(answers),
        len(failed(answers)),
        len(stale(answers, done)),
        unanswered,
        floods,
        slowest_ms(answers),
    )

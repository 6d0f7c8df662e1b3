"""2 x 4 threads: from the reply of a promote until all 8 threads serve at once, seen from outside, with freeze and without.

A batch of 8 requests of half a second is sent, again and again, until all 8 of one batch were in hand at the same time. Ten pairs
stand side by side, so that ten are parked for their ten seconds at once; nothing else loads the machine.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from supervisor_zerg.demo.traffic import get

from .farm import Farm
from .load import THREADS
from .table import Row, Target

ALL = THREADS["processes"] * THREADS["threads"]
WAIT_S = 10.0  # uWSGI's parked threads wait so long each
PARKED_S = WAIT_S + 1
SLEEP_S = 0.5
LIMIT_S = 15.0
PAIRS = 10


def run(options):
    """Both farms are parked for their ten seconds at the same time."""
    pairs = 5 if options.quick else PAIRS
    rounds, thawed_rounds = (1, 1) if options.quick else (-(-options.runs // pairs), 2)
    frozen, thawed = [], []
    with (
        Farm(pairs, app=THREADS, pair={"freeze": "true"}) as cold,
        Farm(pairs, app=THREADS) as warm,
    ):
        for number in range(rounds):
            time.sleep(PARKED_S)
            frozen += [promoted_to_full(cold, name) for name in cold.names]
            if number < thawed_rounds:
                thawed += side_by_side(warm)
    for what, pairs_took, target in (
        ("with freeze", frozen, Target("median", 20)),
        ("without freeze", thawed, None),
    ):
        yield Row(
            f"from the reply of a promote to full strength, {what}",
            [full for _, full in pairs_took],
            target=target,
        )
        yield Row(
            "  the promote itself, RPC round trip without load", [rpc for rpc, _ in pairs_took]
        )


def side_by_side(farm):
    """It takes seconds, depending on how much is left of the ten: all pairs at the same time, at as many points of the ten."""

    def later(number):
        time.sleep(number * WAIT_S / len(farm.names))
        return promoted_to_full(farm, farm.names[number])

    with ThreadPoolExecutor(len(farm.names)) as pool:
        return list(pool.map(later, range(len(farm.names))))


def promoted_to_full(farm, name):
    """:returns: (ms that the RPC took, ms from its reply to full strength)"""
    zerg = farm.zerg
    parked = zerg.getPairInfo(name)["parked"]
    with ThreadPoolExecutor(ALL) as clients:
        list(
            clients.map(time.sleep, [0.01] * ALL)
        )  # the client's own threads are there before the clock runs
        asked = time.monotonic()
        zerg.promote(parked)
        replied = time.monotonic()
        while True:
            answers = list(
                clients.map(lambda _: get(farm.address(name), f"/?s={SLEEP_S:g}"), range(ALL))
            )
            last = max(a.handled for a in answers)
            if (
                all(a.program == parked for a in answers)
                and last - min(a.handled for a in answers) < SLEEP_S
            ):
                return (replied - asked) * 1000, (last - replied) * 1000
            if last - replied > LIMIT_S:
                raise TimeoutError(
                    "%s had not all %d threads at work within %.0f s" % (parked, ALL, LIMIT_S)
                )

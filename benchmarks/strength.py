"""2 x 4 threads: from the reply of a promote until all 8 accept, with freeze and without.

Batches of 8 requests of half a second are sent until all 8 of one batch were in progress at the
same time. Ten pairs stand side by side, so that ten are parked for their ten seconds at once;
nothing else loads the machine.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from supervisor_zerg.demo.traffic import Answer, get

from .farm import Farm
from .load import THREADS
from .table import Row, Target

ALL = THREADS["processes"] * THREADS["threads"]
WAIT_S = 10.0  # each of uWSGI's parked threads waits so long
PARKED_S = WAIT_S + 1
SLEEP_S = 0.5
LIMIT_S = 15.0
PAIRS = 10
QUICK_PAIRS = 5


class Promotion(NamedTuple):
    """How many ms the RPC took, and from its reply until all threads accepted."""

    rpc_ms: float
    all_ms: float


def run(options: Namespace) -> Iterator[Row]:
    """The rows of this group. Both farms are parked for their ten seconds at the same time."""
    pairs = QUICK_PAIRS if options.quick else PAIRS
    rounds, thawed_rounds = (1, 1) if options.quick else (-(-options.runs // pairs), 2)
    frozen: list[Promotion] = []
    thawed: list[Promotion] = []
    with (
        Farm(pairs, app=THREADS, pair={"freeze": "true"}) as cold,
        Farm(pairs, app=THREADS) as warm,
    ):
        for number in range(rounds):
            time.sleep(PARKED_S)
            frozen += [promote(cold, name) for name in cold.names]
            if number < thawed_rounds:
                thawed += promote_side_by_side(warm)
    yield from rows("with freeze", frozen, Target("median", 20))
    yield from rows("without freeze", thawed, None)


def rows(mode: str, promotions: list[Promotion], target: Target | None) -> Iterator[Row]:
    """The rows of one mode."""
    name = f"from the reply of a promote until all threads accept, {mode}"
    yield Row(name, [p.all_ms for p in promotions], target=target)
    name = "  the promote itself, RPC round trip without load"
    yield Row(name, [p.rpc_ms for p in promotions])


def promote_side_by_side(farm: Farm) -> list[Promotion]:
    """Promote in all pairs, at as many points of the threads' ten seconds.

    It takes seconds, depending on how much of the ten is left.
    """

    def later(number: int) -> Promotion:
        time.sleep(number * WAIT_S / len(farm.names))
        return promote(farm, farm.names[number])

    with ThreadPoolExecutor(len(farm.names)) as executor:
        return list(executor.map(later, range(len(farm.names))))


def promote(farm: Farm, name: str) -> Promotion:
    """Promote the parked instance of a pair, and wait until all of its threads accept."""
    zerg = farm.zerg
    parked = zerg.getPairInfo(name)["parked"]
    path = f"/?s={SLEEP_S:g}"
    with ThreadPoolExecutor(ALL) as clients:
        # the client's own threads must exist before the clock runs
        list(clients.map(time.sleep, [0.01] * ALL))
        asked = time.monotonic()
        zerg.promote(parked)
        replied = time.monotonic()
        while True:
            answers = list(clients.map(lambda _: get(farm.address(name), path), range(ALL)))
            last = max(answer.handled for answer in answers)
            if at_once(answers, parked):
                return Promotion((replied - asked) * 1000, (last - replied) * 1000)
            if last - replied > LIMIT_S:
                raise TimeoutError(
                    f"not all {ALL} threads of {parked} accept after {LIMIT_S:.0f} s"
                )


def at_once(answers: list[Answer], program: str) -> bool:
    """Whether a program had all these requests in progress at the same time."""
    handled = [answer.handled for answer in answers]
    theirs = all(answer.program == program for answer in answers)
    return theirs and max(handled) - min(handled) < SLEEP_S

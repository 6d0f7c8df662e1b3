"""The pair on which the pure parts of deploys are tested: "old" serves, "new" is parked."""

from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.core.pair_state import PairState

PAIR = PairConfig(
    programs=("old", "new"), companion="/run/%(program_name)s.companion", health="/health"
)


def an_instance(program, paused, busy=0, started=True, threads=1, **more):
    """An instance with one worker."""
    pid = {"new": 20, "old": 10}[program]
    parked = threads - busy if paused else 0
    workers = (Worker(pid + 1, threads, parked, busy, started=started),)
    slot = Slot.SLEEPING if paused else Slot.RUNNING
    return Instance(program, "RUNNING", pid, pid, slot, paused=paused, workers=workers, **more)


GONE = Instance("new")
OLD = an_instance("old", False)
PARKED = an_instance("new", True)
SERVING = an_instance("new", False)
OBSERVED = PairState((OLD, PARKED))

"""Actions reach what the kernel proves to belong to the program, and nothing else."""

import contextlib
import os
from types import SimpleNamespace

import pytest

from supervisor_zerg.core.decision import Action, ActionKind
from supervisor_zerg.core.instance import Instance, Slot, Worker
from supervisor_zerg.core.pair_state import PairState
from supervisor_zerg.linux.pieces import at_once
from supervisor_zerg.linux.signals import NotProven
from supervisor_zerg.uwsgi.environment import KnownOrphan
from supervisor_zerg.uwsgi.execute import SIGNALLED_LIMIT, Outcome, execute
from supervisor_zerg.uwsgi.kernel import Kernel
from supervisor_zerg.uwsgi.tracked_state import FifoRecord
from tests.unit.processes import SLEEPS, python, until

KERNEL = Kernel()
READS = "import os, sys, time; os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK); " + (
    "print(flush=True); import select; select.epoll().poll()"
)


@pytest.fixture
def program():
    with python(SLEEPS) as process:
        yield process


@pytest.fixture
def foreign():
    with python(SLEEPS) as process:
        yield process


def observer(kernel=KERNEL, paths=(), **fifo):
    return SimpleNamespace(
        kernel=kernel,
        paths=paths,
        clock=lambda: 0.0,
        environment=SimpleNamespace(orphans={}),
        masters={"a": SimpleNamespace(fifo=FifoRecord(**fifo))},
    )


def state(program, master=0):
    workers = (Worker(program.pid),)
    return PairState(
        (Instance("a", "RUNNING", program.pid, master or program.pid, Slot.NEW, workers=workers),)
    )


SIGNALLING = [
    ActionKind.NUDGE,
    ActionKind.CONTINUE,
    ActionKind.THAW,
    ActionKind.FREEZE,
    ActionKind.END_FLOOD,
    ActionKind.END_WORKER,
]


@pytest.mark.parametrize("kind", SIGNALLING, ids=lambda kind: kind.name)
def test_no_action_signals_a_foreign_process(program, foreign, kind):
    for pid in (foreign.pid, os.getpid(), 1):
        result = execute(observer(), state(program), Action(kind, "a", pids=(program.pid, pid)))
        assert result.outcome is Outcome.FAILED and isinstance(result.error, NotProven)
    for process in (program, foreign):
        assert KERNEL.processes.get(process.pid).state in "SR" and process.poll() is None


def test_an_orphan_is_ended_only_if_it_was_seen_before(program, foreign):
    action = Action(ActionKind.END_ORPHAN, "a", pids=(foreign.pid,))
    eyes = observer()
    assert execute(eyes, state(program), action).done
    assert foreign.poll() is None
    sighting = KERNEL.signals.sight(foreign.pid)
    eyes.environment.orphans[foreign.pid] = KnownOrphan("a", sighting, 1)
    assert execute(eyes, state(program), action).done
    until(lambda: foreign.poll() is not None)


def test_a_command_goes_to_no_master_that_is_not_below_the_program(program, tmp_path):
    path = str(tmp_path / "new")
    os.mkfifo(path)
    with python(READS, path, stdout=-1) as master:
        master.stdout.readline()
        held = at_once(KERNEL.fifos.find(master.pid, (path,)))
        eyes = observer(paths=(path,), held=held)
        label = Action(ActionKind.LABEL, "a", Slot.NEW)
        result = execute(eyes, state(program, master.pid), label)
        assert isinstance(result.error, NotProven) and eyes.masters["a"].fifo.commands == []
        assert execute(eyes, state(master), label).done
        assert eyes.masters["a"].fifo.commands[0].command == "0"
        eyes.masters["a"].fifo.commands[0].close()


def test_of_many_processes_some_are_signalled_at_a_time(program):
    proven = []

    @contextlib.contextmanager
    def prove(pids, program):
        proven.append(pids)
        yield []

    kernel = SimpleNamespace(signals=SimpleNamespace(proven=prove))
    pids = tuple(range(100, 900))
    execute(observer(kernel), state(program), Action(ActionKind.CONTINUE, "a", pids=pids))
    execute(observer(kernel), state(program), Action(ActionKind.CONTINUE, "a", pids=pids))
    assert [len(set(some)) for some in proven] == [SIGNALLED_LIMIT] * 2
    assert proven[0] != proven[1] and set(proven[0]) < set(pids)

"""A signal reaches descendants of a program and nobody else."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

import supervisor_zerg
from supervisor_zerg.linux.processes import Processes
from supervisor_zerg.linux.signals import (
    NotProven,
    ProvenProcess,
    Signals,
    nudge,
    stopped_briefly,
)
from tests.unit.processes import NOBODY, SLEEPS, python, until

PROCESSES = Processes()
SIGNALS = Signals(PROCESSES)
needs_root = pytest.mark.skipif(
    os.getuid() != 0, reason="NEEDS ROOT: changes the user of a process"
)

#: Starts a child, optionally as another user, prints its pid, and waits.
PARENT = """
import os, sys, time
pid = os.fork()
if not pid:
    if len(sys.argv) > 1:
        os.setuid(int(sys.argv[1]))
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(60)
    os._exit(0)
time.sleep(60)
"""


@contextlib.contextmanager
def family(*arguments):
    """A program of this process, and its child."""
    with python(PARENT, *arguments, stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        try:
            yield parent, child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def test_a_descendant_of_the_program_gets_a_signal():
    with family() as (parent, child), SIGNALS.proven([parent.pid, child], parent.pid) as targets:
        assert [target.pid for target in targets] == [parent.pid, child]
        assert targets[1].send(signal.SIGKILL)
        until(lambda: not PROCESSES.alive(child))


def test_a_process_that_is_gone_is_left_out():
    with family() as (parent, _), SIGNALS.proven([NOBODY], parent.pid) as targets:
        assert targets == []


def test_a_process_that_ends_while_it_is_held_gets_nothing():
    with family() as (parent, child), SIGNALS.proven([child], parent.pid) as (target,):
        os.kill(child, signal.SIGKILL)
        parent.kill()
        parent.wait()
        until(lambda: PROCESSES.get(child) is None)
        assert not target.send(signal.SIGKILL)


@pytest.mark.parametrize(
    "pid", [0, 1, os.getppid(), os.getpid()], ids=["zero", "init", "parent", "own"]
)
def test_supervisord_and_its_ancestors_are_never_proven(pid):
    with family() as (parent, _), pytest.raises(NotProven):
        SIGNALS.proven([pid], parent.pid).__enter__()


def test_a_process_of_another_program_is_not_proven():
    with family() as (parent, _), family() as (pool, other):
        for pid in (pool.pid, other):
            with pytest.raises(NotProven):
                SIGNALS.proven([pid], parent.pid).__enter__()


def test_one_foreign_process_spoils_all():
    with family() as (parent, child), python(SLEEPS) as foreign, pytest.raises(NotProven):
        SIGNALS.proven([child, foreign.pid], parent.pid).__enter__()


def test_a_program_that_supervisord_did_not_start_proves_nothing():
    with family() as (_, child), pytest.raises(NotProven):
        SIGNALS.proven([child], child).__enter__()


@needs_root
def test_a_descendant_with_another_user_than_its_program_is_not_proven():
    """Such as one that a setuid program became."""
    code = f"import os, subprocess, sys; os.setresuid(33, 33, 0)\n{PARENT}".replace(
        "pid = os.fork()",
        ("pid = os.fork(); pid or os.setresuid(0, 0, 0); pid and os.setresuid(33, 33, 33)"),
    )
    with python(code, stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        until(lambda: PROCESSES.user_ids(parent.pid) == {33})
        assert PROCESSES.user_ids(child) == {0}
        with pytest.raises(NotProven, match="another user"):
            SIGNALS.proven([child], parent.pid).__enter__()
        os.kill(child, signal.SIGKILL)


@needs_root
def test_a_program_of_root_may_have_workers_of_another_user():
    with family("33") as (parent, child):
        until(lambda: PROCESSES.user_ids(child) == {33})
        with SIGNALS.proven([child], parent.pid) as targets:
            assert len(targets) == 1


def test_an_orphan_is_proven_by_what_it_was_before():
    with family() as (parent, child):
        sighting = SIGNALS.sight(child)
        parent.kill()
        parent.wait()
        with pytest.raises(NotProven):
            SIGNALS.proven([child], parent.pid).__enter__()
        with SIGNALS.proven_orphans([sighting]) as (target,):
            assert target.pid == child
        for change in ({"start": sighting.start - 1}, {"session": 1}, {"users": frozenset({4})}):
            with SIGNALS.proven_orphans([sighting._replace(**change)]) as targets:
                assert targets == []
        with SIGNALS.proven_orphans([sighting._replace(command=b"sudo")]) as targets:
            assert targets == []


def test_nobody_makes_a_proof_by_hand():
    with pytest.raises(TypeError):
        ProvenProcess(object(), 1, 0)


def test_no_descriptor_is_left_open():
    before = len(os.listdir("/proc/self/fd"))
    with python(SLEEPS) as foreign, family() as (parent, child):
        with SIGNALS.proven([child], parent.pid):
            pass
        with contextlib.suppress(NotProven), SIGNALS.proven([foreign.pid], parent.pid):
            pass
        with SIGNALS.proven_orphans([SIGNALS.sight(child)]):
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_only_this_module_sends_signals_inside_supervisord():
    """jobs/ runs in the listener, demo/ and cli/ in their own processes, with their children."""
    senders = ("os.kill", "os.killpg", "pidfd_send_signal", "pthread_kill", "raise_signal")
    package = Path(supervisor_zerg.__file__).parent
    sending = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if any(sender in path.read_text() for sender in senders)
    }
    outside = {p for p in sending if p.split("/")[0] not in ("jobs", "demo", "cli")}
    assert outside == {"linux/signals.py"}


def test_processes_that_are_stopped_briefly_cannot_end_and_go_on_afterwards():
    with python(SLEEPS) as child, SIGNALS.proven([child.pid], child.pid) as targets:
        with stopped_briefly(PROCESSES, targets) as alive:
            assert alive
            until(lambda: PROCESSES.get(child.pid).state == "T")
            os.kill(child.pid, signal.SIGTERM)
            assert PROCESSES.alive(child.pid)
        until(lambda: not PROCESSES.alive(child.pid))
        with stopped_briefly(PROCESSES, targets) as alive:
            assert not alive, "it is a zombie"
        with stopped_briefly(PROCESSES, []) as alive:
            assert alive


def test_a_nudge_makes_epoll_return():
    code = "import select, sys; print(flush=True); select.epoll().poll(); print('never')"
    with python(code, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        with SIGNALS.proven([child.pid], child.pid) as targets:
            nudge(targets)
        until(lambda: PROCESSES.get(child.pid).state in "SR")
        assert PROCESSES.alive(child.pid)

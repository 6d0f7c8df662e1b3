"""What /proc tells about this process and its children."""

import os
import signal
import subprocess

from supervisor_zerg.linux.pieces import at_once
from supervisor_zerg.linux.processes import Processes
from tests.unit.processes import NOBODY, SLEEPS, python, until

PROCESSES = Processes()


def children(processes):
    return at_once(processes.children(os.getpid()))


def test_children_are_found_with_and_without_the_kernels_own_list():
    listing, table = Processes(), Processes()
    table.has_children_file = False
    with python(SLEEPS) as child:
        assert child.pid in children(listing)
        assert child.pid in children(table)
        with python(SLEEPS) as later:
            assert later.pid in children(table)
        assert later.pid not in children(table)


def test_a_process_tells_its_command_users_session_and_threads():
    own = PROCESSES.get(os.getpid())
    assert own.ppid == os.getppid() and own.session == os.getsid(0) and own.threads >= 1
    assert own.command in open("/proc/self/comm", "rb").read()  # noqa: SIM115
    assert PROCESSES.user_ids(os.getpid()) == {*os.getresuid()}


def test_the_members_of_a_process_group_are_found_when_its_leader_is_gone():
    code = (
        "import os, time; os.setpgid(0, 0); child = os.fork(); "
        "child and print(child, flush=True); child or time.sleep(60); os._exit(0)"
    )
    with python(code, stdout=subprocess.PIPE) as leader:
        orphan = int(leader.stdout.readline())
        until(lambda: not PROCESSES.alive(leader.pid))
        try:
            assert [p.pid for p in at_once(PROCESSES.in_group(leader.pid))] == [orphan]
        finally:
            os.kill(orphan, signal.SIGKILL)
        until(lambda: at_once(PROCESSES.in_group(leader.pid)) == [])


def test_a_process_that_is_gone_reads_as_nothing():
    assert PROCESSES.get(NOBODY) is None and not PROCESSES.alive(NOBODY)
    assert at_once(PROCESSES.children(NOBODY)) == [] and PROCESSES.writes(NOBODY) == 0
    assert PROCESSES.user_ids(NOBODY) == frozenset()


def test_a_signal_that_is_held_back_tells_that_its_handler_runs_or_is_about_to():
    number = signal.SIGTSTP
    code = (
        "import signal, time; "
        f"signal.pthread_sigmask(signal.SIG_BLOCK, [{number:d}]); "
        "print(flush=True); time.sleep(60)"
    )
    with python(code, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert PROCESSES.handling(process.pid, number) == (True, False)
        process.send_signal(number)
        until(lambda: PROCESSES.handling(process.pid, number) == (True, True))
    assert PROCESSES.handling(os.getpid(), number) == (False, False)
    assert PROCESSES.handling(NOBODY, number) == (False, False)

"""Row h27: programs of a group, FIFOs of other names, and instances that are told to quit instead
of being parked, as the Galaxy project's servers are.
"""

import time

import pytest

from supervisor_zerg.demo.traffic import Traffic, get

from .conftest import (
    actions_text,
    assert_nobody_noticed,
    assert_serves,
    pid_of,
    slots,
    swap_under_load,
)

PROGRAMS = ("gx:zergling0", "gx:zergling1")
FIFOS = ("web-new.fifo", "web-running.fifo", "web-sleeping.fifo")
#: The old instance is told to quit where an instance of ours would be told to pause.
QUITS = "writefifo:$(ZERG_RUN)/web-running.fifo 2q"


@pytest.fixture
def zerglings(make_stack):
    """A group of two programs whose FIFOs have other names; zergling0 serves, zergling1 was not
    started.
    """

    def make(dialect, quits=False, autorestart="true", **pair):
        stack = make_stack(dialect, start=False)
        for number, old in enumerate(("pybossa", "pybossabak")):
            path = stack.conf_d / (f"{old}.conf")
            text = path.read_text().replace(f"[program:{old}]", f"[program:zergling{number}]")
            path.write_text(text.replace("autorestart = true", f"autorestart = {autorestart}"))
        (stack.conf_d / "gx.conf").write_text("[group:gx]\nprograms = zergling0,zergling1\n")
        for ini in (stack.conf_d / "uwsgi").glob("*.ini"):
            text = ini.read_text()
            for ours, theirs in zip(("new.fifo", "running.fifo", "sleeping.fifo"), FIFOS):
                text = text.replace(ours, theirs)
            ini.write_text(
                text.replace("writefifo:$(ZERG_RUN)/web-running.fifo p2", QUITS) if quits else text
            )
        fifos = ",".join(f"%(ENV_ZERG_RUN)s/{name}" for name in FIFOS)
        stack.set_pair({"programs": ",".join(PROGRAMS), "fifos": fifos, **pair})
        stack.start()
        stack.until_roles(PROGRAMS[0], "")
        return stack

    return make


def state(stack, program):
    return stack.supervisor.getProcessInfo(program)["statename"]


def test_h27_programs_of_a_group_are_tracked_and_swapped_the_same_way(zerglings, dialect):
    stack = zerglings(dialect)
    stack.supervisor.startProcess(PROGRAMS[1], False)
    stack.until_roles(PROGRAMS[1], PROGRAMS[0])
    assert slots(stack) == {PROGRAMS[0]: "sleeping", PROGRAMS[1]: "running"}
    assert {c["source"] for c in stack.info()["instances"]} == {"kernel, stats"}
    answers, swaps = swap_under_load(stack, 20)
    assert_nobody_noticed(
        answers, [(asked, replied, serving.partition(":")[2]) for asked, replied, serving in swaps]
    )
    assert stack.zerg.promote(PROGRAMS[0])["serving"] == PROGRAMS[0]
    assert_serves(stack, "zergling0")


def test_h27_an_instance_that_the_next_ones_hook_told_to_quit_leaves_that_one_serving(zerglings):
    """As the Galaxy project has it: nobody is parked, so there is no warm instance, and each start
    brings the other program to users.
    """
    stack = zerglings("hooks", quits=True, autorestart="unexpected")
    with Traffic(stack.web, clients=4, paths=("/", "/?s=0.2")) as traffic:
        for new, old in ((PROGRAMS[1], PROGRAMS[0]), PROGRAMS):
            stack.until(
                lambda: state(stack, old) == "RUNNING"
            )  # an end within startsecs would be a failure to Supervisor
            stack.supervisor.startProcess(new, False)
            stack.until_roles(new, "")
            stack.until(lambda: state(stack, old) == "EXITED")
            assert slots(stack) == {new: "running", old: ""}
            assert any(f"no warm instance: {old} is EXITED" in p for p in stack.info()["problems"])
        time.sleep(0.3)
        answers = traffic.answers()
    assert_nobody_noticed(answers)
    assert_serves(stack, "zergling0")
    assert "pause" not in actions_text(stack), "there was nobody to be paused"


def test_h27_a_pair_may_choose_to_stop_the_old_instance_after_it_drained(zerglings, dialect):
    stack = zerglings(dialect, retire="stop")
    with Traffic(stack.web, clients=4, paths=("/", "/?s=0.5")) as traffic:
        for new, old in ((PROGRAMS[1], PROGRAMS[0]), PROGRAMS):
            before = pid_of(stack, new)
            stack.supervisor.startProcess(new, False)
            stack.until_roles(new, "")
            stack.until(lambda: state(stack, old) == "STOPPED")
            assert pid_of(stack, new) not in (0, before)
            time.sleep(1)
        answers = traffic.answers()
    assert_nobody_noticed(answers)
    assert f"quit {PROGRAMS[0]}" in actions_text(stack)
    assert get(stack.web).program == "zergling0"

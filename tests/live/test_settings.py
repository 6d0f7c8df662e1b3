"""What an operator ordered is done whole, or not at all, whatever happens meanwhile: a section
that is changed, auto that is off, a refusal.
"""

import os
import signal
import threading
import time
import xmlrpc.client

import pytest

from supervisor_zerg.demo.traffic import get

from .conftest import assert_serves, both_run, echo, history, pid_of, slots


def change_section(stack, **options):
    stack.set_pair(options)
    stack.supervisor.reloadConfig()


def refused(call, *words):
    """:returns: the fault."""
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        call(*words)
    return refusal.value


def test_a_section_that_was_changed_has_one_controller_and_that_knows_the_settings(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    both_run(stack)
    stack.zerg.pause("pybossabak", True)
    change_section(stack, drain_timeout="20")
    assert stack.zerg.resume("pybossabak")["held"] is False
    # a controller of the section as it was would hold the pair again after its last action
    time.sleep(3)
    assert_serves(stack, "pybossabak")
    before = len(history(stack))
    os.kill(pid_of(stack, "pybossa"), signal.SIGKILL)
    time.sleep(3)
    stack.until_roles("pybossabak", "pybossa")
    assert not [
        m for e in history(stack)[before:] for m in e["actions"] if "pause" in m or "resume" in m
    ]


def test_auto_that_is_switched_off_after_a_change_of_the_section_is_off(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    change_section(stack, drain_timeout="20")
    stack.zerg.setAuto("", False)
    os.kill(pid_of(stack, "pybossabak"), signal.SIGKILL)
    time.sleep(2)
    assert stack.info()["serving"] == ""


def test_a_change_of_the_section_waits_for_the_end_of_a_deploy(make_stack):
    stack = make_stack("managed", pair={"bake": "2"})
    begun = stack.zerg.deploy("", {"wait": False})
    change_section(stack, auto="false")
    running = stack.zerg.getDeploy("")
    assert (running["id"], running["outcome"]) == (begun["id"], "") and stack.info()["auto"] is True
    stack.until(lambda: stack.info()["auto"] is False)
    assert [e["outcome"] for e in history(stack) if e["kind"] == "deploy"] == ["deployed"]


def test_with_auto_off_reconcile_repairs_manual_changes_and_says_so(make_stack, dialect):
    stack = make_stack(dialect)
    stack.warm_up()
    both_run(stack)
    stack.zerg.setAuto("", False)
    echo(stack, "running", "1p")
    echo(stack, "sleeping", "2p")
    time.sleep(0.5)
    assert slots(stack) == {"pybossa": "sleeping", "pybossabak": "running"}
    assert stack.zerg.reconcile("")["changed"] is True
    assert slots(stack) == {"pybossa": "running", "pybossabak": "sleeping"}
    assert stack.zerg.reconcile("")["changed"] is False
    assert_serves(stack, "pybossa")


def test_with_auto_off_a_swap_brings_both_to_their_slots(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    stack.zerg.setAuto("", False)
    stack.zerg.resume("pybossa", True)
    serving = stack.zerg.swap("")["serving"]
    stack.until(lambda: sorted(slots(stack).values()) == ["running", "sleeping"], seconds=3)
    assert slots(stack)[serving] == "running"


def test_a_hold_that_was_refused_does_not_come_true_later(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    serving = pid_of(stack, "pybossabak")
    os.kill(serving, signal.SIGSTOP)
    try:
        assert refused(stack.zerg.pause, "pybossabak", True).faultCode in (310, 311)
    finally:
        os.kill(serving, signal.SIGCONT)
    assert get(stack.web, timeout=10).status == 200
    info = stack.until_roles("pybossabak", "pybossa")
    assert info["held"] is False


def test_h32_an_instance_that_boots_is_not_said_to_be_paused(make_stack):
    stack = make_stack("managed", environment={"ZERG_BOOT_S": "1.5"})
    stack.supervisor.startProcess("pybossabak", False)
    assert refused(stack.zerg.pause, "pybossabak").faultCode == 305
    stack.until_roles("pybossabak", "pybossa")


def test_h31_who_asks_while_supervisord_ends_is_told_so(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    os.kill(pid_of(stack, "pybossa"), signal.SIGSTOP)  # so that the swap takes long enough
    faults = []

    def ask(zerg):
        try:
            zerg.swap("")
        except (xmlrpc.client.Fault, OSError) as error:
            faults.append(error)

    thread = threading.Thread(target=ask, args=(stack.zerg,))
    thread.start()
    stack.until(lambda: stack.info()["busy"])
    stack.process.send_signal(signal.SIGTERM)
    thread.join(20)
    assert [getattr(fault, "faultCode", fault) for fault in faults] == [315]


def test_h25_a_file_in_place_of_the_serving_copys_fifo_costs_no_move_but_a_hold(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    path = stack.run / "running.fifo"
    path.unlink()
    path.write_text("precious")
    stack.until(
        lambda: any(
            "slot running is taken by a regular file" in p for p in stack.info()["problems"]
        )
    )
    assert refused(stack.zerg.pause, "pybossabak", True).faultCode == 317
    assert stack.zerg.swap("")["serving"] == "pybossa"
    assert stack.zerg.swap("")["serving"] == "pybossabak"
    assert path.read_text() == "precious"
    assert_serves(stack, "pybossabak")

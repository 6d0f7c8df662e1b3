"""Scenarios of requests that an operator makes."""

import socket
import threading
import time
import xmlrpc.client

import pytest

from supervisor_zerg.demo.traffic import Traffic, failed, get

from .conftest import (
    MODES,
    PREFORK,
    THREADS,
    assert_nobody_noticed,
    assert_serves,
    slots,
    swap_under_load,
)


def test_h01_after_a_cold_start_one_serves_and_status_says_why_nothing_is_warm(stack):
    info = stack.until_roles("pybossa", "")
    assert info["warm"] is False
    assert any("no warm instance: pybossabak is STOPPED" in p for p in info["problems"])
    assert_serves(stack, "pybossa")


def test_h02_the_instance_that_an_operator_starts_takes_over_when_it_is_ready_and_not_before(
    make_stack, dialect
):
    stack = make_stack(dialect, environment={"ZERG_BOOT_S": "1"})
    with Traffic(stack.web, clients=3, paths=("/", "/?s=0.1")) as traffic:
        stack.supervisor.startProcess("pybossabak", False)
        info = stack.until_roles("pybossabak", "pybossa")
        time.sleep(0.2)
        answers = traffic.answers()
    assert info["warm"] is True
    assert_nobody_noticed(answers)
    assert max(a.ended - a.began for a in answers) < 1.0, "somebody waited for the boot"
    assert_serves(stack, "pybossabak")


def test_h03_a_swap_exchanges_roles_slots_and_pause(warm):
    reply = warm.zerg.swap("")
    assert (reply["serving"], reply["parked"], reply["changed"]) == ("pybossa", "pybossabak", True)
    assert slots(warm) == {"pybossa": "running", "pybossabak": "sleeping"}
    assert_serves(warm, "pybossa")
    assert warm.zerg.swap("")["serving"] == "pybossabak"
    assert_serves(warm, "pybossabak")


@pytest.mark.parametrize("mode", MODES)
def test_h04_a_hundred_swaps_under_load_fail_nobody_and_serve_nobody_stale(
    make_stack, dialect, mode
):
    stack = make_stack(dialect, app=MODES[mode])
    stack.warm_up()
    answers, swaps = swap_under_load(stack, 100)
    assert_nobody_noticed(answers, swaps)
    assert slots(stack)[swaps[-1][2]] == "running"


def test_h20_a_swap_does_not_wait_for_a_long_request_which_completes(warm):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(get(warm.web, "/?s=4")))
    thread.start()
    warm.until(lambda: warm.instance("pybossabak")["in_flight"] == 1)
    asked = time.monotonic()
    reply = warm.zerg.swap("")
    assert time.monotonic() - asked < 2
    assert (reply["serving"], reply["draining"]) == ("pybossa", 1)
    draining = warm.instance("pybossabak")
    assert (draining["condition"], draining["in_flight"]) == ("draining", 1)
    assert_serves(warm, "pybossa")
    thread.join()
    assert (answers[0].status, answers[0].program) == (200, "pybossabak")
    warm.until_roles("pybossa", "pybossabak")


@pytest.mark.parametrize("app", [PREFORK, THREADS], ids=["prefork", "threads"])
def test_h20_a_request_that_is_still_being_sent_survives_a_swap_there_and_back(
    make_stack, dialect, app
):
    """A pause is a signal to the worker, and there are nudges: neither may interrupt uWSGI while
    it waits for the rest.
    """
    stack = make_stack(dialect, app=app)
    stack.warm_up()
    for sent, rest in (
        (b"POST / HTTP/1.0\r\nConte", b"nt-Length: 10\r\n\r\n1234567890"),
        (b"POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\n12", b"34567890"),
    ):
        serving = stack.info()["serving"]
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(stack.web)
            client.sendall(sent)
            stack.until(lambda: stack.instance(serving)["in_flight"] == 1, every=0.005)
            for _ in range(2):
                stack.zerg.swap("")
                time.sleep(0.1)
            client.sendall(rest)
            answer = client.recv(4096) + client.recv(4096)
        assert b"200 OK" in answer and serving.encode() + b" " in answer


@pytest.mark.parametrize(
    "app",
    [THREADS, {"processes": 1, "threads": 4}, {"processes": 4, "thunder-lock": "true"}],
    ids=str,
)
def test_h21_no_request_is_stale_with_threads_or_thunder_lock(make_stack, dialect, app):
    stack = make_stack(dialect, app=app)
    stack.warm_up()
    answers, swaps = swap_under_load(stack, 40, clients=8, paths=("/", "/", "/", "/?s=0.01"))
    assert_nobody_noticed(answers, swaps)


def test_h22_of_two_clients_that_swap_at_once_one_is_told_who_holds_the_pair(warm):
    outcomes = []
    gate = threading.Barrier(2)

    def client():
        zerg = warm.zerg
        gate.wait()
        try:
            outcomes.append(zerg.swap(""))
        except xmlrpc.client.Fault as fault:
            outcomes.append(fault)

    for _ in range(10):
        del outcomes[:]
        threads = [threading.Thread(target=client) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = [o for o in outcomes if isinstance(o, xmlrpc.client.Fault)]
        for fault in refused:
            assert (
                fault.faultCode == 308
                and "swap" in fault.faultString
                and "id " in fault.faultString
            )
        serving = warm.info()["serving"]
        assert serving in ("pybossa", "pybossabak")
        assert_serves(warm, serving, tries=4)
        if refused:
            break
    assert refused, "the two never met"


def test_h23_a_client_that_disconnects_in_the_middle_does_not_stop_the_move(warm):
    body = xmlrpc.client.dumps(("",), "zerg.swap").encode()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(warm.run / "supervisor.sock"))
    connection.sendall(
        b"POST /RPC2 HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    connection.close()
    warm.until_roles("pybossa", "pybossabak")
    assert_serves(warm, "pybossa")


def test_h30_the_last_instance_is_only_paused_with_hold_and_then_requests_wait(warm):
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        warm.zerg.pause("pybossabak")
    assert refusal.value.faultCode == 307 and "--hold" in refusal.value.faultString
    assert warm.zerg.pause("pybossabak", True)["held"] is True
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(get(warm.web))) for _ in range(50)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    info = warm.info()
    assert answers == [] and info["serving"] == "" and info["held"] is True
    reply = warm.zerg.resume("pybossabak")
    assert (reply["serving"], reply["held"]) == ("pybossabak", False)
    for thread in threads:
        thread.join()
    assert len(answers) == 50 and failed(answers) == []
    assert {a.program for a in answers} == {"pybossabak"}


def test_h30_a_hold_outlives_supervisords_tick_and_both_instances_stay_paused(warm):
    warm.zerg.pause("pybossabak", True)
    warm.zerg.reconcileAll()
    time.sleep(1.5)
    info = warm.info()
    assert info["serving"] == "" and {c["condition"] for c in info["instances"]} == {"parked"}
    warm.zerg.resume("pybossa")
    warm.until_roles("pybossa", "pybossabak")


def test_requests_are_idempotent_and_say_so(warm):
    assert warm.zerg.promote("pybossabak")["changed"] is False
    assert warm.zerg.resume("pybossabak")["changed"] is False
    assert warm.zerg.pause("pybossa")["changed"] is False
    assert warm.zerg.reconcile("")["changed"] is False
    assert warm.zerg.promote("pybossa")["changed"] is True
    assert warm.info()["serving"] == "pybossa"


def test_resume_both_lets_both_accept_until_the_next_swap(warm):
    reply = warm.zerg.resume("pybossa", True)
    assert reply["changed"] is True
    warm.zerg.reconcileAll()
    seen = set()
    warm.until(
        lambda: seen.add(get(warm.web).program) or seen == {"pybossa", "pybossabak"}, every=0.001
    )
    serving = warm.zerg.swap("")["serving"]
    assert_serves(warm, serving)


def test_with_auto_off_nothing_moves_by_itself_but_an_operator_may(warm):
    assert warm.zerg.setAuto("", False)["changed"] is True
    warm.supervisor.stopProcess("pybossabak")
    time.sleep(1.5)
    info = warm.info()
    assert info["serving"] == "" and info["auto"] is False
    assert warm.zerg.resume("pybossa")["serving"] == "pybossa"
    assert_serves(warm, "pybossa")


def test_no_swap_without_a_warm_instance(stack):
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.swap("")
    assert refusal.value.faultCode == 304 and "pybossabak is STOPPED" in refusal.value.faultString
    assert_serves(stack, "pybossa")


def test_h32_a_swap_to_an_instance_that_boots_is_refused_with_the_reason(make_stack, dialect):
    stack = make_stack(dialect, environment={"ZERG_BOOT_S": "1.5"})
    stack.supervisor.startProcess("pybossabak", False)
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.swap("")
    assert refusal.value.faultCode == 305 and "pybossabak boots" in refusal.value.faultString
    stack.until_roles("pybossabak", "pybossa")


@pytest.mark.parametrize("mode", ["prefork", "threads"])
def test_uwsgi_issue_927_a_hundred_swaps_behind_nginx_answer_no_502(
    make_stack, dialect, nginx, mode
):
    stack = make_stack(dialect, app=MODES[mode])
    stack.warm_up()
    answers, swaps = swap_under_load(stack, 100, address=nginx(stack), clients=8)
    assert_nobody_noticed(answers, swaps)


def test_uwsgi_issue_803_a_pause_and_its_nudges_disturb_no_request_in_flight(make_stack):
    """There a pause interrupted the sleep of a request, and stats called a worker paused that went
    on with it.
    """
    stack = make_stack("managed", app=THREADS)
    stack.warm_up()
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(get(stack.web, "/?s=1.5"))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    stack.until(lambda: stack.instance("pybossabak")["in_flight"] == 2, every=0.005)
    asked = time.monotonic()
    assert stack.zerg.swap("")["draining"] == 2
    assert stack.instance("pybossabak")["condition"] == "draining"
    for thread in threads:
        thread.join()
    assert {(a.status, a.program) for a in answers} == {(200, "pybossabak")}
    assert (
        min(a.ended for a in answers) > asked + 0.5
        and min(a.ended - a.began for a in answers) >= 1.5
    )

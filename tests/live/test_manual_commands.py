"""Scenarios of what operators and tools do behind the plugin's back."""

import os
import signal
import socket
import stat
import threading
import time
import xmlrpc.client

import pytest

from supervisor_zerg.demo.traffic import Traffic, failed, get, stale

from .conftest import (
    CHEAPER,
    PREFORK,
    THREADS,
    actions_text,
    assert_nobody_noticed,
    assert_serves,
    both_run,
    echo,
    pid_of,
    slots,
    swap_under_load,
)
from .test_events import restart, workers_of


def is_fifo(path):
    try:
        return stat.S_ISFIFO(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def test_uwsgi_issue_1617_h13_a_deleted_fifo_is_put_back_and_the_pair_stays_controllable(warm):
    os.unlink(warm.run / "running.fifo")
    warm.until(lambda: is_fifo(warm.run / "running.fifo"))
    warm.until(lambda: "relink pybossabak" in actions_text(warm))
    time.sleep(2)
    assert actions_text(warm).count("relink pybossabak") == 1
    os.unlink(warm.run / "running.fifo")
    assert warm.zerg.swap("")["serving"] == "pybossa"
    warm.until_roles("pybossa", "pybossabak")
    assert_serves(warm, "pybossa")


def test_h14_the_articles_rollback_gets_its_labels_repaired_and_the_next_deploy_kills_nobody(
    mature,
):
    echo(mature, "running", "1p")
    echo(mature, "sleeping", "2p")
    mature.until_roles("pybossa", "pybossabak")
    assert_serves(mature, "pybossa")
    serving = pid_of(mature, "pybossa")
    restart(mature, "pybossabak")
    mature.until_roles("pybossabak", "pybossa")
    assert pid_of(mature, "pybossa") == serving


def test_h15_a_careless_swap_by_hand_is_sorted_out(mature):
    echo(mature, "sleeping", "1p")
    mature.until(lambda: slots(mature)["pybossa"] == "running", seconds=2, every=0.001)
    try:
        echo(mature, "running", "2p")
    except OSError:
        pass  # its reader was just making it anew
    time.sleep(1.5)
    info = mature.until(lambda: (i := mature.info())["serving"] and i["parked"] and i)
    mature.until_roles(info["serving"], info["parked"])
    assert_serves(mature, info["serving"])


def test_uwsgi_issue_1486_h16_an_instance_stuck_in_slot_new_is_promoted_and_the_old_one_parked(
    make_stack,
):
    """The hook `writefifo:new.fifo 1` is lost when it runs before the master has made its FIFO:
    the instance serves, in slot 0.
    """
    stack = make_stack("hooks")
    ini = stack.conf_d / "uwsgi" / "hooks.ini"
    kept = [
        line
        for line in ini.read_text().splitlines()
        if "writefifo" not in line and "spinningfifo" not in line
    ]
    ini.write_text("\n".join(kept) + "\n")
    stack.supervisor.startProcess("pybossabak", False)
    stack.until_roles("pybossabak", "pybossa")
    assert_serves(stack, "pybossabak")


def test_h17_when_both_accept_the_desired_one_serves(warm):
    echo(warm, "sleeping", "p")
    warm.until_roles("pybossabak", "pybossa")
    warm.until(lambda: "pause pybossa" in actions_text(warm))
    assert_serves(warm, "pybossabak")


def test_h18_when_both_are_paused_the_desired_one_is_resumed(warm):
    echo(warm, "running", "p")
    warm.until_roles("pybossabak", "pybossa")
    assert_serves(warm, "pybossabak")


@pytest.mark.parametrize("what", ["file", "link", "stranger"])
def test_h25_what_lies_at_a_slots_path_is_never_written_and_named(warm, what):
    path = warm.run / "new.fifo"
    if path.exists() or path.is_symlink():
        path.unlink()
    stranger = None
    if what == "file":
        path.write_text("precious")
    elif what == "link":
        target = warm.run / "precious"
        target.write_text("precious")
        path.symlink_to(target)
    else:
        os.mkfifo(path)
        stranger = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        warm.until(lambda: any("slot new is taken by" in p for p in warm.info()["problems"]))
        assert warm.zerg.swap("")["serving"] == "pybossa"
        assert warm.zerg.swap("")["serving"] == "pybossabak"
        if stranger is None:
            assert path.read_text() == "precious"
        else:
            assert os.read(stranger, 10) == b""
    finally:
        if stranger is not None:
            os.close(stranger)


def test_uwsgi_issue_1453_h25_a_directory_at_the_path_of_a_slot_costs_no_instance_its_life(warm):
    serving, parked = pid_of(warm, "pybossabak"), pid_of(warm, "pybossa")
    (warm.run / "sleeping.fifo").unlink()
    (warm.run / "sleeping.fifo").mkdir()
    warm.until(
        lambda: any("slot sleeping is taken by a directory" in p for p in warm.info()["problems"])
    )
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        warm.zerg.swap("")
    assert refusal.value.faultCode == 317
    assert (pid_of(warm, "pybossabak"), pid_of(warm, "pybossa")) == (serving, parked)
    assert_serves(warm, "pybossabak")
    (warm.run / "sleeping.fifo").rmdir()
    assert warm.zerg.swap("")["serving"] == "pybossa"


@pytest.mark.parametrize("app", [PREFORK, THREADS, CHEAPER], ids=["prefork", "threads", "cheaper"])
def test_h33_a_parked_instance_stays_parked_whatever_happens_to_its_workers(
    make_stack, dialect, app
):
    stack = make_stack(dialect, app={**app, "harakiri": 2, "max-requests": 10**6})
    stack.warm_up()
    with Traffic(stack.web, clients=3, paths=("/",)) as traffic:
        for command in ("kill", "w", "c", "W"):
            if command == "kill":
                os.kill(workers_of(stack, "pybossa")[0], signal.SIGKILL)
            else:
                echo(stack, "sleeping", command)
            time.sleep(1.2)
        since = time.monotonic()
        time.sleep(0.5)
        answers = traffic.answers()
    stack.until_roles("pybossabak", "pybossa")
    assert failed(answers) == []
    assert {a.program for a in answers if a.began > since} == {"pybossabak"}


@pytest.mark.parametrize(
    "app",
    [
        {"processes": 2, "harakiri": 1},
        {"processes": 2, "max-requests": 1, "min-worker-lifetime": 0},
    ],
    ids=["harakiri", "max-requests"],
)
def test_h33_a_worker_that_ends_with_its_last_request_starts_parked(make_stack, dialect, app):
    stack = make_stack(dialect, app=app)
    stack.warm_up()
    before = workers_of(stack, "pybossabak")
    answers = []
    seconds = 3 if "harakiri" in app else 1
    threads = [
        threading.Thread(target=lambda: answers.append(get(stack.web, f"/?s={seconds}")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    stack.until(lambda: stack.instance("pybossabak")["in_flight"] == 2, every=0.005)
    assert stack.zerg.swap("")["draining"] == 2
    for thread in threads:
        thread.join()
    stack.until(lambda: len(set(workers_of(stack, "pybossabak")) - set(before)) == 2)
    assert len(failed(answers)) == (2 if "harakiri" in app else 0)
    stack.until_roles("pybossa", "pybossabak")
    assert_serves(stack, "pybossa", tries=2)
    assert "pause pybossabak" not in actions_text(stack).partition("pause pybossabak")[2], (
        "it had to be parked once more"
    )


def test_h35_workers_that_are_recycled_all_the_time_never_meet_a_pause(make_stack, dialect):
    stack = make_stack(
        dialect,
        app={
            "processes": 4,
            "max-requests": 100,
            "min-worker-lifetime": 1,
            "forkbomb-delay": 0,  # it would be 10 s, and 2 s of sleep
        },
    )
    stack.warm_up()
    answers, swaps = swap_under_load(stack, 200, paths=("/",), clients=4, pause=0.02)
    assert_nobody_noticed(answers, swaps)
    assert "end flood" not in (stack.log / "zerg-history.jsonl").read_text()
    logs = [stack.child_log(program) for program in ("pybossa", "pybossabak")]
    assert sum(log.count("The work of process") for log in logs) > 20, (
        "hardly a worker was recycled"
    )
    assert all(log.count("resuming workers") <= 2 * len(swaps) + 10 for log in logs)


def test_h35_a_worker_that_is_killed_in_the_instant_of_a_swap(warm):
    def kill_one(number):
        victims = workers_of(warm, "pybossa" if number % 2 else "pybossabak")
        if victims:
            os.kill(victims[number % len(victims)], signal.SIGKILL)

    answers, swaps = swap_under_load(warm, 30, paths=("/",), clients=4, pause=0.05, during=kill_one)
    assert len(failed(answers)) <= 30, "only what ran in a killed worker may fail"
    assert stale(answers, swaps) == []


def test_h36_a_flood_that_somebody_else_caused_is_over_within_two_seconds(make_stack):
    stack = make_stack("managed", app={"processes": 4})
    stack.warm_up()

    def noise(program):
        return stack.child_log(program).count("resuming workers")

    def flooded():
        return actions_text(stack).count("end flood")

    def quiet():
        before = noise(serving)
        time.sleep(0.1)
        return noise(serving) == before

    # 15 of 15 by hand on an idle machine; on a busy one the new worker is often past the danger
    for _ in range(60):
        serving = stack.until(lambda: (i := stack.info())["warm"] and i)["serving"]
        before = noise(serving)
        os.kill(workers_of(stack, serving)[0], signal.SIGKILL)
        echo(stack, "running", "1p")
        time.sleep(0.05)
        if noise(serving) - before > 20:
            began = time.monotonic()
            stack.until(quiet, seconds=5)
            assert time.monotonic() - began < 2.5
        if flooded():
            break
    else:
        pytest.fail("no flood could be made")
    assert flooded() == 1, "said more than once"
    info = stack.until(lambda: (i := stack.info())["serving"] and i["parked"] and i)
    stack.until_roles(info["serving"], info["parked"])
    assert_serves(stack, info["serving"])


def test_h38_an_instance_whose_workers_end_up_stopped_at_boot_is_continued_and_ends_parked(
    make_stack,
):
    stack = make_stack("managed", start=False)
    ini = stack.conf_d / "uwsgi" / "managed.ini"
    text = ini.read_text().replace(
        "shared-py-import = $(ZERG_COMPANION)",
        "hook-master-start = callint:suspend_resume_them_all 0",
    )
    ini.write_text(text)
    stack.start()
    stack.warm_up()
    assert_serves(stack, "pybossabak")
    for _ in range(
        20
    ):  # whether the signal comes before its handler, as it mostly does, is the machine's choice
        victim = pid_of(stack, "pybossa")
        os.kill(victim, signal.SIGKILL)
        stack.until(lambda: pid_of(stack, "pybossa") not in (0, victim))
        time.sleep(1)
        stack.until_roles("pybossabak", "pybossa")
        if "continue pybossa" in actions_text(stack):
            break
    assert "continue pybossa" in actions_text(stack)
    assert_serves(stack, "pybossabak")


def test_h40_an_unresponsive_master_gets_no_second_toggle_and_the_pair_converges_when_it_wakes_up(
    warm,
):
    victim = pid_of(warm, "pybossa")
    os.kill(victim, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(xmlrpc.client.Fault) as refusal:
            warm.zerg.swap("")
        assert time.monotonic() - began < 15
        assert refusal.value.faultCode in (310, 311) and "pybossa" in refusal.value.faultString
        assert_serves(warm, "pybossabak")
    finally:
        os.kill(victim, signal.SIGCONT)
    warm.until_roles("pybossabak", "pybossa")
    assert warm.zerg.swap("")["serving"] == "pybossa"


def test_h40_a_master_that_runs_a_hook_takes_the_toggle_when_it_is_through(make_stack):
    stack = make_stack(
        "managed",
        app={"processes": 2, "hook-touch": "$(ZERG_RUN)/touched exec:sleep 2"},
        start=False,
    )
    (stack.run / "touched").write_text("")
    stack.start()
    stack.warm_up()
    os.utime(stack.run / "touched", (time.time() + 10,) * 2)
    stack.until(lambda: 'running "exec:sleep' in stack.child_log("pybossa"), every=0.005)
    swaps = actions_text(stack).count("resume pybossa ")
    reply = stack.zerg.swap("")
    assert reply["serving"] == "pybossa" and reply["changed"] and reply["took_ms"] > 500
    assert actions_text(stack).count("resume pybossa ") == swaps + 1
    stack.until_roles("pybossa", "pybossabak")
    assert_serves(stack, "pybossa")


def test_h40_the_serving_master_is_unresponsive_when_it_is_to_be_parked(warm):
    victim = pid_of(warm, "pybossabak")
    outcome = []
    os.kill(victim, signal.SIGSTOP)
    thread = threading.Thread(target=lambda: outcome.append(_try(lambda: warm.zerg.swap(""))))
    thread.start()
    time.sleep(2)
    os.kill(victim, signal.SIGCONT)
    thread.join()
    assert outcome[0]["serving"] == "pybossa", outcome
    warm.until_roles("pybossa", "pybossabak")
    assert_serves(warm, "pybossa")


def _try(function):
    try:
        return function()
    except xmlrpc.client.Fault as fault:
        return fault


def test_h19_stats_servers_that_are_missing_hung_or_rubbish_are_done_without(make_stack, dialect):
    for kind in ("missing", "hung", "rubbish"):
        stack = make_stack(dialect, pair={"stats": "RUN/%(program_name)s.other"}, start=False)
        stack.set_pair({"stats": f"{stack.run}/%(program_name)s.other"})
        servers = []
        if kind != "missing":
            for program in ("pybossa", "pybossabak"):
                server = socket.socket(socket.AF_UNIX)
                server.bind(str(stack.run / (program + ".other")))
                server.listen(100)
                servers.append(server)
                if kind == "rubbish":
                    threading.Thread(target=_answer_rubbish, args=(server,), daemon=True).start()
        stack.start()
        stack.warm_up()
        info = stack.info()
        assert {c["source"] for c in info["instances"]} == {"kernel"}
        assert sum("the kernel is the source" in p for p in info["problems"]) == 2
        answers, swaps = swap_under_load(stack, 20)
        assert_nobody_noticed(answers, swaps)
        for server in servers:
            server.close()
        stack.stop()


def _answer_rubbish(server):
    while True:
        try:
            connection, _ = server.accept()
            connection.sendall(b'{"workers": [{"pid": "x"}]}')
            connection.close()
        except OSError:
            return


def test_h19_threads_are_parked_with_the_kernel_as_the_only_source(make_stack):
    stack = make_stack("managed", app=THREADS, pair={"stats": ""})
    stack.warm_up()
    answers, swaps = swap_under_load(stack, 30, paths=("/", "/", "/?s=0.01"), clients=8)
    assert_nobody_noticed(answers, swaps)
    assert {c["source"] for c in stack.info()["instances"]} == {"kernel"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_stats_may_have_an_address_for_each_instance(make_stack):
    stack = make_stack("managed", start=False)
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    ini = stack.conf_d / "uwsgi" / "managed.ini"
    ini.write_text(
        ini.read_text().replace(
            "stats = $(ZERG_RUN)/$(SUPERVISOR_PROCESS_NAME).stats", "stats = $(STATS)"
        )
    )
    for program, address in zip(("pybossa", "pybossabak"), addresses):
        stack.set_options(
            program + ".conf", "program:" + program, {"environment": f'STATS="{address}"'}
        )
    stack.set_pair({"stats": ",".join(addresses)})
    stack.start()
    info = stack.warm_up()
    assert {c["source"] for c in info["instances"]} == {"kernel, stats"} and info["problems"] == []


def test_uwsgi_docs_issue_489_vacuum_takes_no_source_and_no_fifo_from_the_other_instance(
    make_stack, dialect
):
    stack = make_stack(dialect, app={"processes": 2, "vacuum": "true"})
    stack.warm_up()
    both_run(stack)
    for _ in range(2):
        serving, parked = (lambda i: (i["serving"], i["parked"]))(stack.info())
        restart(stack, parked)
        stack.until_roles(parked, serving)
    stack.until(lambda: {c["source"] for c in stack.info()["instances"]} == {"kernel, stats"})
    answers, swaps = swap_under_load(stack, 5)
    assert_nobody_noticed(answers, swaps)


def test_h26_a_master_below_a_shell_wrapper_is_found(make_stack, dialect):
    stack = make_stack(dialect, start=False)
    wrapper = stack.folder / "wrapper.sh"
    wrapper.write_text('#!/bin/sh\n"$@"\nexit $?\n')
    wrapper.chmod(0o755)
    for program in ("pybossa", "pybossabak"):
        path = stack.conf_d / (program + ".conf")
        text = path.read_text().replace("command = ", f"command = {wrapper} ")
        path.write_text(
            text.replace("killasgroup = true", "killasgroup = true\nstopasgroup = true")
        )
    stack.start()
    info = stack.warm_up()
    assert all(c["master"] not in (0, c["pid"]) for c in info["instances"])
    answers, swaps = swap_under_load(stack, 10)
    assert_nobody_noticed(answers, swaps)
    os.kill(
        stack.instance("pybossabak" if swaps[-1][2] == "pybossabak" else "pybossa")["master"],
        signal.SIGKILL,
    )
    other = "pybossa" if swaps[-1][2] == "pybossabak" else "pybossabak"
    stack.until(lambda: stack.info()["serving"] == other)
    stack.until_roles(other, swaps[-1][2])

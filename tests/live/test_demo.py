"""The demo, run as an operator runs it, and the verdict that it gives."""

import os
import shlex
import signal
import subprocess
import sys
import time

from supervisor_zerg.demo.processes import children, pids_of
from supervisor_zerg.demo.traffic import Answer, get
from supervisor_zerg.demo.verdict import Act, Verdict

DEMO = [sys.executable, "-m", "supervisor_zerg.demo"]
LIMIT_S = 120


def run(*arguments):
    return subprocess.run([*DEMO, *arguments], capture_output=True, text=True, timeout=LIMIT_S)


def test_the_demo_runs_to_its_verdict_and_leaves_nothing_behind():
    demo = run()
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "verdict: no request failed, none was stale" in demo.stdout
    assert "deploy: pybossa was ready and took over" in demo.stdout
    assert "swap pybossabak" in demo.stdout.partition("zerg history")[2]
    assert demo.stdout.isascii() and demo.stderr == ""


def test_keep_leaves_a_stack_that_answers_until_the_printed_command_ends_it():
    demo = run("--keep", "--swaps", "1")
    lines = demo.stdout.splitlines()
    end = shlex.split(next(line for line in lines if " --end " in line))
    folder = end[-1]
    try:
        assert demo.returncode == 0, demo.stdout + demo.stderr
        assert get(f"{folder}/run/web.sock", timeout=10).status == 200
        status = shlex.split(next(line for line in lines if line.endswith("conf status")))
        assert (
            "pybossabak"
            in subprocess.run(status, capture_output=True, text=True, timeout=20).stdout
        )
    finally:
        ended = subprocess.run(end, capture_output=True, text=True, timeout=LIMIT_S)
    assert ended.returncode == 0, ended.stderr
    assert pids_of(f"{folder}/run") == [] and not os.path.exists(folder)


def test_an_interrupted_demo_ends_all_its_processes():
    demo = subprocess.Popen(
        [*DEMO, "--swaps", "50"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = demo.stdout.readline()
    while line and "* swap:" not in line:
        line = demo.stdout.readline()
    folders = {folder for folder in map(folder_of, children_of(demo.pid)) if folder}
    demo.send_signal(signal.SIGTERM)
    demo.communicate(timeout=LIMIT_S)
    assert demo.returncode == 130 and len(folders) == 1
    assert not any(os.path.exists(folder) or pids_of(f"{folder}/run") for folder in folders)


def test_end_refuses_a_folder_that_is_no_demo(tmp_path):
    ended = run("--end", str(tmp_path))
    assert (
        ended.returncode == 2 and "not the folder of a demo" in ended.stderr and tmp_path.exists()
    )


def answer(began=1.0, ended=1.1, status=200, program="b", version="1"):
    return Answer(began, ended, status, program, 1, began, version)


SWAP = Act("swap", asked=0.5, replied=0.6, serving="b", version="1")


def test_the_verdict_is_good_if_the_serving_instance_answered_everything():
    assert Verdict({"quick": [answer()]}, [SWAP]).good


def test_the_verdict_distinguishes_a_failure_from_a_request_that_the_kill_cut():
    cut = answer(ended=1.5, status=0)
    failed = answer(began=1.3, ended=1.5, status=502)
    verdict = Verdict({"quick": [answer(), cut, failed]}, [SWAP], killed=1.2)
    assert (verdict.cut, verdict.failed) == ([cut], [failed]) and not verdict.good


def test_a_stale_answer_a_missing_answer_or_a_version_that_never_served_is_not_good():
    assert not Verdict({"quick": [answer(), answer(program="a")]}, [SWAP]).good
    assert not Verdict({"quick": [answer()]}, [SWAP], unanswered=1).good
    assert not Verdict({"quick": [answer()]}, [SWAP._replace(version="2")]).good
    assert not Verdict({"quick": []}, []).good


def test_an_answer_of_an_orphan_of_the_killed_master_is_not_stale_but_counted():
    late = answer(began=2.0, program="b")._replace(pid=7)
    acts = [SWAP, Act("kill -9", asked=1.2, replied=1.3, serving="a", version="1")]
    answers = {"quick": [answer(), late, answer(began=1.4, program="a")]}
    assert not Verdict(answers, acts, killed=1.2).good
    verdict = Verdict(answers, acts, killed=1.2, orphans=[7])
    assert verdict.good and any("taken up by orphans" in line for line in verdict.lines())


def children_of(pid):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = children(pid)
        if found:
            return found
    return []


def folder_of(pid):
    """The folder of the stack whose supervisord this is."""
    with open(f"/proc/{pid}/cmdline") as file:
        words = file.read().split("\0")
    return os.path.dirname(words[words.index("-c") + 1]) if "-n" in words and "-c" in words else ""

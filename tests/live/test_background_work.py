"""The program of its own that docs/background-work.rst recommends does the work, once."""

import re
import signal
import subprocess
import time

import pytest

from supervisor_zerg.demo.stack import BIN
from supervisor_zerg.demo.traffic import get
from tests.pages import DOCS, blocks

WAIT_S = 60.0
TASKS = """\
import uwsgi

def refresh(number):
    print("timer in mule", uwsgi.mule_id(), flush=True)

def run(task):
    print("task", task[b"name"] if b"name" in task else task["name"], flush=True)
    return uwsgi.SPOOL_OK

uwsgi.register_signal(17, "mule1", refresh)
uwsgi.add_timer(17, 1)
uwsgi.spooler = run
"""
ENQUEUE = """\
import os, time, uwsgi

def application(environ, start_response):
    uwsgi.spool({b"name": b"mail"})
    start_response("200 OK", [])
    return [f"{os.environ['SUPERVISOR_PROCESS_NAME']} 1 {time.monotonic()} 1".encode()]
"""


@pytest.fixture
def background(tmp_path):
    """uWSGI with the ini of the docs, its paths replaced. Yields its log."""
    (tmp_path / "spool").mkdir()
    (tmp_path / "tasks.py").write_text(TASKS)
    text = next(b for b in blocks(DOCS / "background-work.rst", "ini") if "processes = 0" in b)
    text = text.replace("/srv/pybossa/current/bin/clean", "echo cron")
    text = text.replace("/srv/pybossa/current", str(tmp_path)).replace("0 4 -1", "-1 -1 -1")
    text = text.replace("/run/pybossa/spool", str(tmp_path / "spool")) + "spooler-freq = 1\n"
    (tmp_path / "background.ini").write_text(text)
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            [str(BIN / "uwsgi"), "--ini", str(tmp_path / "background.ini")], stdout=log, stderr=log
        )
    try:
        yield tmp_path / "log"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) is not None


def until(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_timers_and_cron_run_without_workers(background):
    until(lambda: background.read_text().count("timer in mule 1") > 2)
    until(lambda: "\ncron\n" in background.read_text())
    assert "spawned uWSGI worker" not in background.read_text()


def test_instances_enqueue_and_only_the_other_program_runs_the_tasks(
    background, make_stack, tmp_path
):
    (tmp_path / "enqueue.py").write_text(ENQUEUE)
    stack = make_stack(start=False)
    spool = {"spooler-external": tmp_path / "spool", "wsgi-file": tmp_path / "enqueue.py"}
    stack.write_app({"processes": 2, **spool})
    stack.start().warm_up()
    for _ in range(3):
        assert get(stack.web, timeout=10).status == 200
    until(lambda: len(re.findall("^task .*mail", background.read_text(), re.M)) == 3)
    assert "task" not in stack.child_log("pybossa") + stack.child_log("pybossabak")

"""Rows of histories.md about kinds of copies: users, async loops, freezing; and the listener, bad input, long lives."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client
from pathlib import Path

import pytest

from supervisor_zerg.demo import app as app_module
from supervisor_zerg.demo.traffic import Traffic, failed, get

from .conftest import THREADS, assert_nobody_noticed, assert_serves, pid_of, slots, swap_under_load, told
from .test_events import restart


def strength(stack, clients=8):
    """Ask for as many slow requests at once as the copy has threads. :returns: seconds until the last was taken up."""
    answers = []
    asked = time.monotonic()
    threads = [threading.Thread(target=lambda: answers.append(get(stack.web, "/?s=0.4"))) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed(answers) == []
    return max(a.handled for a in answers) - asked


def test_h41_a_frozen_threaded_copy_has_its_full_strength_at_once(make_stack, dialect):
    stack = make_stack(dialect, app=THREADS, pair={"freeze": "true"})
    stack.warm_up()
    stack.until(lambda: stack.copy("pybossa")["frozen"])
    time.sleep(10.5)  # the timers of the parked threads have to run out once
    with Traffic(stack.web, clients=2, paths=("/",)) as traffic:
        assert stack.zerg.swap("")["serving"] == "pybossa"
        assert strength(stack, clients=6) < 0.25
        stack.until(lambda: stack.copy("pybossabak")["frozen"])
        time.sleep(10.5)
        os.kill(pid_of(stack, "pybossa"), signal.SIGKILL)
        stack.until(lambda: stack.info()["serving"] == "pybossabak", every=0.005)
        assert strength(stack, clients=6) < 0.25
        answers = traffic.answers()
    assert len(failed(answers)) <= 2
    stack.until_roles("pybossabak", "pybossa")


def test_h41_a_frozen_copy_is_thawed_before_anything_else_is_done_to_it(make_stack):
    stack = make_stack("managed", pair={"freeze": "true"})
    stack.warm_up()
    stack.until(lambda: stack.copy("pybossa")["frozen"])
    began = time.monotonic()
    restart(stack, "pybossa")
    assert time.monotonic() - began < 5, "a frozen copy hung when it was stopped"
    stack.until_roles("pybossa", "pybossabak")
    assert stack.zerg.swap("")["serving"] == "pybossabak"
    assert_serves(stack, "pybossabak")
    answers, swaps = swap_under_load(stack, 20, pause=0.1)
    assert_nobody_noticed(answers, swaps)


@pytest.fixture
def www_data(tmp_path_factory):
    """Commands that the user www-data may run even where this interpreter is hidden from it: (supervisord, uwsgi)."""
    if os.geteuid() != 0:
        pytest.skip("needs root to start processes of another user")
    folder = Path(tempfile.mkdtemp(prefix="zerg-site-"))
    folder.chmod(0o755)
    for name in ("pyuwsgi", "supervisor", "meld3", "supervisor_zerg"):
        _copy_package(name, folder)
    same = "import sys; sys.exit(sys.version_info[:2] != %r)" % (tuple(sys.version_info[:2]),)
    python = next((p for p in (sys.executable, "/usr/bin/python3") if _as_www_data(p, same, folder)[0]), None)
    if python is None:
        pytest.skip("www-data may run neither %s nor a /usr/bin/python3 of the same version" % sys.executable)
    imported, why_not = _as_www_data(python, "import pyuwsgi, supervisor.supervisord, supervisor_zerg.plugin", folder)
    assert imported, why_not
    for name, code in (("supervisord", "from supervisor.supervisord import main; main()"), ("uwsgi", "import pyuwsgi; pyuwsgi.run()")):
        script = folder / name
        script.write_text("#!/bin/sh\nPYTHONPATH=%s exec %s -c '%s' \"$@\"\n" % (folder, python, code))
        script.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _copy_package(name, folder):
    spec = importlib.util.find_spec(name)
    if spec.submodule_search_locations:
        shutil.copytree(spec.submodule_search_locations[0], folder / name)
    else:
        shutil.copy(spec.origin, folder)
        libraries = Path(spec.origin).parent / (name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name)


def _as_www_data(python, code, folder):
    """:returns: (did it run well, what it said)"""
    try:
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        run = subprocess.run([python, "-c", code], user="www-data", env=environment, cwd="/", capture_output=True, text=True)
    except OSError as error:
        return False, str(error)
    return run.returncode == 0, run.stderr


def for_www_data(stack, folder):
    stack.environment["ZERG_UWSGI"] = str(folder / "uwsgi")
    stack.environment["ZERG_COMPANION"] = str(folder / "supervisor_zerg" / "companion.py")
    app = stack.app_ini.read_text().replace(str(Path(app_module.__file__).parent.parent), str(folder / "supervisor_zerg"))
    stack.app_ini.write_text(app)
    for path in [stack.folder, *stack.folder.rglob("*")]:
        shutil.chown(path, "www-data")


def test_h28_works_with_copies_of_another_user_below_root(make_stack, dialect, www_data):
    stack = make_stack(dialect, start=False)
    for_www_data(stack, www_data)
    for program in ("pybossa", "pybossabak", "zergpool"):
        stack.set_options(program + ".conf", "program:" + program, {"user": "www-data"})
    stack.start()
    stack.warm_up()
    answers, swaps = swap_under_load(stack, 10)
    assert_nobody_noticed(answers, swaps)


def test_h28_works_when_everything_runs_as_one_unprivileged_user(make_stack, dialect, www_data):
    stack = make_stack(dialect, start=False)
    for_www_data(stack, www_data)
    stack.start(command=[str(www_data / "supervisord")], user="www-data")
    stack.warm_up()
    answers, swaps = swap_under_load(stack, 10)
    assert_nobody_noticed(answers, swaps)


def test_h28_without_the_rights_the_refusal_says_so(make_stack, www_data):
    """A master that Linux calls not dumpable (it changed its user, or has capabilities) hides from its own user."""
    stack = make_stack("managed", start=False)
    for_www_data(stack, www_data)
    hide = stack.folder / "hide.py"
    hide.write_text("import ctypes\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n")
    stack.app_ini.write_text(stack.app_ini.read_text() + "shared-py-import = %s\n" % hide)
    stack.start(wait=False, command=[str(www_data / "supervisord")], user="www-data")
    info = stack.until(lambda: (i := stack.info()) and any("no right to look" in p for p in i["problems"]) and i)
    assert info["serving"] == ""
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.promote("pybossa")
    assert refusal.value.faultCode == 309 and "root" in refusal.value.faultString


def test_h39_an_async_copy_is_ended_gracefully_in_place_of_being_parked(make_stack):
    stack = make_stack("managed", app=gevent(), pair={"retire": "stop"})
    with Traffic(stack.web, clients=4, paths=("/", "/?s=0.3")) as traffic:
        for serving, old in (("pybossabak", "pybossa"), ("pybossa", "pybossabak")):
            stack.supervisor.startProcess(serving, False)
            stack.until(lambda: stack.supervisor.getProcessInfo(old)["statename"] == "STOPPED")
            assert stack.info()["serving"] == serving
        time.sleep(0.3)
        answers = traffic.answers()
    assert_nobody_noticed(answers)


def test_h39_without_leave_to_stop_it_a_swap_away_from_an_async_copy_is_refused(make_stack):
    stack = make_stack("managed", app=gevent())
    stack.supervisor.startProcess("pybossabak", False)
    stack.until(lambda: stack.copy("pybossabak")["condition"] == "parked")
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.swap("")
    assert refusal.value.faultCode == 313 and "retire = stop" in refusal.value.faultString
    assert any("pybossa is asynchronous" in p for p in stack.info()["problems"])
    assert_serves(stack, "pybossa")


def gevent():
    pytest.importorskip("gevent", reason="gevent is not installed: pip install -e .[test]")
    return {"processes": 2, "gevent": 20, "gevent-early-monkey-patch": "true"}


def test_the_listener_survives_being_killed_hung_and_overflowed(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    stack.until(lambda: stack.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
    first = pid_of(stack, "zerg:zerg")
    os.kill(first, signal.SIGSTOP)
    for _ in range(60):
        stack.supervisor.sendRemoteCommEvent("noise", "x" * 100)
    assert stack.zerg.swap("")["serving"] == "pybossa"
    os.kill(first, signal.SIGKILL)
    stack.until(lambda: pid_of(stack, "zerg:zerg") not in (0, first))
    stack.until(lambda: stack.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
    stack.until_roles("pybossa", "pybossabak")


def test_a_missed_event_heals_itself_at_the_next_tick(make_stack):
    """SIGTSTP toggles the pause without touching a FIFO, so nothing but a look finds it."""
    stack = make_stack("managed")
    stack.warm_up()
    stack.until(lambda: stack.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
    time.sleep(2)  # the looks after the last move are over
    os.kill(pid_of(stack, "pybossabak"), signal.SIGTSTP)
    answer = get(stack.web, timeout=20)
    assert answer.status == 200
    stack.until_roles("pybossabak", "pybossa")
    stack.until(lambda: "a tick" in str(stack.zerg.getHistory("", 20)))


BROKEN = {
    "programs names one": ({"programs": "pybossa"}, "programs must name two programs"),
    "fifos are two": ({"fifos": "/a,/b"}, "fifos must be three paths"),
    "auto is odd": ({"auto": "perhaps"}, "auto must be true or false"),
    "an unknown option": ({"colour": "red"}, "colour is not an option"),
    "one stats address": ({"stats": "/run/x.stats"}, "stats must contain %(program_name)s"),
    "an expansion fails": ({"pool": "%(ENV_NO_SUCH_THING)s"}, "pool cannot be expanded"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_section_never_keeps_supervisord_from_starting_and_is_named(make_stack, kind):
    options, sentence = BROKEN[kind]
    stack = make_stack("managed", start=False)
    stack.set_pair(options)
    stack.start(wait=False)
    info = stack.info()
    assert any(sentence in p for p in info["problems"]), info["problems"]
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.swap("")
    assert refusal.value.faultCode == 303


def test_a_mended_section_works_after_reread(make_stack):
    stack = make_stack("managed", start=False)
    stack.set_pair({"auto": "perhaps"})
    stack.start(wait=False)
    assert stack.info()["problems"]
    stack.set_pair({"auto": "true"})
    stack.supervisor.reloadConfig()
    stack.until_roles("pybossa", "")
    stack.warm_up()


def test_a_full_disk_does_not_stop_a_swap(make_stack):
    stack = make_stack("managed", start=False)
    text = (stack.conf_d / "zerg.conf").read_text()
    text = text.replace("rpcinterface:make_zerg_rpcinterface\n", "rpcinterface:make_zerg_rpcinterface\nhistory = /dev/full\n", 1)
    (stack.conf_d / "zerg.conf").write_text(text)
    stack.start()
    stack.warm_up()
    assert stack.zerg.swap("")["serving"] == "pybossa"
    assert "history cannot be written to /dev/full" in stack.supervisord_log()
    assert stack.zerg.getHistory("", 5)[-1]["what"] == "swap pybossa"


def test_history_names_the_move_and_supervisords_log_has_the_same_id(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    reply = stack.zerg.swap("")
    entry = stack.until(lambda: [e for e in stack.zerg.getHistory("", 5) if e["id"] == reply["id"]])[0]
    assert entry["outcome"] == "done" and entry["serving"] == "pybossa"
    assert [m.split(" ", 1)[1] for m in entry["moves"]] == ["resume pybossa to running", "pause pybossabak to sleeping"]
    assert "id=%s" % reply["id"] in stack.supervisord_log()
    assert (stack.log / "zerg-history.jsonl").exists()


def test_hold_and_auto_outlive_a_restart_of_supervisord(make_stack):
    stack = make_stack("managed")
    stack.zerg.setAuto("", False)
    stack.process.send_signal(signal.SIGTERM)
    stack.process.wait(60)
    stack.start(wait=False)
    assert stack.info()["auto"] is False
    time.sleep(2)
    assert stack.info()["serving"] == ""  # a managed copy boots parked, and nothing moves by itself
    stack.zerg.setAuto("", True)
    stack.until_roles("pybossa", "")


def descriptors(pid):
    return sorted(os.readlink(p).split(":")[0] for p in Path("/proc/%d/fd" % pid).iterdir())


def test_supervisord_leaks_nothing_over_two_hundred_moves_kills_and_reloads(make_stack):
    stack = make_stack("managed", app={"processes": 1})
    stack.warm_up()
    zerg = stack.zerg
    pid = stack.process.pid
    time.sleep(2)
    before = len(os.listdir("/proc/%d/fd" % pid))
    for number in range(150):
        zerg.swap("")
    for number in range(10):
        serving = stack.info()["serving"]
        os.kill(pid_of(stack, serving), signal.SIGKILL)
        stack.until(lambda: stack.info()["serving"] not in ("", serving))
        stack.until(lambda: (i := stack.info())["warm"] and all(c["statename"] == "RUNNING" for c in i["copies"]), seconds=30)
    for number in range(6):
        gone = stack.copy("pybossa")["pid"]
        stack.supervisor.restart()
        stack.until(lambda: _runs_anew(stack, gone), seconds=40, every=0.1)
    stack.warm_up()
    assert stack.process.poll() is None and stack.process.pid == pid
    time.sleep(2)
    after = len(os.listdir("/proc/%d/fd" % pid))
    assert abs(after - before) <= 1, (before, after, descriptors(pid))
    assert "this is a bug" not in stack.supervisord_log()
    assert cpu_seconds(pid, 2.0) < 0.2, "supervisord spins"
    assert slots(stack)["pybossabak"] == "running" and told(stack)


def _runs_anew(stack, gone):
    try:
        return stack.info()["serving"] == "pybossa" and stack.copy("pybossa")["pid"] != gone
    except Exception:
        return False


def cpu_seconds(pid, seconds):
    def used():
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(seconds)
    return used() - before

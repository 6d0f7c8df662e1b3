"""Row h28: who runs what, and who may look at whom."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from pathlib import Path

import pytest

from supervisor_zerg.demo import app as demo_app
from supervisor_zerg.demo.traffic import get

from .conftest import assert_nobody_noticed, swap_under_load


@pytest.fixture
def www_data(tmp_path_factory):
    """Commands that the user www-data may run even where this interpreter is hidden from it:
    (supervisord, uwsgi).
    """
    if os.geteuid() != 0:
        pytest.skip("needs root to start processes of another user")
    folder = Path(tempfile.mkdtemp(prefix="zerg-site-"))
    folder.chmod(0o755)
    for name in ("pyuwsgi", "supervisor", "meld3", "supervisor_zerg"):
        _copy_package(name, folder)
    same = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])!r})"
    python = next(
        (p for p in (sys.executable, "/usr/bin/python3") if _as_www_data(p, same, folder)[0]), None
    )
    if python is None:
        pytest.skip(
            f"www-data may run neither {sys.executable} nor a /usr/bin/python3 of the same version"
        )
    imported, why_not = _as_www_data(
        python, "import pyuwsgi, supervisor.supervisord, supervisor_zerg.pair.registry", folder
    )
    assert imported, why_not
    for name, code in (
        ("supervisord", "from supervisor.supervisord import main; main()"),
        ("uwsgi", "import pyuwsgi; pyuwsgi.run()"),
    ):
        script = folder / name
        script.write_text(f"#!/bin/sh\nPYTHONPATH={folder} exec {python} -c '{code}' \"$@\"\n")
        script.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _copy_package(name, folder):
    spec = importlib.util.find_spec(name)
    if spec.submodule_search_locations:
        shutil.copytree(spec.submodule_search_locations[0], folder / name)
    else:
        shutil.copy(spec.origin, folder)
        libraries = Path(spec.origin).parent / (f"{name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name)


def _as_www_data(python, code, folder):
    """:returns: (did it run well, what it said)"""
    try:
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        run = subprocess.run(
            [python, "-c", code],
            user="www-data",
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
        )
    except OSError as error:
        return False, str(error)
    return run.returncode == 0, run.stderr


def for_www_data(stack, folder):
    stack.environment["ZERG_UWSGI"] = str(folder / "uwsgi")
    stack.environment["ZERG_COMPANION"] = str(folder / "supervisor_zerg" / "uwsgi" / "companion.py")
    app = stack.app_ini.read_text().replace(
        str(Path(demo_app.__file__).parent.parent), str(folder / "supervisor_zerg")
    )
    stack.app_ini.write_text(app)
    for path in [stack.folder, *stack.folder.rglob("*")]:
        shutil.chown(path, "www-data")


def test_h28_works_with_instances_of_another_user_below_root(make_stack, dialect, www_data):
    stack = make_stack(dialect, start=False)
    for_www_data(stack, www_data)
    for program in ("pybossa", "pybossabak", "zergpool"):
        stack.set_options(f"{program}.conf", f"program:{program}", {"user": "www-data"})
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


#: Executes a command without CAP_SYS_PTRACE (PR_CAPBSET_DROP), as Docker does by default.
WITHOUT_PTRACE = """
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(24, 19, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("app", [{"processes": 4}, {"processes": 2, "threads": 4}])
def test_h72_root_without_cap_sys_ptrace_serves_and_says_what_it_lacks(
    make_stack, dialect, www_data, app
):
    stack = make_stack(dialect, app=app, start=False)
    for_www_data(stack, www_data)
    for program in ("pybossa", "pybossabak", "zergpool"):
        stack.set_options(f"{program}.conf", f"program:{program}", {"user": "www-data"})
    supervisord = str(Path(sys.executable).parent / "supervisord")
    stack.start(command=[sys.executable, "-c", WITHOUT_PTRACE, supervisord])
    answers = [get(stack.web, timeout=10) for _ in range(20)]
    assert {answer.program for answer in answers} == {"pybossa"}
    info = stack.info()
    assert info["serving"] == "pybossa" and not info["warm"]
    told = " ".join(info["problems"])
    assert "--cap-add SYS_PTRACE" in told and "not managed" in told
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.swap("")
    assert refusal.value.faultCode == 309 and "SYS_PTRACE" in refusal.value.faultString
    if dialect == "managed":  # with hooks the spare takes over by itself
        stack.supervisor.startProcess("pybossabak", True)
        time.sleep(1)
        assert stack.info()["serving"] == "pybossa"
        os.kill(stack.supervisor.getProcessInfo("pybossa")["pid"], signal.SIGKILL)
        assert get(stack.web, timeout=20).status == 200
        stack.until(lambda: stack.info()["serving"])


def test_h28_without_the_rights_the_refusal_says_so(make_stack, www_data):
    """A master that Linux calls not dumpable (it changed its user, or has capabilities) hides from
    its own user.
    """
    stack = make_stack("managed", start=False)
    for_www_data(stack, www_data)
    hide = stack.folder / "hide.py"
    hide.write_text("import ctypes\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n")
    stack.app_ini.write_text(f"{stack.app_ini.read_text()}shared-py-import = {hide}\n")
    stack.start(wait=False, command=[str(www_data / "supervisord")], user="www-data")
    info = stack.until(
        lambda: (i := stack.info()) and any("no right to read" in p for p in i["problems"]) and i
    )
    assert info["serving"] == ""
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.promote("pybossa")
    assert refusal.value.faultCode == 309 and "root" in refusal.value.faultString

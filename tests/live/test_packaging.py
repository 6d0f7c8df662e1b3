"""The sdist is complete, and what its wheel installs runs."""

import fnmatch
import os
import shutil
import subprocess
import sys
import tarfile
import time
import venv
import xmlrpc.client
import zipfile
from pathlib import Path

import pytest
from supervisor.xmlrpc import SupervisorTransport

TOP = Path(__file__).parents[2]
START_S = 30.0
NOBODY_SERVES = 5
MADE = (".*", "__pycache__", "*.egg-info", "_build", "build", "dist", "*.pyc")
SUPERVISORD = """\
[unix_http_server]
file = {folder}/s.sock
[supervisord]
nodaemon = true
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:zerg]
supervisor.rpcinterface_factory = supervisor_zerg.rpcinterface:make_zerg_rpcinterface
[supervisorctl]
serverurl = unix://{folder}/s.sock
[ctlplugin:zerg]
supervisor.ctl_factory = supervisor_zerg.controllerplugin:make_zerg_controllerplugin
"""


def run(*command, cwd, status=0, **options):
    """The output of a command that ends with that status."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
        **options,
    )
    assert done.returncode == status, done.stdout
    return done.stdout


def sources(folder):
    """The files below a folder of the source tree that nothing has made, relative to the top."""
    return {
        path.relative_to(TOP).as_posix()
        for path in (TOP / folder).rglob("*")
        if path.is_file()
        and not any(
            fnmatch.fnmatch(part, made) for part in path.relative_to(TOP).parts for made in MADE
        )
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the sdist, and the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("built")
    tree = folder / "tree"
    shutil.copytree(TOP, tree, ignore=shutil.ignore_patterns(*MADE))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, tree, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def in_sdist(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        return {name.partition("/")[2] for name in tar.getnames()}


@pytest.fixture(scope="module")
def in_wheel(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def bin_folder(built):
    """The commands of a fresh environment in which nothing but the wheel was installed."""
    (wheel,) = built.glob("*.whl")
    environment = built / "venv"
    venv.create(environment, with_pip=True)
    pip = [environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", wheel, cwd=built)
    return environment / "bin"


@pytest.mark.parametrize("folder", ["supervisor_zerg", "tests", "conf.d", "docs", "benchmarks"])
def test_the_sdist_holds_every_file(in_sdist, folder):
    assert sources(folder) and sources(folder) <= in_sdist


@pytest.mark.parametrize("name", ["README.rst", "CHANGES.rst", "LICENSE", "Makefile", "noxfile.py"])
def test_the_sdist_holds_what_lies_at_the_top(in_sdist, name):
    assert name in in_sdist


def test_the_wheel_holds_the_whole_package_and_nothing_else(in_wheel):
    inside = {name for name in in_wheel if name.startswith("supervisor_zerg/")}
    assert inside == sources("supervisor_zerg")
    assert {name.split("/")[0].split("-")[0] for name in in_wheel} == {"supervisor_zerg"}


def test_the_wheel_installs_conf_d(bin_folder):
    share = bin_folder.parent / "share" / "supervisor_zerg"
    installed = {p.relative_to(share).as_posix() for p in share.rglob("*") if p.is_file()}
    assert installed == sources("conf.d")


def test_zergctl_of_the_wheel_helps(bin_folder, tmp_path):
    assert "Usage: zergctl" in run(bin_folder / "zergctl", "--help", cwd=tmp_path)


def test_zergctl_of_the_wheel_checks_a_configuration(bin_folder, tmp_path):
    sample = tmp_path / "sample"
    shutil.copytree(TOP / "tests" / "unit" / "lint" / "wild" / "article", sample)
    conf = sample / "supervisord.conf"
    told = run(bin_folder / "zergctl", "-c", conf, "check", cwd=tmp_path, status=1)
    assert "supervisord.conf" in told


def test_the_listener_of_the_wheel_runs_only_below_supervisord(bin_folder, tmp_path):
    environ = {k: v for k, v in os.environ.items() if not k.startswith("SUPERVISOR_")}
    told = run(bin_folder / "zerg-listener", cwd=tmp_path, status=2, env=environ)
    assert "supervisord" in told


def test_the_demo_of_the_wheel_helps(bin_folder, tmp_path):
    told = run(bin_folder / "python", "-m", "supervisor_zerg.demo", "--help", cwd=tmp_path)
    assert "--keep" in told


def test_supervisord_loads_the_plugin_of_the_wheel(bin_folder, tmp_path):
    conf = tmp_path / "supervisord.conf"
    conf.write_text(SUPERVISORD.format(folder=tmp_path))
    process = subprocess.Popen([bin_folder / "supervisord", "-c", conf], cwd=tmp_path)
    try:
        assert api_version(f"unix://{tmp_path}/s.sock")
        supervisorctl = [bin_folder / "supervisorctl", "-c", conf]
        told = run(*supervisorctl, "zerg", "status", cwd=tmp_path, status=NOBODY_SERVES)
        assert told.startswith("pybossa: nobody serves")
    finally:
        process.terminate()
        process.wait(START_S)


def api_version(url):
    """That of the zerg namespace, as soon as supervisord listens."""
    end = time.monotonic() + START_S
    while True:
        transport = SupervisorTransport(serverurl=url)
        try:
            return xmlrpc.client.ServerProxy("http://localhost", transport).zerg.getAPIVersion()
        except OSError:
            assert time.monotonic() < end, "supervisord does not listen"
            time.sleep(0.05)

"""The doctor says what works on a machine, and of the rest what to do."""

import json
import platform
import re
from pathlib import Path

import pytest

from supervisor_zerg.cli import doctor, probe
from supervisor_zerg.cli.probe import Unfit, Uwsgi
from supervisor_zerg.core.exit_status import ExitStatus

from .client import run


@pytest.fixture(autouse=True)
def healthy(monkeypatch, tmp_path):
    """A machine on which all is well."""
    conf = tmp_path / "supervisord.conf"
    conf.write_text(
        "[unix_http_server]\nfile = /x\n[rpcinterface:zerg]\n"
        "supervisor.rpcinterface_factory = supervisor_zerg.rpcinterface:make_zerg_rpcinterface\n"
    )
    uwsgi = Uwsgi("/bin/uwsgi", "2.0.21", "3.11", ("python3",), ("zergpool",))
    monkeypatch.setattr(probe, "find_program", lambda name, given: f"/bin/{name}")
    monkeypatch.setattr(probe, "python_of", lambda path: "/bin/python3")
    monkeypatch.setattr(probe, "probe_python", lambda python: "Python 3.11.2, Supervisor 4.3.0")
    monkeypatch.setattr(probe, "probe_configuration", lambda python, file: None)
    monkeypatch.setattr(probe, "probe_uwsgi", lambda path, user: uwsgi)
    return conf


def examined(conf, capsys, words="", **answers):
    return run(f"doctor -c {conf} {words}", capsys, **{"getAPIVersion": "1.0", **answers})


def test_on_a_healthy_machine_every_subject_is_well(healthy, capsys):
    done = examined(healthy, capsys)
    assert done.status == 0 and not done.err
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["ok", f"{subject}:"] for subject, _ in doctor.SUBJECTS
    ]
    assert "plugins: python3, zergpool" in done.out


def failing(sentence):
    def fail(*args):
        raise Unfit(sentence, "do this")

    return fail


@pytest.mark.parametrize(
    "function, subject",
    [
        ("probe_python", "supervisord"),
        ("probe_uwsgi", "uwsgi"),
        ("require_readable", "companion"),
        ("probe_configuration", "configuration"),
    ],
)
def test_what_does_not_work_is_reported_with_its_fix(
    healthy, capsys, monkeypatch, function, subject
):
    monkeypatch.setattr(probe, function, failing("it is so"))
    done = examined(healthy, capsys)
    assert done.status == ExitStatus.FOUND
    assert f"error  {subject}: it is so\n       fix: do this\n" in done.out
    assert done.out.count("error") == 1


@pytest.mark.parametrize(
    "name, value, hint",
    [
        ("system", "Darwin", "needs Linux"),
        ("release", "5.2.0-1-amd64", "5.3 or newer"),
        ("release", "4.19.0", "5.3 or newer"),
    ],
)
def test_a_kernel_that_is_too_old_is_reported(healthy, capsys, monkeypatch, name, value, hint):
    monkeypatch.setattr(platform, name, lambda: value)
    done = examined(healthy, capsys)
    assert done.status == ExitStatus.FOUND and re.search(f"error  kernel: .*\n.*{hint}", done.out)


@pytest.mark.parametrize(
    "error, hint",
    [
        (PermissionError(13, "Permission denied"), "CAP_SYS_PTRACE"),
        (FileNotFoundError(2, "No such file"), "mount /proc without hidepid"),
    ],
)
def test_missing_rights_are_reported(healthy, capsys, monkeypatch, error, hint):
    def refuse(self, *args, **options):
        raise error

    monkeypatch.setattr(doctor, "Path", type("Refused", (type(Path()),), {"read_text": refuse}))
    done = examined(healthy, capsys)
    assert done.status == ExitStatus.FOUND and "error  rights" in done.out and hint in done.out


@pytest.mark.parametrize(
    "text, hint",
    [
        ("[supervisord]\n", "no [unix_http_server]"),
        ("[unix_http_server]\nfile = /x\n", "zergctl help init"),
    ],
)
def test_a_main_file_that_lacks_something_is_reported(healthy, capsys, text, hint):
    healthy.write_text(text)
    done = examined(healthy, capsys)
    assert done.status == ExitStatus.FOUND and "error  configuration" in done.out
    assert hint in done.out


def test_a_plugin_that_does_not_answer_is_reported(healthy, capsys):
    done = examined(healthy, capsys, getAPIVersion=ConnectionRefusedError(111, "refused"))
    assert done.status == ExitStatus.FOUND and "error  plugin" in done.out


def test_json_has_the_same(healthy, capsys):
    found = json.loads(examined(healthy, capsys, "--json").out)
    assert [one["subject"] for one in found] == [subject for subject, _ in doctor.SUBJECTS]
    assert all(set(one) == {"subject", "message", "fix"} for one in found)

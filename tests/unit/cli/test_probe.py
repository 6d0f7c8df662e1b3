"""The programs of this machine are asked, and what cannot run a pair is refused with the fix."""

import os
import sys

import pytest

from supervisor_zerg.cli import probe
from supervisor_zerg.cli.command import UsageError


def a_program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def a_uwsgi(folder, version="2.0.30", built_in="", plugins=()):
    """A program that answers as a uWSGI with these built-in options and plugins."""
    cases = "\n".join(
        f'  *"--plugins {name} --help"*) echo "    --{option}    x";;' for name, option in plugins
    )
    options = "\n".join(f'echo "    --{option}    x"' for option in built_in.split())
    return a_program(
        folder,
        "uwsgi",
        f"""case "$*" in
  --version) echo {version};;
  *--python-version) echo 3.11.2;;
{cases}
  --help) {options or ":"};;
  *) echo "unable to load plugin"; exit 1;;
esac""",
    )


def test_a_uwsgi_with_everything_built_in_needs_no_plugin(tmp_path):
    uwsgi = probe.probe_uwsgi(a_uwsgi(tmp_path, built_in="wsgi-file zerg-pool"), "")
    assert uwsgi[1:] == ("2.0.30", "3.11", (), ())


def test_a_uwsgi_of_a_distribution_needs_its_plugins(tmp_path):
    plugins = [("python3", "wsgi-file"), ("zergpool", "zerg-pool")]
    path = a_uwsgi(tmp_path, "2.0.21-debian", plugins=plugins)
    assert probe.probe_uwsgi(path, "")[1:] == ("2.0.21", "3.11", ("python3",), ("zergpool",))


def test_a_plugin_named_after_its_version_is_found(tmp_path):
    name = f"python{sys.version_info[0]}{sys.version_info[1]}"
    path = a_uwsgi(tmp_path, built_in="zerg-pool", plugins=[(name, "wsgi-file")])
    assert probe.probe_uwsgi(path, "").instance_plugins == (name,)


@pytest.mark.parametrize(
    "options, hint",
    [
        ({"version": "2.0.14", "built_in": "wsgi-file zerg-pool"}, "needs 2.0.15 or newer"),
        ({"version": "nonsense"}, "does not tell a version"),
        ({"built_in": "zerg-pool"}, "apt install uwsgi-plugin-python3"),
        ({"built_in": "wsgi-file"}, "has no zerg pool"),
    ],
)
def test_a_uwsgi_that_cannot_run_a_pair_is_refused(tmp_path, options, hint):
    with pytest.raises(UsageError) as refused:
        probe.probe_uwsgi(a_uwsgi(tmp_path, **options), "")
    assert hint in str(refused.value)


def test_a_program_is_found_where_it_is_given_or_beside_this_python(tmp_path, monkeypatch):
    path = a_program(tmp_path, "uwsgi", ":")
    assert probe.find_program("uwsgi", path) == path
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert probe.find_program("uwsgi") == path
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert probe.find_program("uwsgi") == path
    with pytest.raises(UsageError, match="give --nosuch FILE"):
        probe.find_program("nosuch")
    with pytest.raises(UsageError, match="no program that can be run"):
        probe.find_program("uwsgi", str(tmp_path))


@pytest.mark.parametrize(
    "line, python",
    [
        ("#!/usr/bin/python3", "/usr/bin/python3"),
        ("#! /usr/bin/python3 -I", "/usr/bin/python3"),
    ],
)
def test_the_python_of_a_script_is_in_its_first_line(tmp_path, line, python):
    script = tmp_path / "supervisord"
    script.write_text(f"{line}\n")
    assert probe.python_of(str(script)) == python


def test_the_python_of_a_script_is_found_where_env_finds_it(tmp_path, monkeypatch):
    python = a_program(tmp_path, "python3", ":")
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "supervisord").write_text("#!/usr/bin/env python3\n")
    assert probe.python_of(str(tmp_path / "supervisord")) == python


@pytest.mark.parametrize("text", ["#!/bin/sh\n", "", "import x\n", "#!\n", "#!/usr/bin/env\n"])
def test_a_script_that_does_not_tell_its_python_is_refused(tmp_path, text):
    script = tmp_path / "supervisord"
    script.write_text(text)
    for path in (script, tmp_path / "nosuch"):
        with pytest.raises(UsageError, match="give another --supervisord"):
            probe.python_of(str(path))


def test_a_python_that_imports_the_plugin_is_accepted():
    assert probe.probe_python(sys.executable).startswith("Python 3.")


@pytest.mark.parametrize(
    "message, fix",
    [
        (
            "ModuleNotFoundError: No module named 'supervisor_zerg'",
            "-m pip install supervisor_zerg",
        ),
        ("ModuleNotFoundError: No module named 'pkg_resources'", "setuptools<81"),
    ],
)
def test_a_python_that_cannot_is_refused_with_the_fix(tmp_path, message, fix):
    python = a_program(tmp_path, "python3", f'echo "{message}"; exit 1')
    with pytest.raises(UsageError) as refused:
        probe.probe_python(python)
    assert message in str(refused.value) and fix in str(refused.value)


@pytest.mark.parametrize(
    "text, hint",
    [
        ("[supervisord]\n[program:a]\n", "program:a"),
        ("[supervisord]\n[program:a]\ncommand = a\nstopsignal = NONSENSE\n", "NONSENSE"),
        ("[supervisord]\n[program:a]\ncommand = %(ENV_NOSUCH)s\n", "ENV_NOSUCH"),
        (
            "[supervisord]\n[rpcinterface:x]\nsupervisor.rpcinterface_factory = nosuch:make\n",
            "nosuch:make cannot be resolved",
        ),
    ],
)
def test_what_would_keep_supervisord_from_starting_is_reported(tmp_path, text, hint):
    file = tmp_path / "supervisord.conf"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        probe.probe_configuration(sys.executable, str(file))
    assert hint in str(refused.value) and "would not start" in str(refused.value)


def test_files_with_which_supervisord_starts_are_accepted(tmp_path):
    file = tmp_path / "supervisord.conf"
    file.write_text("[supervisord]\n[program:a]\ncommand = a\n")
    probe.probe_configuration(sys.executable, str(file))


def test_an_unknown_account_is_refused():
    with pytest.raises(UsageError, match="no account 'nosuchaccount'"):
        probe.require_account("nosuchaccount")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another account")
def test_a_file_that_another_account_may_not_read_is_refused(tmp_path):
    file = tmp_path / "companion.py"
    file.write_text("")
    tmp_path.chmod(0o700)
    with pytest.raises(UsageError, match="nobody may not read it; move it"):
        probe.require_readable(str(file), "nobody", "move it")
    probe.require_readable(str(file), "", "move it")
    probe.require_readable("/bin", "nobody", "move it")

"""Asks the programs of this machine what a pair depends on."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .command import UsageError

ANSWER_S = 20.0
OLDEST_UWSGI = (2, 0, 15)  # it has spinningfifo
COMPANION = Path(__file__).resolve().parents[1] / "uwsgi" / "companion.py"
IMPORTS = """\
import platform
import supervisor.supervisord, supervisor_zerg.rpcinterface, supervisor_zerg.jobs.listener
print("Python", platform.python_version() + ", Supervisor", supervisor.options.VERSION)
"""


PARSE = """\
import sys
from supervisor.options import ServerOptions
ServerOptions().realize(["-c", sys.argv[1]])
"""


class Unfit(UsageError):
    """Something of this machine does not do; with what to do about it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}; {fix}")
        self.message = message
        self.fix = fix


class Done(NamedTuple):
    """What came of a command; ``status`` is -1 if it could not be run."""

    status: int
    output: str


def run(command: Sequence[str], user: str = "") -> Done:
    """Run a command in ``/``, without a PYTHONPATH that supervisord would not have.

    It runs as ``user`` if this is another account and we may become it.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=ANSWER_S,
            cwd="/",
            env=environment,
            check=False,
            **account_arguments(user),
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Done(-1, str(error))
    return Done(done.returncode, done.stdout.decode("utf-8", "replace"))


def find_program(name: str, given: str = "") -> str:
    """The absolute path of a program: as given, beside this Python, or in PATH.

    Raises:
        Unfit: there is none.
    """
    if given:
        path = os.path.abspath(given)
        if not os.access(path, os.X_OK) or os.path.isdir(path):
            raise Unfit(f"{given} is no program that can be run", f"correct --{name}")
        return path
    beside = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), name)
    found = beside if os.access(beside, os.X_OK) else shutil.which(name)
    if not found:
        raise Unfit(f"{name} was not found", f"install it, or give --{name} FILE")
    return os.path.abspath(found)


def account_arguments(user: str) -> dict[str, Any]:
    """What ``subprocess`` needs to run something as an account; nothing where we may not."""
    if not user or os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(user)
    groups = os.getgrouplist(user, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}


def require_account(user: str) -> None:
    """Make sure that there is such an account.

    Raises:
        Unfit: there is none.
    """
    try:
        if user:
            pwd.getpwnam(user)
    except KeyError:
        raise Unfit(f"there is no account {user!r} on this machine", "correct --user") from None


def require_readable(path: str, user: str, fix: str) -> None:
    """Make sure that an account may read a file or enter a folder.

    Raises:
        Unfit: it may not.
    """
    if run(["test", "-x" if os.path.isdir(path) else "-r", path], user).status:
        who = user or "this account"
        raise Unfit(f"{path} is missing, or {who} may not read it", fix)


# uWSGI


class Uwsgi(NamedTuple):
    """A uWSGI binary, and the plugins that it must load for an instance and for a pool.

    ``python`` is the version of its Python, such as ``3.11``; empty if it does not tell.
    """

    path: str
    version: str
    python: str
    instance_plugins: tuple[str, ...]
    pool_plugins: tuple[str, ...]


def probe_uwsgi(path: str, user: str) -> Uwsgi:
    """Ask a uWSGI binary for its version and its plugins, as the account that will run it.

    Raises:
        Unfit: it cannot run a pair; the sentence says what to install.
    """
    asked = run([path, "--version"], user)
    version = re.search(r"^\d+(\.\d+)+", asked.output, re.MULTILINE)
    if asked.status or not version:
        who = f", as {user}" if user else ""
        message = f"{path} --version does not tell a version of uWSGI{who}: {_last(asked)}"
        raise Unfit(message, "give another --uwsgi")
    if tuple(map(int, version[0].split(".")))[:3] < OLDEST_UWSGI:
        oldest = ".".join(map(str, OLDEST_UWSGI))
        raise Unfit(f"{path} is uWSGI {version[0]}", f"a pair needs {oldest} or newer")
    instance = _plugins_for(path, "wsgi-file", _python_plugins())
    if instance is None:
        raise Unfit(
            f"{path} has no Python, and no plugin for it is installed",
            "install it, such as 'apt install uwsgi-plugin-python3', or give another --uwsgi",
        )
    pool = _plugins_for(path, "zerg-pool", ["zergpool"])
    if pool is None:
        message = f"{path} has no zerg pool, and no plugin zergpool is installed"
        raise Unfit(message, "install that plugin, or give another --uwsgi")
    plugins = [argument for plugin in instance for argument in ("--plugins", plugin)]
    python = re.search(r"^\d+\.\d+", run([path, *plugins, "--python-version"]).output, re.MULTILINE)
    return Uwsgi(path, version[0], python[0] if python else "", instance, pool)


def _python_plugins() -> Iterable[str]:
    version = f"{sys.version_info[0]}{sys.version_info[1]}"
    return ("python3", f"python{version}", "python")


def _plugins_for(path: str, option: str, plugins: Iterable[str]) -> tuple[str, ...] | None:
    """The plugins that give this uWSGI an option: none, the first that does, or None."""
    if _has_option(run([path, "--help"]), option):
        return ()
    for plugin in plugins:
        if _has_option(run([path, "--plugins", plugin, "--help"]), option):
            return (plugin,)
    return None


def _has_option(asked: Done, option: str) -> bool:
    return re.search(rf"^\s+--{re.escape(option)}\b", asked.output, re.MULTILINE) is not None


# Python


def python_of(script: str) -> str:
    """The Python that runs a script, from its first line.

    Raises:
        Unfit: that line does not tell.
    """
    try:
        with open(script, "rb") as file:
            line = file.readline(4096).decode("utf-8", "replace").strip()
    except OSError:
        line = ""
    words = line[2:].split() if line.startswith("#!") else []
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        words = [shutil.which(words[0]) or ""] if words else []
    if not words or "python" not in os.path.basename(words[0]):
        raise Unfit(f"{script} does not tell its Python", "give another --supervisord")
    return words[0]


def probe_python(python: str) -> str:
    """Ask supervisord's Python whether it can import the plugin. Returns its versions.

    Raises:
        Unfit: it cannot; supervisord would not start with our configuration.
    """
    asked = run([python, "-c", IMPORTS])
    if asked.status == 0:
        return _last(asked)
    fix = f"install it there: {python} -m pip install supervisor_zerg"
    if "pkg_resources" in asked.output:
        fix = f"supervisor needs it: {python} -m pip install 'setuptools<81'"
    raise Unfit(f"supervisord's Python cannot import the plugin: {_last(asked)}", fix)


def probe_configuration(python: str, file: str) -> None:
    """Let supervisord's own code read its files, in the environment of this command.

    Raises:
        Unfit: supervisord would not start with them.
    """
    asked = run([python, "-c", PARSE, file])
    if asked.status:
        errors = [line for line in asked.output.splitlines() if line.startswith("Error: ")]
        reason = errors[0] if errors else _last(asked)
        raise Unfit(
            f"supervisord would not start with {file}: {reason}",
            "correct that before you restart or reload supervisord",
        )


def _last(asked: Done) -> str:
    lines = [line.strip() for line in asked.output.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit status {asked.status}"

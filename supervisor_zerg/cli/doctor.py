"""``zergctl doctor``: does the plugin work on this machine?"""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..core.exit_status import ExitStatus
from ..uwsgi.threads import CALLS
from . import probe
from .command import Answer, Invocation, Session
from .configuration import environment_of
from .init.main_file import read_main_file
from .init.render import HTTP_SERVER
from .probe import Unfit

OLDEST_KERNEL = (5, 3)  # it has pidfd_open
COMPATIBILITY = "see 'Requirements' in the documentation"


class Diagnosis(NamedTuple):
    """What was found about one subject. ``fix`` is empty if it works."""

    subject: str
    message: str
    fix: str


def run_doctor(session: Session, invocation: Invocation) -> Answer:
    """The command ``doctor``."""
    found = [_diagnose(subject, examine, session, invocation) for subject, examine in SUBJECTS]
    status = ExitStatus.FOUND if any(one.fix for one in found) else ExitStatus.DONE
    if invocation.json:
        document = [one._asdict() for one in found]
        return Answer(status, json.dumps(document, indent=2, sort_keys=True).splitlines())
    return Answer(status, [line for one in found for line in _lines(one)])


def _lines(found: Diagnosis) -> Iterator[str]:
    yield f"{'error' if found.fix else 'ok':5}  {found.subject}: {found.message}"
    if found.fix:
        yield f"       fix: {found.fix}"


def _diagnose(
    subject: str,
    examine: Callable[[Session, Mapping[str, Any]], str],
    session: Session,
    invocation: Invocation,
) -> Diagnosis:
    try:
        return Diagnosis(subject, examine(session, invocation.options), "")
    except Unfit as unfit:
        return Diagnosis(subject, unfit.message, unfit.fix)


# subjects: each function returns what it found, or raises Unfit


def _kernel(session: Session, options: Mapping[str, Any]) -> str:
    release = platform.release()
    number = re.match(r"(\d+)\.(\d+)", release)
    if platform.system() != "Linux" or not number:
        raise Unfit(f"this is {platform.system()}", "the plugin needs Linux")
    if (int(number[1]), int(number[2])) < OLDEST_KERNEL:
        raise Unfit(f"Linux {release} has no pidfd_open", "the plugin needs Linux 5.3 or newer")
    if CALLS is None:
        raise Unfit(f"the system calls of {platform.machine()} are not known", COMPATIBILITY)
    return f"Linux {release} on {platform.machine()}"


def _threads(session: Session, options: Mapping[str, Any]) -> str:
    """Whether a program's threads can be told apart: that needs the right to ptrace it."""
    user = options.get("user", "")
    probe.require_account(user)
    with _sleeping(user) as pid:
        path = Path(f"/proc/{pid}/syscall")
        whose = f"a program of {user}" if user else "a program of this account"
        try:
            content = path.read_text()
        except FileNotFoundError:
            message = (
                "there is no /proc/PID/syscall"
                if Path(f"/proc/{pid}").is_dir()
                else ("/proc is not mounted, or hides processes")
            )
            raise Unfit(message, "mount /proc without hidepid; " + COMPATIBILITY) from None
        except OSError as error:
            raise Unfit(
                f"the threads of {whose} cannot be observed: {error.strerror}",
                "run supervisord as root or as that account; a container needs CAP_SYS_PTRACE",
            ) from None
    if not content.strip():
        raise Unfit(f"{path} is empty", COMPATIBILITY)
    return f"{whose} can be observed by this account"


@contextmanager
def _sleeping(user: str) -> Iterator[int]:
    """A process of an account that does nothing."""
    with subprocess.Popen(["sleep", "60"], cwd="/", **probe.account_arguments(user)) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def _supervisord(session: Session, options: Mapping[str, Any]) -> str:
    path = probe.find_program("supervisord", options.get("supervisord", ""))
    return f"{path}, {probe.probe_python(probe.python_of(path))}, imports the plugin"


def _uwsgi(session: Session, options: Mapping[str, Any]) -> str:
    path = probe.find_program("uwsgi", options.get("uwsgi", ""))
    uwsgi = probe.probe_uwsgi(path, options.get("user", ""))
    plugins = ", ".join((*uwsgi.instance_plugins, *uwsgi.pool_plugins)) or "none, all is built in"
    return f"{path}, uWSGI {uwsgi.version}, Python {uwsgi.python or '?'}, plugins: {plugins}"


def _companion(session: Session, options: Mapping[str, Any]) -> str:
    fix = "install supervisor_zerg where every account can read it"
    probe.require_readable(str(probe.COMPANION), options.get("user", ""), fix)
    return str(probe.COMPANION)


def _main_file(session: Session, options: Mapping[str, Any]) -> str:
    file = options.get("c") or getattr(session.options, "configfile", None)
    if not file:
        raise Unfit("no configuration file was found", "give -c FILE")
    main = read_main_file(file, environment_of(session))
    missing = list(main.lacks(main.plugin_file))
    if HTTP_SERVER in missing:
        raise Unfit(
            f"{main.path} has no [unix_http_server] and no [inet_http_server]",
            "add one: without it supervisord loads no plugin",
        )
    python = probe.python_of(probe.find_program("supervisord", options.get("supervisord", "")))
    probe.probe_configuration(python, main.path)
    if not main.plugin_file:
        raise Unfit(f"{main.path} does not configure the plugin", "see 'zergctl help init'")
    return f"{main.path}, the plugin is configured in {main.plugin_file}"


def _plugin(session: Session, options: Mapping[str, Any]) -> str:
    try:
        version = session.ask(lambda zerg: zerg.getAPIVersion())
    except Exception as error:
        url = session.options.serverurl
        raise Unfit(
            f"the plugin does not answer at {url}: {error}",
            "start or restart supervisord; its log says why a plugin cannot be loaded",
        ) from None
    return f"answers at {session.options.serverurl}, version {version} of its interface"


SUBJECTS: tuple[tuple[str, Callable[[Session, Mapping[str, Any]], str]], ...] = (
    ("kernel", _kernel),
    ("rights", _threads),
    ("supervisord", _supervisord),
    ("uwsgi", _uwsgi),
    ("companion", _companion),
    ("configuration", _main_file),
    ("plugin", _plugin),
)

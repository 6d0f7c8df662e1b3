"""What the operator wants of a new pair, and the paths that follow from it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..command import UsageError

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
MODULE = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*(\(\))?)?")
# Neither supervisord nor uWSGI gives one of these characters a meaning.
PATH = re.compile(r"/[\w./+@~-]*")
BELOW_RELEASE = re.compile(r"[\w+@][\w./+@~-]*")
TCP = re.compile(r"([A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")
DIALECTS = ("managed", "hooks")


@dataclass(frozen=True)
class Site:
    """One pair, as it is to be configured. All paths are absolute.

    Attributes:
        application: ``module`` or ``wsgi-file``, as uWSGI's option and its value.
        address: What the HTTP server connects to, a path of a socket or HOST:PORT.
        speaks_http: The instances speak HTTP and not uWSGI's own protocol.
        user: The account of the pool and of the instances; empty: that of supervisord.
        run: The folder of sockets and FIFOs.
        output: The folder for the files that supervisord includes.
        releases: The folder of releases; then `chdir` is the link of each instance.
    """

    name: str
    application: tuple[str, str]
    chdir: str
    virtualenv: str
    user: str
    group: str
    processes: int
    threads: int
    address: str
    speaks_http: bool
    dialect: str
    run: str
    output: str
    suffix: str = ".conf"
    releases: str = ""

    @property
    def programs(self) -> tuple[str, str]:
        return (self.name, f"{self.name}bak")

    @property
    def started_by_hand(self) -> str:
        """The program that does not start with supervisord; empty if both do."""
        return "" if self.dialect == "managed" else self.programs[1]

    @property
    def pool(self) -> str:
        return f"{self.name}pool"

    @property
    def is_volatile(self) -> bool:
        """Whether the folder of the sockets is gone after a boot."""
        return self.run.startswith(("/run/", "/var/run/"))

    @property
    def pool_socket(self) -> str:
        return f"{self.run}/pool.sock"

    @property
    def fifos(self) -> tuple[str, str, str]:
        return (f"{self.run}/new.fifo", f"{self.run}/running.fifo", f"{self.run}/sleeping.fifo")

    @property
    def folder(self) -> str:
        """For the files that supervisord must not include."""
        return f"{self.output}/zerg"

    @property
    def pair_file(self) -> str:
        return f"{self.output}/{self.name}{self.suffix}"

    @property
    def plugin_file(self) -> str:
        return f"{self.output}/zerg{self.suffix}"

    @property
    def instance_ini(self) -> str:
        return f"{self.folder}/{self.name}.ini"

    @property
    def pool_ini(self) -> str:
        return f"{self.folder}/{self.name}-pool.ini"

    @property
    def tmpfiles(self) -> str:
        return f"{self.folder}/{self.name}.tmpfiles"

    @property
    def nginx(self) -> str:
        return f"{self.folder}/{self.name}.nginx"


def site_of(name: str, options: Mapping[str, Any], output: str, suffix: str) -> Site:
    """The site that the arguments of ``init`` describe.

    Raises:
        UsageError: an argument is missing or invalid.
    """
    checked_name(name)
    if ("module" in options) == ("wsgi-file" in options):
        raise UsageError(
            "name the application: --module shop.wsgi:application, or --wsgi-file FILE"
        )
    if "socket" in options and "http" in options:
        raise UsageError("give --socket or --http: the instances speak one protocol")
    run = checked_run(name, options)
    address = options.get("http") or options.get("socket") or f"{run}/web.sock"
    dialect = options.get("dialect", DIALECTS[0])
    if dialect not in DIALECTS:
        raise UsageError(f"--dialect takes {' or '.join(DIALECTS)}, not {dialect!r}")
    return Site(
        name=name,
        application=_application(options),
        chdir=_chdir(options),
        virtualenv=_below_release("venv", options) if "venv" in options else "",
        user=_account("--user", options.get("user", "")),
        group=_account("--group", options.get("group", "")),
        processes=options.get("processes", 4),
        threads=options.get("threads", 1),
        address=_address("--http" if "http" in options else "--socket", address),
        speaks_http="http" in options,
        dialect=dialect,
        run=run,
        output=_path("--output", output),
        suffix=suffix,
        releases=_path("--releases", options["releases"]) if "releases" in options else "",
    )


def _chdir(options: Mapping[str, Any]) -> str:
    """The folder in which the application runs; with releases, the link of each instance."""
    if "releases" not in options:
        return _path("--chdir", options["chdir"]) if "chdir" in options else ""
    if "chdir" in options:
        raise UsageError("give --chdir or --releases: each instance runs in its own release")
    return f"{_path('--releases', options['releases'])}/.zerg/$(SUPERVISOR_PROCESS_NAME)"


def _below_release(option: str, options: Mapping[str, Any]) -> str:
    """An absolute path, or with releases also a path in each release."""
    path: str = options[option]
    if "releases" in options and BELOW_RELEASE.fullmatch(path) and ".." not in path.split("/"):
        return f"{_chdir(options)}/{path.rstrip('/')}"
    return _path(f"--{option}", path)


def checked_name(name: str) -> str:
    """The name of a pair.

    Raises:
        UsageError: it would mean something else to supervisord.
    """
    if not NAME.fullmatch(name) or name == "zerg":
        raise UsageError(f"a pair is named like 'shop', not {name!r}")
    return name


def checked_run(name: str, options: Mapping[str, Any]) -> str:
    """The folder of sockets and FIFOs."""
    return _path("--run", options.get("run", f"/run/{name}"))


def _application(options: Mapping[str, Any]) -> tuple[str, str]:
    if "wsgi-file" in options:
        return ("wsgi-file", _below_release("wsgi-file", options))
    module = options["module"]
    if not MODULE.fullmatch(module):
        raise UsageError(f"--module takes a name such as shop.wsgi:application, not {module!r}")
    return ("module", module)


def _path(option: str, path: str) -> str:
    if not PATH.fullmatch(path):
        raise UsageError(
            f"{option} takes an absolute path of letters, digits and . _ - + @ ~, not {path!r}"
        )
    return path.rstrip("/") or "/"


def _account(option: str, account: str) -> str:
    if account and not ACCOUNT.fullmatch(account):
        raise UsageError(f"{option} takes the name of an account, not {account!r}")
    return account


def _address(option: str, address: str) -> str:
    if TCP.fullmatch(address) or PATH.fullmatch(address):
        return address
    raise UsageError(f"{option} takes an absolute path or HOST:PORT, not {address!r}")

"""The files of a new pair as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .site import Site


class Needs(NamedTuple):
    """What the files depend on: the programs of this machine.

    Attributes:
        uwsgi: The uWSGI binary.
        instance_plugins: uWSGI plugins that an instance must load; empty if they are built in.
        pool_plugins: The same for the pool.
        python: The Python that runs supervisord.
        companion: Path of companion.py.
    """

    uwsgi: str
    instance_plugins: tuple[str, ...]
    pool_plugins: tuple[str, ...]
    python: str
    companion: str


READY = "<!--XSUPERVISOR:BEGIN-->zerg ready<!--XSUPERVISOR:END-->"

CTL_PLUGIN = """\
[ctlplugin:zerg]
supervisor.ctl_factory = supervisor_zerg.controllerplugin:make_zerg_controllerplugin
"""

HTTP_SERVER = """\
[unix_http_server]
file = /run/supervisor.sock
chmod = 0700
"""


def plugin_conf(needs: Needs) -> str:
    """The plugin and its listener: once for each supervisord."""
    return f"""\
; Written by zergctl init. The plugin, and its listener, which runs hooks and health checks.

[rpcinterface:zerg]
supervisor.rpcinterface_factory = supervisor_zerg.rpcinterface:make_zerg_rpcinterface

[eventlistener:zerg]
command = {needs.python} -m supervisor_zerg.jobs.listener
events = PROCESS_STATE,PROCESS_COMMUNICATION,TICK_5,ZERG_JOB
buffer_size = 256
"""


COMMENTS = {
    ("pool", "stopsignal"): "TERM would make the socket anew",
    ("instance", "stopsignal"): "finishes the requests in progress first",
    ("instance", "stopwaitsecs"): "longer than that may take",
    ("instance", "killasgroup"): "a parked worker does not notice that its master was killed",
    ("instance", "stdout_capture_maxbytes"): "lets the instance tell Supervisor that it is ready",
}
COMMENT_COLUMN = 32


def pair_conf(site: Site, needs: Needs) -> str:
    """The programs of the pair, and its section."""
    first, second = site.programs
    programs = [
        pool_program(site, pool_options(site, needs)),
        *(instance_program(name, instance_options(site, needs, name)) for name in site.programs),
    ]
    return conf(site, f"{first} and {second} serve one socket in turns", programs)


def conf(site: Site, title: str, programs: Iterable[str]) -> str:
    """The file that supervisord includes."""
    head = f"; Written by zergctl init. {title}; {site.pool} owns that socket.\n"
    return "\n".join((head, *programs, _pair_section(site)))


def pool_options(site: Site, needs: Needs) -> dict[str, str]:
    """The program of the pool."""
    user = {"user": site.user} if site.user else {}
    return {
        "command": f"{needs.uwsgi} --ini {site.pool_ini}",
        **user,
        "priority": "10",
        "autorestart": "true",
        "stopsignal": "INT",
        "redirect_stderr": "true",
    }


def instance_options(site: Site, needs: Needs, program: str) -> dict[str, str]:
    """The program of an instance."""
    user = {"user": site.user} if site.user else {}
    # With hooks, two masters that boot at once would fight for one path.
    autostart = "false" if program == site.started_by_hand else "true"
    return {
        "command": f"{needs.uwsgi} --ini {site.instance_ini}",
        **user,
        "autostart": autostart,
        "autorestart": "true",
        "startsecs": "1",
        "stopsignal": "TERM",
        "stopwaitsecs": "75",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_capture_maxbytes": "8KB",
    }


def _program(kind: str, name: str, options: Mapping[str, str]) -> str:
    """A section of a program. ``kind`` is pool or instance."""
    lines = [f"[program:{name}]"]
    for option, value in options.items():
        line = f"{option} = {value}".replace("\n", "\n    ")
        comment = COMMENTS.get((kind, option))
        lines.append(f"{line:{COMMENT_COLUMN}} ; {comment}" if comment else line)
    return "\n".join(lines) + "\n"


def pool_program(site: Site, options: Mapping[str, str]) -> str:
    return _program("pool", site.pool, options)


def instance_program(program: str, options: Mapping[str, str]) -> str:
    return _program("instance", program, options)


def _pair_section(site: Site) -> str:
    run = site.run
    releases = f"releases = {site.releases}\n" if site.releases else ""
    return f"""\
[zerg:{site.name}]
programs = {",".join(site.programs)}
fifos = {",".join(site.fifos)}
stats = {run}/%(program_name)s.stats
pool = {site.pool}
companion = {run}/%(program_name)s.companion
{releases}health = /.zerg/ready            ; a path of your application proves more
"""


POOL_SOCKET = {"listen": "128", "chmod-socket": "660"}


def pool_ini(site: Site, needs: Needs, socket: Mapping[str, str] = POOL_SOCKET) -> str:
    """The pool: it binds the address and hands it to the instances.

    ``socket`` has the options of the socket: its queue (``listen``; at most net.core.somaxconn
    requests wait while nobody accepts) and its rights.
    """
    return f"""\
; Written by zergctl init. The pool owns the address and hands it to the instances.
[uwsgi]
{_plugins(needs.pool_plugins)}master = true
processes = 0
; socket for the instances : address for the HTTP server
zerg-pool = {site.pool_socket}:{site.address}
; its queue, and who may connect
{"".join(f"{name} = {value}" + chr(10) for name, value in socket.items())}"""


def instance_ini(site: Site, needs: Needs) -> str:
    """Both instances."""
    return "\n".join(
        (
            f"; Written by zergctl init, for both {' and '.join(site.programs)}.",
            "; $(SUPERVISOR_PROCESS_NAME) is the name of the program; Supervisor sets it.",
            "[uwsgi]",
            _application(site, needs),
            pairing(site, needs),
            "",
        )
    )


def _application(site: Site, needs: Needs) -> str:
    lines = ["; the application: change these as you like"]
    lines += [_plugins(needs.instance_plugins).rstrip()] if needs.instance_plugins else []
    lines.append(f"{site.application[0]} = {site.application[1]}")
    lines += [f"chdir = {site.chdir}"] if site.chdir else []
    if site.releases:  # `module` is found in the release
        lines.append(f"pythonpath = {site.chdir}")
    lines += [f"virtualenv = {site.virtualenv}"] if site.virtualenv else []
    lines.append(f"processes = {site.processes}")
    lines += [f"threads = {site.threads}"] if site.threads > 1 else []
    lines += ["protocol = http"] if site.speaks_http else []
    lines.append("enable-threads = true")
    return "\n".join(lines)


def pairing(site: Site, needs: Needs) -> str:
    """What makes a pair of two instances, in the section ``[uwsgi]`` of their ini."""
    run = site.run
    program = "$(SUPERVISOR_PROCESS_NAME)"
    hooks = site.dialect == "hooks"
    lines = [
        "; the pair: zergctl check explains what happens without one of these",
        "master = true",
        "need-app = true",
        "ignore-sigpipe = true",
        f"wait-for-socket = {site.pool_socket}",
        f"zerg = {site.pool_socket}",
        *(f"master-fifo = {fifo}" for fifo in site.fifos),
        f"stats = {run}/{program}.stats",
        *(["env = ZERG_BOOT=serving"] if hooks else []),
        f"env = ZERG_COMPANION_SOCKET={run}/{program}.companion",
        f"shared-py-import = {needs.companion}",
        "; paths of the application that each worker requests before it accepts",
        "; env = ZERG_WARM=/ /about",
        "hook-master-start = unix_signal:15 gracefully_kill_them_all",
        *(_hooks(site) if hooks else []),
        f"hook-accepting1-once = !print:{READY}",
    ]
    return "\n".join(lines)


def _hooks(site: Site) -> list[str]:
    new, running, _ = site.fifos
    return [
        f"hook-asap = exec:test -e {running} || mkfifo -m 600 {running} || true",
        f"hook-accepting1-once = writefifo:{running} p2",
        f"hook-accepting1-once = spinningfifo:{new} 1",
    ]


def _plugins(names: tuple[str, ...]) -> str:
    return f"plugins = {','.join(names)}\n" if names else ""


def tmpfiles(site: Site) -> str:
    """The line that makes the folder of sockets and FIFOs again at each boot."""
    user = site.user or "root"
    return (
        f"# Written by zergctl init. /run is empty after a boot: this makes {site.run} again.\n"
        f"d {site.run} 2750 {user} {site.group or user} -\n"
    )


def nginx(site: Site) -> str:
    """The location of an nginx server."""
    upstream = f"unix:{site.address}" if site.address.startswith("/") else site.address
    if site.speaks_http:
        lines = [
            f"proxy_pass http://{upstream}{':' if upstream.startswith('unix:') else ''};",
            "proxy_set_header Host $host;",
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            "proxy_set_header X-Forwarded-Proto $scheme;",
            "proxy_read_timeout 300s;",
        ]
    else:
        lines = [
            "include uwsgi_params;",
            f"uwsgi_pass {upstream};",
            "uwsgi_read_timeout 300s;",
        ]
    body = "\n".join(f"    {line}" for line in lines)
    return f"""\
# Written by zergctl init. Include this in a server of nginx.
location / {{
{body}
}}
"""


def files(site: Site, needs: Needs, with_nginx: bool, with_plugin: bool) -> dict[str, str]:
    """Every file by its path, in the order in which a reader needs them."""
    found = {site.plugin_file: plugin_conf(needs)} if with_plugin else {}
    found[site.pair_file] = pair_conf(site, needs)
    found[site.instance_ini] = instance_ini(site, needs)
    found[site.pool_ini] = pool_ini(site, needs)
    if site.is_volatile:
        found[site.tmpfiles] = tmpfiles(site)
    if with_nginx:
        found[site.nginx] = nginx(site)
    return found

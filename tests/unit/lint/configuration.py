"""A configuration without any fault, and edits of it."""

from types import SimpleNamespace

from supervisor_zerg.lint import check
from supervisor_zerg.lint.config_reader import read_config_model

PROGRAM = """\
[program:%s]
command = uwsgi --ini %%(here)s/app.ini
stopwaitsecs = 75
killasgroup = true
redirect_stderr = true
stdout_capture_maxbytes = 8KB
autostart = %s
"""
CLEAN = {
    "s.conf": """\
[unix_http_server]
file = /run/s.sock
[supervisord]
[supervisorctl]
[rpcinterface:zerg]
supervisor.rpcinterface_factory = supervisor_zerg.rpcinterface:make_zerg_rpcinterface
[ctlplugin:zerg]
supervisor.ctl_factory = supervisor_zerg.controllerplugin:make_zerg_controllerplugin
[eventlistener:zerg]
command = zerg-listener
events = PROCESS_STATE,PROCESS_COMMUNICATION,TICK_5,ZERG_JOB
buffer_size = 256
[zerg:web]
programs = a,b
fifos = /run/web/0,/run/web/1,/run/web/2
stats = /run/web/%(program_name)s.stats
pool = pool
[program:pool]
command = uwsgi --ini %(here)s/pool.ini
priority = 10
stopsignal = INT
"""
    + PROGRAM % ("a", "true")
    + PROGRAM % ("b", "false"),
    "app.ini": """\
[uwsgi]
master = true
need-app = true
ignore-sigpipe = true
zerg = /run/web/pool.sock
master-fifo = /run/web/0
master-fifo = /run/web/1
master-fifo = /run/web/2
stats = /run/web/$(SUPERVISOR_PROCESS_NAME).stats
hook-master-start = unix_signal:15 gracefully_kill_them_all
hook-accepting1-once = spinningfifo:/run/web/0 1
hook-accepting1-once = !print:<!--XSUPERVISOR:BEGIN-->zerg ready<!--XSUPERVISOR:END-->
""",
    "pool.ini": """\
[uwsgi]
zerg-pool = /run/web/pool.sock:/run/web/web.sock
listen = 500
processes = 0
""",
}
HOOK = "hook-accepting1-once = "
INCLUDE = ("s.conf", "[supervisord]", "[include]\nfiles = more.conf\n[supervisord]")


def write(folder, *case):
    """Write the clean files with edits; returns the path of supervisord's."""
    files = dict(CLEAN)
    for file, old, new in _edits(case):
        text = files.get(file, "")
        assert old in text, (file, old)
        files[file] = text.replace(old, new) if old else text + new
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder / "s.conf"


def _edits(case):
    """The edits of a case: its first three strings, and each tuple."""
    own = [case[:3]] if case and isinstance(case[0], str) else []
    return own + [edit for edit in case if isinstance(edit, tuple)]


def found(path, pair="", **environ):
    expansions = {"ENV_" + name: value for name, value in environ.items()}
    options = SimpleNamespace(
        configfile=str(path), here=str(path.parent), environ_expansions=expansions
    )
    return check.check(read_config_model(options), pair)


def ids(findings):
    return {finding.id for finding in findings}

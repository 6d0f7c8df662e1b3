<<<<<<< Updated upstream
"""``zerg check``: conf.d is clean, each rule finds its fault and nothing else, files are read
right.

``wild`` holds configurations of public projects, written anew from their facts.
"""
=======
"""The command ``zerg check``: its output, its exit status, and files that cannot be read."""
>>>>>>> Stashed changes

import json
import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor_zerg.cli import main
from supervisor_zerg.core.errors import ExitStatus
from supervisor_zerg.lint import check, uwsgi_ini
from supervisor_zerg.lint.uwsgi_ini import IniReader, Place, Unreadable

<<<<<<< Updated upstream
WILD = Path(__file__).parent / "wild"
ROOT = Path(__file__).parents[3]
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
    "pool.ini": (
        "[uwsgi]\nzerg-pool = /run/web/pool.sock:/run/web/web.sock\nlisten = 500\nprocesses = 0\n"
    ),
}
HOOK = "hook-accepting1-once = "
INCLUDE = ("s.conf", "[supervisord]", "[include]\nfiles = more.conf\n[supervisord]")

# The id of a rule, then edits: a file, the text to replace (empty: append), the new text.
FAULTS = [
    ("no-http-server", "s.conf", "[unix_http_server]", "[x]"),
    ("no-plugin", "s.conf", "[rpcinterface:zerg]", "[x]"),
    ("plugin-factory", "s.conf", "make_zerg_rpcinterface", "make_zrg"),
    ("plugin-factory", "s.conf", "supervisor_zerg.rpcinterface:", "zerg.rpcinterface:"),
    ("plugin-name", "s.conf", "[rpcinterface:zerg]", "[rpcinterface:other]"),
    ("no-listener", "s.conf", "[eventlistener:zerg]", "[x]"),
    ("listener-events", "s.conf", ",ZERG_JOB", ""),
    ("listener-events", "s.conf", "TICK_5", "TICK_3600"),
    ("listener-events", "s.conf", "PROCESS_STATE,", "PROCESS_STATE_FATAL,"),
    ("listener-events", "s.conf", ",TICK_5", ""),
    ("listener-events", "s.conf", "PROCESS_STATE,", ""),
    ("listener-buffer", "s.conf", "buffer_size = 256", ""),
    ("listener-buffer", "s.conf", "buffer_size = 256", "buffer_size = 11"),
    ("listener-stdout", "s.conf", "buffer_size", "redirect_stderr = true\nbuffer_size"),
    ("listener-password", "s.conf", "file = /run/s.sock", "username = u\npassword = p"),
    (
        "listener-password",
        "s.conf",
        "file =",
        "username = u\npassword = p\nfile =",
        ("s.conf", "buffer_size", 'environment=SUPERVISOR_USERNAME="u"\nbuffer_size'),
    ),
    (
        "listener-password",
        "s.conf",
        "file =",
        "username = u\npassword = {SHA}5\nfile =",
        (
            "s.conf",
            "buffer_size",
            'environment=SUPERVISOR_USERNAME="u",SUPERVISOR_PASSWORD="{SHA}5"\nbuffer_size',
        ),
    ),
    ("ctlplugin-factory", "s.conf", "make_zerg_controllerplugin", "make_zrg"),
    ("ctlplugin-factory", "s.conf", "supervisor.ctl_factory", "ctl_factory"),
    (
        "ctlplugin-missing",
        "s.conf",
        "[ctlplugin:zerg]\nsupervisor.ctl_factory = supervisor_zerg.controllerplugin:make",
        "[ctlplugin:x]\nsupervisor.ctl_factory = x:y",
    ),
    (
        "ctlplugin-included",
        INCLUDE,
        ("more.conf", "", "[ctlplugin:zerg]\nsupervisor.ctl_factory = x:y\n"),
    ),
    ("ctlplugin-missing", "s.conf", "[ctlplugin:zerg]", "[x]"),
    ("include-nested", INCLUDE, ("more.conf", "", "[include]\nfiles = y.conf\n")),
    ("here-in-plugin", "s.conf", "[ctlplugin:zerg]", "history = %(here)s/h\n[ctlplugin:zerg]"),
    ("http-open", "s.conf", "", "[inet_http_server]\nport = 9001\n"),
    ("http-open", "s.conf", "", "[inet_http_server]\nport = 0.0.0.0:9001\nusername = u\n"),
    ("http-local", "s.conf", "", "[inet_http_server]\nport = 127.0.0.1:9001\n"),
    ("http-chmod", "s.conf", "file =", "chmod = 0777\nfile ="),
    ("section", "s.conf", "fifos = /run/web/0,", "fifos = "),
    ("section", "s.conf", "", "[zerg:x]\nprograms = a,c\nstats =\n"),
    ("no-section", "s.conf", "[zerg:web]", "[x]"),
    ("program-missing", "s.conf", "programs = a,b", "programs = a,c"),
    (
        "program-missing",
        "s.conf",
        "[program:a]",
        "[program:a]\nnumprocs = 2\nprocess_name = a%(process_num)s",
    ),
    ("pool-missing", "s.conf", "pool = pool", "pool = lake"),
    ("fifos-differ", "s.conf", "/run/web/0,/run/web/1", "/run/web/1,/run/web/0"),
    ("fifos-differ", "app.ini", "master-fifo = /run/web/2", "master-fifo = /run/web/3"),
    ("fifos-differ", "app.ini", "", "master-fifo = /run/web/3"),
    ("stats-shared", "app.ini", "$(SUPERVISOR_PROCESS_NAME)", "x"),
    ("stats-differ", "app.ini", "stats =", "no ="),
    ("stats-differ", "app.ini", "/run/web/$", "/run/$"),
    (
        "companion-differs",
        "s.conf",
        "pool = pool",
        "pool = pool\ncompanion = /run/web/%(program_name)s.c",
        (
            "app.ini",
            "",
            "env = ZERG_COMPANION_SOCKET=/run/web/$(SUPERVISOR_PROCESS_NAME).companion\n",
        ),
    ),
    (
        "companion-differs",
        "s.conf",
        "pool = pool",
        "pool = pool\ncompanion = /run/web/%(program_name)s.c\nhealth = /ok",
    ),
    ("fifo-folder", "app.ini", "/run/web/0", "/tmp/0"),
    ("fifo-folder", "app.ini", "/run/web/0", "/tmp/not/yet/there/0"),
    (
        "fifo-folder",
        "s.conf",
        "/run/web/0,/run/web/1,/run/web/2",
        "/tmp/0,/tmp/1,/tmp/2",
        ("app.ini", "master-fifo", "x"),
    ),
    ("pool-priority", "s.conf", "priority = 10", "priority = 999"),
    (
        "pool-priority",
        "s.conf",
        "",
        "[group:g]\nprograms = pool\n",
        ("s.conf", "pool = pool", "pool = g:pool"),
    ),
    ("pool-autostart", "s.conf", "priority = 10", "priority = 10\nautostart = false"),
    ("both-autostart", "s.conf", "autostart = false", ""),
    ("stopwaitsecs", "s.conf", "stopwaitsecs = 75", "stopwaitsecs = 60"),
    ("stopwaitsecs", "s.conf", "pool = pool", "pool = pool\ndrain_timeout = 80"),
    ("stopwaitsecs", "app.ini", "", "worker-reload-mercy = 80\n"),
    ("own-writefifo", "app.ini", "spinningfifo", "writefifo"),
    ("own-writefifo", "app.ini", "spinningfifo:/run", "writefifo:/var/run"),
    ("own-writefifo", "app.ini", "", HOOK + "exec:echo 1 > /run/web/0\n"),
    (
        "if-variable",
        "app.ini",
        "",
        "if-exists = $(RUN)/1\n" + HOOK + "writefifo:/run/web/1 p2\nendif =\n",
    ),
    ("hook-brutal", "app.ini", "", HOOK + "writefifo:/run/web/2 Q\n"),
    ("hook-brutal", "app.ini", "", HOOK + "exec:printf 'Q\\n' >> /run/web/2\n"),
    ("hook-quit", "app.ini", "", HOOK + "writefifo:/run/web/2 2q\n"),
    ("hook-digit-p", "app.ini", "", HOOK + "writefifo:/run/web/1 2p\n"),
    ("hook-digit-p", "app.ini", "", HOOK + "exec:sleep 1; echo -n 2p > /run/web/1; true\n"),
    ("hook-reload", "app.ini", "", HOOK + "writefifo:/run/web/1 r\n"),
    ("hook-blocks", "app.ini", "", "hook-touch = /run/web/t exec:sleep 3\n"),
    (
        "autorestart-quit",
        "s.conf",
        "autostart",
        "autorestart = true\nautostart",
        ("app.ini", "", HOOK + "writefifo:/run/web/2 q\n"),
    ),
    (
        "boot-lazy",
        "app.ini",
        "",
        "lazy-apps = true\nhook-post-app = callint:suspend_resume_them_all 0\n",
    ),
    ("boot-stopped", "app.ini", "", "hook-master-start = callint:suspend_resume_them_all 0\n"),
    ("boot-crash", "app.ini", "", "hook-as-user = callint:suspend_resume_them_all 0\n"),
    ("boot-parked", "app.ini", "", "shared-py-import = /lib/companion.py\n"),
    ("sigterm", "app.ini", "unix_signal:15", "unix_signal:16"),
    ("brutal-stop", "s.conf", "killasgroup", "stopsignal = INT\nkillasgroup"),
    ("brutal-stop", "s.conf", "killasgroup", "stopsignal = 2\nkillasgroup"),
    ("stop-nothing", "s.conf", "killasgroup", "stopsignal = USR1\nkillasgroup"),
    ("brutal-stop", "app.ini", "hook-master-start", "die-on-term = true\nx"),
    ("stop-reloads", "s.conf", "killasgroup", "stopsignal = SIGHUP\nkillasgroup"),
    ("ready-print", "app.ini", "!print", "print"),
    ("ready-capture", "s.conf", "stdout_capture_maxbytes = 8KB", ""),
    ("ready-capture", "s.conf", "redirect_stderr = true", ""),
    ("broken", "s.conf", "app.ini", "nix.ini"),
    ("broken", "app.ini", "", "include = nix.ini\n"),
    ("unread", "s.conf", "uwsgi --ini %(here)s/app.ini", "/srv/start.sh"),
    ("unread", "s.conf", "--ini %(here)s/app.ini", "--yaml app.yml"),
    ("unexpanded", "s.conf", "uwsgi --ini", "%(ENV_NIX)s/uwsgi --ini"),
    ("unexpanded", "app.ini", "", "chdir = $(NIX)\n"),
    ("inline-comment", "app.ini", "", "processes = 4 ; cores\n"),
    ("daemonize", "app.ini", "", "daemonize = /x.log\n"),
    ("daemonize", "pool.ini", "", "daemonize = /x.log\n"),
    ("vacuum", "app.ini", "", "vacuum = true\n"),
    ("vacuum", "s.conf", "app.ini", "app.ini --vacuum"),
    ("fifos-few", "app.ini", "master-fifo = /run/web/2", ""),
    ("need-app", "app.ini", "need-app = true", "need-app = false"),
    ("master", "app.ini", "master = true", ""),
    ("ignore-sigpipe", "app.ini", "ignore-sigpipe = true", ""),
    ("async", "app.ini", "", "gevent = 10\n"),
    ("async", "app.ini", "", "async = 10\nugreen = true\n"),
    ("async", "app.ini", "", "loop = asyncio\n"),
    ("async", "app.ini", "", "tornado = 10\n"),
    ("threads", "app.ini", "", "threads = 4\n"),
    ("thunder-lock", "app.ini", "", "thunder-lock = true\n"),
    ("touch-reload", "app.ini", "", "touch-reload = /x\n"),
    ("touch-reload", "app.ini", "", "py-autoreload = 1\n"),
    ("recycling", "app.ini", "", HOOK + "writefifo:/run/web/1 p2\nmax-requests = 100\n"),
    ("recycling", "app.ini", "", HOOK + "writefifo:/run/web/1 p2\ncheaper = 2\n"),
    ("emperor", "app.ini", "", "emperor = /etc/vassals\n"),
    ("no-orphans", "app.ini", "", "no-orphans = true\n"),
    ("stats-http", "app.ini", "", "stats-http = true\n"),
    ("stats-cores", "app.ini", "", "gevent = 100\n"),
    ("stats-blind", "app.ini", "", "stats-no-cores = true\n"),
    ("user", "app.ini", "", "uid = www-data\n"),
    ("zerg-missing", "app.ini", "zerg =", "socket ="),
    ("zerg-served", "app.ini", "/run/web/pool.sock", "/run/web/web.sock"),
    ("zerg-unknown", "app.ini", "/run/web/pool.sock", "/run/web/x.sock"),
    ("startsecs", "s.conf", "killasgroup", "startsecs = 0\nkillasgroup"),
    ("killasgroup", "s.conf", "killasgroup = true", ""),
    ("stopasgroup", "s.conf", "killasgroup", "stopasgroup"),
    ("pool-none", "pool.ini", "zerg-pool", "socket"),
    ("pool-syntax", "pool.ini", ":/run/web/web.sock", ""),
    ("pool-workers", "pool.ini", "processes = 0", "processes = 2"),
    ("pool-listen", "pool.ini", "listen = 500", ""),
    ("pool-listen", "pool.ini", "listen = 500", "listen = 1"),
    ("pool-signal", "s.conf", "stopsignal = INT", ""),
    ("pool-signal", "s.conf", "stopsignal = INT", "stopsignal = HUP"),
    ("pool-tcp", "pool.ini", ":/run/web/web.sock", ":127.0.0.1:80"),
]
NO_FAULTS = [
    ("no-http-server", "s.conf", "[unix_http_server]", "[inet_http_server]"),
    ("listener-events", "s.conf", "PROCESS_STATE,PROCESS_COMMUNICATION,TICK_5,ZERG_JOB", "EVENT"),
    (
        "listener-password",
        "s.conf",
        "file =",
        "username = u\npassword = {SHA}5\nfile =",
        (
            "s.conf",
            "[supervisord]",
            '[supervisord]\nenvironment=SUPERVISOR_USERNAME="u",SUPERVISOR_PASSWORD="p"',
        ),
    ),
    (
        "listener-password",
        "s.conf",
        "",
        "[inet_http_server]\nport = *:9001\nusername = u\npassword = p\n",
    ),
    ("listener-events", "s.conf", "TICK_5,ZERG_JOB", "TICK,ZERG"),
    (
        "companion-differs",
        "s.conf",
        "pool = pool",
        "pool = pool\ncompanion = /var/run/web/%(program_name)s.c\nhealth = /ok",
        ("app.ini", "", "env = ZERG_COMPANION_SOCKET=/run/web/$(SUPERVISOR_PROCESS_NAME).c\n"),
    ),
    (
        "pool-priority",
        "s.conf",
        "",
        "[group:g]\nprograms = pool,a,b\n",
        ("s.conf", "pool = pool", "pool = g:pool"),
        ("s.conf", "programs = a,b\nf", "programs = g:a,g:b\nf"),
    ),
    ("pool-signal", "s.conf", "stopsignal = INT", "", ("pool.ini", "", "die-on-term = true\n")),
    (
        "boot-parked",
        "app.ini",
        "",
        "shared-py-import = /lib/companion.py\nenv = ZERG_BOOT=serving\n",
    ),
    (
        "boot-parked",
        "app.ini",
        "",
        "shared-py-import = /lib/companion.py\n",
        ("app.ini", "spinningfifo", "x"),
    ),
    ("zerg-unknown", "app.ini", "zerg = /run", "zerg = /var/run"),
    (
        "stats-differ",
        "app.ini",
        "stats = /run/web",
        "stats = %(folder)",
        ("app.ini", "", "set = folder=/run/web\n"),
    ),
    ("inline-comment", "app.ini", "", HOOK + "exec:sleep 1; true ; false\n"),
    (
        "brutal-stop",
        "s.conf",
        "killasgroup",
        "stopsignal = INT\nkillasgroup",
        ("app.ini", "unix_signal:15", "unix_signal:2"),
    ),
    ("here-in-plugin", "s.conf", "[ctlplugin:zerg]", "x = %(here)s\n[ctlplugin:zerg]", INCLUDE),
    ("http-open", "s.conf", "", "[inet_http_server]\nport = *:9001\nusername = u\npassword = p\n"),
    ("http-chmod", "s.conf", "file =", "chmod = 0770\nfile ="),
    ("program-missing", "s.conf", "[program:a]", "[program:a]\nnumprocs = 1"),
    ("pool-missing", "s.conf", "pool = pool", "pool ="),
    ("stats-differ", "s.conf", "stats = /run/web/%(program_name)s.stats", "stats ="),
    (
        "pool-autostart",
        "s.conf",
        "autostart = true",
        "autostart = false",
        ("s.conf", "priority = 10", "priority = 10\nautostart = false"),
    ),
    ("stopwaitsecs", "s.conf", "stopwaitsecs = 75", "stopwaitsecs = 61"),
    ("own-writefifo", "app.ini", "", HOOK + "writefifo:/run/web/1 p2\n"),
    ("hook-digit-p", "app.ini", "", HOOK + "writefifo:/run/web/1 p2\n"),
    ("hook-quit", "app.ini", "", HOOK + "exec:quit Q 2p r\n"),
    ("autorestart-quit", "app.ini", "", HOOK + "writefifo:/run/web/2 q\n"),
    ("boot-lazy", "app.ini", "", "hook-post-app = callint:suspend_resume_them_all 0\n"),
    (
        "sigterm",
        "s.conf",
        "killasgroup",
        "stopsignal = INT\nkillasgroup",
        ("app.ini", "hook-master-start", "x"),
    ),
    ("brutal-stop", "app.ini", "", "die-on-term = true\n"),
    ("inline-comment", "app.ini", "", "module = a;b\n; processes = 1 ; x\n"),
    ("vacuum", "app.ini", "", "vacuum = true\nvacuum = false\n"),
    ("vacuum", "app.ini", "", "; vacuum = true\n#vacuum = true\n[other]\nvacuum = true\n"),
    ("need-app", "app.ini", "need-app = true", "need-app ="),
    (
        "async",
        "app.ini",
        "",
        "gevent = 10\n",
        ("s.conf", "pool = pool", "pool = pool\nretire = stop"),
    ),
    ("threads", "app.ini", "", "threads = 1\n"),
    (
        "threads",
        "app.ini",
        "",
        "threads = 4\n",
        ("s.conf", "pool = pool", "pool = pool\nfreeze = true"),
    ),
    ("recycling", "app.ini", "", "max-requests = 100\n"),
    ("startsecs", "s.conf", "killasgroup", "startsecs = 0\nautorestart = false\nkillasgroup"),
    ("killasgroup", "s.conf", "killasgroup = true", "", ("app.ini", "", "no-orphans = true\n")),
    ("killasgroup", "s.conf", "killasgroup", "stopasgroup"),
    ("need-app", "s.conf", "uwsgi --ini %(here)s/app.ini", "sh -c 'uwsgi x.ini'"),
    ("zerg-unknown", "s.conf", "uwsgi --ini %(here)s/pool.ini", "/srv/pool.sh"),
]


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


# conf.d and the clean files


@pytest.mark.parametrize("dialect", ["managed", "hooks"])
def test_conf_d_is_clean(dialect):
    stack = Stack(dialect)
    try:
        assert found(stack.conf, **stack.environment) == []
    finally:
        shutil.rmtree(stack.folder)


def test_the_clean_configuration_has_no_finding(tmp_path):
    assert found(write(tmp_path)) == []


# each rule


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case[0])
def test_a_rule_finds_its_fault(case, tmp_path):
    findings = [f for f in found(write(tmp_path, *case[1:])) if f.id == case[0]]
    assert findings
    for finding in findings:
        (rule,) = [rule for rule in check.RULES if rule.id == finding.id]
        assert (finding.severity, finding.reason, finding.fix) == (
            rule.severity,
            rule.reason,
            rule.fix,
        )
        assert Path(finding.file).parent == tmp_path and finding.line >= (
            0 if finding.id == "no-section" else 1
        )


@pytest.mark.parametrize("case", NO_FAULTS, ids=lambda case: case[0])
def test_a_rule_finds_nothing_where_there_is_no_fault(case, tmp_path):
    assert case[0] not in ids(found(write(tmp_path, *case[1:])))


def test_every_rule_has_an_id_of_its_own_its_texts_and_a_case():
    names = [rule.id for rule in check.RULES]
    assert len(set(names)) == len(names)
    assert {case[0] for case in FAULTS} == set(names) >= {case[0] for case in NO_FAULTS}
    for rule in check.RULES:
        assert (
            re.fullmatch("[a-z-]+", rule.id)
            and rule.severity in check.SEVERITIES
            and all(text.isascii() for text in (rule.summary, rule.reason, rule.fix))
        )


def test_a_finding_has_its_file_and_line_and_appears_once_for_two_instances(tmp_path):
    (finding,) = found(write(tmp_path, "app.ini", "need-app = true", "need-app = true\nvacuum = 1"))
    assert (finding.file, finding.line, finding.pair, finding.message) == (
        str(tmp_path / "app.ini"),
        4,
        "web",
        "vacuum = 1",
    )
    (finding,) = found(
        write(tmp_path, "s.conf", "priority = 10", "priority = 10\nautostart = false")
    )
    assert (finding.line, finding.id) == (
        CLEAN["s.conf"].splitlines().index("priority = 10") + 2,
        "pool-autostart",
    )


def test_findings_are_in_the_order_of_file_and_line(tmp_path):
    findings = found(WILD / "article" / "supervisord.conf")
    assert [(f.file, f.line) for f in findings] == sorted((f.file, f.line) for f in findings)


def test_one_pair_can_be_checked(tmp_path):
    path = write(
        tmp_path, "s.conf", "", "[zerg:other]\nprograms = c,d\nfifos = /1,/2,/3\nstats =\n"
    )
    assert (
        ids(found(path)) == {"pool-missing", "program-missing"} and ids(found(path, "web")) == set()
    )


# configurations of public projects


def test_the_documented_findings_in_public_configurations_are_true():
    table = (ROOT / "docs" / "uwsgi-internals.rst").read_text().partition(".. _wild:")[2]
    rows = re.findall(r"^``([a-z]+)`` +([0-9]+)  ((?:.+\n)(?: .*\n)*)", table, re.M)
    told = {name: (int(count), traps.split()) for name, count, traps in rows}
    seen = {
        folder.name: sorted(ids(found(folder / "supervisord.conf"))) for folder in WILD.iterdir()
    }
    assert told == {name: (len(traps), traps) for name, traps in seen.items()} and len(told) >= 8


def test_the_documented_output_for_the_article_is_true(monkeypatch, capsys):
    quoted = (
        (ROOT / "docs" / "check.rst")
        .read_text()
        .partition("$ zergctl check -c article/supervisord.conf")[2]
        .partition("``if-...``")[0]
    )
    monkeypatch.chdir(WILD)
    assert main.main(["check", "-c", "article/supervisord.conf"]) == ExitStatus.FOUND
    told = capsys.readouterr().out.replace(f"{WILD}/", "").splitlines()
    assert [
        line
        for line in quoted.splitlines()
        if line.strip() not in ("", "...") and line[4:] not in told
    ] == []


# how an ini is read


def read(folder, text, command_line=(), **environ):
    (folder / "x.ini").write_text(text)
    reader = IniReader(str(folder), environ)
    reader.load("x.ini", Place("s.conf", 1))
    return reader


@pytest.mark.parametrize(
    "text, options",
    [
        ("a = 1\n a=2 \r\nb", [("a", "1"), ("a", "2"), ("b", "")]),
        ("; a = 1\n#b\n[other]\nc = 1\n[uwsgi]\nd = = 2", [("d", "= 2")]),
        ("a = $(HOME)/$(NIX)", [("a", "/home/$(NIX)")]),
        (
            "b = %(a)%(nix)\na = 1\na = 2\nset = q=5\nset = q=6\nc = %(q)\nset-ph = "
            "r=%(q)6\nd = %(r)",
            [("b", "1%(nix)"), ("a", "1"), ("a", "2"), ("c", "5"), ("d", "56")],
        ),
        (
            "if-exists = /x\na = %(_)\nendif =\nb = %(_)",
            [("if-exists", "/x"), ("a", "/x"), ("b", "%(_)")],
        ),
        ("if-env = X\na = 1\nelse =\na = 2\nend-if =", [("if-env", "X"), ("a", "1"), ("a", "2")]),
        (
            "for = x y\na = %(_)\nendfor =\nfor-times = 2\nb = %(_)\nend =",
            [("a", "x"), ("a", "y"), ("b", "1"), ("b", "2")],
        ),
        (
            "for-glob = /x/*\na = %(_)\nendfor =\nfor-times = lots\nb = %(_)",
            [("a", "%(_)"), ("b", "%(_)")],
        ),
        ("for = \na = 1\nendfor =", []),
        ("a = @(y.txt)\nb = @(nix)", [("a", "hello"), ("b", "@(nix)")]),
        (
            "include = y.ini\nini = :more\ninherit = y.ini:part",
            [("y", "1"), ("m", "2"), ("p", "3")],
        ),
        ("a = %n.%e %s %%(nix) %%", [("a", "x.ini x.ini %(nix) %")]),
    ],
)
def test_an_ini_is_read_as_uwsgi_reads_it(text, options, tmp_path):
    (tmp_path / "y.ini").write_text("[uwsgi]\ny = 1\n[part]\np = 3\n")
    (tmp_path / "y.txt").write_text("hello\n")
    reader = read(tmp_path, f"[uwsgi]\n{text}\n[more]\nm = 2\n", HOME="/home")
    assert [(option.name, option.value) for option in reader.options] == options


def test_an_option_has_its_line_and_the_first_section_is_home(tmp_path):
    reader = read(tmp_path, "\n; x\n[uwsgi]\na = %p\n\nb = %d\n")
    assert [(option.line, option.value) for option in reader.options] == [
        (4, str(tmp_path / "x.ini")),
        (6, f"{tmp_path}/"),
    ]
    assert reader.home == Place(str(tmp_path / "x.ini"), 3)


@pytest.mark.parametrize(
    "command, options",
    [
        (
            "uwsgi --threads 4 -T --vacuum -p8 -MT -l 100 --need-app --stats=/x",
            "threads=4 enable-threads=true vacuum=true processes=8 master=true "
            "enable-threads=true listen=100 need-app=true stats=/x",
        ),
        ("/a/venv/bin/uwsgi-core --vacuum x.ini", "vacuum=true from=x"),
        ("uwsgi --http-keepalive x.ini:other --lazy", "http-keepalive=true other=1 lazy=true"),
        (
            "uwsgi --env X=/etc/nix.ini --set y=nix.ini --pyargv x.yaml --chdir nix.ini x.ini",
            "env=X=/etc/nix.ini pyargv=x.yaml chdir=nix.ini from=x",
        ),
        ("env A=1 nice -n 5 pyuwsgi --ini-paste config:x.ini", "from=x"),
        ("uwsgi --set q=7 --stats %(q) --http-socket :80 app.py", "stats=7 http-socket=:80"),
        ("uwsgi --ini", None),
    ],
)
def test_the_options_of_a_command_line(command, options, tmp_path):
    (tmp_path / "x.ini").write_text("[uwsgi]\nfrom = x\n[other]\nother = 1\n")
    reader, broken = read_command(command, Place("s.conf", 1), str(tmp_path), {})
    assert bool(broken) == (options is None)
    assert " ".join(f"{option.name}={option.value}" for option in reader.options) == (options or "")


def test_an_ini_is_read_as_uwsgi_itself_says_that_it_reads_it(tmp_path):
    uwsgi = shutil.which("uwsgi", path=os.path.dirname(sys.executable)) or pytest.skip(
        "uwsgi is not installed: pip install -e .[test]"
    )
    text = (
        "set = a=%(b)x\nb = 1\nc = %(a)\nb = 2\nd = %(late)\nlate = 9\nset-ph = e=5\nset-ph = "
        "e=6\nf = %(e)%(nix)\ng = $(TERM)%(e)\n"
    )
    reader = read(
        tmp_path,
        "[uwsgi]\n" + text + "set = h=$(TERM)\ni = %(h)\nfor = 1 2\nj = %(_)%(b)\nendfor =\n",
        TERM="vt100",
    )
    shown = subprocess.run(
        [uwsgi, "--show-config", "--ini", "x.ini"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"TERM": "vt100"},
    )
    theirs = re.findall("^([a-z]) = (.*)$", shown.stdout + shown.stderr, re.M)
    ours = [(option.name, option.value) for option in reader.options if len(option.name) == 1]
    assert ours and ours == [item for item in theirs if item[0] in dict(ours)]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "'",
        "start.sh",
        "/srv/uwsgi.sh --ini x.ini",
        "start.sh /etc/uwsgi.ini",
        "sh -c 'uwsgi --ini x.ini'",
        "uwsgi --xml x.xml",
        "uwsgi x.yml",
        "uwsgi --ini http://x/y",
    ],
)
def test_a_command_that_hides_how_it_runs_uwsgi_is_reported(command):
    reader, broken = read_command(command, Place("s.conf", 1), "", {})
    assert len(reader.unread) == 1 and not broken


# the command
=======
from .configuration import CLEAN, found, write
>>>>>>> Stashed changes


def zerg_check(path, *words, monkeypatch, before=()):
    def refuse(*_):
        raise AssertionError("check must not connect to supervisord")

    monkeypatch.setattr(main.ZergController, "get_server_proxy", refuse)
    return main.main([*before, "-c", str(path), "check", *words])


def test_a_clean_configuration_and_notes_end_with_status_0(tmp_path, monkeypatch, capsys):
    assert zerg_check(write(tmp_path), monkeypatch=monkeypatch) == 0
    assert capsys.readouterr() == ("0 errors, 0 warnings, 0 notes\n", "")
    assert zerg_check(write(tmp_path, "pool.ini", "listen = 500", ""), monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.endswith("0 errors, 0 warnings, 1 note\n")


def test_a_fault_is_printed_with_its_place_reason_and_fix_and_ends_with_status_1(
    tmp_path, monkeypatch, capsys
):
    path = write(tmp_path, "app.ini", "", "vacuum = true\n")
    assert zerg_check(path, "web", monkeypatch=monkeypatch) == ExitStatus.FOUND
    first, reason, fix, total = capsys.readouterr().out.splitlines()
    assert first == f"{tmp_path / 'app.ini'}:13: error vacuum: vacuum = true"
    assert (
        reason.startswith("    reason: ")
        and fix == "    fix: remove it"
        and total == "1 error, 0 warnings, 0 notes"
    )


def test_json_is_an_array_of_findings(tmp_path, monkeypatch, capsys):
    assert (
        zerg_check(
            write(tmp_path, "app.ini", "", "vacuum = true\n"), "--json", monkeypatch=monkeypatch
        )
        == ExitStatus.FOUND
    )
    (finding,) = json.loads(capsys.readouterr().out)
    assert (
        set(finding) == {"id", "severity", "file", "line", "pair", "message", "reason", "fix"}
        and finding["line"] == 13
    )


def test_a_file_without_a_section_for_supervisorctl_can_be_checked(tmp_path, monkeypatch):
    assert (
        zerg_check(write(tmp_path, "s.conf", "[supervisorctl]", "[x]"), monkeypatch=monkeypatch)
        == 0
    )
    monkeypatch.chdir(tmp_path)
    assert zerg_check("s.conf", monkeypatch=monkeypatch) == 0


def test_the_file_may_be_named_after_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    path = write(tmp_path / "elsewhere", "app.ini", "", "vacuum = true\n")
    assert (
        main.main(["check", "web", "-c", str(path)]) == ExitStatus.FOUND
        and "error vacuum" in capsys.readouterr().out
    )
    assert main.main(["check", f"-c={path}", "--json"]) == ExitStatus.FOUND and json.loads(
        capsys.readouterr().out
    )
    assert (
        main.main(["check", "-c"]) == ExitStatus.USAGE
        and "-c takes a word" in capsys.readouterr().err
    )
    assert (
        main.main(["check", "-c", "nix.conf"]) == ExitStatus.USAGE
        and "cannot read nix.conf" in capsys.readouterr().err
    )


def test_an_unknown_pair_is_refused(tmp_path, monkeypatch, capsys):
    assert zerg_check(write(tmp_path), "shop", monkeypatch=monkeypatch) == ExitStatus.USAGE
    assert "there is no pair 'shop'; there are: web" in capsys.readouterr().err


def bad_file(folder, kind):
    """Make a file that cannot be read; returns its path."""
    bad = folder / "bad"
    if kind == "binary":
        bad.write_bytes(bytes(range(256)) * 10)
    elif kind == "zeros":
        bad.write_bytes(b"\0" * 100)
    elif kind == "enormous":
        bad.write_bytes(b"[uwsgi]\n" + b"a = b\n" * (uwsgi_ini.MAX_BYTES // 6 + 1))
    elif kind == "long line":
        bad.write_bytes(b"[uwsgi]\na = " + b"b" * uwsgi_ini.MAX_COLUMNS)
    elif kind == "folder":
        bad.mkdir()
    elif kind == "fifo":
        os.mkfifo(bad)
    return bad


BAD = {
    "missing": "No such file",
    "binary": "is not text",
    "zeros": "binary",
    "enormous": "larger than",
    "long line": "a line is longer",
    "folder": "Is a directory",
    "fifo": "not a regular file",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_line_and_status_2(kind, tmp_path, monkeypatch, capsys):
    assert zerg_check(bad_file(tmp_path, kind), monkeypatch=monkeypatch) == ExitStatus.USAGE
    out, err = capsys.readouterr()
    assert (
        out == ""
        and err.startswith("error: cannot read ")
        and BAD[kind] in err
        and err.count("\n") == 1
    )


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_ini_is_a_finding_and_status_2(kind, tmp_path, monkeypatch, capsys):
    bad_file(tmp_path, kind)
    assert (
        zerg_check(write(tmp_path, "s.conf", "app.ini", "bad"), monkeypatch=monkeypatch)
        == ExitStatus.USAGE
    )
    out, err = capsys.readouterr()
    assert not err and re.search(f"error broken: cannot read .*{BAD[kind]}", out)


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_included_file_is_one_line_and_status_2(kind, tmp_path, monkeypatch, capsys):
    bad_file(tmp_path, kind)
    status = zerg_check(
        write(tmp_path, "s.conf", "", "[include]\nfiles = bad*\n"), monkeypatch=monkeypatch
    )
    assert status == (0 if kind == "missing" else ExitStatus.USAGE)  # a pattern may match nothing
    assert BAD[kind] in capsys.readouterr().err or kind == "missing"


@pytest.mark.parametrize("text", ["include = app.ini\n", "ini = y.ini\n"])
def test_inis_that_include_each_other_are_reported_with_status_2(
    text, tmp_path, monkeypatch, capsys
):
    (tmp_path / "y.ini").write_text("[uwsgi]\ninclude = app.ini\n")
    path = write(
        tmp_path,
        "app.ini",
        "",
        text,
        ("s.conf", "[program:a]", f"[program:a]\ndirectory = {tmp_path}"),
    )
    assert zerg_check(path, monkeypatch=monkeypatch) == ExitStatus.USAGE
    assert "includes itself" in capsys.readouterr().out


def test_inis_that_include_ever_more_files_end(tmp_path):
    for number in range(30):
        (tmp_path / (f"{number}.ini")).write_text(
            f"[uwsgi]\ninclude = {number + 1}.ini\ninclude = {number + 1}.ini\n"
        )
    (tmp_path / "30.ini").write_text("[uwsgi]\n")
    with pytest.raises(Unreadable, match="more than"):
        IniReader(str(tmp_path), {}).load("0.ini", Place("x", 1))


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[supervisord",
        "[include]\nfiles = %(ENV_NIX)s",
        "[include]\nx = %(",
        "",
        "[x]\n",
    ],
)
def test_nonsense_in_the_file_of_supervisord_is_no_traceback(text, tmp_path, monkeypatch, capsys):
    (tmp_path / "s.conf").write_text(text)
    assert zerg_check(tmp_path / "s.conf", monkeypatch=monkeypatch) in (
        ExitStatus.FOUND,
        ExitStatus.USAGE,
    )
    assert "a bug" not in capsys.readouterr().err


WORDS = st.sampled_from(
<<<<<<< Updated upstream
    [
        "[uwsgi]",
        "[include]",
        "[program:a]",
        "[zerg:web]",
        "[supervisord]",
        "[group:g]",
        "programs",
        "command",
        "=",
        "a,b",
        "uwsgi",
        "--ini",
        "%(here)s",
        "app.ini",
        "x.ini",
        "include",
        "files",
        "for",
        "for-times",
        "if-exists",
        "endfor",
        "set",
        "$(",
        ")",
        "@(",
        "%(",
        "%(a)",
        "$(HOME)",
        "master-fifo",
        "hook-x",
        "writefifo:",
        "Q",
        "2p",
        ":",
        ";",
        "#",
        "/",
        "\t",
        "\r",
        "\x85",
        "zerg-pool",
        "numprocs",
        "99999999",
        "process_name",
        "%(process_num)02d",
        "%(process_num)s",
        "stats",
        "environment",
        "directory",
        "--",
        "-",
        "'",
        '"',
    ]
=======
    (
        "[uwsgi] [include] [program:a] [zerg:web] [supervisord] [group:g] programs command = a,b"
        " uwsgi --ini %(here)s app.ini x.ini include files for for-times if-exists endfor set $( )"
        " @( %( %(a) $(HOME) master-fifo hook-x writefifo: Q 2p : ; # / \t \r \x85 zerg-pool [::1]"
        " numprocs 99999999 process_name %(process_num)02d %(process_num)s stats environment"
        " directory socket cron = flock cache2 store= -- - ' \""
    ).split(" ")
>>>>>>> Stashed changes
)
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.one_of(WORDS, st.just("\n"), st.just(" = "))).map(" ".join),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXT, TEXT, st.booleans())
def test_no_text_raises_anything_but_the_documented_error(tmp_path_factory, conf, ini, whole):
    folder = tmp_path_factory.getbasetemp()
    (folder / "s.conf").write_text((CLEAN["s.conf"] if whole else "") + conf, encoding="utf-8")
    (folder / "app.ini").write_text(CLEAN["app.ini"] + ini, encoding="utf-8")
    (folder / "pool.ini").write_text(f"[uwsgi]\nzerg-pool={ini}\n{conf}", encoding="utf-8")
    try:
        findings = found(folder / "s.conf", HOME="/root")
    except Unreadable as error:
        assert str(error).startswith("cannot read ")
    else:
        assert all(finding.message for finding in findings) and list(
            check.format_findings(findings)
        )

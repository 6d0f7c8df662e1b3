"""``zergctl init`` writes what runs: two pairs in one supervisord, with nothing edited by hand."""

import os
import pwd
import re
import shlex
import shutil
import socket
import struct
import subprocess
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from supervisor_zerg.demo.processes import pids_of, send
from supervisor_zerg.demo.stack import BIN, PACKAGE
from supervisor_zerg.demo.traffic import Traffic, failed, get
from tests.pages import DOCS, blocks

PATIENCE_S = 60.0
KILL = 9
MAIN = """\
[supervisord]
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
childlogdir = {folder}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{folder}/supervisor.sock
"""


class Host:
    """A folder with supervisord's main file, as somebody has it who knows nothing of us."""

    def __init__(self, folder):
        self.folder = folder
        self.conf = folder / "supervisord.conf"
        self.conf.write_text(MAIN.format(folder=folder))
        self.supervisord = None

    def zergctl(self, *words):
        command = [BIN / "zergctl", "-c", self.conf, *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    def init(self, name, *words):
        account = pwd.getpwuid(os.geteuid()).pw_name
        application = ["--wsgi-file", str(PACKAGE / "demo" / "app.py"), "--processes", "2"]
        folders = ["--run", str(self.folder / name), "--output", str(self.folder / "conf.d")]
        return self.zergctl("init", name, *application, *folders, "--user", account, *words)

    def add_to_main(self, printed):
        """Do what init says about the main file."""
        added = re.search(r"(?s)Add to \S+:\n(.*?)\nNext:\n", printed)[1]
        added = textwrap.dedent(added).replace(
            "/run/supervisor.sock", f"{self.folder}/supervisor.sock"
        )
        self.conf.write_text(self.conf.read_text() + added)

    def start(self):
        """Without any variable; ZERG_RUN only lets the test find the processes again."""
        environment = {"PATH": "/usr/bin:/bin", "ZERG_RUN": str(self.folder)}
        self.supervisord = subprocess.Popen(
            [BIN / "supervisord", "-n", "-c", self.conf],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def until_serves(self, name):
        self._until(name, f"{name} serves")

    def until_warm(self, name):
        self._until(name, "warm yes")

    def _until(self, name, fact):
        end = time.monotonic() + PATIENCE_S
        while fact not in self.zergctl("status", name).stdout:
            assert time.monotonic() < end, self.zergctl("status", name)
            time.sleep(0.1)

    def stop(self):
        if self.supervisord:
            self.supervisord.kill()
            self.supervisord.wait()
        for pid in pids_of(self.folder):
            send(pid, KILL)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def host():
    host = Host(Path(tempfile.mkdtemp(prefix="zerg-init-")))
    yield host
    host.stop()


def ok(done):
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


def uwsgi_answer(path):
    """What an instance answers to a request in uWSGI's own protocol, as nginx would send it."""
    variables = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_PROTOCOL": "HTTP/1.0"}
    packet = b""
    for text in (text for variable in variables.items() for text in variable):
        packet += struct.pack("<H", len(text)) + text.encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(path))
        connection.sendall(struct.pack("<BHB", 0, len(packet), 0) + packet)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    return answer


def test_two_pairs_of_both_dialects_run_from_what_init_wrote(host):
    printed = ok(host.init("shop", "--http", str(host.folder / "shop" / "web.sock"), "--nginx"))
    assert "0 errors, 0 warnings" in printed
    host.add_to_main(printed)
    host.start()
    host.until_warm("shop")
    with Traffic(str(host.folder / "shop" / "web.sock"), seconds=PATIENCE_S) as traffic:
        ok(host.zergctl("swap", "shop"))
        ok(host.zergctl("deploy", "shop", "--bake", "0"))
        printed = ok(host.init("wiki", "--dialect", "hooks", "--threads", "2"))
        assert "Add to" not in printed and f"zergctl -c {host.conf} update" in printed
        ok(host.zergctl("update"))
        host.until_serves("wiki")
        assert f"zergctl -c {host.conf} start wikibak" in printed
        ok(host.zergctl("start", "wikibak"))
        host.until_warm("wiki")
        ok(host.zergctl("swap", "wiki"))
        assert traffic.end(PATIENCE_S)
    assert len(traffic.answers()) > 20 and not failed(traffic.answers())
    assert b"200 OK" in uwsgi_answer(host.folder / "wiki" / "web.sock")
    ok(host.zergctl("check"))


def test_the_lines_of_the_install_page_make_a_pair(host):
    (host.folder / "shop").mkdir()
    shutil.copy(PACKAGE / "demo" / "app.py", host.folder / "shop" / "wsgi.py")
    here = {"/srv/shop": str(host.folder), "www-data": pwd.getpwuid(os.geteuid()).pw_name}
    lines = blocks(DOCS / "install.rst", "sh")[1].splitlines()
    words = [[here.get(word, word) for word in shlex.split(line, comments=True)] for line in lines]
    install, doctor, init = words
    assert install[:2] == ["pip", "install"] and doctor[0] == init[0] == "zergctl"
    found = host.zergctl(*doctor[1:]).stdout.splitlines()
    wrong = [line.partition(":")[0].split() for line in found if not line.startswith(("ok ", " "))]
    assert wrong == [["error", "configuration"], ["error", "plugin"]], found
    folders = ["--run", str(host.folder / "run"), "--output", str(host.folder / "conf.d")]
    host.add_to_main(ok(host.zergctl(*init[1:], *folders)))
    host.start()
    host.until_warm("shop")
    ok(host.zergctl("swap", "shop"))
    assert b"200 OK" in uwsgi_answer(host.folder / "run" / "web.sock")


OLD_INI = """\
[uwsgi]
folder = %d
wsgi-file = {application}
http-socket = %(folder)old.sock
chmod-socket = 666
master = true
processes = 2
vacuum = true
die-on-term = true
stats = %dstats.sock
pidfile = %d%n.pid
"""
OLD_CONF = """\
[program:old]
command = {uwsgi} --ini {folder}/old.ini --harakiri 30
autorestart = true
stopsignal = TERM
"""


def test_a_program_is_adopted_under_load_and_given_back(host):
    host.add_to_main(ok(host.init("other")))
    folder = host.folder
    (folder / "old.ini").write_text(OLD_INI.format(application=PACKAGE / "demo" / "app.py"))
    old_conf = folder / "conf.d" / "old.conf"
    old_conf.write_text(OLD_CONF.format(uwsgi=BIN / "uwsgi", folder=folder))
    host.start()
    host.until_warm("other")
    words = ["init", "shop", "--adopt", "old", "--run", str(folder / "shop")]
    with Traffic(str(folder / "old.sock"), clients=2, seconds=PATIENCE_S) as traffic:
        printed = ok(host.zergctl(*words))
        assert "\n+; removed: vacuum = true\n" in printed
        assert f"  zergctl -c {host.conf} stop old\n" in printed
        ok(host.zergctl("update"))
        host.until_warm("shop")
        ok(host.zergctl("stop", "old"))
        old_conf.rename(f"{old_conf}.before")
        ok(host.zergctl("update"))
        ok(host.zergctl("deploy", "shop", "--bake", "0"))
        ok(host.zergctl("swap", "shop"))
        assert traffic.end(PATIENCE_S)
    answers = traffic.answers()
    assert {"old", "shop", "shopbak"} <= {answer.program for answer in answers}
    assert not failed(answers)
    waits = [answer.ended - answer.began for answer in answers]
    print(f"{len(answers)} requests, 0 failed, the slowest took {max(waits):.2f} s")
    ini = (folder / "conf.d" / "zerg" / "shop.ini").read_text()
    assert "harakiri = 30" in ini and f"pidfile = {folder}/old.pid" in ini
    ok(host.zergctl("stop", "shop", "shopbak", "shoppool"))
    (folder / "conf.d" / "shop.conf").unlink()
    Path(f"{old_conf}.before").rename(old_conf)
    ok(host.zergctl("update"))
    end = time.monotonic() + PATIENCE_S
    while get(str(folder / "old.sock")).program != "old":
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_program_on_a_port_is_adopted_with_a_gap_that_init_announces(host):
    host.add_to_main(ok(host.init("other")))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    application = PACKAGE / "demo" / "app.py"
    old_conf = host.folder / "conf.d" / "old.conf"
    old_conf.write_text(
        f"[program:old]\nstopsignal = INT\ncommand = {BIN / 'uwsgi'} -M -p 2 --wsgi-file "
        f"{application} --http-socket 127.0.0.1:{port}\n"
    )
    host.start()
    host.until_warm("other")
    printed = ok(host.zergctl("init", "shop", "--adopt", "old", "--run", str(host.folder / "shop")))
    assert "two programs cannot bind one port" in printed
    began = ended = 0.0
    with Traffic(port, clients=2, seconds=PATIENCE_S) as traffic:
        began = time.monotonic()
        ok(host.zergctl("stop", "old"))
        old_conf.unlink()
        ok(host.zergctl("update"))
        host.until_warm("shop")
        ended = time.monotonic()
        ok(host.zergctl("swap", "shop"))
        assert traffic.end(PATIENCE_S)
    answers = traffic.answers()
    assert all(began <= answer.ended <= ended for answer in failed(answers))
    good = [answer for answer in answers if answer.status == 200]
    gap = max(after.ended - before.ended for before, after in zip(good, good[1:]))
    print(f"{len(answers)} requests, {len(failed(answers))} refused, no answer for {gap:.2f} s")
    assert good[-1].program in ("shop", "shopbak")


def test_a_warm_instance_is_there_after_a_restart_of_supervisord(host):
    host.add_to_main(ok(host.init("shop")))
    for _ in range(2):
        host.start()
        host.until_warm("shop")
        host.supervisord.terminate()
        host.supervisord.wait(PATIENCE_S)


def test_the_doctor_names_what_is_missing_until_all_is_there(host):
    sick = host.zergctl("doctor")
    assert sick.returncode == 1 and "error  configuration: " in sick.stdout, sick
    host.add_to_main(ok(host.init("shop")))
    host.start()
    host.until_warm("shop")
    lines = ok(host.zergctl("doctor")).splitlines()
    assert len(lines) == 7 and all(line.startswith("ok ") for line in lines)


def test_a_dry_run_prints_every_file_and_writes_none(host):
    printed = ok(host.init("shop", "--dry-run", "--nginx"))
    for name in (
        "zerg.conf",
        "shop.conf",
        "zerg/shop.ini",
        "zerg/shop-pool.ini",
        "zerg/shop.nginx",
    ):
        assert f"==> {host.folder}/conf.d/{name}\n" in printed
    assert sorted(file.name for file in host.folder.iterdir()) == ["supervisord.conf"]


def test_init_again_changes_nothing_and_something_else_needs_force(host):
    ok(host.init("shop"))
    assert "wrote" not in ok(host.init("shop"))
    refused = host.init("shop", "--threads", "2")
    assert refused.returncode == 2 and "--force" in refused.stderr and not refused.stdout
    printed = ok(host.init("shop", "--threads", "2", "--force"))
    ini = host.folder / "conf.d" / "zerg" / "shop.ini"
    assert f"wrote {ini}, kept the old one as {ini}.bak" in printed
    assert "threads = 2" in ini.read_text() and "\nthreads" not in Path(f"{ini}.bak").read_text()


def test_what_cannot_run_a_pair_is_refused_and_nothing_is_written(host):
    for words, hint in (
        (["--uwsgi", "/bin/true"], "does not tell a version of uWSGI"),
        (["--supervisord", "/bin/true"], "does not tell its Python"),
        (["--chdir", "/nosuch"], "/nosuch is missing"),
        (["--venv", "/nosuch"], "/nosuch/bin/python is missing"),
        (["--user", "nosuchaccount"], "no account"),
    ):
        refused = host.init("shop", *words)
        assert refused.returncode == 2 and hint in refused.stderr, refused
    assert sorted(file.name for file in host.folder.iterdir()) == ["supervisord.conf"]

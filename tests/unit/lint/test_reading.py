"""uWSGI's inis and command lines are read as uWSGI reads them."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from supervisor_zerg.lint.uwsgi_command_line import read_command
from supervisor_zerg.lint.uwsgi_ini import IniReader, Place


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
            "b = %(a)%(nix)\na = 1\na = 2\nset = q=5\nset = q=6\nc = %(q)"
            "\nset-ph = r=%(q)6\nd = %(r)",
            [("b", "1%(nix)"), ("a", "1"), ("a", "2"), ("c", "5"), ("d", "56")],
        ),
        (
            "if-exists = /x\na = %(_)\nendif =\nb = %(_)",
            [("if-exists", "/x"), ("a", "/x"), ("b", "%(_)")],
        ),
        ("if-env = HOME\na = %(_)\nendif =", [("if-env", "HOME"), ("a", "/home")]),
        ("if-env = MODE=fast\na = %(_)\nendif =", [("if-env", "MODE=fast"), ("a", "fast")]),
        ("a = 1\nif-opt = a\nb = %(_)\nend =", [("a", "1"), ("if-opt", "a"), ("b", "1")]),
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
        ("a = %x %w%Y-%N %u %", [("a", " -x %u %")]),
        ("include = y.ini:letters", [("l", "y Y=x letters")]),
    ],
)
def test_an_ini_is_read_as_uwsgi_reads_it(text, options, tmp_path):
    (tmp_path / "y.ini").write_text("[uwsgi]\ny = 1\n[part]\np = 3\n[letters]\nl = %n Y=%N %x\n")
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
            "threads=4 enable-threads=true vacuum=true processes=8 master=true"
            " enable-threads=true listen=100 need-app=true stats=/x",
        ),
        ("/a/venv/bin/uwsgi-core --vacuum x.ini", "vacuum=true from=x"),
        ("uwsgi --http-keepalive x.ini:other --lazy", "http-keepalive=true other=1 lazy=true"),
        (
            "uwsgi --shutdown-sockets x.ini --mule x.ini",
            "shutdown-sockets=true from=x mule=true from=x",
        ),
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
        "set = a=%(b)x\nb = 1\nc = %(a)\nb = 2\nd = %(late)\nlate = 9\nset-ph = e=5"
        "\nset-ph = e=6\nf = %(e)%(nix)\ng = $(TERM)%(e)\n"
    )
    reader = read(
        tmp_path,
        "[uwsgi]\n"
        + text
        + "set = h=$(TERM)\ni = %(h)\nfor = 1 2\nj = %(_)%(b)\nendfor =\n"
        + "k = %k %h %v %x%z %D %S %P %E %N %C %d %s %p %e %n %c %0 %1 100%%\n",
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

"""The command ``zerg check``: its output, its exit status, and files that cannot be read."""

import json
import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor_zerg.cli import main
from supervisor_zerg.core.exit_status import ExitStatus
from supervisor_zerg.lint import check, uwsgi_ini
from supervisor_zerg.lint.uwsgi_ini import IniReader, Place, Unreadable

from .configuration import CLEAN, found, write


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
    assert first == "%s:13: error vacuum: vacuum = true" % (tmp_path / "app.ini")
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
        include = f"include = {number + 1}.ini\n"
        (tmp_path / f"{number}.ini").write_text(f"[uwsgi]\n{include}{include}")
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
    (
        "[uwsgi] [include] [program:a] [zerg:web] [supervisord] [group:g] programs command = a,b"
        " uwsgi --ini %(here)s app.ini x.ini include files for for-times if-exists endfor set $( )"
        " @( %( %(a) $(HOME) master-fifo hook-x writefifo: Q 2p : ; # / \t \r \x85 zerg-pool [::1]"
        " numprocs 99999999 process_name %(process_num)02d %(process_num)s stats environment"
        " directory socket cron = flock cache2 store= -- - ' \""
    ).split(" ")
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

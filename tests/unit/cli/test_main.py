"""``zergctl``."""

import pytest

from supervisor_zerg.cli import main
from supervisor_zerg.core.exit_status import ExitStatus

from ..structs import a_reply
from .client import URL, Zerg


def run_zergctl(*args, monkeypatch, tmp_path, **answers):
    """main() with a made-up namespace, in a folder of its own: (status, what was asked)."""
    zerg = Zerg(**answers)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main.ZergController, "get_server_proxy", lambda self, namespace: zerg)
    monkeypatch.setattr(
        main.ZergOptions,
        "default_configfile",
        lambda self: next(map(str, tmp_path.glob("supervisord.conf")), None),
    )
    return main.main(list(args)), zerg.asked


@pytest.mark.parametrize(
    "words",
    [["swap"], ["zerg", "swap"], ["-s", URL, "swap"], ["-s", URL, "zerg", "swap", "--json"]],
)
def test_zergctl_knows_its_commands_with_and_without_the_word_zerg(
    words, monkeypatch, tmp_path, capsys
):
    assert run_zergctl(*words, monkeypatch=monkeypatch, tmp_path=tmp_path, swap=a_reply()) == (
        0,
        [("swap", "")],
    )
    assert (
        '"serving": "b"' in (out := capsys.readouterr().out)
        or out == "web: b serves, a parked (4.2 ms)\n"
    )


@pytest.mark.parametrize(
    "words, hint",
    [
        (["swp"], "did you mean 'swap'?"),
        (["help", "nix"], "no command 'nix'"),
        (["swap", "--x"], "--x"),
    ],
)
def test_zergctl_refuses_unknown_words_on_stderr(words, hint, monkeypatch, tmp_path, capsys):
    assert run_zergctl(*words, monkeypatch=monkeypatch, tmp_path=tmp_path) == (ExitStatus.USAGE, [])
    out, err = capsys.readouterr()
    assert out == "" and hint in err


def test_zergctl_still_explains_supervisors_own_actions(monkeypatch, tmp_path, capsys):
    assert run_zergctl("help", "start", monkeypatch=monkeypatch, tmp_path=tmp_path) == (0, [])
    out = capsys.readouterr().out
    assert "Start a process" in out and "***" not in out


def test_zergctl_lists_its_commands_once_though_the_file_names_the_plugin_too(
    monkeypatch, tmp_path, capsys
):
    (tmp_path / "supervisord.conf").write_text(
        "[supervisorctl]\n[ctlplugin:other]\n"
        "supervisor.ctl_factory=supervisor_zerg.controllerplugin:make_zerg_controllerplugin\n"
    )
    assert run_zergctl("help", "zerg", monkeypatch=monkeypatch, tmp_path=tmp_path) == (0, [])
    assert capsys.readouterr().out.count("zergctl COMMAND") == 1


@pytest.mark.parametrize(
    "text",
    [
        "[supervisord]\n",
        "nonsense",
        "[ctlplugin:x]\nsupervisor.ctl_factory=nix:nix\n[supervisorctl]\n",
    ],
)
def test_a_file_that_is_not_needed_may_be_unusable(text, monkeypatch, tmp_path, capsys):
    (tmp_path / "supervisord.conf").write_text(text)
    assert (
        run_zergctl("-s", URL, "swap", monkeypatch=monkeypatch, tmp_path=tmp_path, swap=a_reply())[
            0
        ]
        == 0
    )
    assert run_zergctl("companion", monkeypatch=monkeypatch, tmp_path=tmp_path)[0] == 0
    for words in (["swap"], ["-c", "supervisord.conf", "-s", URL, "swap"]):
        with pytest.raises(SystemExit) as ended:
            run_zergctl(*words, monkeypatch=monkeypatch, tmp_path=tmp_path)
        assert ended.value.code == ExitStatus.USAGE


def test_a_serverurl_of_an_unknown_kind_is_bad_arguments(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main.ZergOptions, "default_configfile", lambda self: None)
    assert main.main(["-s", "gopher://x", "status"]) == ExitStatus.USAGE
    assert "give http://HOST:PORT or unix:///PATH" in capsys.readouterr().err

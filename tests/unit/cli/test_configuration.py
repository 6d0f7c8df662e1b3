"""``check`` reads the files with the environment that supervisord has."""

import os
import types

import pytest

from supervisor_zerg.cli.configuration import environment_of, reading_options

MINE = {"ENV_A": "mine"}


def a_session(url="unix:///run/x.sock", pid=os.getpid):
    return types.SimpleNamespace(
        options=types.SimpleNamespace(serverurl=url, environ_expansions=MINE), supervisord_pid=pid
    )


def test_the_environment_is_that_of_a_supervisord_on_this_machine():
    found = environment_of(a_session())
    assert found["ENV_PATH"] == os.environ["PATH"] and "ENV_A" not in found


def refuse():
    raise ConnectionRefusedError


@pytest.mark.parametrize(
    "session",
    [
        a_session("http://127.0.0.1:9001"),
        a_session("http://elsewhere.example:9001"),
        a_session(None),
        a_session(pid=refuse),
        a_session(pid=lambda: 2**22 + 1),
    ],
)
def test_where_none_can_be_asked_it_is_that_of_the_command(session):
    assert environment_of(session) == MINE


def test_the_environment_of_the_section_is_added(tmp_path):
    file = tmp_path / "supervisord.conf"
    file.write_text('[supervisord]\nenvironment = B="b %(here)s",A="%(ENV_A)s!"\n')
    found = reading_options(str(file), MINE).environ_expansions
    assert found == {"ENV_A": "mine!", "ENV_B": f"b {tmp_path}"} and MINE == {"ENV_A": "mine"}


@pytest.mark.parametrize(
    "text",
    ["", "[supervisord]\n", "nonsense", "[supervisord]\nenvironment = x\n", "[x]\n[x]\n"],
)
def test_a_file_without_a_usable_environment_adds_nothing(tmp_path, text):
    file = tmp_path / "supervisord.conf"
    file.write_text(text)
    assert reading_options(str(file), MINE).environ_expansions == MINE


def test_a_fifo_in_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert reading_options(str(tmp_path / "fifo"), MINE).environ_expansions == MINE

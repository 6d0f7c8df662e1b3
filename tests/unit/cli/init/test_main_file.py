"""What supervisord's main file lacks is told, and nothing else."""

import pytest

from supervisor_zerg.cli.command import UsageError
from supervisor_zerg.cli.init.main_file import NONE, read_main_file

COMPLETE = """\
[unix_http_server]
file = /run/supervisor.sock
[supervisord]
[ctlplugin:zerg]
supervisor.ctl_factory = supervisor_zerg.controllerplugin:make_zerg_controllerplugin
[include]
files = conf.d/*.conf /etc/other/*.ini
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "supervisord.conf").write_text(text)
        return read_main_file(str(tmp_path / "supervisord.conf"), {})

    return read


def test_a_complete_file_lacks_nothing(read, tmp_path):
    main = read(COMPLETE)
    assert list(main.lacks(f"{tmp_path}/conf.d/shop.conf")) == []
    assert main.default_output() == f"{tmp_path}/conf.d"
    assert main.suffix_in(f"{tmp_path}/conf.d") == ".conf"
    assert main.suffix_in("/etc/other") == ".ini"


def test_what_is_missing_is_printed_as_sections(read, tmp_path):
    main = read("[supervisord]\n")
    server, plugin, include = main.lacks("/etc/conf.d/shop.conf")
    assert "[unix_http_server]" in server and "[ctlplugin:zerg]" in plugin
    assert include == "[include]\nfiles = /etc/conf.d/*.conf\n"
    assert main.default_output() == "" and main.suffix_in("/etc/conf.d") == ".conf"


def test_another_folder_is_added_to_those_that_are_included(read, tmp_path):
    (include,) = read(COMPLETE).lacks("/srv/shop.conf")
    assert include.endswith(f"{tmp_path}/conf.d/*.conf /etc/other/*.ini /srv/*.conf\n")


def test_the_file_that_configures_the_plugin_is_known(read, tmp_path):
    (tmp_path / "conf.d").mkdir()
    plugin = tmp_path / "conf.d" / "mine.conf"
    plugin.write_text(
        "[rpcinterface:zerg]\n"
        "supervisor.rpcinterface_factory = supervisor_zerg.rpcinterface:make_zerg_rpcinterface\n"
    )
    assert read(COMPLETE).plugin_file == str(plugin)
    plugin.unlink()
    assert read(COMPLETE).plugin_file == ""


def test_without_a_main_file_everything_is_missing():
    assert read_main_file("", {}) is NONE
    assert len(list(NONE.lacks("/etc/conf.d/shop.conf"))) == 3


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UsageError, match="nosuch"):
        read_main_file(str(tmp_path / "nosuch.conf"), {})

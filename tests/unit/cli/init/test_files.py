"""Files are written with what was there kept."""

import os

import pytest

from supervisor_zerg.cli.command import UsageError
from supervisor_zerg.cli.init.files import Writer, make_run_folder


def test_files_are_written_with_their_folders_and_can_be_read_by_all(tmp_path):
    path = tmp_path / "conf.d" / "zerg" / "a.ini"
    assert Writer({str(path): "x\n"}, False).write() == [f"wrote {path}"]
    assert path.read_text() == "x\n" and path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(path.parent) == ["a.ini"]


def test_a_file_that_says_something_else_is_in_the_way(tmp_path):
    mine, other = tmp_path / "mine.conf", tmp_path / "other.conf"
    mine.write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        Writer({str(other): "new", str(mine): "new"}, False)
    assert mine.read_text() == "mine" and not other.exists()


def test_with_force_the_old_file_is_kept_each_time(tmp_path):
    path = tmp_path / "a.conf"
    for number in range(3):
        path.write_text(f"old {number}")
        (line,) = Writer({str(path): "new"}, True).write()
        assert "kept the old one as" in line
    kept = sorted(file.name for file in tmp_path.iterdir())
    assert kept == ["a.conf", "a.conf.bak", "a.conf.bak2", "a.conf.bak3"]
    assert (tmp_path / "a.conf.bak2").read_text() == "old 1"


def test_a_file_that_says_it_already_is_left_alone(tmp_path):
    path = tmp_path / "a.conf"
    path.write_text("same")
    before = path.stat().st_mtime_ns
    assert Writer({str(path): "same"}, False).write() == [f"unchanged {path}"]
    assert path.stat().st_mtime_ns == before


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    path = tmp_path / "a.conf"
    path.symlink_to(precious)
    Writer({str(path): "new"}, True).write()
    assert precious.read_text() == "mine" and not path.is_symlink()


def test_what_cannot_be_written_or_read_is_refused_with_its_reason(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be (read|written)"):
        Writer({str(tmp_path / "file" / "a.conf"): "x"}, True).write()
    (tmp_path / "folder.conf").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        Writer({str(tmp_path / "folder.conf"): "x"}, True)


def test_the_folder_of_sockets_is_for_the_account_and_its_group(tmp_path):
    folder = tmp_path / "run" / "shop"
    assert make_run_folder(str(folder), "", "") == f"made {folder}"
    assert folder.stat().st_mode & 0o7777 == 0o2750
    assert make_run_folder(str(folder), "", "") == f"unchanged {folder}"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--run FOLDER"):
        make_run_folder(str(tmp_path / "file" / "shop"), "", "")

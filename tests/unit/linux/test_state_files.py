"""State files in folders that others can write to: no link, FIFO or device is followed."""

import errno
import os
import socket
import stat
import time

import pytest

from supervisor_zerg.linux import state_files
from supervisor_zerg.linux.state_files import StateFile, UnsafeFile

AT_ONCE_S = 1.0


@pytest.fixture
def file(tmp_path):
    return StateFile(str(tmp_path / "f"))


def link(path, target):
    path.symlink_to(target)


def fifo(path, target):
    os.mkfifo(path)


def zero(path, target):
    path.symlink_to("/dev/zero")


def folder(path, target):
    path.mkdir()


def hard_link(path, target):
    os.link(target, path)


def writable_by_all(path, target):
    path.write_bytes(b"x")
    path.chmod(0o666)


def foreign(path, target):
    path.write_bytes(b"x")
    if os.geteuid():
        pytest.skip("only root can give a file away: run the tests as root to test this")
    os.chown(path, 12345, -1)


HOSTILE = [link, fifo, zero, folder, hard_link, writable_by_all, foreign]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_not_ours_is_neither_read_nor_written_and_holds_nobody_up(tmp_path, file, hostile):
    target = tmp_path / "victim"
    target.write_bytes(b"secret")
    hostile(tmp_path / "f", target)
    began = time.monotonic()
    with pytest.raises(UnsafeFile):
        file.read_tail(100)
    with pytest.raises(UnsafeFile):
        file.append(b"line\n")
    assert time.monotonic() - began < AT_ONCE_S
    assert target.read_bytes() == b"secret"


@pytest.mark.parametrize("hostile", [h for h in HOSTILE if h is not folder])
def test_what_is_not_ours_is_put_aside_and_a_new_file_takes_its_place(tmp_path, file, hostile):
    target = tmp_path / "victim"
    target.write_bytes(b"secret")
    hostile(tmp_path / "f", target)
    aside = file.put_aside()
    assert os.path.lexists(aside) and not os.path.lexists(tmp_path / "f")
    file.append(b"one\n")
    assert file.read_tail(100) == b"one\n" and target.read_bytes() == b"secret"


@pytest.mark.parametrize("path", ["/dev/null", "/dev/full", "FOLDER", "SOCKET"])
def test_devices_sockets_and_folders_are_never_renamed(tmp_path, path):
    if path == "FOLDER":
        path = str(tmp_path / "folder")
        os.mkdir(path)
    if path == "SOCKET":
        path = str(tmp_path / "socket")
        socket.socket(socket.AF_UNIX).bind(path)
    with pytest.raises(UnsafeFile, match="move it away"):
        StateFile(path).put_aside()
    assert os.path.lexists(path)


def test_a_device_is_written_to_and_never_read():
    null = StateFile("/dev/null")
    null.append(b"line\n")
    assert null.read_tail(100) == StateFile("/dev/zero").read_tail(100) == b""
    with pytest.raises(OSError, match="No space left"):
        StateFile("/dev/full").append(b"line\n")


@pytest.mark.parametrize("hostile", [link, fifo, zero, hard_link, writable_by_all, foreign])
def test_a_replacement_replaces_the_link_and_not_what_it_leads_to(tmp_path, file, hostile):
    target = tmp_path / "victim"
    target.write_bytes(b"secret")
    hostile(tmp_path / "f", target)
    file.replace(b"new")
    assert file.read_tail(100) == b"new" and target.read_bytes() == b"secret"
    assert sorted(os.listdir(tmp_path)) == ["f", "victim"]


def test_a_draft_has_a_name_that_nobody_can_foresee(tmp_path, file, monkeypatch):
    drafts = []
    replace = os.replace

    def spy(source, target, **options):
        drafts.append(source)
        replace(source, target, **options)

    monkeypatch.setattr(os, "replace", spy)
    file.replace(b"1")
    file.replace(b"2")
    assert len(set(drafts)) == 2 and all(len(name) > 16 for name in drafts)


def test_a_draft_never_overwrites_what_lies_there(tmp_path, file, monkeypatch):
    monkeypatch.setattr(state_files, "token_hex", lambda size: "known")
    target = tmp_path / "victim"
    target.write_bytes(b"secret")
    (tmp_path / ".f.known").symlink_to(target)
    with pytest.raises(OSError):
        file.replace(b"new")
    assert target.read_bytes() == b"secret" and not (tmp_path / "f").exists()


def test_a_replacement_that_fails_leaves_the_old_file_and_no_draft(tmp_path, file, monkeypatch):
    file.replace(b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        file.replace(b"new")
    monkeypatch.undo()
    assert file.read_tail(10) == b"old" and os.listdir(tmp_path) == ["f"]


def test_the_files_are_readable_by_the_owner_and_the_group_only(tmp_path, file):
    file.append(b"x")
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) & 0o137 == 0
    file.replace(b"y")
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) & 0o137 == 0


def test_an_incomplete_line_is_ended_before_the_next_one(file):
    file.append(b"torn")
    file.append(b"whole\n")
    assert file.read_tail(100) == b"torn\nwhole\n"


def test_only_the_tail_is_read(file):
    file.append(b"0123456789\n")
    assert file.read_tail(4) == b"789\n"


def test_a_file_that_grows_is_renamed(tmp_path, file):
    file.append(b"0123456789\n")
    file.append(b"abc\n", rotate_above=5)
    assert file.read_tail(100) == b"abc\n" and (tmp_path / "f.1").read_bytes() == b"0123456789\n"


def test_a_missing_file_differs_from_one_that_is_not_ours(file):
    with pytest.raises(FileNotFoundError):
        file.read_tail(10)


def test_no_descriptor_is_left_open(tmp_path, file):
    before = len(os.listdir("/proc/self/fd"))
    os.mkfifo(tmp_path / "f")
    for _ in range(20):
        with pytest.raises(UnsafeFile):
            file.read_tail(10)
        with pytest.raises(UnsafeFile):
            file.append(b"x\n")
    file.put_aside()
    for _ in range(20):
        file.append(b"x\n")
        file.replace(b"y\n")
        file.read_tail(10)
    assert len(os.listdir("/proc/self/fd")) == before

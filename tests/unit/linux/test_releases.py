"""The folder of releases and the links, on a real file system."""

import os

import pytest

from supervisor_zerg.core.errors import UnknownRelease
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.linux.releases import ReleaseFolder


@pytest.fixture
def releases(tmp_path):
    folder = tmp_path / "releases"
    (folder / "v1").mkdir(parents=True)
    (folder / "v2" / "deep").mkdir(parents=True)
    return folder


def of(folder, **options):
    return ReleaseFolder(PairConfig(programs=("a", "g:b"), releases=str(folder), **options))


def test_a_release_is_found_by_name_by_path_and_through_a_link_of_the_folder(releases):
    (releases / "current").symlink_to("v1")
    found = of(releases)
    assert [found.find(t) for t in ("v1", str(releases / "v1"), "v1/", "current")] == ["v1"] * 4


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "is no name"),
        ("..", "leads out of a folder"),
        ("../releases/v1", "leads out of a folder"),
        ("v1/../v2", "leads out of a folder"),
        ("/", "does not lie directly in"),
        ("/etc", "does not lie directly in"),
        (".", "does not lie directly in"),
        ("v2/deep", "does not lie directly in"),
        ("out", "does not lie directly in"),
        ("loop", "does not exist"),
        ("file", "is not a folder"),
        ("nowhere", "does not exist"),
        (".zerg", "begins with a dot"),
        ("-rf", "begins with a dot or a hyphen"),
        ("two words", "another character"),
        ("v1\nv2", "is no name"),
        ("v1\x00", "is no name"),
        ("größe", "another character"),
        ("\udce4", "is no name"),
        ("x" * 300, "is no name"),
        ("x/" * 5000, "is no name"),
    ],
)
def test_h67_what_is_no_release_is_refused_and_named(releases, tmp_path, text, reason):
    (releases / "file").write_text("")
    (releases / "out").symlink_to(tmp_path)
    (releases / "loop").symlink_to("loop")
    (releases / ".zerg").mkdir()
    with pytest.raises(UnknownRelease) as refusal:
        of(releases).find(text)
    assert reason in str(refusal.value)
    assert str(refusal.value).isascii() and str(refusal.value).isprintable()


def test_the_link_of_an_instance_is_made_and_replaced(releases):
    found = of(releases)
    assert found.link("a") == ("", "does not exist: the instance cannot boot")
    found.point("a", "v1")
    assert os.readlink(releases / ".zerg" / "a") == str(releases / "v1")
    found.point("a", "v2")
    found.point("g:b", "v1")
    assert [found.link(p) for p in ("a", "g:b")] == [("v2", ""), ("v1", "")]
    assert sorted(os.listdir(releases / ".zerg")) == ["a", "b"]


def test_the_link_may_lie_elsewhere(releases, tmp_path):
    found = of(releases, release_link=f"{tmp_path}/site-%(program_name)s")
    found.point("g:b", "v2")
    assert os.readlink(tmp_path / "site-b") == str(releases / "v2")


def test_h67_links_on_the_way_are_not_followed(releases, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (releases / ".zerg").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        of(releases).point("a", "v1")
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: open(path, "w").close()])
def test_h67_what_is_no_link_is_not_replaced(releases, make):
    (releases / ".zerg").mkdir()
    make(releases / ".zerg" / "a")
    with pytest.raises(OSError, match="it is no link"):
        of(releases).point("a", "v1")
    assert of(releases).link("a").problem.startswith("is no link")
    assert os.listdir(releases / ".zerg") == ["a"]


@pytest.mark.parametrize("name", ["nowhere", "..", ".zerg", "", "v2/deep"])
def test_h67_a_link_never_names_what_is_no_release(releases, name):
    with pytest.raises(OSError):
        of(releases).point("a", name)


def test_h67_a_link_that_leads_elsewhere_or_to_nothing_is_named(releases, tmp_path):
    found = of(releases)
    found.point("a", "v1")
    (releases / "v1").rmdir()
    assert found.link("a") == ("v1", "names the release v1, which is gone")
    (releases / ".zerg" / "a").unlink()
    (releases / ".zerg" / "a").symlink_to(tmp_path)
    assert found.link("a").problem == f"leads to {tmp_path}, which is no release in {releases}"


def test_h67_everything_in_the_folder_is_listed_with_what_is_wrong_with_it(releases, tmp_path):
    (releases / "file").write_text("")
    (releases / "out").symlink_to(tmp_path)
    (releases / "current").symlink_to("v1")
    (releases / ".hidden").mkdir()
    os.mkdir(os.fsencode(releases) + b"/\xe4\n")
    problems = {entry.name: entry.problem for entry in of(releases).entries()}
    assert problems.pop("v1") == problems.pop("v2") == ""
    assert sorted(problems) == ["file", "out", "\udce4\n"] and all(problems.values())


def test_h61_the_kernel_tells_which_release_a_process_runs(releases, monkeypatch):
    monkeypatch.chdir(releases / "v2" / "deep")
    assert of(releases).running(os.getpid()) == "v2"
    assert of(releases).running(0) == of(releases).running(-1) == ""
    (releases / "v2" / "deep").rmdir()
    assert of(releases).running(os.getpid()) == "v2"
    monkeypatch.chdir(releases / "v1")
    (releases / "v1").rmdir()
    assert of(releases).running(os.getpid()) == "v1"
    monkeypatch.chdir("/")
    assert of(releases).running(os.getpid()) == ""

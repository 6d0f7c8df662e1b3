"""A stack whose instances boot releases from a folder."""

from __future__ import annotations

from pathlib import Path

FIRST = "v1"


def make_release(folder: Path, version: str) -> None:
    """Make a release: a folder with the version that an instance of it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "version").write_text(version)


def begin_with_releases(releases: Path, conf_d: Path, environment: dict[str, str]) -> None:
    """Uncomment what the files say about releases, and let both links name the first release."""
    for name in ("zerg.conf", "uwsgi/managed.ini", "uwsgi/hooks.ini"):
        text = (conf_d / name).read_text()
        text = text.replace("; chdir =", "chdir =").replace("; releases =", "releases =")
        (conf_d / name).write_text(text)
    environment["ZERG_RELEASES"] = str(releases)
    environment["ZERG_VERSION_FILE"] = "version"  # in the release
    make_release(releases / FIRST, "1")
    links = releases / ".zerg"
    links.mkdir()
    for program in ("pybossa", "pybossabak"):
        (links / program).symlink_to(releases / FIRST)

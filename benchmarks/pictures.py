"""Draw the pictures of the documentation from a real stack under load, into docs/images.

    python -m benchmarks.pictures [swap deploy watch page]

The plots need matplotlib and the terminal needs rich (extra ``pictures``); the page needs Chromium.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from supervisor_zerg.demo.stack import BIN, Stack
from supervisor_zerg.demo.traffic import Answer, Traffic

from .load import PREFORK, TOP

IMAGES = Path(TOP) / "docs" / "images"
RELEASES = {**PREFORK, "wsgi-file": Path(TOP) / "tests" / "live" / "apps" / "release.py"}
COLOURS = ("#4c78a8", "#59a14f", "#9467bd")
FAILED = "#d62728"
WIDTH_IN, HEIGHT_IN, DPI = 9, 3.4, 100
SWAP_WINDOW_S = 0.15  # shown before and after the swap
BOOT_S = 2.0
BAKE_S = 3.0
POLL_S = 0.02
COLUMNS = 100  # of the terminal
PAGE_PX = (1100, 480)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


# a swap


def swap() -> None:
    """Each request around one swap, by the instance that answered."""
    with stack(PREFORK) as running:
        with Traffic(running.web, clients=4, seconds=60, paths=("/?s=0.005",)) as traffic:
            time.sleep(1)
            asked = time.monotonic()
            running.zerg.swap("")
            replied = time.monotonic()
            time.sleep(1)
            traffic.end(10)
            answers = traffic.answers()
    shown = [a for a in answers if abs(a.began - asked) < SWAP_WINDOW_S]
    figure, axes = plot(
        f"A swap under load: {len(answers)} requests, {sum(a.status != 200 for a in answers)} failed",
        "request began, ms after the swap was requested",
    )
    scatter(axes, shown, asked, 1000, lambda a: a.program)
    axes.axvspan(0, (replied - asked) * 1000, color="#999999", alpha=0.35, lw=0, label=f"swap, {(replied - asked) * 1000:.1f} ms")
    save(figure, axes, "swap.png")


# a deploy


def deploy() -> None:
    """Each request during a good deploy and one that is rolled back, by the release that answered."""
    pair = {"bake": f"{BAKE_S:g}", "health": "unix://%(ENV_ZERG_RUN)s/web.sock:/", "health_interval": "0.2", "health_count": "2"}
    with stack(RELEASES, pair=pair, environment={"ZERG_BOOT_S": f"{BOOT_S:g}"}) as running:
        running.until(lambda: running.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
        with Traffic(running.web, clients=2, seconds=120, paths=("/?s=0.02", "/?s=0.04")) as traffic, Phases(running) as phases:
            began = time.monotonic()
            time.sleep(1)
            running.version("2")
            running.zerg.deploy("", {"label": "2"})
            time.sleep(1)
            running.version("3 status=500")
            running.zerg.deploy("", {"label": "3"})
            time.sleep(1)
            traffic.end(10)
            answers = traffic.answers()
    bad = sum(a.status != 200 for a in answers)
    figure, axes = plot(f"Two deploys under load: {len(answers)} requests; release 3 answers 500 and is rolled back", "seconds")
    scatter(axes, answers, began, 1, lambda a: f"release {a.version}", failed=f"answered 500: {bad}")
    for number, (name, start, end) in enumerate(phases.seen):
        axes.axvspan(start - began, end - began, color="#999999", alpha=0.1 + 0.12 * (number % 2), lw=0)
        if end - start > 0.5:
            axes.text((start + end) / 2 - began, 1.01, name, transform=axes.get_xaxis_transform(), ha="center", fontsize=8)
    save(figure, axes, "deploy.png")


class Phases:
    """Watches the phases of deploys in a thread: ``seen`` has (phase, begin, end), times of CLOCK_MONOTONIC."""

    def __init__(self, running: Stack) -> None:
        self.zerg = running.zerg
        self.seen: list[tuple[str, float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Phases:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(POLL_S):
            told = self.zerg.getDeploy("")
            now = time.monotonic()
            if not told or told["outcome"]:
                continue
            if self.seen and self.seen[-1][0] == told["phase"] and now - self.seen[-1][2] < 10 * POLL_S:
                self.seen[-1] = (*self.seen[-1][:2], now)
            else:
                self.seen.append((told["phase"], now, now))


# drawing


def plot(title: str, xlabel: str) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI)
    axes.set_title(title, fontsize=10, pad=16)
    axes.set_xlabel(xlabel, fontsize=9)
    axes.set_ylabel("answered after, ms", fontsize=9)
    return figure, axes


def scatter(
    axes: Any, answers: list[Answer], origin: float, scale: float, key: Callable[[Answer], str], failed: str = "failed"
) -> None:
    """A point for each request. ``scale``: units of the x-axis in a second."""
    good = [a for a in answers if a.status == 200]
    for colour, name in zip(COLOURS, sorted({key(a) for a in good})):
        points(axes, [a for a in good if key(a) == name], origin, scale, name, color=colour, marker=".", s=16)
    bad = [a for a in answers if a.status != 200]
    if bad:
        points(axes, bad, origin, scale, failed, color=FAILED, marker="x", s=20)


def points(axes: Any, answers: list[Answer], origin: float, scale: float, label: str, **style: Any) -> None:
    took_ms = [(a.ended - a.began) * 1000 for a in answers]
    axes.scatter([(a.began - origin) * scale for a in answers], took_ms, label=label, linewidths=0.8, **style)


def save(figure: Any, axes: Any, name: str) -> None:
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(IMAGES / name)


# the terminal


def watch() -> None:
    """The last frame that ``zerg watch`` draws on a terminal, as SVG."""
    from rich.console import Console
    from rich.text import Text

    with stack(PREFORK, app_label="v2.1") as running, Traffic(running.web, clients=2, seconds=60, paths=("/?s=0.02",)):
        command = [str(BIN / "zergctl"), "-s", running.url, "watch", "--count", "4"]
        frame = last_frame(on_a_terminal(command))
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))
    console.print(Text.from_ansi("$ zergctl watch\n" + frame))
    svg = console.export_svg(title="zergctl watch")
    (IMAGES / "watch.svg").write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S))  # loads nothing from elsewhere


def on_a_terminal(command: list[str]) -> str:
    """What a command prints to a terminal."""
    own, its = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": "30"}
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    printed = b""
    try:
        while chunk := os.read(own, 65536):
            printed += chunk
    except OSError:  # Linux says so when the last writer has gone
        pass
    os.close(own)
    process.wait()
    return printed.decode()


def last_frame(printed: str) -> str:
    """The text after the last move of the cursor, without what moves the cursor."""
    frame = re.split(r"\x1b\[1A\x1b\[2K", printed)[-1]
    return re.sub(r"\x1b\[(\?25[hl]|2K|\d*A)|\r", "", frame).rstrip()


# the page


def page() -> None:
    """The web page after a deploy and a swap."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        sys.exit("install Chromium: apt-get install chromium")
    with stack(PREFORK, http=True, app_label="v2.1") as running, Traffic(running.web, clients=2, seconds=60, paths=("/?s=0.02",)):
        running.zerg.swap("")
        running.zerg.swap("")
        with tempfile.TemporaryDirectory() as profile:
            command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
            command += [f"--window-size={PAGE_PX[0]},{PAGE_PX[1]}", f"--screenshot={IMAGES / 'page.png'}", "--timeout=3000"]
            subprocess.run([*command, f"http://127.0.0.1:{running.port}/zerg.html"], check=True, stderr=subprocess.DEVNULL, timeout=60)


# all of them


@contextmanager
def stack(app: dict[str, Any], app_label: str = "", **options: Any):  # type: ignore[no-untyped-def]
    """A stack with both instances running. ``app_label``: one release was deployed, with this label."""
    running = Stack(app=app, **options)
    try:
        running.start().warm_up()
        if app_label:
            running.until(lambda: running.supervisor.getProcessInfo("zerg:zerg")["statename"] == "RUNNING")
            running.zerg.deploy("", {"label": app_label, "bake": 0})
        yield running
    finally:
        running.stop()


PICTURES = {"swap": swap, "deploy": deploy, "watch": watch, "page": page}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []], metavar="NAME", help="of " + ", ".join(PICTURES))
    IMAGES.mkdir(exist_ok=True)
    for name in parser.parse_args(arguments).names or PICTURES:
        PICTURES[name]()
        print(f"{name}: docs/images", flush=True)


if __name__ == "__main__":
    main()

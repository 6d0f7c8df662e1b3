"""Plots of a swap and of two deploys: each request, when it began and how long it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Answer, Traffic, failed

from ..load import PREFORK, TOP
from .stacks import IMAGES, stack, wait_for_listener

RELEASES = {**PREFORK, "wsgi-file": Path(TOP) / "tests" / "live" / "apps" / "release.py"}
COLOURS = ("#4c78a8", "#59a14f", "#9467bd")
FAILED = "#d62728"
WIDTH_IN, HEIGHT_IN, DPI = 9, 3.4, 100
SWAP_WINDOW_S = 0.15  # shown before and after the swap
BOOT_S = 2.0
BAKE_S = 3.0
POLL_S = 0.02


def swap() -> None:
    """Each request around one swap, by the instance that answered."""
    with (
        stack(PREFORK) as running,
        Traffic(running.web, clients=4, seconds=60, paths=("/?s=0.005",)) as traffic,
    ):
        time.sleep(1)
        asked = time.monotonic()
        running.zerg.swap("")
        replied = time.monotonic()
        time.sleep(1)
        traffic.end(10)
        answers = traffic.answers()
    shown = [a for a in answers if abs(a.began - asked) < SWAP_WINDOW_S]
    figure, axes = plot(
        f"A swap under load: {len(answers)} requests, {len(failed(answers))} failed",
        "request began, ms after the swap was requested",
    )
    scatter(axes, shown, asked, 1000, lambda a: a.program)
    axes.axvspan(
        0,
        (replied - asked) * 1000,
        color="#999999",
        alpha=0.35,
        lw=0,
        label=f"swap, {(replied - asked) * 1000:.1f} ms",
    )
    save(figure, axes, "swap.png")


# a deploy


def deploy() -> None:
    """Each request during a good deploy and one that is rolled back, by release."""
    pair = {
        "bake": f"{BAKE_S:g}",
        "health": "unix://%(ENV_ZERG_RUN)s/web.sock:/",
        "health_interval": "0.2",
        "health_count": "2",
    }
    with stack(RELEASES, pair=pair, environment={"ZERG_BOOT_S": f"{BOOT_S:g}"}) as running:
        wait_for_listener(running)
        with (
            Traffic(running.web, clients=2, seconds=120, paths=("/?s=0.02", "/?s=0.04")) as traffic,
            Phases(running) as phases,
        ):
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
    bad = len(failed(answers))
    figure, axes = plot(
        f"Two deploys under load, {len(answers)} requests; release 3 answers 500, is rolled back",
        "seconds",
    )
    scatter(
        axes, answers, began, 1, lambda a: f"release {a.version}", bad_label=f"answered 500: {bad}"
    )
    for number, (name, start, end) in enumerate(phases.seen):
        axes.axvspan(
            start - began, end - began, color="#999999", alpha=0.1 + 0.12 * (number % 2), lw=0
        )
        if end - start > 0.5:
            axes.text(
                (start + end) / 2 - began,
                1.01,
                name,
                transform=axes.get_xaxis_transform(),
                ha="center",
                fontsize=8,
            )
    save(figure, axes, "deploy.png")


class Phases:
    """Watches the phases of deploys in a thread.

    ``seen`` has (phase, begin, end), times of CLOCK_MONOTONIC.
    """

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
            info = self.zerg.getDeploy("")
            now = time.monotonic()
            if not info or info["outcome"]:
                continue
            if (
                self.seen
                and self.seen[-1][0] == info["phase"]
                and now - self.seen[-1][2] < 10 * POLL_S
            ):
                self.seen[-1] = (*self.seen[-1][:2], now)
            else:
                self.seen.append((info["phase"], now, now))


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
    axes: Any,
    answers: list[Answer],
    origin: float,
    scale: float,
    key: Callable[[Answer], str],
    bad_label: str = "failed",
) -> None:
    """A point for each request. ``scale``: units of the x-axis in a second."""
    good = [a for a in answers if a.status == 200]
    for colour, name in zip(COLOURS, sorted({key(a) for a in good})):
        points(
            axes,
            [a for a in good if key(a) == name],
            origin,
            scale,
            name,
            color=colour,
            marker=".",
            s=16,
        )
    bad = failed(answers)
    if bad:
        points(axes, bad, origin, scale, bad_label, color=FAILED, marker="x", s=20)


def points(
    axes: Any, answers: list[Answer], origin: float, scale: float, label: str, **style: Any
) -> None:
    took_ms = [(a.ended - a.began) * 1000 for a in answers]
    axes.scatter(
        [(a.began - origin) * scale for a in answers], took_ms, label=label, linewidths=0.8, **style
    )


def save(figure: Any, axes: Any, name: str) -> None:
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(IMAGES / name)

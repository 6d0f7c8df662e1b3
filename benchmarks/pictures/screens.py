"""What an operator sees: ``zerg watch`` on a terminal, and the web page."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile

from supervisor_zerg.demo.stack import BIN
from supervisor_zerg.demo.traffic import Traffic

from ..load import PREFORK
from .stacks import IMAGES, stack

COLUMNS = 100  # of the terminal
PAGE_PX = (1100, 480)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def watch() -> None:
    """The last frame that ``zerg watch`` draws on a terminal, as SVG."""
    from rich.console import Console
    from rich.text import Text

    with (
        stack(PREFORK, label="v2.1") as running,
        Traffic(running.web, clients=2, seconds=60, paths=("/?s=0.02",)),
    ):
        command = [str(BIN / "zergctl"), "-s", running.url, "watch", "--count", "4"]
        frame = last_frame(on_a_terminal(command))
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        console.print(Text.from_ansi("$ zergctl watch\n" + frame))
    svg = console.export_svg(title="zergctl watch")
    (IMAGES / "watch.svg").write_text(
        re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)
    )  # loads nothing from elsewhere


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
    with (
        stack(PREFORK, http=True, label="v2.1") as running,
        Traffic(running.web, clients=2, seconds=60, paths=("/?s=0.02",)),
    ):
        running.zerg.swap("")
        running.zerg.swap("")
        with tempfile.TemporaryDirectory() as profile:
            command = [
                chromium,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={profile}",
            ]
            command += [
                f"--window-size={PAGE_PX[0]},{PAGE_PX[1]}",
                f"--screenshot={IMAGES / 'page.png'}",
                "--timeout=3000",
            ]
            subprocess.run(
                [*command, f"http://127.0.0.1:{running.port}/zerg.html"],
                check=True,
                stderr=subprocess.DEVNULL,
                timeout=60,
            )

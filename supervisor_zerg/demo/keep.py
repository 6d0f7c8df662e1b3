"""A demo that keeps running: the commands to try, and how to end it."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .processes import pids_of, send
from .stack import BIN, Stack

END_S = 15.0


def commands(stack: Stack) -> Iterator[str]:
    """Lines with commands that an operator can try now."""
    supervisorctl = f"{BIN / 'supervisorctl'} -c {stack.conf}"
    yield "The stack keeps running. Commands to try, in this terminal or in another one:"
    for command in ("status", "zerg status", "zerg swap", "zerg history", "restart pybossa"):
        yield f"  {supervisorctl} {command}"
    yield f"  {BIN / 'zergctl'} -s {stack.url} status"
    yield "Traffic of 4 clients for 60 s, with a line for each request:"
    yield f"  {sys.executable} -m supervisor_zerg.demo.traffic {stack.web} 4 60 / '/?s=0.05'"
    yield "A new version, which the next instance that starts will load:"
    yield f"  echo 3 > {stack.folder / 'version'}"
    yield "To end everything and to remove its folder:"
    yield f"  {sys.executable} -m supervisor_zerg.demo --end {stack.folder}"


def end(folder: str | Path) -> int:
    """End the processes of a kept demo, by pid, and remove its folder.

    Returns:
        The exit status.
    """
    folder = Path(folder).resolve()
    if not _is_demo(folder):
        print(f"{folder} is not the folder of a demo", file=sys.stderr)
        return 2
    run = folder / "run"
    pidfile = run / "supervisord.pid"
    if pidfile.exists() and int(pidfile.read_text()) in pids_of(run):
        send(int(pidfile.read_text()), signal.SIGTERM)
    deadline = time.monotonic() + END_S
    while pids_of(run) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in pids_of(run):
        send(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"ended; {folder} is removed")
    return 0


def _is_demo(folder: Path) -> bool:
    files = (folder / "supervisord.conf").is_file() and (folder / "run").is_dir()
    return files and folder.name.startswith("zerg-")

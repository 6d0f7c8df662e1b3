"""A demo that was left running: what to type, and how it ends."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

from .stack import BIN, pids_of

END_S = 15.0


def commands(stack):
    """The lines to show: what an operator can type now."""
    supervisorctl = f"{BIN / 'supervisorctl'} -c {stack.conf}"
    zergctl = f"{BIN / 'zergctl'} -s {stack.url}"
    yield "It runs on. To type, from another terminal or this one:"
    for words in ("status", "zerg status", "zerg swap", "zerg history", "restart pybossa"):
        yield f"  {supervisorctl} {words}"
    yield f"  {zergctl} status"
    yield "Traffic, 4 clients for 60 s, a line a request:"
    yield f"  {sys.executable} -m supervisor_zerg.demo.traffic {stack.web} 4 60 / '/?s=0.05'"
    yield "A new version, taken up by the instance that is started next:"
    yield f"  echo 3 > {stack.folder / 'version'}"
    yield "To stop it all and remove its folder:"
    yield f"  {sys.executable} -m supervisor_zerg.demo --end {stack.folder}"


def end(folder):
    """End what was left running in a folder, by pid, and remove the folder. :returns: exit status."""
    folder = Path(folder).resolve()
    pidfile = folder / "run" / "supervisord.pid"
    if not (
        (folder / "supervisord.conf").is_file()
        and (folder / "run").is_dir()
        and folder.name.startswith("zerg-")
    ):
        print(f"{folder} is not the folder of a demo", file=sys.stderr)
        return 2
    ours = set(pids_of(folder / "run"))
    if pidfile.exists() and int(pidfile.read_text()) in ours:
        send(int(pidfile.read_text()), signal.SIGTERM)
    limit = time.monotonic() + END_S
    while pids_of(folder / "run") and time.monotonic() < limit:
        time.sleep(0.05)
    for pid in pids_of(folder / "run"):
        send(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"ended, {folder} is removed")
    return 0


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass

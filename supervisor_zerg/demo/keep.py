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
    """The lines to show: what a person can type now."""
    supervisorctl = "%s -c %s" % (BIN / "supervisorctl", stack.conf)
    zergctl = "%s -s %s" % (BIN / "zergctl", stack.url)
    yield "It runs on. To type, from another terminal or this one:"
    for words in ("status", "zerg status", "zerg swap", "zerg history", "restart pybossa"):
        yield "  %s %s" % (supervisorctl, words)
    yield "  %s status" % zergctl
    yield "Traffic, 4 clients for 60 s, a line a request:"
    yield "  %s -m supervisor_zerg.demo.traffic %s 4 60 / '/?s=0.05'" % (sys.executable, stack.web)
    yield "A new version, taken up by the copy that is started next:"
    yield "  echo 3 > %s" % (stack.folder / "version")
    yield "To stop it all and remove its folder:"
    yield "  %s -m supervisor_zerg.demo --end %s" % (sys.executable, stack.folder)


def end(folder):
    """End what was left running in a folder, by pid, and remove the folder. :returns: exit status."""
    folder = Path(folder).resolve()
    pidfile = folder / "run" / "supervisord.pid"
    if not ((folder / "supervisord.conf").is_file() and (folder / "run").is_dir() and folder.name.startswith("zerg-")):
        print("%s is not the folder of a demo" % folder, file=sys.stderr)
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
    print("ended, %s is removed" % folder)
    return 0


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass

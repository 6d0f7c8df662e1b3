"""Imported by uWSGI into the application's own interpreter: boots the copy *parked*, fully loaded and taking no request.

    shared-py-import = /path/to/companion.py

Free of any dependency, Python 3.8 or newer. It runs in the master before the workers are forked, so that each is born with
uWSGI's suspended flag set (core/master_utils.c:739: a respawn keeps it); lazy-apps included. One ``p`` releases the copy.
"""

import ctypes
import os


def _uwsgi():
    """The library that holds uWSGI's own symbols: the executable, or the extension module of the pyuwsgi wheel."""
    executable = ctypes.CDLL(None)
    if hasattr(executable, "suspend_resume_them_all"):
        return executable
    with open("/proc/self/maps") as maps:
        paths = {line.split(None, 5)[-1].strip() for line in maps if "pyuwsgi" in line}
    for path in paths:
        if os.path.basename(path).startswith("pyuwsgi.") and os.path.isfile(path):
            return ctypes.CDLL(path)
    raise RuntimeError("supervisor_zerg: no suspend_resume_them_all in this uWSGI, so it cannot boot parked; use hooks.ini")


_uwsgi().suspend_resume_them_all(0)

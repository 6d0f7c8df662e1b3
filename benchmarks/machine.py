"""The facts of the machine that the figures depend on."""

import os
import platform
import subprocess
from importlib import metadata

from supervisor_zerg.demo.stack import BIN


def observed():
    uwsgi = subprocess.run(
        [str(BIN / "uwsgi"), "--version"], capture_output=True, text=True
    ).stdout.strip()
    return "%d cores, load %.2f, Linux %s, Python %s, supervisor %s, uWSGI %s" % (
        len(os.sched_getaffinity(0)),
        os.getloadavg()[0],
        platform.release(),
        platform.python_version(),
        metadata.version("supervisor"),
        uwsgi,
    )

"""The facts about the machine that the figures depend on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata

from supervisor_zerg.demo.stack import BIN


def describe() -> str:
    """One line about the machine and the versions."""
    uwsgi = subprocess.run([str(BIN / "uwsgi"), "--version"], capture_output=True, text=True)
    facts = (
        f"{len(os.sched_getaffinity(0))} cores",
        f"load {os.getloadavg()[0]:.2f}",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}",
        f"supervisor {metadata.version('supervisor')}",
        f"uWSGI {uwsgi.stdout.strip()}",
    )
    return ", ".join(facts)

"""Processes for tests that read what the kernel shows."""

import contextlib
import subprocess
import sys
import time

NOBODY = 2**22 - 1  # no process has this number
SLEEPS = "import time; time.sleep(60)"


def until(true, seconds=60):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


@contextlib.contextmanager
def python(code, *arguments, **options):
    """A Python process that runs some code; it is killed at the end."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()

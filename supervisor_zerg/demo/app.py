"""The application of the demo and of the live tests: answers who it is and when it began, and does as the query says.

``?s=0.5`` sleeps, ``?burn=0.1`` computes, ``?exit=1`` ends the worker; a body is read to its end first.
``ZERG_BOOT_S`` makes the import slow; the file named by ``ZERG_VERSION_FILE`` is the code's version, read at import.
"""

import os
import time
from urllib.parse import parse_qs

PROGRAM = os.environ.get("SUPERVISOR_PROCESS_NAME", "?")


def _version():
    try:
        with open(os.environ.get("ZERG_VERSION_FILE", "")) as file:
            return file.read().strip()
    except OSError:
        return "1"


VERSION = _version()
time.sleep(float(os.environ.get("ZERG_BOOT_S", "0")))


def application(environ, start_response):
    handled = time.monotonic()
    query = parse_qs(environ.get("QUERY_STRING", ""))
    environ["wsgi.input"].read()
    time.sleep(float(query.get("s", ["0"])[0]))
    end = time.perf_counter() + float(query.get("burn", ["0"])[0])
    while time.perf_counter() < end:
        pass
    if "exit" in query:
        os._exit(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%s %d %.6f %s\n" % (PROGRAM, os.getpid(), handled, VERSION)).encode()]

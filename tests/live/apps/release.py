"""The demo's application, with the ways a release may be bad: the words behind the version in the
version file.
"""

import os
import signal
import threading
import time

from supervisor_zerg.demo import app

VERSION, *WAYS = app.VERSION.split()
WAYS = dict(way.partition("=")[::2] for way in WAYS)
app.VERSION = VERSION

if "unimportable" in WAYS:
    raise ImportError("this release does not import")
if "hangs" in WAYS:
    time.sleep(600)


def application(environ, start_response):
    if "dies" in WAYS:
        threading.Timer(float(WAYS["dies"]), os.kill, (os.getppid(), signal.SIGKILL)).start()
    if "crashes" in WAYS:
        os._exit(1)
    if "raises" in WAYS:
        raise ValueError("this release raises")
    if "status" in WAYS:
        start_response(f"{WAYS['status']} Bad", [])
        return [b"bad"]
    if "slow" in WAYS:
        time.sleep(float(WAYS["slow"]))
    return app.application(environ, start_response)

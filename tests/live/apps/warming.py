"""Notes each process that is asked for /warm, and fails there when it is told to."""

import os

with open(os.environ["ZERG_VERSION_FILE"]) as file:
    VERSION = file.read().strip()
if VERSION == "unimportable":
    raise ImportError("it does not import")


def application(environ, start_response):
    if environ["PATH_INFO"] == "/warm":
        with open(os.environ["ZERG_RUN"] + "/warmed", "a") as file:
            file.write("%d %s\n" % (os.getpid(), environ.get("zerg.companion", False)))
        if VERSION == "cold":
            raise ValueError("it cannot be warmed")
    start_response("200 OK", [("X-Pid", str(os.getpid()))])
    return [b"fine"]

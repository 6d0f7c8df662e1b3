"""An event listener of somebody else: notes every event that it gets in the file it is given."""

import sys

from supervisor import childutils

while True:
    headers, payload = childutils.listener.wait()
    with open(sys.argv[1], "a") as file:
        file.write("{} {}\n".format(headers["eventname"], payload.replace("\n", " | ")))
    childutils.listener.ok()

"""nginx in front of a stack, from conf.d/nginx as it is."""

import os
import shutil
import socket
import subprocess

from .traffic import get


def found():
    """The binary, or None."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    return binary if os.path.exists(binary) else None


class Nginx:
    """:param stack: that serves. ``port``: of 127.0.0.1."""

    def __init__(self, stack):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        text = (
            (stack.conf_d / "nginx" / "nginx.conf")
            .read_text()
            .replace("ZERG_RUN", str(stack.run))
            .replace("ZERG_PORT", self.port)
        )
        conf = stack.folder / "nginx.conf"
        conf.write_text(text)
        self.process = subprocess.Popen(
            [found(), "-c", str(conf), "-g", "daemon off;"], env=stack.environment
        )
        stack.until(lambda: get(self.port, timeout=10).status == 200)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

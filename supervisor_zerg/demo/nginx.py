"""nginx in front of a stack, from conf.d/nginx."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess

from .stack import Stack
from .traffic import get


def nginx_path() -> str | None:
    """The path of nginx, if it is installed."""
    path = shutil.which("nginx") or "/usr/sbin/nginx"
    return path if os.path.exists(path) else None


class Nginx:
    """nginx on ``port`` of 127.0.0.1, in front of a stack that serves.

    Args:
        keepalive: how many idle connections to the instances it keeps; they need
            ``protocol = http11``.
    """

    def __init__(self, stack: Stack, keepalive: int = 0) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        text = (stack.conf_d / "nginx" / "nginx.conf").read_text()
        if keepalive:
            text = _with_keepalive(text, keepalive)
        conf = stack.folder / "nginx.conf"
        conf.write_text(text.replace("ZERG_RUN", str(stack.run)).replace("ZERG_PORT", self.port))
        self.process = subprocess.Popen(
            [nginx_path() or "nginx", "-c", str(conf), "-g", "daemon off;"], env=stack.environment
        )
        stack.until(lambda: get(self.port, timeout=10).status == 200)

    def stop(self) -> None:
        """Stop nginx."""
        self.process.terminate()
        self.process.wait(10)


def _with_keepalive(text: str, connections: int) -> str:
    text = text.replace("web.sock; }", f"web.sock; keepalive {connections}; }}")
    version = "proxy_http_version 1.0;"
    return text.replace(version, 'proxy_http_version 1.1; proxy_set_header Connection "";')

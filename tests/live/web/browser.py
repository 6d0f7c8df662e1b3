"""A browser without a script, and raw bytes, for the page of a stack."""

import http.client
import json
import os
import re
import socket
from urllib.parse import urlencode

PATIENCE_S = 10.0


class Browser:
    """One connection that remembers the token, as a browser would without its script."""

    def __init__(self, port, **headers):
        self.headers = headers
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    def ask(self, method, path, body=None, **headers):
        """:returns: (status, headers, text)"""
        self.connection.request(method, path, body, {**self.headers, **headers})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()

    def get(self, path="/zerg.html"):
        return self.ask("GET", path)

    def token(self):
        return re.search(r'name="token" type="hidden" value="([^"]+)"', self.get()[2]).group(1)

    def post(self, action, headers=None, **fields):
        body = urlencode({"token": self.token(), "pair": "pybossa", **fields})
        return self.ask(
            "POST",
            f"/zerg/{action}",
            body,
            **{"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
        )

    def view(self):
        return json.loads(self.get("/zerg.json")[2])

    def said(self, headers):
        return re.search(
            r'id="message" role="status">([^<]*)<',
            self.get(headers["Location"].replace("../", "/"))[2],
        ).group(1)


def serving(stack):
    return stack.info()["serving"]


def descriptors(stack):
    return len(os.listdir(f"/proc/{stack.process.pid}/fd"))


def raw(stack, data):
    """What comes back when exactly these bytes are sent."""
    with socket.create_connection(("127.0.0.1", stack.port), PATIENCE_S) as connection:
        connection.sendall(data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = connection.recv(4096)
            if not piece:
                break
            answer += piece
        return answer

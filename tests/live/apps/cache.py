"""``?set=NAME`` stores an item in uWSGI's cache; each answer says which items are there."""

import os
import time
from urllib.parse import parse_qs

import uwsgi

NAMES = [f"item{number}" for number in range(10)]


def application(environ, start_response):
    for name in parse_qs(environ.get("QUERY_STRING", "")).get("set", ()):
        uwsgi.cache_update(name, name.encode(), 0, "shared")
    found = [name for name in NAMES if uwsgi.cache_get(name, "shared")]
    start_response("200 OK", [("Content-Type", "text/plain")])
    program = os.environ.get("SUPERVISOR_PROCESS_NAME", "?")
    return [f"{program} {os.getpid()} {time.monotonic():.6f} {','.join(found) or '-'}\n".encode()]

"""``zergctl watch`` beside a real pair: a swap is shown as it happens, in plain lines and in the
table of a terminal.
"""

import os
import pty
import re
import select
import subprocess
import time

import pytest

from supervisor_zerg.demo.stack import BIN, Stack
from supervisor_zerg.demo.traffic import Traffic

PATIENCE_S = 10.0
SHOWN_S = 1.0  # from the reply to a swap
COMMAND = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")  # of a terminal


@pytest.fixture(scope="module")
def stack():
    with Stack() as stack:
        stack.warm_up()
        yield stack


class Screen:
    """A watch that runs, and what it has shown."""

    def __init__(self, stack, terminal):
        self.mine, theirs = pty.openpty() if terminal else os.pipe()
        command = [str(BIN / "zergctl"), "-s", stack.url, "watch", "--interval", "0.1"]
        environment = {**stack.environment, "TERM": "xterm", "COLUMNS": "140", "LINES": "40"}
        self.process = subprocess.Popen(
            command, stdin=theirs if terminal else None, stdout=theirs, env=environment
        )
        os.close(theirs)
        self.shown = ""

    def until(self, pattern, seconds=PATIENCE_S):
        """Forget what was shown, and read until this is."""
        self.shown, end = "", time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            assert select.select([self.mine], [], [], max(0, end - time.monotonic()))[0], self.shown
            self.shown = COMMAND.sub("", self.shown + os.read(self.mine, 65536).decode())

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.mine)


@pytest.fixture(params=[False, True], ids=["lines", "table"])
def screen(stack, request):
    if request.param:
        pytest.importorskip("rich", reason="rich is not installed: pip install -e .[test]")
    screen = Screen(stack, request.param)
    yield screen
    screen.close()


def test_a_swap_is_shown_as_it_happens_with_requests_a_second(stack, screen):
    with Traffic(stack.web, clients=2, seconds=60, paths=("/",)):
        serving, parked = stack.info()["serving"], stack.info()["parked"]
        screen.until(rf"{serving}\W+serving\W.*?[1-9][0-9.]*")
        stack.zerg.swap("")
        began = time.monotonic()
        screen.until(rf"{parked}\W+serving", SHOWN_S)
        print(f"shown {(time.monotonic() - began) * 1000:.0f} ms after the reply to the swap")
        screen.until(rf"{serving}\W+(parked|draining)")
        assert screen.process.poll() is None

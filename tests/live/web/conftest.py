"""One stack for the tests of a module, and a browser."""

import pytest

from supervisor_zerg.demo.stack import Stack

from .browser import Browser


@pytest.fixture(scope="module")
def shared():
    stack = Stack("managed", app={"processes": 2}, http=True)
    try:
        stack.start()
        stack.warm_up()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def stack(shared):
    if not shared.info()["serving"]:
        shared.zerg.resume("pybossa")
    shared.until(lambda: shared.info()["warm"])
    return shared


@pytest.fixture
def browser(stack):
    return Browser(stack.port)

"""What the tests of deploys share: a pair of an application that can be bad, and what its clients saw of promotions."""

import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor_zerg.demo.traffic import Traffic, failed, stale

from .conftest import PREFORK, history

APP = {"wsgi-file": Path(__file__).parent / "apps" / "release.py"}
MIN_FAILURES = {"health_interval": "0.1", "health_count": "2", "health_timeout": "1", "bake": "1"}
ASKED = {"health": "/"}
HUNG_S = 10.0
WRITTEN_S = 0.05  # from the end of a promotion to its line in the history


@pytest.fixture
def make(make_stack, dialect):
    """A pair in each dialect of an application that can be bad; pybossa serves version 1."""

    def make(app=PREFORK, start=True, **pair):
        stack = make_stack(dialect, app={**APP, **app}, pair={**MIN_FAILURES, **pair}, start=start)
        if start:
            stack.until_roles("pybossa", "")
        return stack

    return make


@pytest.fixture
def managed(make_stack):
    """A pair whose instances boot parked."""

    def make(app=PREFORK, **pair):
        return make_stack("managed", app={**APP, **app}, pair={**MIN_FAILURES, **pair})

    return make


def deploy(stack, version, **options):
    stack.version(version)
    return stack.zerg.deploy("", {"label": version.split()[0], **options})


def begin(stack, version, phase, **options):
    """Begin a deploy and wait until it is in that phase."""
    begun = deploy(stack, version, wait=False, **options)
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == phase)
    return begun


def ended(stack, seconds=40):
    """Wait for the end of the deploy. :returns: its struct."""
    return stack.until(lambda: (told := stack.zerg.getDeploy(""))["outcome"] and told, seconds)


def versions(answers):
    return {a.version for a in answers}


def promotions(stack):
    """[(asked, replied, program)] of everything that was promoted, as :func:`stale` takes it. Where instances move the slots themselves, they
    do so without being asked, some time after the deploy began."""
    shift, entries = time.monotonic() - time.time(), history(stack)
    hooks = stack.environment["ZERG_DIALECT"] == "hooks"
    began = {
        e["id"]: e["at"] - e["took_ms"] / 1000
        for e in entries
        if hooks and e["kind"] == "deploy"
    }
    done = []
    for entry in [
        e for e in entries if e["kind"] == "promote" and e["outcome"] == "done"
    ]:
        deploy = entry["by"].rpartition("(id ")[2].rstrip(")")
        asked = began.get(deploy, entry["at"] - entry["took_ms"] / 1000) - WRITTEN_S
        done.append((asked + shift, entry["at"] + shift, entry["program"]))
    return done


@contextmanager
def nobody_notices(stack, **options):
    """Clients, none of whom fails, is kept waiting for ever, or is answered by an instance that was not to answer any more.

    :returns: Traffic
    """
    with Traffic(stack.web, **{"clients": 4, "paths": ("/",), **options}) as traffic:
        yield traffic
        assert traffic.end(HUNG_S), "a client was never answered"
        answers = traffic.answers()
        assert len(answers) > 20 and failed(answers) == []
        assert stale(answers, promotions(stack)) == []

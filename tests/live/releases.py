"""What the tests of deploys share."""

import time
from contextlib import contextmanager

from supervisor_zerg.demo.traffic import Traffic, failed, stale

from .conftest import history

ASKED = {"health": "/"}
HUNG_S = 10.0
WRITTEN_S = 0.05  # from the end of a promotion to its entry in the history


def deploy(stack, version, **options):
    stack.version(version)
    return stack.zerg.deploy("", {"label": version.split()[0], **options})


def begin(stack, version, phase, **options):
    """Begin a deploy and wait until it is in that phase."""
    begun = deploy(stack, version, wait=False, **options)
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == phase)
    return begun


def ended(stack, seconds=40):
    """Wait for the end of the deploy. Returns its struct."""
    return stack.until(lambda: (info := stack.zerg.getDeploy(""))["outcome"] and info, seconds)


def versions(answers):
    return {a.version for a in answers}


def promotions(stack):
    """(requested, answered, program) of every promotion, as :func:`stale` takes it.

    Where instances move the slots themselves, they do so without a request, some time after the
    deploy began.
    """
    shift = time.monotonic() - time.time()
    entries = history(stack)
    hooks = stack.environment["ZERG_DIALECT"] == "hooks"
    began = {
        e["id"]: e["at"] - e["took_ms"] / 1000 for e in entries if hooks and e["kind"] == "deploy"
    }
    done = []
    for entry in [e for e in entries if e["kind"] == "promote" and e["outcome"] == "done"]:
        deploy = entry["by"].rpartition("(id ")[2].rstrip(")")
        asked = began.get(deploy, entry["at"] - entry["took_ms"] / 1000) - WRITTEN_S
        done.append((asked + shift, entry["at"] + shift, entry["program"]))
    return done


@contextmanager
def nobody_notices(stack, **options):
    """Traffic, of which no request fails, waits forever, or meets an instance that was parked."""
    with Traffic(stack.web, **{"clients": 4, "paths": ("/",), **options}) as traffic:
        yield traffic
        assert traffic.end(HUNG_S), "a client was never answered"
        answers = traffic.answers()
        assert len(answers) > 20 and failed(answers) == []
        assert stale(answers, promotions(stack)) == []

"""What operators do, several at once: supervisorctl, and requests to the plugin that race."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import Any, Callable
from xmlrpc.client import Fault as RpcFault
from xmlrpc.client import ProtocolError

from ..target import PROGRAMS, NotPossible, Target
from .fault import MERCY_S, Fault, Undo

DEPLOY_END_S = 90.0
SUPERVISORS_REFUSALS = (6, 60, 70)  # SHUTDOWN_STATE, ALREADY_STARTED, NOT_RUNNING


def _by_supervisorctl(*words: str) -> Callable[[Target, random.Random], Undo]:
    def apply(target: Target, rng: random.Random) -> Undo:
        return target.ctl(*words, rng.choice(PROGRAMS))

    return apply


def stop_both(target: Target, rng: random.Random) -> Undo:
    return target.ctl("stop", *rng.sample(PROGRAMS, 2))


def update_program(target: Target, rng: random.Random) -> Undo:
    """Its section changes, so Supervisor stops it, removes it, and adds it again."""
    program = rng.choice(PROGRAMS)
    options = {"stopwaitsecs": str(75 + rng.randrange(20))}
    target.stack.set_options(f"{program}.conf", f"program:{program}", options)
    return target.ctl("update")


def update_pair(target: Target, rng: random.Random) -> Undo:
    target.stack.set_pair({"drain_timeout": str(30 + rng.randrange(20))})
    return target.ctl("update")


def reload(target: Target, rng: random.Random) -> Undo:
    """It ends every process, the pool as well."""
    target.everything_lost()
    return target.ctl("reload")


# requests to the plugin


def _call(target: Target, rng: random.Random) -> None:
    """One request at random. A refusal is fine, anything else is not."""
    zerg = target.stack.zerg
    program = rng.choice(PROGRAMS)
    calls: dict[str, Callable[[], Any]] = {
        "swap": lambda: zerg.swap(""),
        "promote": lambda: zerg.promote(program),
        "pause": lambda: zerg.pause(program),
        "hold": lambda: zerg.pause(program, True),
        "resume": lambda: zerg.resume(program),
        "both": lambda: zerg.resume(program, True),
        "reconcile": lambda: zerg.reconcile(""),
        "auto": lambda: zerg.setAuto("", rng.random() < 0.5),
        "deploy": lambda: zerg.deploy("", {"wait": rng.random() < 0.3}),
        "abort": lambda: zerg.abort(""),
        "history": lambda: zerg.getHistory("", 5),
        "start": lambda: target.stack.supervisor.startProcess(program, False),
    }
    name = rng.choice(sorted(calls))
    try:
        calls[name]()
    except RpcFault as fault:
        if not 300 <= fault.faultCode < 400 and fault.faultCode not in SUPERVISORS_REFUSALS:
            target.complaints.append(f"{name}: fault {fault.faultCode} {fault.faultString}")
    except ProtocolError as error:
        target.complaints.append(f"{name}: HTTP {error.errcode}")
    except OSError:
        pass  # supervisord is being reloaded, or the check will find that it ended


def race(target: Target, rng: random.Random) -> Undo:
    """Some operators ask for anything at once."""
    seeds = [rng.randrange(10**9) for _ in range(rng.randrange(2, 5))]

    def operator(seed: int) -> None:
        own = random.Random(seed)
        for _ in range(3):
            _call(target, own)
            time.sleep(own.random() * 0.1)

    threads = [threading.Thread(target=operator, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()

    def undo() -> None:
        for thread in threads:
            thread.join()
        _deploy_ends(target)

    return undo


def swaps(target: Target, rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 6)):
        swap(target)
        time.sleep(rng.random() * 0.05)


def swap(target: Target) -> None:
    """Swap the pair, whatever the answer is."""
    _quietly(lambda: target.stack.zerg.swap(""))


def _quietly(call: Callable[[], Any]) -> None:
    with contextlib.suppress(RpcFault, ProtocolError, OSError):
        call()


def deploy(target: Target, rng: random.Random) -> Undo:
    """A release, good or one that cannot be imported, and perhaps an abort."""
    target.version += 1
    target.stack.version(str(target.version))
    if rng.random() < 0.3:
        target.stack.app_ini.write_text(
            target.release_text.replace("wsgi-file = ", "module = no_such_module\n#")
        )
    _quietly(lambda: target.stack.zerg.deploy("", {"wait": False}))
    if rng.random() < 0.4:
        time.sleep(rng.random() * 2)
        _quietly(lambda: target.stack.zerg.abort(""))

    def undo() -> None:
        _deploy_ends(target)
        target.stack.app_ini.write_text(target.release_text)

    return undo


def _deploy_ends(target: Target) -> None:
    """Wait until no deploy runs."""
    end = time.monotonic() + DEPLOY_END_S
    while time.monotonic() < end:
        try:
            told = target.stack.zerg.getDeploy("")
            if not told or told["outcome"]:
                return
        except (OSError, RpcFault, ProtocolError, NotPossible):
            pass
        time.sleep(0.1)
    target.complaints.append(f"a deploy did not end within {DEPLOY_END_S:.0f} s")


FAULTS = (
    Fault("supervisorctl-stop", _by_supervisorctl("stop"), weight=3),
    Fault("supervisorctl-start", _by_supervisorctl("start"), weight=1),
    Fault("supervisorctl-restart", _by_supervisorctl("restart"), weight=3),
    Fault("stop-both", stop_both, weight=1),
    Fault("update-program", update_program),
    Fault("update-pair", update_pair),
    Fault("reload", reload, "all", weight=1, ends_within_s=2 * MERCY_S),
    Fault("race", race, weight=4),
    Fault("swaps", swaps, weight=3),
    Fault("deploy", deploy, weight=4),
)

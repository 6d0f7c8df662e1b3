"""Processes that are killed, or stopped for a while."""

from __future__ import annotations

import contextlib
import random
from signal import SIGCONT, SIGHUP, SIGKILL, SIGTSTP

from .. import kernel
from ..target import HELD_BY_KILL_S, LISTENER, NotPossible, Target, pause
from .fault import MERCY_S, Fault, Undo

STOPPED_S = 3.0
RELOAD_S = 3.0  # an instance that reloads dies of it in zerg mode


def kill_master(target: Target, rng: random.Random) -> None:
    master = target.instance(rng)["master"]
    target.allow(HELD_BY_KILL_S, target.capacity(), "master killed")
    target.send(master, SIGKILL)


def kill_both_masters(target: Target, rng: random.Random) -> None:
    for instance in target.info()["instances"]:
        if instance["master"]:
            target.allow(HELD_BY_KILL_S, target.capacity(), "master killed")
            target.send(instance["master"], SIGKILL)
            pause(rng, 0.5)


def kill_worker(target: Target, rng: random.Random) -> None:
    _, worker = target.worker(rng)
    target.allow(HELD_BY_KILL_S, max(kernel.threads(worker), 1), "worker killed")
    target.send(worker, SIGKILL)


def kill_all_workers(target: Target, rng: random.Random) -> None:
    workers = kernel.children(target.instance(rng)["master"])
    target.allow(HELD_BY_KILL_S, target.capacity(), "workers killed")
    for worker in workers:
        with contextlib.suppress(NotPossible):
            target.send(worker, SIGKILL)


def kill_worker_then_toggle(target: Target, rng: random.Random) -> None:
    """SIGTSTP, which is ``p``, reaches the master while it forks a worker."""
    instance, worker = target.worker(rng)
    target.allow(STOPPED_S, target.capacity(), "worker killed, and the flood that follows")
    target.send(worker, SIGKILL)
    pause(rng, 0.02)
    target.send(instance["master"], SIGTSTP)


def toggle_by_signal(target: Target, rng: random.Random) -> None:
    target.send(target.instance(rng)["master"], SIGTSTP)


def reload_by_signal(target: Target, rng: random.Random) -> None:
    target.allow(RELOAD_S, target.capacity(), "the instance dies of a reload")
    target.send(target.instance(rng)["master"], SIGHUP)


def stop_master(target: Target, rng: random.Random) -> Undo:
    return target.stop_for(target.instance(rng)["master"], rng.uniform(0.2, STOPPED_S))


def stop_worker(target: Target, rng: random.Random) -> Undo:
    return target.stop_for(target.worker(rng)[1], rng.uniform(0.2, STOPPED_S))


def continue_worker(target: Target, rng: random.Random) -> None:
    target.send(target.worker(rng)[1], SIGCONT)


def _listener(target: Target) -> int:
    pid = target.pid_of(LISTENER)
    if not pid:
        raise NotPossible("no listener runs")
    return pid


def kill_listener(target: Target, rng: random.Random) -> None:
    target.send(_listener(target), SIGKILL)


def stop_listener(target: Target, rng: random.Random) -> Undo:
    return target.stop_for(_listener(target), rng.uniform(0.5, 2 * STOPPED_S))


FAULTS = (
    Fault("kill-master", kill_master, "what ran inside the instance", weight=4),
    Fault("kill-both-masters", kill_both_masters, "what ran inside both instances"),
    Fault("kill-worker", kill_worker, "what ran inside the worker", weight=3),
    Fault("kill-all-workers", kill_all_workers, "what ran inside the workers"),
    Fault("kill-worker-and-toggle", kill_worker_then_toggle, "what ran inside the worker"),
    Fault("sigtstp-master", toggle_by_signal),
    Fault("sighup-master", reload_by_signal, "what ran inside the instance", ends_within_s=MERCY_S),
    Fault("stop-master", stop_master, weight=3),
    Fault("stop-worker", stop_worker, weight=3),
    Fault("sigcont-worker", continue_worker, weight=1),
    Fault("kill-listener", kill_listener),
    Fault("stop-listener", stop_listener),
)

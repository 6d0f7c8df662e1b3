"""Hooks: commands of the pair's section. The listener runs them, since they may block."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..core.pair_config import PairConfig
from .queue import HOOK, Job
from .services import Services

GRACE_S = 10.0  # for the listener to report after the time limit of the hook


def run_hook(
    services: Services,
    pair: PairConfig,
    serving: str,
    name: str,
    environment: Mapping[str, str],
    on_result: Callable[[bool, str], object] = lambda ok, message: None,
) -> Job | None:
    """Run a hook of a pair. Returns None if the pair has no such hook.

    Args:
        serving: the program that serves now.
        environment: added to ZERG_HOOK, ZERG_PAIR and ZERG_SERVING.
        on_result: called with (ok, message) when the hook has ended.
    """
    command = pair.hooks[name]
    if not command:
        return None

    def ended(ok: bool, message: str) -> None:
        level = "info" if ok else "warn"
        services.log(level, "hook ended", pair=pair.name, hook=name, ok=ok, message=message)
        on_result(ok, message)

    known = {"ZERG_HOOK": name, "ZERG_PAIR": pair.name, "ZERG_SERVING": serving}
    job = Job(services.new_id(), HOOK, pair.name, name, command, pair.hook_timeout, ended)
    job.environment = {**known, **environment}
    services.job_queue.add(job)
    services.loop.call_later(pair.hook_timeout + GRACE_S, lambda: _expire(services, job))
    return job


def _expire(services: Services, job: Job) -> None:
    """The listener enforces the limit of a hook; this is for the case that it is gone."""
    message = f"the listener reported nothing for {job.timeout + GRACE_S:.0f} s"
    if job.id in services.job_queue.jobs:
        services.job_queue.report(job.id, False, message)

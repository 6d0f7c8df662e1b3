"""``[rpcinterface:zerg]``: the XML-RPC namespace ``zerg``; the only place that wires the parts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Optional

from supervisor import events as supervisor_events

from .core import errors
from .core.replies import AutoReply, DeployInfo
from .deploy.executor import DEPLOY, RESTART, ROLLBACK
from .jobs.services import Services, make_services
from .pair.calls import PairCalls
from .pair.history import History, history_path
from .pair.registry import Registry
from .pair.releases import list_releases
from .pair.settings import OperatorSettings, settings_path
from .supervisord import rpc
from .supervisord.log import Log
from .supervisord.loop import Loop
from .supervisord.subscriptions import Subscriptions, before_cleanup
from .web import metrics
from .web.handler import Web

API_VERSION = "1.0"

Struct = dict[str, Any]

rpc.name_faults()


def make_zerg_rpcinterface(supervisord: Any, **settings: str) -> ZergNamespaceRPCInterface:
    """Factory named in the configuration. `settings`: the options of the section.

    supervisord calls it once for each HTTP server (supervisor/http.py ``make_http_servers``); they
    all share one namespace.
    """
    if not hasattr(supervisord, "zerg_namespace"):
        supervisord.zerg_namespace = _wire(supervisord, settings)
    return supervisord.zerg_namespace  # type: ignore[no-any-return]


def _wire(supervisord: Any, settings: Mapping[str, str]) -> ZergNamespaceRPCInterface:
    options = supervisord.options
    options.configfile = options.configfile and os.path.abspath(options.configfile)
    loop = Loop(supervisord)
    log = Log(options.logger)
    path = history_path(options, settings.get("history", ""))
    history = History(path, log.complain)
    services = make_services(supervisord, loop, log, history)
    registry = Registry(options, services, OperatorSettings(settings_path(path), log.complain))
    tally = metrics.Tally()
    history.watchers.append(loop.guard(tally.note))
    web = Web(registry, tally, settings.get("hosts", "").split(","))

    def start(event: Any) -> None:
        loop.start()
        loop.guard(web.install)()

    def close() -> None:
        for part in (web.close, registry.close, loop.stop):
            loop.guard(part)()

    supervisor_events.subscribe(supervisor_events.SupervisorRunningEvent, loop.guard(start))
    Subscriptions(loop, services.programs, registry)
    before_cleanup(options, loop.guard(close))
    return ZergNamespaceRPCInterface(services, registry, tally)


class ZergNamespaceRPCInterface:
    def __init__(self, services: Services, registry: Registry, tally: metrics.Tally) -> None:
        self._services = services
        self._registry = registry
        self._tally = tally
        self._calls = PairCalls(services, registry)

    def getAPIVersion(self) -> str:
        """Return the version of this API.

        @return string version  major.minor; a major change may break clients
        """
        return API_VERSION

    def getPairInfo(self, pair: str) -> Any:
        """Return everything about a pair, as observed at this moment.

        @param string pair    Name of the pair; empty if there is only one
        @return struct info   pair, serving, parked, warm, held, auto, retire, busy, deploy, pool,
            problems, instances. busy is empty, or has kind, program, id, by and since (seconds).
            Each instance has program, pid, master, statename, slot, condition, in_flight, workers,
            threads, accepting_threads, frozen, cheap, requests,
            responses, source, label, release, since
        """
        infos = self._calls.infos([self._calls.pair(pair)])
        return rpc.deferred(infos, lambda infos: infos[0])

    def getAllPairInfo(self) -> Any:
        """Return everything about every pair.

        @return array infos  A struct like that of getPairInfo for each pair
        """
        return rpc.deferred(self._calls.infos(self._calls.all_pairs()))

    def swap(self, pair: str, wait: bool = True) -> Any:
        """Promote the other instance and park the one that serves.

        @param string pair     Name of the pair; empty if there is only one
        @param boolean wait    Answer when it is done (true) or at once
        @return struct reply   pair, id, changed, took_ms, serving, parked, draining, held, and
            pending if it is not done yet
        """
        return self._calls.ask(self._calls.pair(pair), wait, "swap")

    def promote(self, program: str, wait: bool = True) -> Any:
        """Make a program the serving one of its pair.

        @param string program  ``name`` or ``group:name``
        @param boolean wait    Answer when it is done (true) or at once
        @return struct reply   As that of swap; ``changed`` is false if it already served
        """
        controller, name = self._calls.program(program)
        return self._calls.ask(controller, wait, "promote", name)

    def pause(self, program: str, hold: bool = False) -> Any:
        """Pause a program. The last one that accepts is only paused with hold.

        @param string program  ``name`` or ``group:name``
        @param boolean hold    Keep requests waiting in the socket's queue until a resume
        @return struct reply   As that of swap
        """
        controller, name = self._calls.program(program)
        return self._calls.ask(controller, True, "pause", name, hold=rpc.flag("hold", hold))

    def resume(self, program: str, both: bool = False) -> Any:
        """Let a program accept requests, end a hold, and park the other unless both are to accept.

        @param string program  ``name`` or ``group:name``
        @param boolean both    Let both instances accept, until the next swap or promote
        @return struct reply   As that of swap
        """
        controller, name = self._calls.program(program)
        return self._calls.ask(controller, True, "resume", name, both=rpc.flag("both", both))

    def reconcile(self, pair: str) -> Any:
        """Observe a pair and repair what is not as it should be.

        @param string pair     Name of the pair; empty if there is only one
        @return struct reply   As that of swap; ``changed`` says whether anything was done
        """
        return self._calls.ask(self._calls.pair(pair), True, "reconcile")

    def reconcileAll(self) -> int:
        """Check every pair whose auto is on. For the event listener's ticks: returns at once.

        @return int count  How many pairs are checked
        """
        self._registry.refresh()
        return self._registry.reconcile_all()

    def setAuto(self, pair: str, on: bool) -> AutoReply:
        """Let the pair react to events, or only do what an operator requests. Survives a restart.

        @param string pair     Name of the pair; empty if there is only one
        @param boolean on      true: react
        @return struct reply   pair, changed, took_ms, serving, parked, auto
        """
        controller = self._calls.pair(pair)
        rpc.call(controller.require_ready)
        return controller.set_auto(rpc.flag("on", on))

    def getHistory(self, pair: str, limit: int) -> list[Struct]:
        """Return what was done to a pair, oldest first.

        @param string pair     Name of the pair; empty if there is only one
        @param int limit       How many entries at most, up to 200
        @return array entries  Structs with at, pair, id, kind, program, by, outcome, reason,
            actions, took_ms, serving, failover; those of deploys also label, killed_requests; where
            the pair has 'releases', also release
        """
        name = self._calls.pair(pair).pair.name
        return self._services.history.last(name, rpc.count("limit", limit))

    def deploy(self, pair: str, options: Optional[Struct] = None) -> Any:
        """Deploy a release: restart the parked instance, check it, promote it, watch it.

        @param string pair     Name of the pair; empty if there is only one
        @param struct options  Any of release (name or path; only and always where the pair has
            'releases'), force (boolean: also a bad release), bake (seconds), timeout (seconds for
            the boot), label (text), wait (boolean, true: answer when it has ended), dry_run
            (boolean: only return the steps), backup_first (boolean: the spare first, then 'update',
            then the main one)
        @return struct deploy  id, kind, pair, target, pid, old, label, release, by, at, elapsed,
            phase, waiting_for, steps, outcome (deployed, refused, failed, rolled back, not rolled
            back, nobody serves, dry run, or empty while it runs), changed, reason,
            killed_requests, serving
        """
        return self._calls.deploy(pair, options, DEPLOY)

    def rollback(self, pair: str, options: Optional[Struct] = None) -> Any:
        """Return to an earlier release: at once if the parked instance has it, else by a deploy.

        @param string pair     Name of the pair; empty if there is only one
        @param struct options  As those of deploy. Without release: the one that served before
        @return struct deploy  As that of deploy; outcome is done where a deploy has deployed
        """
        return self._calls.deploy(pair, options, ROLLBACK)

    def restart(self, pair: str, options: Optional[Struct] = None) -> Any:
        """Restart both programs, one after the other, so that one of them always serves.

        Settings of the programs that 'supervisorctl reread' has read are taken in. The program that
        serves now serves again at the end, and the other one is parked.

        @param string pair     Name of the pair; empty if there is only one
        @param struct options  Any of bake, timeout, wait and dry_run, as of deploy
        @return struct deploy  As that of deploy; outcome is done where a deploy has deployed
        """
        return self._calls.deploy(pair, options, RESTART)

    def getReleases(self, pair: str) -> Any:
        """Return the releases of a pair, the oldest first.

        @param string pair     Name of the pair; empty if there is only one
        @return array releases  Structs with release, state (good, bad, never tried, unusable),
            instances (the programs that have it), serving, at, by, id and reason (of its last
            deploy), modified
        """
        controller = self._calls.pair(pair)
        rpc.call(controller.releases.require)
        return rpc.deferred(list_releases(controller).result)

    def getDeploy(self, pair: str, ident: str = "") -> DeployInfo:
        """Return the deploy that runs, or the last one.

        @param string pair     Name of the pair; empty if there is only one
        @param string ident    Id of one of the last ten deploys, instead
        @return struct deploy  As that of deploy; empty if supervisord remembers none
        """
        return rpc.call(self._calls.pair(pair).deploys.info, rpc.text("ident", ident))

    def abort(self, pair: str) -> Any:
        """End the deploy that runs, on the old release.

        @param string pair     Name of the pair; empty if there is only one
        @return struct deploy  As that of deploy
        """
        return rpc.deferred(rpc.call(self._calls.pair(pair).deploys.abort, "operator").result)

    def claimJobs(self, restarted: bool) -> list[Struct]:
        """Give the listener what it is to do: hooks and health checks. For zerg-listener only.

        @param boolean restarted  The listener has just been started
        @return array jobs    Structs with id, kind, pair, name, check, environment, timeout,
            interval, expect. kind is hook, health, or end: the hook with that id is to be ended
        """
        return self._services.job_queue.claim(rpc.flag("restarted", restarted))

    def reportJob(self, id: str, ok: bool, message: str, seconds: float) -> bool:
        """Report how a job went. For zerg-listener only.

        @param string id      The job
        @param boolean ok     Whether it succeeded
        @param string message What was seen, for people
        @param double seconds How long it took
        @return boolean go_on Whether the check is to be repeated
        """
        rpc.number("seconds", seconds)
        arguments = rpc.text("id", id), rpc.flag("ok", ok), rpc.text("message", message)
        go_on = self._services.job_queue.report(*arguments)
        if go_on is None:
            raise rpc.fault(errors.UnknownJob(f"there is no job {id!r}"))
        return go_on

    def getMetrics(self) -> Any:
        """Return the metrics in Prometheus' format, as /zerg/metrics. Needs prometheus_client.

        @return string metrics  Of every pair, as observed at this moment, and what was counted
            since supervisord began
        """
        infos = self._calls.infos(self._calls.all_pairs())
        return rpc.deferred(infos, lambda infos: metrics.text(infos, self._tally))

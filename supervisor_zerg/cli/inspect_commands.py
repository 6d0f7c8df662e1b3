"""The commands that show pairs and change nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.exit_status import ExitStatus
from ..core.text import format_history, format_releases, format_status, infos_of
from .command import EXITS, Answer, Command, Invocation, Session
from .watch import INTERVAL_S, watch

HISTORY_LIMIT = 20  # entries, unless --limit says otherwise
SHORTEST_INTERVAL_S = 0.05


def _ask_status(zerg: Any, invocation: Invocation) -> Any:
    pair = invocation.arguments["PAIR"]
    return zerg.getPairInfo(pair) if pair else zerg.getAllPairInfo()


def _status_of(reply: Any) -> int:
    return 0 if all(info["serving"] for info in infos_of(reply)) else ExitStatus.NOBODY_SERVES


STATUS = Command(
    name="status",
    summary="Show who serves, who is parked, and what is wrong.",
    does="Observes every pair, or one: which instance accepts requests, which one is parked and "
    "can take over at once (warm), and every problem that an operator should know.",
    prints="One line for each pair: who serves, who is parked, warm, auto, held, its pool, and the "
    "operation in progress. Below it one line for each instance: program, condition (serving, "
    "parked, draining, booting, stopped or lost), slot, Supervisor's state, pid, requests in "
    "flight, workers x threads, requests since its start, time of the last change, and the source "
    "of this information. Then one line for each problem.",
    when="First of all; and in monitoring, for its exit status.",
    example="$ {zerg} status\n"
    "pybossa: pybossabak serves, pybossa parked, warm yes, auto on, held no, pool zergpool "
    "RUNNING\n"
    "  pybossa     parked   sleeping  RUNNING  pid 812  in flight 0  workers 4x1  ...\n"
    "  pybossabak  serving  running   RUNNING  pid 977  in flight 2  workers 4x1  ...",
    takes=("[PAIR]",),
    exits={
        **EXITS,
        0: "every pair that was asked for serves",
        ExitStatus.NOBODY_SERVES: "a pair does not serve, perhaps because an operator holds it",
    },
    call=_ask_status,
    format=format_status,
    status=_status_of,
)


def _run_watch(session: Session, invocation: Invocation) -> Answer:
    options = invocation.options
    watch(
        lambda: session.ask(lambda zerg: _ask_status(zerg, invocation)),
        session.stdout,
        max(options.get("interval", INTERVAL_S), SHORTEST_INTERVAL_S),
        options.get("count"),
    )
    return Answer(0)


WATCH = Command(
    name="watch",
    summary="Show all pairs, and renew the view continually.",
    does="Observes the pairs twice a second, or every --interval: who serves, requests per second "
    "and in flight of each instance, and every problem. A swap is visible as it happens.",
    prints="A table that is renewed on a terminal if the library rich is installed; otherwise "
    "plain lines. It ends after --count views, or with Ctrl-C.",
    when="During a deploy, and while you learn how a pair works.",
    example="$ {zerg} watch --count 1\n12:00:00 pybossa: pybossa parked, pybossabak serving, warm",
    takes=("[PAIR]",),
    options=("--interval SECONDS", "--count N"),
    run=_run_watch,
)


def _ask_history(zerg: Any, invocation: Invocation) -> Any:
    limit = invocation.options.get("limit", HISTORY_LIMIT)
    return zerg.getHistory(invocation.arguments["PAIR"], limit)


def _format_history(entries: Any, now: float) -> Iterable[str]:
    return format_history(entries)


HISTORY = Command(
    name="history",
    summary="Show what was done to a pair, by whom, and how it ended.",
    does=f"Shows the newest {HISTORY_LIMIT} entries, or --limit of them, the newest last.",
    prints="One line for each entry: local time, id, operation, cause, outcome, duration. Below it "
    "each action with the time since the operation began. Replies and supervisord's log have the "
    "same id.",
    when="To learn why the instances changed roles, and how long it took.",
    example="$ {zerg} history --limit 1\n"
    "2026-03-01 09:30:00 6b044838-3 swap pybossa by operator: done, took 2.4 ms\n"
    "  +0.7ms resume pybossa to running\n"
    "  +1.6ms pause pybossabak to sleeping",
    takes=("[PAIR]",),
    options=("--limit N", "--json"),
    call=_ask_history,
    format=_format_history,
)


def _ask_metrics(zerg: Any, invocation: Invocation) -> Any:
    return zerg.getMetrics()


def _format_metrics(document: Any, now: float) -> Iterable[str]:
    return str(document).splitlines()


METRICS = Command(
    name="metrics",
    summary="Print the metrics for Prometheus.",
    does="Observes every pair and adds what was counted since supervisord started: operations, "
    "failovers and their durations. supervisord's web server has the same at /zerg/metrics. Needs "
    "prometheus_client: pip install 'supervisor_zerg[metrics]'.",
    prints="Prometheus' text format.",
    when="In a textfile collector, if Prometheus cannot reach supervisord.",
    example="$ {zerg} metrics\n"
    "# HELP zerg_instance_up 1 if Supervisor runs the instance.\n"
    "# TYPE zerg_instance_up gauge\n"
    'zerg_instance_up{pair="pybossa",program="pybossa"} 1.0',
    call=_ask_metrics,
    format=_format_metrics,
)


def _ask_releases(zerg: Any, invocation: Invocation) -> Any:
    return zerg.getReleases(invocation.arguments["PAIR"])


RELEASES = Command(
    name="releases",
    summary="Show the releases of a pair, and which instance has which.",
    does="Reads the folder 'releases' of the pair and the link of each instance.",
    prints="One line for each release, the oldest first: its name, whether it is good, bad or was "
    "never tried, the instances that have it, when and by whom it was deployed last, and why it is "
    "bad. The release that serves is marked by a star.",
    when="Before a rollback, and to learn what a crash of an instance would bring back.",
    example="$ {zerg} releases\n"
    "   v1  good         in pybossa              2026-03-01 09:30:00 (2h 5m) by operator\n"
    "*  v2  good         in pybossabak (serves)  2026-03-01 11:30:00 (5m 2s) by operator\n"
    "   v3  never tried  -                       -",
    takes=("[PAIR]",),
    call=_ask_releases,
    format=format_releases,
)

PRESENT = (STATUS, WATCH, RELEASES)
PAST = (HISTORY, METRICS)

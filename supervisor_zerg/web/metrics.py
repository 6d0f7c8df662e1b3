"""Metrics in Prometheus' text format: what every instance is, and what was done.

Needs prometheus_client (extra ``metrics``).
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

from ..core.errors import Unsupported

try:
    import prometheus_client
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
except ImportError:
    prometheus_client = None  # type: ignore[assignment]

SLOTS = ("new", "running", "sleeping")
KINDS = (
    "swap",
    "promote",
    "pause",
    "resume",
    "reconcile",
    "auto",
    "deploy",
    "rollback",
    "rebuild",
    "restart",
)
OUTCOMES = (
    "done",
    "refused",
    "reconciled",
    "waiting",
    "overtaken",
    "deployed",
    "failed",
    "rolled back",
    "not rolled back",
    "nobody serves",
)
OTHER = "other"
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0)
INSTALL = "pip install 'supervisor_zerg[metrics]' and restart supervisord"
INSTANCE_LABELS = ("pair", "program")
PAIR_LABELS = ("pair",)

Struct = Mapping[str, Any]


def is_available() -> bool:
    return prometheus_client is not None


def content_type() -> str:
    return prometheus_client.CONTENT_TYPE_LATEST


def text(infos: Sequence[Struct], tally: Tally) -> str:
    """The metrics of this moment.

    Raises:
        Unsupported: prometheus_client is not installed.
    """
    if not is_available():
        raise lacking()
    return [part for part in parts(infos, tally) if part is not None][-1]


def lacking() -> Unsupported:
    """The refusal where prometheus_client is not installed."""
    return Unsupported("there are no metrics without prometheus_client", INSTALL)


def parts(infos: Sequence[Struct], tally: Tally) -> Iterator[str | None]:
    """Yield None after each metric, and at the end the text."""
    written = []
    for family in Collector(infos, tally).collect():
        registry: Any = SimpleNamespace(collect=lambda family=family: [family])
        written.append(prometheus_client.generate_latest(registry).decode())
        yield None
    yield "".join(written)


class Durations:
    """Durations of operations, counted by bucket."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS_S) + 1)  # the last one for what is slower
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect.bisect_left(BUCKETS_S, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper limit, how many were not slower)."""
        limits = [*map(str, BUCKETS_S), "+Inf"]
        return [(limit, float(count)) for limit, count in zip(limits, accumulate(self._counts))]


class Tally:
    """Counts the entries of the history as they are written, beginning with this supervisord."""

    def __init__(self) -> None:
        self.operations: Counter[tuple[str, str, str]] = Counter()  # (pair, kind, outcome)
        self.failovers: Counter[str] = Counter()
        self.last: dict[str, float] = {}
        self.durations: dict[str, Durations] = {}

    def note(self, entry: Struct) -> None:
        """Count an entry of the history."""
        pair = entry["pair"]
        kind = _known(KINDS, entry["kind"])
        self.operations[pair, kind, _known(OUTCOMES, entry["outcome"])] += 1
        self.failovers[pair] += entry["failover"]
        if entry["actions"]:
            self.last[pair] = entry["at"]
            self.durations.setdefault(pair, Durations()).add(entry["took_ms"] / 1000)


def _known(known: Iterable[str], name: str) -> str:
    return name if name in known else OTHER


# values of an instance and of a pair


def _is_up(info: Struct, instance: Struct) -> bool:
    return instance["statename"] in ("STARTING", "RUNNING")


def _is_accepting(info: Struct, instance: Struct) -> bool:
    return bool(instance["condition"] == "serving")


def _is_serving(info: Struct, instance: Struct) -> bool:
    return bool(instance["program"] == info["serving"])


def _is_warm(info: Struct, instance: Struct) -> bool:
    return bool(info["warm"]) and not _is_serving(info, instance)


def _in_flight(info: Struct, instance: Struct) -> float:
    return float(instance["in_flight"])


INSTANCE_GAUGES: tuple[tuple[str, str, Callable[[Struct, Struct], float]], ...] = (
    ("up", "1 if Supervisor runs the instance.", _is_up),
    ("accepting", "1 if the instance accepts requests.", _is_accepting),
    ("serving", "1 if the instance is the serving one of its pair.", _is_serving),
    ("warm", "1 if the instance can take over at once.", _is_warm),
    (
        "in_flight_requests",
        "Requests that the instance has begun and not finished.",
        _in_flight,
    ),
)
PAIR_GAUGES: tuple[tuple[str, str, Callable[[Struct], float]], ...] = (
    ("held", "1 if an operator keeps requests waiting.", lambda info: info["held"]),
    ("auto", "1 if the pair reacts by itself.", lambda info: info["auto"]),
    (
        "keeps_warm",
        "1 if the old instance is kept warm (retire = park).",
        lambda info: info["retire"] == "park",
    ),
    ("problems", "How many problems 'zerg status' names.", lambda info: len(info["problems"])),
)


class Collector:
    """What prometheus_client calls a collector, over the info structs of all pairs."""

    def __init__(self, infos: Sequence[Struct], tally: Tally) -> None:
        self._infos = infos
        self._tally = tally
        self._instances = [(info, instance) for info in infos for instance in info["instances"]]

    def collect(self) -> Iterator[Any]:
        """Yield every metric."""
        for name, sentence, value in INSTANCE_GAUGES:
            yield self._instance_gauge(name, sentence, value)
        yield self._releases()
        yield self._slots()
        yield self._requests()
        yield self._responses()
        for name, sentence, value_of_pair in PAIR_GAUGES:
            yield self._pair_gauge(name, sentence, value_of_pair)
        yield self._operations()
        yield self._failovers()
        yield self._last()
        yield self._durations()

    def _instance_gauge(
        self, name: str, sentence: str, value: Callable[[Struct, Struct], float]
    ) -> Any:
        family = GaugeMetricFamily(f"zerg_instance_{name}", sentence, labels=INSTANCE_LABELS)
        for info, instance in self._instances:
            family.add_metric(_labels(info, instance), float(value(info, instance)))
        return family

    def _releases(self) -> Any:
        sentence = "Always 1. The label release is what the instance runs, or would boot."
        labels = (*INSTANCE_LABELS, "release")
        family = GaugeMetricFamily("zerg_instance_info", sentence, labels=labels)
        for info, instance in self._instances:
            family.add_metric([*_labels(info, instance), instance["release"]], 1.0)
        return family

    def _slots(self) -> Any:
        """One series for each slot, of which at most one is 1: Prometheus' way to tell a state."""
        family = GaugeMetricFamily(
            "zerg_instance_slot",
            "1 for the slot that the instance holds.",
            labels=(*INSTANCE_LABELS, "slot"),
        )
        for info, instance in self._instances:
            for slot in SLOTS:
                held = float(instance["slot"] == slot)
                family.add_metric((*_labels(info, instance), slot), held)
        return family

    def _responses(self) -> Any:
        sentence = "Responses with statuses 3xx, 4xx and 5xx, where uWSGI counts them."
        labels = (*INSTANCE_LABELS, "class")
        family = CounterMetricFamily("zerg_instance_responses", sentence, labels=labels)
        for info, instance in self._instances:
            for kind, count in instance["responses"].items():
                family.add_metric([*_labels(info, instance), kind], count)
        return family

    def _requests(self) -> Any:
        family = CounterMetricFamily(
            "zerg_instance_requests",
            "Requests that the instance has answered since its start.",
            labels=INSTANCE_LABELS,
        )
        for info, instance in self._instances:
            family.add_metric(_labels(info, instance), instance["requests"])
        return family

    def _pair_gauge(self, name: str, sentence: str, value: Callable[[Struct], float]) -> Any:
        family = GaugeMetricFamily(f"zerg_pair_{name}", sentence, labels=PAIR_LABELS)
        for info in self._infos:
            family.add_metric((info["pair"],), float(value(info)))
        return family

    def _operations(self) -> Any:
        family = CounterMetricFamily(
            "zerg_operations",
            "Operations on the pair, by their outcome.",
            labels=("pair", "kind", "outcome"),
        )
        for labels, count in self._tally.operations.items():
            family.add_metric(labels, count)
        return family

    def _failovers(self) -> Any:
        family = CounterMetricFamily(
            "zerg_failovers",
            "How often an instance began to serve because the other one ended.",
            labels=PAIR_LABELS,
        )
        for info in self._infos:
            family.add_metric((info["pair"],), self._tally.failovers[info["pair"]])
        return family

    def _last(self) -> Any:
        family = GaugeMetricFamily(
            "zerg_last_operation_timestamp_seconds",
            "When an operation last changed the pair.",
            labels=PAIR_LABELS,
        )
        for pair, moment in self._tally.last.items():
            family.add_metric((pair,), moment)
        return family

    def _durations(self) -> Any:
        family = HistogramMetricFamily(
            "zerg_operation_duration_seconds",
            "Duration of the operations that changed the pair, from their cause.",
            labels=PAIR_LABELS,
        )
        for pair, durations in self._tally.durations.items():
            family.add_metric((pair,), durations.cumulative(), durations.total)
        return family


def _labels(info: Struct, instance: Struct) -> tuple[str, str]:
    return (info["pair"], instance["program"])

"""Metrics in Prometheus' text format: what every instance is, and what was done. Needs prometheus_client (extra ``metrics``)."""

import re
from types import SimpleNamespace

from ..core.errors import Unsupported

try:
    import prometheus_client
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
except ImportError:
    prometheus_client = None

SLOTS = ("new", "running", "sleeping")
KINDS = ("swap", "promote", "pause", "resume", "reconcile", "repair", "auto", "deploy")
OUTCOMES = (  # how chronicle.py's entries and deploys end; behind these words may come why
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
ENDS = (
    "ended",
    "is stopping",
    "EXITED",
    "STOPPED",
    "BACKOFF",
    "FATAL",
    "UNKNOWN",
)  # causes of a fail-over, as keeper.py words them
MISSING = "pip install 'supervisor_zerg[metrics]' and restart supervisord"
COPY, PAIR = ("pair", "program"), ("pair",)


def content_type():
    return prometheus_client.CONTENT_TYPE_LATEST


def text(infos, tally):
    """The metrics of this moment. :raises Unsupported: prometheus_client is not installed."""
    if prometheus_client is None:
        raise lacking()
    return [part for part in parts(infos, tally) if part is not None][-1]


def lacking():
    """The refusal where prometheus_client is not installed."""
    return Unsupported("there are no metrics without prometheus_client", MISSING)


def parts(infos, tally):
    """Step by step, one metric after the other. :returns: a generator that yields None after each, and in the end the text."""
    written = []
    for family in Collector(infos, tally).collect():
        written.append(
            prometheus_client.generate_latest(SimpleNamespace(collect=lambda: [family])).decode()
        )
        yield None
    yield "".join(written)


class Tally:
    """Counts the entries of the history as they are written; begins at nothing with each supervisord."""

    def __init__(self):
        self.actions, self.failovers, self.last = {}, {}, {}
        self.durations = {}  # by pair: counts by bucket, the last one for what is slower, and the sum of seconds

    def note(self, entry):
        """:param entry: one entry of the history."""
        pair = entry["pair"]
        key = pair, _among(KINDS, entry["what"]), _among(OUTCOMES, entry["outcome"])
        self.actions[key] = self.actions.get(key, 0) + 1
        self.failovers.setdefault(pair, 0)
        if entry.get("actions"):
            self.failovers[pair] += is_failover(entry)
            self.last[pair] = entry["at"]
            self._time(pair, entry["took_ms"] / 1000)

    def _time(self, pair, seconds):
        counts, total = self.durations.get(pair) or ([0] * (len(BUCKETS_S) + 1), 0.0)
        counts[sum(seconds > limit for limit in BUCKETS_S)] += 1
        self.durations[pair] = counts, total + seconds


def _among(known, text):
    return next((words for words in known if re.match(rf"{words}(?!\w)", text)), OTHER)


def is_failover(entry):
    """Did an instance begin to serve because the other one ended?"""
    resumed = any(" resume " in action for action in entry["actions"])
    return entry["what"] == "repair" and resumed and entry["by"].endswith(ENDS)


class Collector:
    """What prometheus_client calls a collector, over the info structs of all pairs."""

    def __init__(self, infos, tally):
        self.infos, self.tally = infos, tally

    def collect(self):
        yield from self._copies()
        yield from self._pairs()
        yield from self._moves()

    def _copies(self):
        known = [(info, instance) for info in self.infos for instance in info["instances"]]
        for name, sentence, value in (
            (
                "up",
                "1 if Supervisor runs the instance.",
                lambda info, instance: instance["statename"] in ("STARTING", "RUNNING"),
            ),
            (
                "accepting",
                "1 if the instance accepts requests.",
                lambda info, instance: instance["condition"] == "serving",
            ),
            (
                "serving",
                "1 if the instance is the serving one of its pair.",
                lambda info, instance: instance["program"] == info["serving"],
            ),
            ("warm", "1 if the instance could take over in an instant.", _is_warm),
            (
                "in_flight_requests",
                "Requests that the instance has begun and not finished.",
                lambda info, instance: instance["in_flight"],
            ),
        ):
            family = GaugeMetricFamily(f"zerg_instance_{name}", sentence, labels=COPY)
            for info, instance in known:
                family.add_metric((info["pair"], instance["program"]), float(value(info, instance)))
            yield family
        yield _slots(known)
        requests = CounterMetricFamily(
            "zerg_instance_requests",
            "Requests that the instance has answered since its start.",
            labels=COPY,
        )
        for info, instance in known:
            requests.add_metric((info["pair"], instance["program"]), instance["requests"])
        yield requests

    def _pairs(self):
        for name, sentence, value in (
            ("held", "1 if an operator keeps requests waiting.", lambda info: info["held"]),
            ("auto", "1 if the pair reacts by itself.", lambda info: info["auto"]),
            (
                "keeps_warm",
                "1 if the old instance is to be kept warm (retire = park).",
                lambda info: info["retire"] == "park",
            ),
            (
                "problems",
                "How many problems 'zerg status' names.",
                lambda info: len(info["problems"]),
            ),
        ):
            family = GaugeMetricFamily(f"zerg_pair_{name}", sentence, labels=PAIR)
            for info in self.infos:
                family.add_metric((info["pair"],), float(value(info)))
            yield family

    def _moves(self):
        actions = CounterMetricFamily(
            "zerg_operations",
            "What was done to the pair, and how it ended.",
            labels=("pair", "kind", "outcome"),
        )
        for labels, count in self.tally.actions.items():
            actions.add_metric(labels, count)
        failovers = CounterMetricFamily(
            "zerg_failovers",
            "How often an instance began to serve because the other one ended.",
            labels=PAIR,
        )
        for info in self.infos:
            failovers.add_metric((info["pair"],), self.tally.failovers.get(info["pair"], 0))
        last = GaugeMetricFamily(
            "zerg_last_operation_timestamp_seconds",
            "When something was last done to the pair.",
            labels=PAIR,
        )
        for pair, moment in self.tally.last.items():
            last.add_metric((pair,), moment)
        durations = HistogramMetricFamily(
            "zerg_operation_duration_seconds",
            "How long it took, from what asked for it.",
            labels=PAIR,
        )
        for pair, (counts, total) in self.tally.durations.items():
            durations.add_metric((pair,), _cumulative(counts), total)
        return actions, failovers, last, durations


def _is_warm(info, instance):
    return info["warm"] and instance["program"] != info["serving"]


def _slots(known):
    """One series a slot, of which at most one is 1: the way of Prometheus for a state."""
    family = GaugeMetricFamily(
        "zerg_instance_slot", "1 for the slot that the instance holds.", labels=COPY + ("slot",)
    )
    for info, instance in known:
        for slot in SLOTS:
            family.add_metric(
                (info["pair"], instance["program"], slot), float(instance["slot"] == slot)
            )
    return family


def _cumulative(counts):
    limits = [str(limit) for limit in BUCKETS_S] + ["+Inf"]
    return [(limit, sum(counts[: number + 1])) for number, limit in enumerate(limits)]

"""Metrics say what the info structs say; the dashboard and the alerts ask for existing metrics."""

import json
import re
import sys

import pytest

from supervisor_zerg.core.errors import Unsupported
from supervisor_zerg.demo.stack import CONF_D
from supervisor_zerg.deploy.model import Outcome
from supervisor_zerg.pair.history import History
from supervisor_zerg.web import metrics
from supervisor_zerg.web.metrics import Tally

from .test_page import HOSTILE, a_copy, an_entry, an_info

parser = pytest.importorskip(
    "prometheus_client.parser", reason="pip install prometheus_client (the extra 'test' does)"
)
MONITORING = CONF_D / "monitoring"
PROMQL_IS_MISSING = (
    "promql-parser has no wheel for Python 3.9: PromQL is tested on 3.10 and newer"
    if sys.version_info < (3, 10)
    else "pip install promql-parser (the extra 'test' does)"
)


def samples(infos, tally=None):
    """{(name, labels...): value} as Prometheus would read it."""
    families = parser.text_string_to_metric_families(metrics.text(infos, tally or Tally()))
    return {
        (s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples
    }


def told(*entries):
    tally = Tally()
    for entry in entries:
        tally.note(entry)
    return tally


def test_h74_the_responses_of_each_instance_are_counted_by_class():
    info = an_info()
    info["instances"][0]["responses"] = {"5xx": 3.0}
    name = info["instances"][0]["program"]
    assert samples([info])["zerg_instance_responses_total", "5xx", name, "web"] == 3


def test_the_release_of_each_instance_is_told():
    info = an_info()
    info["instances"][0]["release"] = "v1"
    assert samples([info])["zerg_instance_info", info["instances"][0]["program"], "v1", "web"] == 1


def test_each_instance_has_its_metrics():
    seen = samples([an_info()])
    assert (
        seen["zerg_instance_serving", "b", "web"] == 1
        and seen["zerg_instance_serving", "a", "web"] == 0
    )
    assert (
        seen["zerg_instance_warm", "a", "web"] == 1 and seen["zerg_instance_warm", "b", "web"] == 0
    )
    assert (
        seen["zerg_instance_accepting", "b", "web"] == 1
        and seen["zerg_instance_up", "a", "web"] == 1
    )
    assert (
        seen["zerg_instance_in_flight_requests", "a", "web"] == 3
        and seen["zerg_instance_requests_total", "a", "web"] == 12
    )


def test_the_slot_is_one_series_a_slot_of_which_one_is_set():
    seen = samples([an_info()])
    assert {slot: seen["zerg_instance_slot", "a", slot, "web"] for slot in metrics.SLOTS} == {
        "new": 0,
        "running": 0,
        "sleeping": 1,
    }
    lost = samples([an_info(instances=[a_copy("a", slot=""), a_copy("b")])])
    assert not any(lost["zerg_instance_slot", "a", slot, "web"] for slot in metrics.SLOTS)


def test_a_pair_with_a_wrong_section_has_metrics():
    seen = samples([an_info(instances=[], problems=["x", "y"], held=True, auto=False)])
    assert (
        seen["zerg_pair_problems", "web"] == 2
        and seen["zerg_pair_held", "web"] == 1
        and seen["zerg_pair_auto", "web"] == 0
    )


def test_entries_of_the_history_are_counted(tmp_path):
    tally, history = Tally(), History(str(tmp_path / "h"), print)
    history.watchers.append(tally.note)
    for entry in (
        an_entry(kind="swap"),
        an_entry(kind="swap", outcome="refused", reason="busy", actions=[]),
        an_entry(kind="sing"),
    ):
        history.add(entry)
    seen = samples([an_info()], tally)
    assert (
        seen["zerg_operations_total", "done", "swap", "web"] == 1
        and seen["zerg_operations_total", "refused", "swap", "web"] == 1
    )
    assert seen["zerg_operations_total", "done", "other", "web"] == 1
    assert seen["zerg_last_operation_timestamp_seconds", "web"] == an_entry()["at"]


@pytest.mark.parametrize(
    "outcome, label",
    [*((outcome, outcome) for outcome in metrics.OUTCOMES), ("donerkebab", "other")],
)
def test_each_outcome_is_counted_under_its_own_name(outcome, label):
    tally = told(an_entry(kind="deploy", outcome=outcome))
    key = ("zerg_operations_total", *sorted(["deploy", label, "web"]))
    assert samples([an_info()], tally)[key] == 1


def test_every_outcome_of_a_deploy_is_known():
    assert {outcome.value for outcome in Outcome} <= set(metrics.OUTCOMES)


def test_durations_are_a_histogram_of_operations_in_seconds():
    tally = told(
        an_entry(took_ms=1.0),
        an_entry(took_ms=2.0),
        an_entry(took_ms=40000.0),
        an_entry(actions=[]),
    )
    seen = samples([an_info()], tally)
    assert seen["zerg_operation_duration_seconds_count", "web"] == 3
    assert seen["zerg_operation_duration_seconds_bucket", "0.001", "web"] == 1
    assert seen["zerg_operation_duration_seconds_bucket", "0.0025", "web"] == 2
    assert seen["zerg_operation_duration_seconds_bucket", "10.0", "web"] == 2
    assert seen["zerg_operation_duration_seconds_sum", "web"] == pytest.approx(40.003)


@pytest.mark.parametrize(
    "actions", [[], ["+0.1ms resume a to running"]], ids=["it accepted already", "resumed"]
)
def test_failovers_are_the_entries_that_say_so(actions):
    failover = an_entry(kind="reconcile", failover=True, actions=actions, outcome="reconciled")
    tally = told(failover, an_entry(kind="reconcile", by="b is EXITED"))
    assert samples([an_info()], tally)["zerg_failovers_total", "web"] == 1


@pytest.mark.parametrize("name", HOSTILE[:-1])
def test_no_name_breaks_the_format(name):
    seen = samples([an_info(name, serving=name, instances=[a_copy(name), a_copy("b")])])
    assert seen[("zerg_instance_serving", *sorted([name, name]))] == 1


def test_labels_have_few_values():
    entries = [
        an_entry(kind=kind, program=str(n), outcome=f"done {n}")
        for n in range(50)
        for kind in ("swap", f"strange{n}")
    ]
    assert len(samples([an_info()], told(*entries))) < 50


def test_without_the_library_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(metrics, "prometheus_client", None)
    with pytest.raises(Unsupported, match=r"pip install 'supervisor_zerg\[metrics\]'"):
        metrics.text([an_info()], Tally())


# conf.d/monitoring


def known():
    entry = an_entry(kind="reconcile", by="b is EXITED")
    return {name for name, *_ in samples([an_info()], told(entry))}


def asked_for(expression):
    """The metrics of a PromQL expression. :raises ValueError: it is none."""
    promql = pytest.importorskip("promql_parser", reason=PROMQL_IS_MISSING)
    plain = promql.parse(expression.replace("$__rate_interval", "5m")).prettify()
    return set(re.findall(r"\bzerg_[a-z_]+", plain))


def rules():
    yaml = pytest.importorskip("yaml", reason="pip install PyYAML (the extra 'test' does)")
    (group,) = yaml.safe_load((MONITORING / "zerg.rules.yml").read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def test_the_alerts_are_three_and_ask_in_promql_for_metrics_that_there_are():
    assert set(rules()) == {"ZergNobodyServes", "ZergDisagreement", "ZergNoWarmInstance"}
    for rule in rules().values():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"} and re.fullmatch(
            r"\d+[sm]", rule["for"]
        )
        assert asked_for(rule["expr"]) and asked_for(rule["expr"]) <= known()
        assert "{{ $labels.pair }}" in rule["annotations"]["summary"]


def test_a_pair_that_keeps_no_warm_instance_by_choice_gives_no_alert():
    assert "zerg_pair_keeps_warm" in asked_for(rules()["ZergNoWarmInstance"]["expr"])
    assert (
        samples([an_info(retire="stop")])["zerg_pair_keeps_warm", "web"]
        == 0
        < samples([an_info()])["zerg_pair_keeps_warm", "web"]
    )


@pytest.mark.parametrize(
    "nonsense",
    [
        "zerg_pair_held)",
        "(zerg_pair_held)(zerg_pair_auto)",
        "rate(zerg_operations_total)",
        "zerg_pair_held unles x",
    ],
)
def test_nonsense_in_an_expression_would_be_noticed(nonsense):
    with pytest.raises(ValueError):
        asked_for(nonsense)


def test_the_dashboard_asks_in_promql_for_metrics_that_there_are():
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert (
        len(expressions) >= 10
        and all(map(asked_for, expressions))
        and set().union(*map(asked_for, expressions)) <= known()
    )
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert {variable["name"] for variable in dashboard["templating"]["list"]} == {
        "datasource",
        "instance",
        "pair",
    }

"""``zerg check``: finds the known faults in a ConfigModel. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..core.exit_status import ExitStatus
from .config_model import ConfigModel
from .rule import ERROR, NOTE, WARNING, Finding, Rule
from .rules import (
    background,
    hooks,
    http_server,
    instances,
    life_cycle,
    listener,
    pairs,
    pools,
    programs,
    sharing,
    supervisor,
    two_instances,
)

CONFIG_RULES = supervisor.PLUGIN + listener.RULES + supervisor.FILES + http_server.RULES
PAIR_RULES = pairs.RULES + sharing.RULES
INSTANCE_RULES = (
    instances.RULES
    + two_instances.RULES
    + background.RULES
    + programs.RULES
    + hooks.RULES
    + life_cycle.RULES
)
GROUPS: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("Files of supervisord", CONFIG_RULES),
    ("Pairs", pairs.RULES),
    ("What two instances share", sharing.RULES),
    ("Every program that runs uWSGI", pools.ANY),
    ("Options of an instance", instances.RULES),
    ("Options that do not fit a pair", two_instances.RULES),
    ("Work beside requests", background.RULES),
    ("Programs of instances", programs.RULES),
    ("Hooks of an instance", hooks.RULES),
    ("Start, end and readiness of an instance", life_cycle.RULES),
    ("Pools", pools.RULES),
)
RULES = tuple(rule for _, rules in GROUPS for rule in rules)
SEVERITIES = (ERROR, WARNING, NOTE)


def check(model: ConfigModel, name: str = "") -> list[Finding]:
    """All findings, or those of supervisord and of one pair, in the order of file and line."""
    found: dict[object, Finding] = {}
    for finding in _all(model, name):  # two instances of one ini share its faults
        key = (finding.id, finding.file, finding.line, finding.message)
        found.setdefault(key, finding)
    return sorted(
        found.values(),
        key=lambda f: (f.file, f.line, SEVERITIES.index(f.severity), f.id, f.message),
    )


def _all(model: ConfigModel, name: str) -> Iterator[Finding]:
    yield from _apply(CONFIG_RULES, "", model)
    for pair in model.pairs:
        if name in ("", pair.config.name):
            yield from _apply(PAIR_RULES, pair.config.name, pair)
            for instance in pair.instances:
                yield from _apply(pools.ANY + INSTANCE_RULES, pair.config.name, pair, instance)
            if pair.pool:
                yield from _apply(pools.ANY + pools.RULES, pair.config.name, pair, pair.pool)


def _apply(rules: Iterable[Rule], pair: str, *subject: object) -> Iterator[Finding]:
    for rule in rules:
        for place, message in rule.find(*subject):
            yield Finding(
                rule.id, rule.severity, place.file, place.line, pair, message, rule.reason, rule.fix
            )


def format_findings(findings: list[Finding]) -> Iterator[str]:
    """The lines of ``zerg check``."""
    for finding in findings:
        place = f"{finding.file}:{finding.line}"
        yield f"{place}: {finding.severity} {finding.id}: {finding.message}"
        yield f"    reason: {finding.reason}"
        yield f"    fix: {finding.fix}"
    counts = {
        severity: sum(finding.severity == severity for finding in findings)
        for severity in SEVERITIES
    }
    yield ", ".join(_counted(number, severity) for severity, number in counts.items())


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def exit_status(findings: Iterable[Finding]) -> int:
    """The exit status of ``zerg check``."""
    severities = [(finding.id, finding.severity) for finding in findings]
    if any(id == "broken" for id, _ in severities):
        return ExitStatus.USAGE
    return ExitStatus.FOUND if any(severity != NOTE for _, severity in severities) else 0

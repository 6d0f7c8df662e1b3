"""``zerg check``: every known trap that can be seen in the files, as findings. Pure: a Blueprint goes in, Findings come out."""

from ..core.errors import ARGUMENTS, FOUND
from .rule import ERROR, NOTE, WARNING, Finding
from .rules import hooks, instances, pairs, pools, supervisor

COPY_RULES = pools.ANY + instances.RULES + hooks.RULES
POOL_RULES = pools.ANY + pools.RULES
RULES = supervisor.RULES + pairs.RULES + COPY_RULES + pools.RULES
SEVERITIES = (ERROR, WARNING, NOTE)


def check(plan, name=""):
    """:param plan: Blueprint. :param name: of a pair; empty: all of them. :returns: Findings in the order of file and line."""
    found = {}
    for finding in _all(plan, name):
        found.setdefault(
            (finding.id, finding.file, finding.line, finding.message), finding
        )  # two instances of one ini share its traps
    return sorted(
        found.values(),
        key=lambda f: (f.file, f.line, SEVERITIES.index(f.severity), f.id, f.message),
    )


def _all(plan, name):
    yield from _apply(supervisor.RULES, "", plan)
    for pair in plan.pairs:
        if name in ("", pair.config.name):
            yield from _apply(pairs.RULES, pair.config.name, pair)
            for instance in pair.instances:
                yield from _apply(COPY_RULES, pair.config.name, pair, instance)
            if pair.pool:
                yield from _apply(POOL_RULES, pair.config.name, pair, pair.pool)


def _apply(rules, name, *subject):
    for rule in rules:
        for place, message in rule.find(*subject):
            yield Finding(
                rule.id, rule.severity, place.file, place.line, name, message, rule.reason, rule.fix
            )


def tell_findings(findings):
    """The lines of ``check``."""
    for finding in findings:
        yield "%s:%d: %s %s: %s" % (
            finding.file,
            finding.line,
            finding.severity,
            finding.id,
            finding.message,
        )
        yield f"    why: {finding.reason}"
        yield f"    mend: {finding.fix}"
    counts = [sum(finding.severity == severity for finding in findings) for severity in SEVERITIES]
    yield "%d errors, %d warnings, %d notes" % tuple(counts)


def status_of(findings):
    """The exit status of ``check``."""
    if any(finding.id == "broken" for finding in findings):
        return ARGUMENTS
    return FOUND if any(finding.severity != NOTE for finding in findings) else 0

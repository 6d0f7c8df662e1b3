"""``zerg check`` on files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from ..lint.check import check, exit_status, format_findings
from ..lint.config_reader import read_config_model
from ..lint.uwsgi_ini import Unreadable
from .command import Answer, Invocation, Session, UsageError
from .configuration import environment_of, reading_options


def run_check(session: Session, invocation: Invocation) -> Answer:
    """The command ``check``."""
    file = invocation.options.get("c")
    if file:
        expansions = session.options.environ_expansions
    else:
        file = getattr(session.options, "configfile", None)
        expansions = environment_of(session)
    return check_files(file, expansions, invocation.arguments["PAIR"], invocation.json)


def check_files(
    file: str | None, expansions: Mapping[str, str], pair: str, as_json: bool
) -> Answer:
    """Check a file of supervisord and everything that it names.

    Args:
        expansions: Supervisor's expansions of the environment, ``ENV_NAME`` -> value.
        pair: name of the only pair to check; empty for all of them.

    Raises:
        UsageError: the file cannot be read, or has no such pair.
    """
    if not file:
        raise UsageError("no configuration file was found; give -c FILE")
    try:
        model = read_config_model(reading_options(file, expansions))
    except Unreadable as error:
        raise UsageError(str(error)) from error
    names = [known.config.name for known in model.pairs]
    if pair and pair not in names:
        raise UsageError(f"there is no pair {pair!r}; there are: {', '.join(names)}")
    findings = check(model, pair)
    if as_json:
        document = json.dumps([asdict(finding) for finding in findings], indent=2, sort_keys=True)
        return Answer(exit_status(findings), document.splitlines())
    return Answer(exit_status(findings), list(format_findings(findings)))

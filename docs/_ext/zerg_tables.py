"""Sphinx directives whose content comes from the code.

Each ``*_rst`` function returns lines of reStructuredText; a directive parses them in place.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from supervisor_zerg.cli.commands import EXITS, TABLE, Command
from supervisor_zerg.core import errors
from supervisor_zerg.core.exit_status import OUTCOMES
from supervisor_zerg.core.pair_config import OPTIONS, PairConfig
from supervisor_zerg.lint import check
from supervisor_zerg.lint.rule import Rule
from supervisor_zerg.rpcinterface import ZergNamespaceRPCInterface
from supervisor_zerg.supervisord.events import EVENTS
from supervisor_zerg.web.metrics import Collector, Tally

CLIENT = "zergctl"


# helpers


def escape(text: str) -> str:
    """Plain text as reStructuredText; what is ``code`` stays it."""
    parts = re.split(r"(``[^`]+``)", text)
    parts[::2] = [re.sub(r"([\\*`_|])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def code(text: object) -> str:
    return f"``{text}``" if str(text) else ""


def list_table(head: Iterable[str], rows: Iterable[Iterable[str]], widths: str) -> Iterator[str]:
    """A list-table. Each cell is one paragraph."""
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for row in [head, *rows]:
        for column, cell in enumerate(row):
            yield f"   {'* -' if column == 0 else '  -'} {' '.join(cell.split())}".rstrip()
    yield ""


def first_paragraph(documented: object) -> str:
    return (inspect.getdoc(documented) or "").split("\n\n")[0].replace("\n", " ")


# commands


def commands_rst() -> Iterator[str]:
    """A row for each command, in the order of ``zerg help``."""
    rows = (
        (
            code(" ".join((command.name, *command.takes))),
            f":ref:`{escape(command.summary)} <command-{command.name}>`",
        )
        for command in TABLE
    )
    return list_table(("Command", "What it does"), rows, "35 65")


def command_reference_rst() -> Iterator[str]:
    """A section for each command, below a title of the page."""
    for command in TABLE:
        yield from _command_section(command)


def _command_section(command: Command) -> Iterator[str]:
    yield from (f".. _command-{command.name}:", "", command.name, "~" * len(command.name), "")
    yield from (f"**{escape(f'{CLIENT} {command.usage}')}**", "")
    yield from (escape(f"{command.summary} {command.does}"), "")
    yield from ("Prints", f"    {escape(command.prints)}", "")
    yield from ("When to use it", f"    {escape(command.when)}", "")
    yield "Exit status"
    yield from (f"    | {code(status)}: {escape(text)}" for status, text in command.exits.items())
    yield from ("", "Example", "    ::", "")
    yield from (
        f"        {line}" for line in command.example.replace("{zerg}", CLIENT).splitlines()
    )
    yield ""


def exit_statuses_rst() -> Iterator[str]:
    """Every exit status that any command may have, with each of its meanings."""
    meanings: dict[int, list[str]] = {}
    for command in TABLE:
        for status, text in command.exits.items():
            known = meanings.setdefault(int(status), [EXITS[status]] if status in EXITS else [])
            if text not in known and status not in EXITS:
                known.append(text)
    rows = ((code(status), escape("; ".join(texts))) for status, texts in sorted(meanings.items()))
    return list_table(("Status", "Meaning"), rows, "10 90")


def outcomes_rst() -> Iterator[str]:
    """How a deploy may end, with the exit status of ``zerg deploy``."""
    rows = ((outcome, code(int(status))) for outcome, status in OUTCOMES.items())
    return list_table(("Outcome", "Exit status"), rows, "70 30")


# options


def default_of(option: str) -> str:
    """The default of an option as it is written in a section."""
    value = getattr(PairConfig(), option)
    if isinstance(value, tuple):
        return ",".join(value)
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def defaults_rst() -> Iterator[str]:
    """The section that changes nothing."""
    yield from (".. code-block:: ini", "", f"   [zerg:{PairConfig().name}]")
    yield from (f"   {option} = {default_of(option)}".rstrip() for option in OPTIONS)
    yield ""


def options_rst() -> Iterator[str]:
    """A row for each option."""
    rows = ((code(name), option.help) for name, option in OPTIONS.items())
    return list_table(("Option", "Meaning"), rows, "20 80")


# the programming interface


def faults_rst() -> Iterator[str]:
    """A row for each fault."""
    rows = (
        (
            str(error.code),
            code(error.name),
            f"{escape(first_paragraph(error))} *{escape(error.hint)}*",
            code(int(error.exit_status)),
        )
        for error in errors.ALL
    )
    return list_table(("Code", "Name", "Raised when, and hint", "Exit status"), rows, "8 24 56 12")


class Field(NamedTuple):
    """One ``@param`` or ``@return`` of a docstring in Supervisor's form."""

    tag: str
    type: str
    name: str
    text: str


def parse_docstring(text: str) -> tuple[str, list[Field]]:
    """A docstring with Supervisor's tags: (what is before them, the tags)."""
    before, *tagged = re.split(r"(?m)^@(?=param|return)", inspect.cleandoc(text))
    fields = [Field(*(" ".join(part.split()).split(" ", 3) + [""] * 3)[:4]) for part in tagged]
    return " ".join(before.split()), fields


def rpc_rst() -> Iterator[str]:
    """Every method of the namespace."""
    for name, method in vars(ZergNamespaceRPCInterface).items():
        if not name.startswith("_"):
            yield from _method(name, method)


def _method(name: str, method: Callable[..., Any]) -> Iterator[str]:
    signature = inspect.signature(method)
    shown = ", ".join(
        parameter.name
        if parameter.default is inspect.Parameter.empty
        else f"{parameter.name}={parameter.default!r}"
        for parameter in list(signature.parameters.values())[1:]
    )
    summary, fields = parse_docstring(method.__doc__ or "")
    yield from (f".. describe:: {name}({shown})", "", f"   {escape(summary)}", "")
    for field in fields:
        subject = "Returns" if field.tag == "return" else code(field.name)
        yield from (
            f"   {subject} *({field.type})*",
            f"      {escape(field.text) or field.name}",
            "",
        )


def events_rst() -> Iterator[str]:
    """A row for each event."""
    rows = ((code(name), escape(first_paragraph(kind))) for name, kind in EVENTS.items())
    return list_table(("Event", "Meaning"), rows, "30 70")


# metrics


def metrics_rst() -> Iterator[str]:
    """A row for each family of metrics."""
    rows = (
        (
            code(family.name + ("_total" if family.type == "counter" else "")),
            family.type,
            ", ".join(family._labelnames),  # prometheus_client has no public name for them
            escape(family.documentation),
        )
        for family in Collector([], Tally()).collect()
    )
    return list_table(("Metric", "Type", "Labels", "Meaning"), rows, "38 12 20 30")


# zerg check


def check_rules_rst() -> Iterator[str]:
    """A table for each subject, with a row for each rule."""
    for title, rules in check.GROUPS:
        yield from (title, "~" * len(title), "")
        yield from list_table(("Rule", "Finds, reason, fix"), map(_rule_cells, rules), "25 75")


def _rule_cells(rule: Rule) -> tuple[str, str]:
    reason = f"*Reason:* {escape(rule.reason)}."
    return (
        f"{code(rule.id)} {rule.severity}",
        f"{rule.summary}. {reason} *Fix:* {escape(rule.fix)}.",
    )


# Sphinx

DIRECTIVES: dict[str, Callable[[], Iterator[str]]] = {
    "zerg-commands": commands_rst,
    "zerg-command-reference": command_reference_rst,
    "zerg-exit-statuses": exit_statuses_rst,
    "zerg-outcomes": outcomes_rst,
    "zerg-defaults": defaults_rst,
    "zerg-options": options_rst,
    "zerg-faults": faults_rst,
    "zerg-rpc": rpc_rst,
    "zerg-events": events_rst,
    "zerg-metrics": metrics_rst,
    "zerg-check-rules": check_rules_rst,
}


class Generated(SphinxDirective):
    """Parses the lines of the function that its name stands for."""

    def run(self) -> list[nodes.Node]:
        lines = DIRECTIVES[self.name]()
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    for name in DIRECTIVES:
        app.add_directive(name, Generated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

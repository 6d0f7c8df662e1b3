"""What each option of uWSGI means where two instances of one ini run, or where one is paused.

data/uwsgi_options.tsv has a row for each option of uWSGI 2.0.30 and its plugins (and for some of
2.0.31): its name, whether it takes an argument, its topic, and where the sources declare it. A
topic is harmless, with its reason below, or it is the id of the rule that reports the option.
data/update_options.py updates the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

HARMLESS = {
    "answer": "changes how a worker answers a request, in each instance for itself",
    "background-part": "only used with cron, mule or spooler, which have rules",
    "boot": "used while an instance boots, for itself",
    "cache-part": "only used with cache or queue, which have a rule",
    "dialect": "part of the configuration language; the reader obeys it",
    "emperor-part": "only used with emperor, which has a rule",
    "gateway-part": "only used with the address of its gateway, which has a rule",
    "hooks": "the rules about hooks read its value",
    "interpreter": "loads or configures the application in the processes of each instance",
    "log": "what an instance logs or reports, and how",
    "pool": "belongs to the pool, whose rules read it",
    "process": "configures the processes of each instance",
    "worker-reload": "restarts workers one by one; a parked worker comes back parked",
}
SEVERAL = {  # topics that more than one rule, or one of another name, reads
    "address": ("address-shared", "address-private"),
    "zerg-missing": ("zerg-missing", "zerg-served", "zerg-unknown"),
    "fifos-differ": ("fifos-few", "fifos-differ", "fifo-folder"),
    "stats-differ": ("stats-differ", "stats-shared", "stats-cores"),
    "brutal-stop": ("brutal-stop", "sigterm"),
}


class UwsgiOption(NamedTuple):
    """A row of the table. ``argument`` is no, required or optional."""

    name: str
    argument: str
    topic: str
    source: str


@cache
def uwsgi_options() -> Mapping[str, UwsgiOption]:
    """Every row, by the name of the option."""
    table = resources.files(__package__).joinpath("data/uwsgi_options.tsv")
    rows = [line.split("\t") for line in table.read_text(encoding="ascii").splitlines()[1:]]
    return {row[0]: UwsgiOption(*row) for row in rows}


@cache
def options_of(topic: str) -> tuple[str, ...]:
    """The names of the options with a topic."""
    return tuple(option.name for option in uwsgi_options().values() if option.topic == topic)


def takes_word(name: str) -> bool:
    """Whether the next word of the command line is the value of a long option.

    ``--name=value`` is the other way, and the only one for an optional argument.
    """
    option = uwsgi_options().get(name)
    return option is None or option.argument == "required"

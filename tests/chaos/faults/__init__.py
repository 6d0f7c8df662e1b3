"""The faults, as data. ``ALL`` maps each name to its fault."""

from __future__ import annotations

from . import clients, fifos, machine, operator, processes, stats
from .fault import Fault

ALL: dict[str, Fault] = {
    fault.name: fault
    for module in (processes, fifos, stats, operator, clients, machine)
    for fault in module.FAULTS
}
WEIGHTS: dict[str, int] = {name: fault.weight for name, fault in ALL.items()}

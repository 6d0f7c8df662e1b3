"""What a fault is."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Callable, Optional

from ..target import Target

#: A parked threaded instance that is told to end hangs until uWSGI's mercy ends, after 60 s.
MERCY_S = 80.0

Undo = Callable[[], None]
Apply = Callable[[Target, random.Random], Optional[Undo]]


@dataclass(frozen=True)
class Fault:
    """One way to do harm.

    Attributes:
        name: as in ``FAULTS=name:seed``.
        apply: does it. Returns what undoes it, or None. Raises NotPossible where it does not
            apply.
        loses: which requests may fail because of it, for people; ``apply`` tells the ledger.
        weight: how often it comes.
        lasts_s: it stays for up to so long before it is undone.
        ends_within_s: an instance may need so long in addition to the time that any fault gets.
    """

    name: str
    apply: Apply
    loses: str = "none"
    weight: int = 2
    lasts_s: float = 0.0
    ends_within_s: float = 0.0

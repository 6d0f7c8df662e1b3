"""What a generator yields when it has to wait: supervisord's loop or a test carries it out."""

from __future__ import annotations

from dataclasses import dataclass

STATS_TIMEOUT_S = 0.1


@dataclass(frozen=True)
class ReadStats:
    """Read these stats servers. The generator is sent {address: bytes or the exception}."""

    addresses: tuple[str, ...]
    timeout: float = STATS_TIMEOUT_S


@dataclass(frozen=True)
class Sleep:
    """Continue after this many seconds; 0: after one round of the loop."""

    seconds: float

"""What a generator yields when it has to wait: supervisord's loop carries it out, a test answers it from its own clock."""

from dataclasses import dataclass

STATS_TIMEOUT_S = 0.1


@dataclass(frozen=True)
class ReadStats:
    """Read these stats servers. The answer is {address: bytes or the exception}."""

    addresses: tuple[str, ...]
    timeout: float = STATS_TIMEOUT_S


@dataclass(frozen=True)
class Sleep:
    """Go on after so many seconds; 0: after one round of the loop."""

    seconds: float

"""The verdict of the demo: from every answer to a table and an exit status. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .traffic import Answer, failed, stale

NEVER = float("inf")


class Act(NamedTuple):
    """One act of the demo: from ``replied`` on, ``serving`` must answer every new request."""

    name: str
    asked: float
    replied: float
    serving: str
    version: str


class Verdict:
    """What the clients saw.

    Args:
        answers: The answers for each kind of request.
        acts: In order.
        killed: When a serving master was killed (CLOCK_MONOTONIC), or infinity.
        orphans: The pids of its workers. They finish what they began and may take up one more
            request before they end.
        unanswered: How many clients still waited at the end.
    """

    def __init__(
        self,
        answers: Mapping[str, Sequence[Answer]],
        acts: Sequence[Act],
        killed: float = NEVER,
        orphans: Collection[int] = (),
        unanswered: int = 0,
    ) -> None:
        self.answers = answers
        self.acts = acts
        self.killed = killed
        self.unanswered = unanswered
        everything = [a for some in answers.values() for a in some]
        failures = failed(everything)
        self.requests = len(everything)
        self.cut = [a for a in failures if a.began <= killed <= a.ended]
        self.failed = [a for a in failures if a not in self.cut]
        self.by_orphans = [a for a in everything if a.pid in orphans and a.handled > killed]
        others = [a for a in everything if a not in self.by_orphans]
        self.stale = stale(others, [(act.asked, act.replied, act.serving) for act in acts])
        self.versions = count(a.version for a in everything if a.status == 200)
        self.unseen = [act for act in acts if not _was_seen(everything, act, acts)]

    @property
    def good(self) -> bool:
        """Whether nothing failed, nothing was stale, and every act was seen by the clients."""
        problems = self.failed or self.stale or self.unanswered or self.unseen
        return self.requests > 0 and not problems

    def takeover_s(self) -> float:
        """From the kill until the parked instance took up a request."""
        successor = next(act.serving for act in self.acts if act.asked == self.killed)
        handled = [
            a.handled
            for some in self.answers.values()
            for a in some
            if a.program == successor and a.handled > self.killed
        ]
        return min(handled, default=NEVER) - self.killed

    def lines(self) -> Iterator[str]:
        """The table."""
        versions = [f"version {version}: {n}" for version, n in sorted(self.versions.items())]
        yield _row("requests", self.requests, f"answered by {', '.join(versions)}")
        yield _row("failed", len(self.failed), _errors(self.failed))
        yield from self._kill_lines()
        yield _row("stale", len(self.stale), "taken up by the parked instance after a swap")
        yield _row("unanswered", self.unanswered, "")
        for kind, some in self.answers.items():
            note = f"of {len(some)} requests {kind}"
            yield _row("slowest, ms", f"{slowest_ms(some):.1f}", note)
        for act in self.unseen:
            yield f"  {act.name}: NO answer of {act.serving}, version {act.version}, was seen"
        good = "no request failed, none was stale"
        yield f"verdict: {good if self.good else 'NOT GOOD, see above'}"

    def _kill_lines(self) -> Iterator[str]:
        if self.killed == NEVER:
            return
        note = "in progress inside the killed process"
        yield _row("cut by kill -9", len(self.cut), f"{note}{_errors(self.cut, '; ')}")
        if self.by_orphans:
            last_ms = (max(a.handled for a in self.by_orphans) - self.killed) * 1000
            note = f"by workers that outlived their master, until {last_ms:.0f} ms after the kill"
            yield _row("taken up by orphans", len(self.by_orphans), note)
        note = "until the other instance took up its first request"
        yield _row("kill -9, ms", f"{self.takeover_s() * 1000:.1f}", note)


def _was_seen(answers: Iterable[Answer], act: Act, acts: Iterable[Act]) -> bool:
    """Whether the act's instance and version answered before the next act began."""
    end = min((other.asked for other in acts if other.asked > act.asked), default=NEVER)
    return any(
        a.status == 200 and a.program == act.serving and a.version == act.version
        for a in answers
        if act.asked < a.handled < end
    )


def _row(name: str, value: object, note: str) -> str:
    return f"  {name:<20} {value:>9}   {note}".rstrip()


def _errors(answers: Iterable[Answer], before: str = "") -> str:
    """Failed answers by kind: ``2 ConnectionResetError``."""
    kinds = count(a.program if a.status == 0 else f"HTTP {a.status}" for a in answers)
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    return f"{before}{listed}" if kinds else ""


def slowest_ms(answers: Iterable[Answer]) -> float:
    """The longest time that a request took; 0 if there is none."""
    return max((a.ended - a.began for a in answers), default=0.0) * 1000


def count(things: Iterable[str]) -> dict[str, int]:
    """How often each of them occurs, in the order of their first occurrence."""
    counts: dict[str, int] = {}
    for thing in things:
        counts[thing] = counts.get(thing, 0) + 1
    return counts

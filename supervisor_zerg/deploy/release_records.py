"""What is remembered of the releases of a pair: good or bad, by whom, and the order they served in.

Which instance has which release is not remembered: its link tells that. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

GOOD = "good"
BAD = "bad"
REMEMBERED = 100  # releases


@dataclass(frozen=True)
class Verdict:
    """How the last deploy of a release ended."""

    state: str  # GOOD or BAD
    at: float  # seconds since the epoch
    by: str
    id: str
    reason: str = ""


class ReleaseRecords:
    """The records of one pair.

    Args:
        stored: what `settings` returned, perhaps from another version or damaged.
    """

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.verdicts: dict[str, Verdict] = {}
        for name, values in _mapping(stored.get("verdicts")).items():
            verdict = _verdict(values)
            if verdict is not None:
                self.verdicts[str(name)] = verdict
        served = stored.get("served")
        self.served = [str(name) for name in served] if isinstance(served, list) else []
        self.serving = str(stored.get("serving", ""))  # the release that served last ...
        self.program = str(stored.get("program", ""))  # ... and the program that had it
        links = _mapping(stored.get("links"))
        self.links = {str(program): str(name) for program, name in links.items()}
        self.trying = str(stored.get("trying", ""))  # the program of a deploy that has not ended

    def settings(self) -> dict[str, Any]:
        """What must survive a restart of supervisord; empty if nothing is known."""
        if not (self.verdicts or self.serving):
            return {}
        return {
            "verdicts": {name: asdict(verdict) for name, verdict in self.verdicts.items()},
            "served": list(self.served),
            "serving": self.serving,
            "program": self.program,
            "links": dict(self.links),
            "trying": self.trying,
        }

    def note_serving(self, release: str, program: str, links: Mapping[str, str]) -> bool:
        """A program serves this release. Returns whether anything is new.

        Args:
            links: program -> the release that its link names.
        """
        known = (self.serving, self.program, self.links)
        self.serving = release
        self.program = program
        self.links = dict(links)
        return known != (release, program, self.links)

    def to_restore(self, links: Mapping[str, str], starting: Collection[str]) -> list[str]:
        """The programs that must not boot what their links name, when supervisord starts.

        That is the target of a deploy that was interrupted; and, if the program that served last is
        not started, those that are: users stay on the release that they had. What an operator
        changed meanwhile stays.

        Args:
            links: program -> the release that its link names now.
            starting: the programs that supervisord is about to start.
        """
        if not self.serving:
            return []
        wrong = [self.trying] if self.trying in links else []
        if self.program not in starting:
            wrong += [program for program in starting if program not in wrong]
        return [p for p in wrong if links[p] == self.links.get(p) != self.serving]

    def note_verdict(self, release: str, verdict: Verdict) -> None:
        self.verdicts.pop(release, None)
        self.verdicts[release] = verdict
        for name in list(self.verdicts)[:-REMEMBERED]:
            del self.verdicts[name]

    def note_deployed(self, before: str, release: str) -> None:
        """A release serves in the place of another one, which is what one can return to.

        What served after the other one was rolled back, so it is no longer in the order.
        """
        served = self.served
        kept = served[: served.index(before)] if before in served else served
        order = [name for name in kept if name not in (before, release)]
        self.served = [*order, *filter(None, (before, release))][-REMEMBERED:]

    def is_bad(self, release: str) -> bool:
        verdict = self.verdicts.get(release)
        return verdict is not None and verdict.state == BAD

    def before(self, release: str) -> list[str]:
        """The releases that served before this one, the latest first."""
        place = self.served.index(release) if release in self.served else len(self.served)
        return self.served[:place][::-1]


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _verdict(values: object) -> Verdict | None:
    known = _mapping(values)
    names = {field.name for field in fields(Verdict)}
    try:
        verdict = Verdict(**{str(key): known[key] for key in known if key in names})
        return replace(verdict, at=float(verdict.at))
    except (TypeError, ValueError):
        return None

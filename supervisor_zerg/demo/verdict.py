"""What came of it: from every answer that the clients got to a table and an exit status. Pure."""

from collections import namedtuple

from .traffic import failed, stale

Act = namedtuple("Act", "name asked replied serving version")
Act.__doc__ = "Something done while clients asked: from ``replied`` on every new request is to be answered by ``serving``."


class Verdict:
    """:param answers: {what kind of request: [Answer, ...]}, a list for each kind of client.
    :param acts: [Act, ...] in order.
    :param killed: when a serving master was killed, CLOCK_MONOTONIC; infinity if never.
    :param orphans: the pids of its workers: they finish what they began, and may take up another request before they end.
    :param unanswered: clients that still waited when patience ended.
    """

    def __init__(self, answers, acts, killed=float("inf"), orphans=(), unanswered=0):
        self.answers, self.acts, self.killed, self.unanswered = answers, acts, killed, unanswered
        everything = [a for some in answers.values() for a in some]
        self.requests = len(everything)
        bad = failed(everything)
        self.lost = [a for a in bad if a.began <= killed <= a.ended]
        self.failed = [a for a in bad if a not in self.lost]
        self.late = [a for a in everything if a.pid in orphans and a.handled > killed]
        taken_up = [a for a in everything if a not in self.late]
        self.stale = stale(taken_up, [(act.asked, act.replied, act.serving) for act in acts])
        self.versions = count(a.version for a in everything if a.status == 200)
        self.unseen = [act for act in acts if not served_as_told(everything, act, acts)]

    @property
    def good(self):
        return self.requests > 0 and not (
            self.failed or self.stale or self.unanswered or self.unseen
        )

    def takeover_s(self):
        """From the kill until the instance that was parked took up a request."""
        heir = next(act.serving for act in self.acts if act.asked == self.killed)
        answers = [a for some in self.answers.values() for a in some if a.program == heir]
        return (
            min((a.handled for a in answers if a.handled > self.killed), default=float("inf"))
            - self.killed
        )

    def lines(self):
        yield row(
            "requests",
            self.requests,
            "answered by "
            + ", ".join("version %s: %d" % pair for pair in sorted(self.versions.items())),
        )
        yield row("failed", len(self.failed), errors(self.failed))
        yield row(
            "cut by the kill -9",
            len(self.lost),
            f"began before it, ran inside the killed process{errors(self.lost, '; ')}",
        )
        if self.late:
            last = (max(a.handled for a in self.late) - self.killed) * 1000
            words = (
                f"answered by workers that outlived the killed master, up to {last:.0f} ms after it"
            )
            yield row("taken up by orphans", len(self.late), words)
        yield row(
            "stale",
            len(self.stale),
            "taken up by the parked instance after a swap had been answered",
        )
        yield row("unanswered", self.unanswered, "")
        if self.killed < float("inf"):
            yield row(
                "kill -9, ms",
                f"{self.takeover_s() * 1000:.1f}",
                "until the other instance took up its first request",
            )
        for kind, some in self.answers.items():
            yield row("slowest, ms", f"{slowest_ms(some):.1f}", f"of {len(some)} requests, {kind}")
        for act in self.unseen:
            yield f"  {act.name}: NO answer of {act.serving}, version {act.version}, was seen"
        yield "verdict: %s" % (
            "no request failed, none was stale" if self.good else "NOT GOOD, see above"
        )


def served_as_told(answers, act, acts):
    """Did the instance and the version that are to serve after an act really answer, before the next act was asked for?"""
    until = min((other.asked for other in acts if other.asked > act.asked), default=float("inf"))
    seen = [a for a in answers if act.asked < a.handled < until and a.status == 200]
    return any(a.program == act.serving and a.version == act.version for a in seen)


def row(name, value, note):
    return ("  %-20s %9s   %s" % (name, value, note)).rstrip()


def errors(answers, before=""):
    """Failed answers by kind: ``2 ConnectionResetError``."""
    kinds = count(a.program if a.status == 0 else "HTTP %d" % a.status for a in answers)
    return (
        before + ", ".join("%d %s" % (number, kind) for kind, number in kinds.items())
        if kinds
        else ""
    )


def slowest_ms(answers):
    return max((a.ended - a.began for a in answers), default=0.0) * 1000


def count(things):
    counts = {}
    for thing in things:
        counts[thing] = counts.get(thing, 0) + 1
    return counts

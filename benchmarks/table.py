"""A row a measurement: how often, the median, the worst, and the target beside them. Plain text."""

import statistics
from collections import namedtuple

Target = namedtuple("Target", "which most")  # ("median" or "worst", in the row's unit)
HEAD = "%-64s %5s %12s %12s   %s" % ("", "runs", "median", "worst", "target")


class Row:
    """:param samples: one number a run; :param target: None where there is nothing to compare with."""

    def __init__(self, what, samples, unit="ms", target=None, note=""):
        self.what, self.samples, self.unit, self.target, self.note = (
            what,
            list(samples),
            unit,
            target,
            note,
        )

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def worst(self):
        return max(self.samples)

    def verdict(self):
        if self.target is None:
            return ""
        met = getattr(self, self.target.which) <= self.target.most
        return "{} <= {:g} {}: {}".format(
            self.target.which,
            self.target.most,
            self.unit,
            "met" if met else "MISSED",
        )

    def __str__(self):
        if not self.samples:
            return f"{self.what:64} no run"
        last = "; ".join(filter(None, (self.verdict(), self.note)))
        figures = (
            self.what,
            len(self.samples),
            figure(self.median, self.unit),
            figure(self.worst, self.unit),
            last,
        )
        return ("%-64s %5d %12s %12s   %s" % figures).rstrip()


def figure(value, unit):
    return "%.*f %s" % (0 if value >= 1000 else 2 if value < 10 else 1, value, unit)

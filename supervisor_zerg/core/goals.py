"""What is wanted of one pair, by whom, until it is reached. PURE: a person's aims and the arrivals of copies go in, what *decide*
desires comes out; nothing in here is a fact.
"""

from .model import Arrival, Desired


class Desires:
    """:param orders: what a person had ordered before supervisord was started anew: ``held``, ``both``, ``auto``."""

    def __init__(self, pair, orders):
        self.pair = pair
        self.held, self.both = bool(orders.get("held")), bool(orders.get("both"))
        self.auto = bool(orders.get("auto", pair.auto))
        self.wish = ""  # the program that is to serve, until it does
        self.last = ""  # the program that served last
        self.retiring = ""  # the program that is to end once it has drained
        self.arrivals = {}  # program -> Arrival, until it has arrived

    def inherit(self, old):
        """Take over from the same pair under a section that was changed. What a person ordered is in ``orders`` already."""
        self.last, self.arrivals = (
            old.last,
            {p: a for p, a in old.arrivals.items() if p in self.pair.programs},
        )
        self.retiring = old.retiring if self.pair.retire == "stop" else ""

    def aim(self, aim):
        """Take a person's word."""
        self.wish, self.held, self.both = aim

    def invited(self, program):
        """A person has started it, so that it takes over."""
        return self.arrivals.get(program) is Arrival.TAKES_OVER

    def reached(self, goal, facts, deploying):
        """The goal serves and nobody else takes requests. :returns: the program that served before, where that was another."""
        was = self.last if goal and self.last != goal else ""
        self.last = goal or self.last
        if (
            goal and self.wish == goal
        ):  # it was the last word: whoever is still on its way up follows it
            self.wish, self.arrivals = "", {p: Arrival.PARKS for p in self.arrivals if p != goal}
        for program in [p for p in self.arrivals if self._arrived(facts.copy(p), goal)]:
            del self.arrivals[program]
        if self.pair.retire == "stop" and not deploying and was and facts.copy(was).up:
            self.retiring = was
        elif self.retiring and (self.retiring == goal or not facts.copy(self.retiring).up):
            self.retiring = ""
        return was

    def _arrived(self, copy, goal):
        at_rest = (
            copy.ready
            and not copy.fresh
            and not copy.accepting
            and self.arrivals[copy.program] is Arrival.PARKS
        )
        return at_rest or copy.program == goal and copy.ready and not copy.fresh

    def desired(self, desperate, overdue):
        """As *decide* takes it. :param overdue: the drain limit has passed."""
        return Desired(
            wish=self.wish,
            last=self.last,
            held=self.held,
            both=self.both,
            arrivals=tuple(self.arrivals.items()),
            freeze=self.pair.freeze,
            retire_stop=self.pair.retire == "stop",
            retiring=self.retiring,
            desperate=desperate,
            overdue=overdue,
        )

    def orders(self):
        """What has to outlive supervisord: all that a person ordered and that is not so by itself."""
        orders = {"held": self.held, "both": self.both, "auto": self.auto}
        return {
            name: value
            for name, value in orders.items()
            if value != (name == "auto" and self.pair.auto)
        }

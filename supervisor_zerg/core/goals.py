"""What is wanted of one pair, by whom, until it is reached. PURE: an operator's aims and the arrivals of instances go in, what *decide*
desires comes out; nothing in here is a fact.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class OnStart(enum.Enum):
    """What becomes of an instance that is on its way up."""

    PROMOTE = "takes over"  # an operator started it
    STANDBY = "parks"  # Supervisor started it


@dataclass(frozen=True)
class DesiredState:
    """What a pair should be. Nothing in it is a fact; everything in it was asked for by an operator, an event or the file."""

    requested: str = ""  # the program an operator or an event wants to serve, until that is reached
    last_active: str = ""  # the program that served last: it wins where the facts leave a choice
    hold: bool = False  # an operator keeps requests waiting: nobody is to accept
    both_active: bool = False  # an operator wants both to accept
    on_start: tuple[tuple[str, OnStart], ...] = ()
    freeze: bool = False
    retire_stop: bool = False
    retiring: str = ""  # the program that is to be stopped once it has drained (retire = stop)
    force_toggle: bool = (
        False  # nobody serves and patience is over: take the risk of a flood, which can be mended
    )
    drain_expired: bool = False  # the drain limit has passed

    def on_start_of(self, program):
        return dict(self.on_start).get(program)


class Goals:
    """:param orders: what an operator had ordered before supervisord was started anew: ``held``, ``both``, ``auto``."""

    def __init__(self, pair, settings):
        self.pair = pair
        self.hold, self.both_active = bool(settings.get("held")), bool(settings.get("both"))
        self.auto = bool(settings.get("auto", pair.auto))
        self.requested = ""  # the program that is to serve, until it does
        self.last_active = ""  # the program that served last
        self.retiring = ""  # the program that is to end once it has drained
        self.on_start = {}  # program -> Arrival, until it has arrived

    def inherit(self, old):
        """Take over from the same pair under a section that was changed. What an operator ordered is in ``orders`` already."""
        self.last_active, self.on_start = (
            old.last_active,
            {p: a for p, a in old.on_start.items() if p in self.pair.programs},
        )
        self.retiring = old.retiring if self.pair.retire == "stop" else ""

    def aim(self, aim):
        """Take an operator's word."""
        self.requested, self.hold, self.both_active = aim

    def invited(self, program):
        """An operator has started it, so that it takes over."""
        return self.on_start.get(program) is OnStart.PROMOTE

    def reached(self, goal, observed, deploying):
        """The goal serves and nobody else takes requests. :returns: the program that served before, where that was another."""
        was = self.last_active if goal and self.last_active != goal else ""
        self.last_active = goal or self.last_active
        if (
            goal and self.requested == goal
        ):  # it was the last word: whoever is still on its way up follows it
            self.requested, self.on_start = (
                "",
                {p: OnStart.STANDBY for p in self.on_start if p != goal},
            )
        for program in [p for p in self.on_start if self._arrived(observed.instance(p), goal)]:
            del self.on_start[program]
        if self.pair.retire == "stop" and not deploying and was and observed.instance(was).up:
            self.retiring = was
        elif self.retiring and (self.retiring == goal or not observed.instance(self.retiring).up):
            self.retiring = ""
        return was

    def _arrived(self, instance, goal):
        at_rest = (
            instance.ready
            and not instance.newly_accepting
            and not instance.accepting
            and self.on_start[instance.program] is OnStart.STANDBY
        )
        return (
            at_rest or instance.program == goal and instance.ready and not instance.newly_accepting
        )

    def desired(self, force_toggle, drain_expired):
        """As *decide* takes it. :param overdue: the drain limit has passed."""
        return DesiredState(
            requested=self.requested,
            last_active=self.last_active,
            hold=self.hold,
            both_active=self.both_active,
            on_start=tuple(self.on_start.items()),
            freeze=self.pair.freeze,
            retire_stop=self.pair.retire == "stop",
            retiring=self.retiring,
            force_toggle=force_toggle,
            drain_expired=drain_expired,
        )

    def settings(self):
        """What has to outlive supervisord: all that an operator ordered and that is not so by itself."""
        settings = {"held": self.hold, "both": self.both_active, "auto": self.auto}
        return {
            name: value
            for name, value in settings.items()
            if value != (name == "auto" and self.pair.auto)
        }

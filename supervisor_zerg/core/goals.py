"""What a pair should be: what an operator requested, and what starting instances are to become."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .instance import Instance
from .pair_config import PairConfig
from .pair_state import PairState


class OnStart(enum.Enum):
    """What an instance is to become once it has started."""

    PROMOTE = "promote"  # an operator started it
    STANDBY = "standby"  # Supervisor or a deploy started it


class Aim(NamedTuple):
    """What a request makes of a pair."""

    requested: str  # the program that is to serve
    hold: bool
    both_active: bool


@dataclass(frozen=True)
class DesiredState:
    """What a pair should be, as the planner takes it. Nothing in it was observed."""

    requested: str = ""  # the program that is to serve, until it does
    last_active: str = ""  # the program that served last: it is preferred
    hold: bool = False  # requests are kept waiting: neither instance is to accept
    both_active: bool = False  # both instances are to accept
    on_start: tuple[tuple[str, OnStart], ...] = ()
    awake: str = ""  # the program that needs workers: its health is being checked
    freeze: bool = False
    retire_stop: bool = False
    retiring: str = ""  # the program that is stopped once it has drained (retire = stop)
    force_toggle: bool = False  # nobody has served for too long: risk a flood, which can be ended
    drain_expired: bool = False  # the drain timeout has passed
    stop_overdue: tuple[str, ...] = ()  # programs that are ending for longer than they need

    def on_start_of(self, program: str) -> OnStart | None:
        return dict(self.on_start).get(program)


class Goals:
    """The goals of one pair, until they are reached.

    Args:
        settings: What an operator had set before supervisord was restarted: ``held``, ``both``,
            ``auto``.
    """

    def __init__(self, pair: PairConfig, settings: Mapping[str, Any]) -> None:
        self.pair = pair
        self.hold = bool(settings.get("held"))
        self.both_active = bool(settings.get("both"))
        self.auto = bool(settings.get("auto", pair.auto))
        self.requested = ""  # the program that is to serve, until it does
        self.last_active = ""  # the program that served last
        self.retiring = ""  # the program that is stopped once it has drained
        self.serves_first = ""  # the program that takes over when supervisord has started it
        self.on_start: dict[str, OnStart] = {}  # of instances that have not yet become what it says

    def inherit(self, old: Goals) -> None:
        """Take over from the same pair under its former section, except for the settings."""
        self.last_active = old.last_active
        self.on_start = {p: what for p, what in old.on_start.items() if p in self.pair.programs}
        self.retiring = old.retiring if self.pair.retire == "stop" else ""

    def set_aim(self, aim: Aim) -> None:
        self.requested = aim.requested
        self.hold = aim.hold
        self.both_active = aim.both_active

    def promotes_on_start(self, program: str) -> bool:
        """Whether an operator has started the program, so that it takes over when it is ready."""
        return self.on_start.get(program) is OnStart.PROMOTE

    def served_before(self, goal: str) -> str:
        """The program that served before the goal does; empty if that is none or the same."""
        return self.last_active if goal and self.last_active != goal else ""

    def reached(self, goal: str, observed: PairState, deploying: bool) -> None:
        """Drop what is reached now that the goal serves and the other takes no requests."""
        previous = self.served_before(goal)
        self.last_active = goal or self.last_active
        if goal and self.requested == goal:
            # a request is newer than any start: what is still starting becomes a standby
            self.requested = ""
            self.on_start = {p: OnStart.STANDBY for p in self.on_start if p != goal}
        for program in [p for p in self.on_start if self._started(observed.instance(p), goal)]:
            del self.on_start[program]
        if self.pair.retire == "stop" and not deploying and previous:
            self.retiring = previous if observed.instance(previous).up else self.retiring
        if self.retiring and (self.retiring == goal or not observed.instance(self.retiring).up):
            self.retiring = ""

    def _started(self, instance: Instance, goal: str) -> bool:
        """Whether an instance has become what it was to become."""
        if not instance.ready or instance.newly_accepting:
            return False
        is_standby = self.on_start[instance.program] is OnStart.STANDBY and not instance.accepting
        return is_standby or instance.program == goal

    def desired(self, force_toggle: bool, drain_expired: bool) -> DesiredState:
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

    def settings(self) -> dict[str, bool]:
        """What must survive a restart of supervisord: the settings that are not the default."""
        settings = {"held": self.hold, "both": self.both_active, "auto": self.auto}
        defaults = {"held": False, "both": False, "auto": self.pair.auto}
        return {name: value for name, value in settings.items() if value != defaults[name]}

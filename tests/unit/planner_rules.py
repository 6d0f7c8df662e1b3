"""What holds for every decision of the planner: rules as (sentence, whether it is kept)."""

from collections.abc import Iterator

from supervisor_zerg.core.decision import Action, ActionKind, Decision
from supervisor_zerg.core.goals import DesiredState
from supervisor_zerg.core.instance import Instance
from supervisor_zerg.core.pair_state import PairState, PathKind

Rules = Iterator[tuple[str, bool]]


def check(observed: PairState, desired: DesiredState, decision: Decision) -> None:
    for rule, kept in rules(observed, desired, decision):
        assert kept, (rule, decision)


def rules(observed: PairState, desired: DesiredState, decision: Decision) -> Rules:
    yield "one command at a time", sum(bool(a.command) for a in decision.actions) <= 1
    for action in decision.actions:
        instance = observed.instance(action.program)
        other = observed.other(action.program)
        if action.command:
            yield from _command_rules(action, instance, other, observed)
        if action.kind in (ActionKind.PAUSE, ActionKind.RESUME):
            yield from _toggle_rules(action, instance, desired)
        yield from _rules_of_the_kind(action, instance, other, desired)
        yield from _signal_rules(action, instance, observed, desired)
    if decision.met and decision.goal:
        yield from _met_rules(observed, desired, decision)
    if decision.met and desired.hold:
        yield "a held pair takes no requests", not any(map(_takes_requests, observed.instances))


def _met_rules(observed: PairState, desired: DesiredState, decision: Decision) -> Rules:
    yield "a goal that is met serves", observed.instance(decision.goal).accepting
    old = observed.other(decision.goal)
    next_workers_would_accept = old.was_ready and old.paused is False
    accepts = _takes_requests(old) or (old.up and (old.pending or next_workers_would_accept))
    yield "a goal that is met serves alone", desired.both_active or not accepts
    keeps = old.up and old.paused and old.keeping_workers
    yield "nobody waits for a parked worker", desired.both_active or not keeps


def _takes_requests(instance: Instance) -> bool:
    is_leaky = bool(instance.paused) and not instance.fully_paused
    return instance.up and (instance.accepting or is_leaky)


def _command_rules(
    action: Action, instance: Instance, other: Instance, observed: PairState
) -> Rules:
    yield "a command goes to a master that can be reached", instance.reachable
    yield "no command goes to a master with one pending", not instance.pending
    yield (
        "no command but the last goes to an unresponsive master",
        not instance.unresponsive or action.kind is ActionKind.QUIT,
    )
    obstacle = observed.obstacle(instance.slot)
    yield (
        "no command makes a master exit because of a directory",
        obstacle is None or obstacle.kind is not PathKind.DIRECTORY,
    )
    yield "two masters never make one FIFO", instance.slot not in other.fifo_slots_in_use
    if action.slot is not None:
        yield "no digit goes towards an obstacle", observed.obstacle(action.slot) is None
        yield (
            "no digit is sent while a command is pending",
            not any(c.pending for c in observed.instances),
        )


def _toggle_rules(action: Action, instance: Instance, desired: DesiredState) -> Rules:
    yield "a toggle goes to the other state", instance.paused is (action.kind is ActionKind.RESUME)
    yield "no toggle meets a worker that starts", instance.steady or desired.force_toggle
    cannot_be_aligned = instance.stuck or instance.asynchronous or not instance.steady
    yield (
        "a partly paused instance is aligned first",
        not instance.partly_paused or cannot_be_aligned,
    )
    yield (
        "no instance of a held pair is resumed",
        (action.kind is ActionKind.PAUSE or not desired.hold),
    )


def _rules_of_the_kind(
    action: Action, instance: Instance, other: Instance, desired: DesiredState
) -> Rules:
    if action.kind is ActionKind.ALIGN:
        can_be_aligned = instance.steady and not instance.asynchronous
        yield "only a partly paused instance is aligned", instance.partly_paused and can_be_aligned
        no_other = other.accepting or other.partly_paused or not other.ready
        yield (
            "the instance that serves is aligned only if no other could serve, or none is to",
            not instance.accepting or no_other or desired.hold,
        )
    if action.kind is ActionKind.PAUSE:
        yield (
            "the last instance that accepts is never paused",
            desired.hold or (other.accepting and other.up),
        )
        yield "an async instance is never paused", not instance.asynchronous
    if action.kind is ActionKind.QUIT:
        yield "the last instance that accepts is never ended", other.accepting and other.up
        yield (
            "no request in flight is killed before its time",
            not instance.in_flight or desired.drain_expired or instance.asynchronous,
        )
    if action.kind is ActionKind.RESTART:
        yield (
            "the instance that serves is restarted only if no request reaches it",
            not instance.accepting or other.accepting or instance.attached is False,
        )


def _signal_rules(
    action: Action, instance: Instance, observed: PairState, desired: DesiredState
) -> Rules:
    workers = [w for w in instance.workers if w.pid in action.pids]
    if action.kind is ActionKind.FREEZE:
        is_parked = instance.fully_paused and not instance.in_flight
        yield "only a parked instance is frozen", is_parked and instance.steady
    if action.kind is ActionKind.NUDGE:
        see_the_pause = all(w.started and not w.stopped for w in workers)
        yield "only workers that see the pause are nudged", bool(instance.paused) and see_the_pause
    if action.kind is ActionKind.RESUME_UNREAD:
        yield (
            "only a paused instance that cannot be read is resumed by a signal, once",
            bool(instance.unreadable and instance.paused) and not instance.was_resumed,
        )
        yield "no worker that starts gets that signal", instance.steady and not observed.serving
    if action.kind is ActionKind.CLOSE:
        yield "connections of paused workers are closed", bool(instance.paused)
        yield "only kept connections are closed", all(w.kept for w in workers)
    if action.kind is ActionKind.THAW:
        yield "no worker that starts gets a SIGTSTP", all(w.started for w in workers)
    if action.kind is ActionKind.END_WORKER:
        yield "no worker is ended with a request in it", not any(w.busy for w in workers)
        is_ending = instance.is_stopping or instance.is_ending
        yield "only workers of a paused master that ends are ended", is_ending and instance.paused
    if action.kind is ActionKind.END_ORPHAN:
        ended = [o for o in observed.orphans if o.pid in action.pids]
        yield "orphans may finish", desired.drain_expired or not any(o.busy for o in ended)

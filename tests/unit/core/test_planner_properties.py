"""From any state, however broken, a pair converges, and is served while an instance is healthy."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor_zerg.core.decision import ActionKind
from supervisor_zerg.core.goals import DesiredState, OnStart
from supervisor_zerg.core.instance import Instance, Slot, UnresponsiveReason, Worker
from supervisor_zerg.core.pair_state import Obstacle, Orphan, PairState, PathKind
from supervisor_zerg.core.planner import decide

from ..planner_rules import check
from ..simulated_pair import World, converge

PROFILE = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
PROGRAMS = st.sampled_from(["a", "b"])
RARELY = st.sampled_from([False] * 7 + [True])
MOSTLY = RARELY.map(lambda rare: not rare)
SELDOM = ["STOPPED", "STARTING", "STOPPING", "BACKOFF", "EXITED", "FATAL", "ABSENT", "UNKNOWN"]
UNRESPONSIVE = [UnresponsiveReason.STOPPED, UnresponsiveReason.AWAITS_WORKERS]
STATES = st.sampled_from(["RUNNING"] * 12 + SELDOM)


@st.composite
def workers(draw, pid):
    threads = draw(st.sampled_from([1, 1, 4]))
    parked = draw(st.integers(0, threads))
    flags = {name: draw(RARELY) for name in ("stopped", "in_signal_loop", "zombie")}
    flags["connections"] = draw(st.sampled_from([0] * 6 + [1, 2]))
    flags["kept"] = draw(st.integers(0, flags["connections"]))
    return Worker(
        pid, threads, parked, draw(st.integers(0, threads - parked)), started=draw(MOSTLY), **flags
    )


@st.composite
def instances(draw, program):
    state = draw(STATES)
    pid = (10 if program == "a" else 20) if draw(MOSTLY) else 0
    return Instance(
        program=program,
        state=state,
        pid=pid,
        master=pid if draw(MOSTLY) else 0,
        slot=draw(st.sampled_from([None, *Slot, *Slot])),
        fifo_in_place=draw(st.booleans()),
        paused=draw(st.sampled_from([None, True, True, False, False])),
        workers=tuple(draw(workers(pid + n)) for n in range(draw(st.integers(0, 3)))),
        pending=("p1",) if draw(RARELY) else (),
        unresponsive=draw(st.sampled_from(UNRESPONSIVE)) if draw(RARELY) else None,
        newly_accepting=draw(RARELY),
        partly_paused=draw(RARELY),
        just_toggled=draw(RARELY),
        was_ready=draw(st.booleans()),
        all_respawning=draw(RARELY),
        asynchronous=draw(RARELY),
        cheap=draw(RARELY),
        attached=draw(st.sampled_from([None, None, True, False])),
        unreadable="hidden" if draw(RARELY) else "",
    )


@st.composite
def observed(draw):
    kinds = [PathKind.DIRECTORY, PathKind.REGULAR_FILE]
    things = st.sampled_from([Obstacle(kind, f"{kind.value} at /x") for kind in kinds])
    blocked = draw(st.lists(st.tuples(st.sampled_from(list(Slot)), things), max_size=2))
    orphans = [Orphan(900 + n, "a", draw(st.booleans())) for n in range(draw(st.integers(0, 2)))]
    return PairState((draw(instances("a")), draw(instances("b"))), tuple(blocked), tuple(orphans))


@st.composite
def desired_states(draw):
    on_start = draw(st.dictionaries(PROGRAMS, st.sampled_from(list(OnStart)), max_size=2))
    return DesiredState(
        requested=draw(st.sampled_from(["", "a", "b"])),
        last_active=draw(st.sampled_from(["", "a", "b"])),
        hold=draw(st.booleans()),
        both_active=draw(st.booleans()),
        on_start=tuple(on_start.items()),
        freeze=draw(st.booleans()),
        retire_stop=draw(st.booleans()),
        retiring=draw(st.sampled_from(["", "a", "b"])),
        force_toggle=draw(st.booleans()),
        drain_expired=draw(st.booleans()),
    )


@given(observed(), desired_states())
@settings(PROFILE, max_examples=400)
def test_every_decision_keeps_every_rule(seen, desired):
    check(seen, desired, decide(seen, desired))


@st.composite
def broken_worlds(draw):
    """Any state that operators, races and crashes can leave, in masters that can be commanded."""
    world = World(threads=draw(st.sampled_from([1, 4])), workers=draw(st.integers(1, 3)))
    for program in ("a", "b"):
        kind = draw(st.sampled_from(["up", "up", "up", "up", "boots", "down"]))
        if kind == "boots":
            world.start(program, draw(st.booleans()))
        elif kind == "up":
            master = world.boot(program, draw(st.sampled_from(list(Slot))), draw(st.booleans()))
            master.partly_paused = draw(RARELY)
            master.fifo_in_place, master.unresponsive = (
                draw(st.booleans()),
                draw(st.sampled_from([None, None, UnresponsiveReason.BUSY])),
            )
            master.newly_accepting = (
                not master.paused and master.slot is Slot.NEW and draw(st.booleans())
            )
            master.workers = [draw(mishaps(master, w)) for w in master.workers]
    return world


@st.composite
def mishaps(draw, master, worker):
    kind = draw(st.sampled_from(["fine", "fine", "busy", "starting", "flood", "frozen", "loose"]))
    if kind == "busy":
        return replace(worker, busy=1, parked=max(0, worker.parked - 1))
    if kind == "starting":
        return replace(worker, started=False, parked=0)
    if kind == "flood":
        return replace(worker, started=False, in_signal_loop=True, parked=0)
    if kind == "frozen" and master.paused:
        return replace(worker, stopped=True)
    if kind == "loose" and master.paused:
        return replace(worker, parked=worker.parked - 1)
    return worker


WANTS = st.builds(
    DesiredState,
    requested=st.sampled_from(["", "a", "b"]),
    last_active=st.sampled_from(["", "a", "b"]),
    freeze=st.booleans(),
    on_start=st.sampled_from(
        [
            (),
            (("a", OnStart.STANDBY),),
            (("b", OnStart.PROMOTE),),
            (("a", OnStart.STANDBY), ("b", OnStart.STANDBY)),
        ]
    ),
)


@given(broken_worlds(), WANTS)
@PROFILE
def test_from_any_state_one_instance_serves_in_the_end_and_one_is_parked(world, desired):
    alive = [p for p, m in world.masters.items() if m.pid]
    desired = replace(desired, requested=desired.requested if desired.requested in alive else "")
    desired, _ = converge(world, desired)
    seen = world.observed()
    assert bool(seen.serving) == bool(alive)
    accepting = [c.program for c in seen.instances if c.accepting]
    assert len(accepting) <= 1
    if len(alive) == 2:
        assert seen.parked and seen.instance(seen.parked).slot is Slot.SLEEPING
    if alive:
        assert (
            seen.instance(seen.serving).slot is Slot.RUNNING
            and seen.instance(seen.serving).fifo_in_place
        )


@given(broken_worlds(), WANTS)
@PROFILE
def test_a_pair_that_somebody_serves_is_served_at_every_step(world, desired):
    """Make before break: once an instance accepts, one does until the end.

    The exception: the ``p`` that aligns the only instance may pause it until the next one.
    """
    served = False
    for _ in range(200):
        seen = world.observed()
        accepting = any(c.accepting and c.up for c in seen.instances)
        assert accepting or not served or world.actions[-1].kind is ActionKind.ALIGN
        served = served or accepting
        decision = decide(seen, desired)
        if decision.done:
            break
        for action in decision.actions:
            world.apply(action)
        if not decision.actions:
            world.wait()


@given(broken_worlds(), WANTS)
@PROFILE
def test_what_has_converged_is_left_alone(world, desired):
    alive = [p for p, m in world.masters.items() if m.pid]
    desired, _ = converge(
        world, replace(desired, requested=desired.requested if desired.requested in alive else "")
    )
    before = len(world.actions)
    converge(world, desired, most=2)
    assert len(world.actions) == before


@st.composite
def hard_times(draw):
    """(world, desired): a broken pair, and what else may go on at the same time.

    A stop, orphans, a new socket of the pool, async instances, recycling; while an operator holds
    the pair, lets both serve, or has the old instance ended.
    """
    world = draw(broken_worlds())
    for program, master in list(world.masters.items()):
        happens = (
            draw(st.sampled_from(["nothing", "nothing", "stop", "detach", "async", "recycle"]))
            if master.pid
            else "nothing"
        )
        master.state = "STOPPING" if happens == "stop" else master.state
        master.attached = happens != "detach"
        master.asynchronous, master.partly_paused = (
            happens == "async",
            master.partly_paused and happens != "async",
        )
        if happens == "recycle" and master.was_ready:
            world.recycle(program)
    world.orphans = [
        Orphan(900 + n, "a", draw(st.booleans())) for n in range(draw(st.integers(0, 2)))
    ]
    desired = draw(WANTS)
    wants = draw(st.sampled_from(["one", "one", "both", "held", "stop"]))
    if any(m.asynchronous for m in world.masters.values()):
        wants = "stop"
    return world, replace(
        desired,
        both_active=wants == "both",
        hold=wants == "held",
        retire_stop=wants == "stop",
        retiring=draw(PROGRAMS) if wants == "stop" else "",
        requested=""
        if wants == "held" or not getattr(world.masters.get(desired.requested), "pid", 0)
        else desired.requested,
    )


@given(hard_times())
@PROFILE
def test_in_hard_times_a_pair_converges_to_what_is_wanted_of_it(times):
    world, desired = times
    desired, _ = converge(world, desired)
    seen = world.observed()
    up = [c for c in seen.instances if c.up]
    accepting = [c.program for c in up if c.accepting]
    assert seen.orphans == () or desired.hold
    assert len(accepting) == (
        0 if desired.hold else len(up) if desired.both_active else min(len(up), 1)
    )

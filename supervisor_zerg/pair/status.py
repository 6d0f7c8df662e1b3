"""Facts -> the structs of ``getPairInfo``, and what is wrong with a pair in sentences. Pure: everything is handed in."""

from ..core.instance import Condition, Slot, UnresponsiveReason

LEAKS_S = 5.0  # a pause is sealed within milliseconds


def describe(controller, observed, registry):
    """The info struct of a pair. Only str, int, float, bool, list and dict: anything else breaks XML-RPC."""
    serving = observed.serving
    return {
        "pair": controller.pair.name,
        "serving": serving,
        "parked": observed.parked,
        "warm": observed.warm,
        "held": controller.goals.hold,
        "auto": controller.goals.auto,
        "retire": controller.pair.retire,
        "busy": str(controller.deploys.running or controller.request or ""),
        "deploy": controller.deploys.info(),
        "pool": _pool(controller, registry),
        "problems": problems(controller, observed, registry),
        "instances": [_copy(instance, controller) for instance in observed.instances],
    }


def misconfigured(controller):
    """The info struct of a pair whose section cannot be used."""
    return {
        "pair": controller.pair.name,
        "serving": "",
        "parked": "",
        "warm": False,
        "held": False,
        "auto": False,
        "retire": controller.pair.retire,
        "busy": "",
        "deploy": {},
        "pool": "",
        "problems": [str(problem) for problem in controller.pair.problems],
        "instances": [],
    }


def _pool(controller, registry):
    if not controller.pair.pool:
        return ""
    return f"{controller.pair.pool} {registry.programs.get(controller.pair.pool).state}"


def _copy(instance, controller):
    return {
        "program": instance.program,
        "pid": instance.pid,
        "master": instance.master,
        "statename": instance.state,
        "slot": instance.slot.label if instance.slot is not None else "",
        "condition": instance.condition.value,
        "in_flight": instance.in_flight,
        "workers": len(instance.workers),
        "threads": sum(w.threads for w in instance.workers),
        "accepting_threads": sum(w.threads - w.parked for w in instance.workers)
        if instance.accepting
        else 0,
        "frozen": instance.frozen,
        "requests": float(instance.requests),
        "source": instance.source,
        "label": controller.deploys.label_of(instance.program, instance.pid),
        "since": float(controller.state_times.since(instance.program)),
    }


def problems(controller, observed, registry):
    """What an operator should know, worst first; empty for a healthy pair with a warm instance."""
    found = [str(problem) for problem in controller.pair.problems]
    found += _pair_problems(controller, observed)
    for instance in observed.instances:
        found += _copy_problems(instance, controller)
    found += [
        f"the path of slot {slot.label} is taken by {obstacle.text}; move it away"
        for slot, obstacle in observed.blocked
    ]
    if observed.orphans:
        pids = " ".join(str(o.pid) for o in observed.orphans)
        found.append(
            f"workers outlived their master: {pids}; they are ended when their requests are"
        )
    found += _pool_problems(controller, observed, registry)
    if (
        controller.decision
        and controller.decision.waiting_for
        and not controller.decision.met
        and not observed.serving
        and not controller.goals.hold
    ):
        found.append(f"waiting: {controller.decision.waiting_for}")
    return found


def _pair_problems(controller, observed):
    found = []
    if controller.goals.hold:
        found.append(
            "an operator holds the pair: requests wait in the socket's queue; 'zerg resume PROGRAM' lets them through"
        )
    elif not observed.serving:
        found.append("nobody serves")
    elif not observed.warm and not _retired(controller.pair, observed):
        found.append(f"no warm instance: {_why_cold(observed, controller.deploys.last)}")
    if controller.deploys.last:
        found += _bad_release(controller.deploys.info(), observed)
    if all(c.accepting for c in observed.instances) and not controller.goals.both_active:
        found.append("both instances accept requests")
    if not controller.goals.auto:
        found.append("auto is off: nothing moves by itself")
    return found


def _bad_release(deploy, observed):
    """The warm instance is one that nobody should go back to, or the one that serves is, and there is no other."""
    instance, outcome = observed.instance(deploy["target"]), deploy["outcome"]
    bad = outcome == "not rolled back" or outcome == "rolled back" and not instance.accepting
    if not bad or instance.pid != deploy["pid"]:
        return []
    label = deploy["label"] and f"{deploy['label']} "
    return [f"{instance.program} holds the release {label}that was {outcome}: {deploy['reason']}"]


def _retired(pair, observed):
    """There is no warm instance, by choice."""
    return pair.retire == "stop" and observed.other(observed.serving).state in ("STOPPED", "EXITED")


def _why_cold(observed, deploy):
    other = observed.other(observed.serving)
    if other.state == "ABSENT":
        return f"supervisord has no program {other.program}; the pair is incomplete"
    if not other.up:
        failed = (
            deploy
            and deploy.over
            and deploy.state.target_restarted
            and deploy.state.plan.target == other.program
            and deploy.state.reason
        )
        return "{} is {}{}".format(
            other.program,
            other.state,
            f" since its deploy: {deploy.state.reason}" if failed else "",
        )
    return f"{other.program} is {other.condition.value}"


def _copy_problems(instance, controller):
    tracked = controller.observer.masters.get(instance.program)
    found = []
    if instance.unreadable:
        found.append(instance.unreadable)
    if instance.condition is Condition.LOST:
        found.append(f"{instance.program} holds none of the FIFOs; check 'master-fifo' in its ini")
    if any(w.in_signal_loop for w in instance.workers):
        found.append(
            f"{instance.program} is in the endless PAUSE/resuming flood; the worker that causes it is being ended"
        )
    if instance.pending:
        found.append(f"{instance.program} has not executed: {' '.join(instance.pending)}")
    if instance.unresponsive is UnresponsiveReason.STOPPED and instance.up:
        found.append(f"the master of {instance.program} {instance.unresponsive.value}")
    if (
        instance.unpaused_workers
        and not instance.in_flight
        and controller.state_times.lasts(instance.program) > LEAKS_S
    ):
        found.append(
            "{} is paused, but threads of process {} may still take a request; if that lasts, restart {}".format(
                instance.program, " ".join(map(str, instance.unpaused_workers)), instance.program
            )
        )
    if instance.asynchronous:
        found.append(
            "{} is asynchronous: it cannot be parked with requests in flight{}".format(
                instance.program,
                ""
                if controller.pair.retire == "stop"
                else "; swaps away from it are refused, see 'retire'",
            )
        )
    if instance.up and instance.slot is not None and not instance.fifo_in_place:
        found.append(
            f"the path of {instance.program}'s FIFO (slot {Slot(instance.slot).label}) is gone or is another's"
        )
    if tracked and tracked.stats_error and instance.ready:
        found.append(
            f"the stats server of {instance.program} does not help ({tracked.stats_error}); the kernel's source is used"
        )
    if instance.attached is False:
        found.append(
            f"{instance.program} holds a socket that the pool no longer serves: no new request reaches it"
        )
    return found


def _pool_problems(controller, observed, registry):
    if not controller.pair.pool:
        return []
    state = registry.programs.get(controller.pair.pool).state
    if state in ("RUNNING", "STARTING", "ABSENT") or not any(c.up for c in observed.instances):
        return []
    return [
        f"the pool {controller.pair.pool} is {state}: the instances go on serving, but none can attach; on TCP it cannot bind while they hold the port"
    ]

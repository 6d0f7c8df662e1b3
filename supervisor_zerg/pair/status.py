"""Facts -> the structs of ``getPairInfo``, and what is wrong with a pair in sentences. Pure: everything is handed in."""

from ..core.model import Condition, Slot

LEAKS_S = 5.0  # a pause is sealed within milliseconds


def describe(keeper, facts, plugin):
    """The info struct of a pair. Only str, int, float, bool, list and dict: anything else breaks XML-RPC."""
    serving = facts.serving
    return {
        "pair": keeper.pair.name,
        "serving": serving,
        "parked": facts.parked,
        "warm": facts.warm,
        "held": keeper.desires.held,
        "auto": keeper.desires.auto,
        "retire": keeper.pair.retire,
        "busy": str(keeper.deploys.running or keeper.request or ""),
        "deploy": keeper.deploys.told(),
        "pool": _pool(keeper, plugin),
        "problems": problems(keeper, facts, plugin),
        "copies": [_copy(copy, keeper) for copy in facts.copies],
    }


def misconfigured(keeper):
    """The info struct of a pair whose section cannot be used."""
    return {
        "pair": keeper.pair.name,
        "serving": "",
        "parked": "",
        "warm": False,
        "held": False,
        "auto": False,
        "retire": keeper.pair.retire,
        "busy": "",
        "deploy": {},
        "pool": "",
        "problems": list(keeper.pair.problems),
        "copies": [],
    }


def _pool(keeper, plugin):
    if not keeper.pair.pool:
        return ""
    return f"{keeper.pair.pool} {plugin.programs.get(keeper.pair.pool).state}"


def _copy(copy, keeper):
    return {
        "program": copy.program,
        "pid": copy.pid,
        "master": copy.master,
        "statename": copy.state,
        "slot": copy.slot.label if copy.slot is not None else "",
        "condition": copy.condition.value,
        "in_flight": copy.in_flight,
        "workers": len(copy.workers),
        "threads": sum(w.cores for w in copy.workers),
        "at_full_strength": sum(w.cores - w.parked for w in copy.workers) if copy.accepting else 0,
        "frozen": copy.frozen,
        "requests": float(copy.requests),
        "witness": copy.witness,
        "label": keeper.deploys.label_of(copy.program, copy.pid),
        "since": float(keeper.conditions.since(copy.program)),
    }


def problems(keeper, facts, plugin):
    """What an operator should know, worst first; empty for a healthy pair with a warm copy."""
    found = list(keeper.pair.problems)
    found += _pair_problems(keeper, facts)
    for copy in facts.copies:
        found += _copy_problems(copy, keeper)
    found += [
        f"the path of slot {slot.label} is taken by {what}; move it away"
        for slot, what in facts.blocked
    ]
    if facts.orphans:
        pids = " ".join(str(o.pid) for o in facts.orphans)
        found.append(
            f"workers outlived their master: {pids}; they are ended when their requests are"
        )
    found += _pool_problems(keeper, facts, plugin)
    if (
        keeper.step
        and keeper.step.wait_for
        and not keeper.step.met
        and not facts.serving
        and not keeper.desires.held
    ):
        found.append(f"waiting: {keeper.step.wait_for}")
    return found


def _pair_problems(keeper, facts):
    found = []
    if keeper.desires.held:
        found.append(
            "a person holds the pair: requests wait in the socket's queue; 'zerg resume PROGRAM' lets them through"
        )
    elif not facts.serving:
        found.append("nobody serves")
    elif not facts.warm and not _retired(keeper.pair, facts):
        found.append(f"no warm copy: {_why_cold(facts, keeper.deploys.last)}")
    if keeper.deploys.last:
        found += _bad_release(keeper.deploys.told(), facts)
    if all(c.accepting for c in facts.copies) and not keeper.desires.both:
        found.append("both copies accept requests")
    if not keeper.desires.auto:
        found.append("auto is off: nothing moves by itself")
    return found


def _bad_release(deploy, facts):
    """The warm copy is one that nobody should go back to, or the one that serves is, and there is no other."""
    copy, outcome = facts.copy(deploy["target"]), deploy["outcome"]
    bad = outcome == "not rolled back" or outcome == "rolled back" and not copy.accepting
    if not bad or copy.pid != deploy["pid"]:
        return []
    label = deploy["label"] and f"{deploy['label']} "
    return [f"{copy.program} holds the release {label}that was {outcome}: {deploy['why']}"]


def _retired(pair, facts):
    """There is no warm copy, by choice."""
    return pair.retire == "stop" and facts.other(facts.serving).state in ("STOPPED", "EXITED")


def _why_cold(facts, deploy):
    other = facts.other(facts.serving)
    if other.state == "ABSENT":
        return f"supervisord has no program {other.program}; the pair is incomplete"
    if not other.up:
        failed = (
            deploy
            and deploy.over
            and deploy.release.touched
            and deploy.release.plan.target == other.program
            and deploy.release.why
        )
        return "{} is {}{}".format(
            other.program,
            other.state,
            f" since its deploy: {deploy.release.why}" if failed else "",
        )
    return f"{other.program} is {other.condition.value}"


def _copy_problems(copy, keeper):
    memo = keeper.observer.memos.get(copy.program)
    found = []
    if copy.blind:
        found.append(copy.blind)
    if copy.condition is Condition.LOST:
        found.append(f"{copy.program} holds none of the FIFOs; check 'master-fifo' in its ini")
    if any(w.spinning for w in copy.workers):
        found.append(
            f"{copy.program} is in the endless PAUSE/resuming flood; the worker that causes it is being ended"
        )
    if copy.pending:
        found.append(f"{copy.program} has not executed: {' '.join(copy.pending)}")
    if copy.deaf and copy.up and "stopped" in copy.deaf:
        found.append(f"the master of {copy.program} {copy.deaf}")
    if copy.leaks and not copy.in_flight and keeper.conditions.lasts(copy.program) > LEAKS_S:
        found.append(
            "{} is paused, but threads of process {} may still take a request; if that lasts, restart {}".format(
                copy.program, " ".join(map(str, copy.leaks)), copy.program
            )
        )
    if copy.asynchronous:
        found.append(
            "{} is asynchronous: it cannot be parked with requests in flight{}".format(
                copy.program,
                ""
                if keeper.pair.retire == "stop"
                else "; swaps away from it are refused, see 'retire'",
            )
        )
    if copy.up and copy.slot is not None and not copy.linked:
        found.append(
            f"the path of {copy.program}'s FIFO (slot {Slot(copy.slot).label}) is gone or is another's"
        )
    if memo and memo.stats_error and copy.ready:
        found.append(
            f"the stats server of {copy.program} does not help ({memo.stats_error}); the kernel's witness is used"
        )
    if copy.attached is False:
        found.append(
            f"{copy.program} holds a socket that the pool no longer serves: no new request reaches it"
        )
    return found


def _pool_problems(keeper, facts, plugin):
    if not keeper.pair.pool:
        return []
    state = plugin.programs.get(keeper.pair.pool).state
    if state in ("RUNNING", "STARTING", "ABSENT") or not any(c.up for c in facts.copies):
        return []
    return [
        f"the pool {keeper.pair.pool} is {state}: the copies go on serving, but none can attach; on TCP it cannot bind while they hold the port"
    ]

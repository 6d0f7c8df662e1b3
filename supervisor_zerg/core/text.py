"""Replies of the namespace as lines of plain ASCII for an operator. Code never reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import localtime, strftime
from typing import Any

Struct = Mapping[str, Any]


def plain(text: str) -> str:
    """ASCII on one line, whatever the text is: supervisorctl fails on more in an ASCII locale."""
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)


# status


def format_status(reply: Struct | Sequence[Struct], now: float) -> Iterator[str]:
    """The lines of ``status``, for one info struct or several. ``now``: seconds since the epoch."""
    for info in infos_of(reply):
        yield f"{info['pair']}: {', '.join(_pair_facts(info))}"
        rows = [_instance_facts(instance, now) for instance in info["instances"]]
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        yield from (f"  problem: {problem}" for problem in info["problems"])


def infos_of(reply: Struct | Sequence[Struct]) -> Sequence[Struct]:
    """The info structs of a reply, be it about one pair or about all."""
    return [reply] if isinstance(reply, Mapping) else reply


def _pair_facts(info: Struct) -> list[str]:
    facts = [
        roles(info),
        f"warm {_yes(info['warm'])}",
        _auto(info),
        f"held {_yes(info['held'])}",
        f"pool {info['pool'] or '-'}",
    ]
    return [*facts, f"busy with {format_busy(info['busy'])}"] if info["busy"] else facts


def format_busy(busy: Struct) -> str:
    """The operation in progress, such as "swap b (id x-2)"."""
    return f"{_named(busy)} (id {busy['id']})"


#: Operations that put a release into an instance.
RELEASE_KINDS = ("deploy", "rollback", "rebuild", "restart")


def _named(operation: Struct) -> str:
    """An operation by its kind, program and label."""
    release = operation.get("release", "") if operation["kind"] in RELEASE_KINDS else ""
    facts = (operation["kind"], operation["program"], operation.get("label") or release)
    return " ".join(str(fact) for fact in facts if fact)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def roles(reply: Struct) -> str:
    """Who serves and who is parked."""
    return f"{reply['serving'] or 'nobody'} serves, {reply['parked'] or 'nobody'} parked"


def _auto(reply: Struct) -> str:
    return f"auto {'on' if reply['auto'] else 'off'}"


def _instance_facts(instance: Struct, now: float) -> list[str]:
    return [
        instance["program"],
        instance["condition"],
        instance["slot"] or "-",
        instance["statename"],
        f"pid {instance['pid'] or '-'}",
        f"in flight {instance['in_flight']}",
        f"workers {capacity(instance['workers'], instance['threads'])}",
        f"requests {int(instance['requests'])}",
        f"since {since(instance['since'], now)}",
        f"source {instance['source'] or '-'}",
        f"label {instance['label']}" if instance.get("label") else "",
        f"release {instance['release']}" if instance.get("release") else "",
        ", ".join(oddities(instance)),
    ]


def capacity(workers: int, threads: int) -> str:
    """Workers times threads."""
    if not workers:
        return "0"
    if threads % workers == 0:
        return f"{workers}x{threads // workers}"
    return f"{workers} ({threads} threads)"


def oddities(instance: Struct) -> Iterator[str]:
    """What is unusual about an instance."""
    if instance.get("frozen"):
        yield "frozen"
    if instance.get("cheap"):
        yield "cheap: the next request starts its workers"
    accepting = instance.get("accepting_threads", 0)
    if instance["condition"] == "serving" and accepting < instance["threads"]:
        yield f"only {accepting} of {instance['threads']} threads accept yet"


# time


def since(moment: float, now: float) -> str:
    """A moment and how long ago it was; a dash for 0."""
    return f"{_local(moment)} ({age(now - moment)})" if moment else "-"


def _local(moment: float) -> str:
    return strftime("%Y-%m-%d %H:%M:%S", localtime(moment))


def age(seconds: float) -> str:
    """A duration in its two largest units.

    >>> age(93784)
    '1d 2h'
    """
    minutes, left = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (left, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{number}{unit}" for number, unit in parts[:2])


# operations


def format_operation(reply: Struct) -> Iterator[str]:
    """The line of ``swap``, ``promote``, ``pause``, ``resume`` and ``reconcile``."""
    facts = [] if reply["changed"] else ["nothing to do"]
    facts.append(roles(reply))
    if reply["draining"]:
        facts.append(f"draining {reply['draining']}")
    if reply["held"]:
        facts.append("held by an operator: requests wait until 'zerg resume PROGRAM'")
    yield f"{reply['pair']}: {', '.join(facts)} ({reply['took_ms']:.1f} ms)"


def format_deploy(reply: Struct) -> Iterator[str]:
    """The line of ``deploy`` and ``abort``; the steps of a dry run."""
    if reply["outcome"] == "dry run":
        yield from (f"{number}. {step}" for number, step in enumerate(reply["steps"], 1))
        return
    release = reply["label"] or reply.get("release", "")
    if not reply.get("changed", True) and reply["outcome"] in ENDED_WELL:
        yield f"{reply['pair']}: nothing to do, {reply['serving']} serves {release}"
        return
    what = " ".join(filter(None, (_progress_of(reply), release)))
    facts = [
        f"{what} in {reply['elapsed']:.1f} s" if reply["outcome"] else what,
        f"{reply['serving'] or 'nobody'} serves",
    ]
    if reply["killed_requests"]:
        facts.append(f"{reply['killed_requests']} requests were killed")
    reason = f": {reply['reason']}" if reply["reason"] else ""
    yield f"{reply['pair']}: {', '.join(facts)}{reason}"


#: The outcomes of a deploy and of a roll-back that did what was asked for.
ENDED_WELL = ("deployed", "done")


def _progress_of(reply: Struct) -> str:
    """How far a deploy or a roll-back is."""
    if reply.get("kind") == "rollback":
        words = {"": "rolling back to", "done": "rolled back to"}
        return words.get(reply["outcome"], f"{reply['outcome']} while rolling back to")
    if reply.get("kind") == "restart":
        words = {"": "restarting", "done": "restarted"}
        return words.get(reply["outcome"], f"{reply['outcome']} while restarting")
    return reply["outcome"] or "deploying"


def format_releases(releases: Iterable[Struct], now: float) -> Iterator[str]:
    """The lines of ``releases``."""
    rows = [_release_facts(release, now) for release in releases]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def _release_facts(release: Struct, now: float) -> list[str]:
    serving = " (serves)" if release["serving"] else ""
    return [
        "*" if release["serving"] else " ",
        release["release"],
        release["state"],
        f"in {', '.join(release['instances'])}{serving}" if release["instances"] else "-",
        f"{since(release['at'], now)} by {release['by']}" if release["at"] else "-",
        release["reason"],
    ]


def format_progress(reply: Struct) -> str:
    """What a deploy waits for."""
    return f"{reply['pair']}: {reply['waiting_for']}, {reply['elapsed']:.1f} s"


def format_auto(reply: Struct) -> Iterator[str]:
    """The line of ``auto``."""
    yield f"{reply['pair']}: {'' if reply['changed'] else 'nothing to do, '}{_auto(reply)}"


def format_history(entries: Iterable[Struct]) -> Iterator[str]:
    """The lines of ``history``: one for each entry, then its actions."""
    for entry in entries:
        facts = [_ended(entry), f"took {entry['took_ms']:.1f} ms"]
        if entry.get("killed_requests"):
            facts.append(f"{entry['killed_requests']} requests were killed")
        yield f"{_local(entry['at'])} {entry['id']} {', '.join(facts)}"
        yield from (f"  {action}" for action in entry["actions"])


def _ended(entry: Struct) -> str:
    """What was done, by whom, and how it ended."""
    reason = f", {entry['reason']}" if entry["reason"] else ""
    if entry["kind"] == "reconcile" and entry["by"] != "operator":
        return f"{entry['outcome']}: {entry['by']}{reason}"
    return f"{_named(entry)} by {entry['by']}: {entry['outcome']}{reason}"

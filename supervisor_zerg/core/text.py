"""Answers of the namespace, told to an operator in plain ASCII. Pure."""

import time


def plain(text):
    """ASCII on one line, whatever a name or a message contains: supervisorctl fails on more under an ASCII locale."""
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)


def tell_status(reply, now):
    """The lines of ``status``. :param reply: one info struct or several. :param now: seconds since the epoch."""
    for info in infos_of(reply):
        yield "{}: {}".format(info["pair"], ", ".join(_pair_facts(info)))
        rows = [_copy_facts(instance, now) for instance in info["instances"]]
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        yield from (f"  problem: {problem}" for problem in info["problems"])


def infos_of(reply):
    """The info structs of a ``status`` reply, be it of one pair or of all."""
    return reply if isinstance(reply, list) else [reply]


def _pair_facts(info):
    observed = [
        roles(info),
        "warm " + _yes(info["warm"]),
        _auto(info),
        "held " + _yes(info["held"]),
        "pool %s" % (info["pool"] or "-"),
    ]
    return observed + (["busy with {}".format(info["busy"])] if info["busy"] else [])


def _yes(value):
    return "yes" if value else "no"


def roles(reply):
    """Who serves and who is parked."""
    return "{} serves, {} parked".format(reply["serving"] or "nobody", reply["parked"] or "nobody")


def _auto(reply):
    return "auto %s" % ("on" if reply["auto"] else "off")


def _copy_facts(instance, now):
    return [
        instance["program"],
        instance["condition"],
        instance["slot"] or "-",
        instance["statename"],
        "pid %s" % (instance["pid"] or "-"),
        "in flight %d" % instance["in_flight"],
        "workers {}".format(strength(instance["workers"], instance["threads"])),
        "requests %d" % instance["requests"],
        "since {}".format(since(instance["since"], now)),
        "source %s" % (instance["source"] or "-"),
        "label {}".format(instance["label"]) if instance.get("label") else "",
        ", ".join(oddities(instance)),
    ]


def strength(workers, threads):
    """Workers times threads."""
    if not workers:
        return "0"
    return (
        "%dx%d" % (workers, threads // workers)
        if threads % workers == 0
        else "%d (%d threads)" % (workers, threads)
    )


def oddities(instance):
    """What is unusual about an instance, in words."""
    if instance.get("frozen"):
        yield "frozen"
    accepting = instance.get("accepting_threads", 0)
    if instance["condition"] == "serving" and accepting < instance["threads"]:
        yield "only %d of %d threads accept yet" % (accepting, instance["threads"])


def since(moment, now):
    """A moment and how long ago it was."""
    return f"{_local(moment)} ({age(now - moment)})" if moment else "-"


def _local(moment):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def age(seconds):
    """A length of time in its two largest units.

    >>> age(93784)
    '1d 2h'
    """
    minutes, left = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ["%d%s" % part for part in ((days, "d"), (hours, "h"), (minutes, "m"), (left, "s"))]
    while len(parts) > 1 and parts[0][0] == "0":
        parts.pop(0)
    return " ".join(parts[:2])


def tell_move(reply):
    """The line of ``swap``, ``promote``, ``pause``, ``resume`` and ``reconcile``."""
    told = ([] if reply["changed"] else ["nothing to do"]) + [roles(reply)]
    if reply["draining"]:
        told.append("draining %d" % reply["draining"])
    if reply["held"]:
        told.append("held by an operator: requests wait until 'zerg resume PROGRAM'")
    yield "{}: {} ({:.1f} ms)".format(reply["pair"], ", ".join(told), reply["took_ms"])


def tell_deploy(reply):
    """The line of ``deploy`` and ``abort``; the steps of a dry run."""
    if reply["outcome"] == "dry run":
        yield from ("%d. %s" % item for item in enumerate(reply["steps"], 1))
        return
    what = " ".join(filter(None, (reply["outcome"] or "deploying", reply["label"])))
    told = [
        "{} in {:.1f} s".format(what, reply["elapsed"]) if reply["outcome"] else what,
        "%s serves" % (reply["serving"] or "nobody"),
    ]
    told += ["%d requests were cut" % reply["killed_requests"]] if reply["killed_requests"] else []
    yield "{}: {}{}".format(
        reply["pair"], ", ".join(told), ": " + reply["reason"] if reply["reason"] else ""
    )


def tell_progress(reply):
    """What a deploy waits for, in a line."""
    return "{}: {}, {:.1f} s".format(reply["pair"], reply["waiting_for"], reply["elapsed"])


def tell_auto(reply):
    """The line of ``auto``."""
    yield "{}: {}{}".format(
        reply["pair"], "" if reply["changed"] else "nothing to do, ", _auto(reply)
    )


def tell_history(entries):
    """The lines of ``history``: one for each entry, then its moves."""
    for entry in entries:
        told = [
            " ".join(filter(None, (entry["what"], entry.get("label")))),
            "by {}".format(entry["by"]),
            entry["outcome"],
        ]
        told += ["took {:.1f} ms".format(entry["took_ms"])] if "took_ms" in entry else []
        yield "{} {} {}".format(_local(entry["at"]), entry["id"], ", ".join(told))
        yield from (f"  {action}" for action in entry.get("actions", ()))

"""``zerg watch``: all pairs as they are now, with requests a second of each instance; a swap shows as it happens.

On a terminal a table that is renewed (with the library rich, extra ``watch``); elsewhere, and without rich, plain lines.
"""

import time

from ..core.text import age, infos_of, plain

INTERVAL_S = 0.5
MARKS = {
    "serving": "green",
    "parked": "blue",
    "draining": "yellow",
    "booting": "yellow",
    "stopped": "dim",
    "lost": "red",
}
COLUMNS = (
    "pair",
    "program",
    "condition",
    "slot",
    "req/s",
    "in flight",
    "workers",
    "since",
    "release",
)


class Rates:
    """Requests a second of each instance, between two looks."""

    def __init__(self):
        self.seen = {}  # (pair, program, pid) -> (requests, when)

    def of(self, infos, now):
        """:returns: {(pair, program): requests a second, or None where that cannot be told yet}. :param now: seconds."""
        found, seen = {}, {}
        for info in infos:
            for instance in info["instances"]:
                key = info["pair"], instance["program"], instance["pid"]
                before, then = self.seen.get(key, (None, now))
                seen[key] = instance["requests"], now
                passed = now - then
                found[key[:2]] = (
                    max(0.0, instance["requests"] - before) / passed
                    if before is not None and passed > 0
                    else None
                )
        self.seen = seen
        return found


def rows(infos, rates, now):
    """The cells of each instance, under COLUMNS. :param now: seconds since the epoch."""
    for info in infos:
        for instance in info["instances"]:
            rate = rates.get((info["pair"], instance["program"]))
            yield (
                info["pair"],
                instance["program"],
                instance["condition"],
                instance["slot"] or "-",
                "-" if rate is None else f"{rate:.1f}",
                "%d" % instance["in_flight"],
                "%d" % instance["workers"],
                age(now - instance["since"]) if instance["since"] else "-",
                instance["label"] or "-",
            )


def lines(infos, rates, now):
    """A line for each pair, and one for each problem."""
    clock = time.strftime("%H:%M:%S", time.localtime(now))
    for info in infos:
        told = [
            f"{c['program']} {c['condition']}{_rate(rates.get((info['pair'], c['program'])))}"
            for c in info["instances"]
        ]
        busy = [info["busy"]] if info["busy"] else []
        yield "{} {}: {}".format(
            clock,
            info["pair"],
            ", ".join(told + ["warm" if info["warm"] else "not warm"] + busy),
        )
        yield from (f"{clock} {info['pair']}: problem: {problem}" for problem in info["problems"])


def _rate(rate):
    return "" if rate is None else f" {rate:.1f}/s"


def watch(ask, stream, interval=INTERVAL_S, count=None):
    """Show until interrupted, or so many times. :param ask: looks, returns info structs. :raises Exception: what ask raises."""
    show = _table(stream) if stream.isatty() else None
    show = show or _plain(stream)
    rates, shown = Rates(), 0
    with show as update:
        while count is None or shown < count:
            infos = infos_of(ask())
            update(infos, rates.of(infos, time.monotonic()), time.time())
            shown += 1
            if shown != count:
                time.sleep(interval)


class _plain:
    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        return self.update

    def __exit__(self, *_):
        return None

    def update(self, infos, rates, now):
        """Lines for what is seen."""
        for line in lines(infos, rates, now):
            self.stream.write(f"{plain(line)}\n")
        self.stream.flush()


def _table(stream):
    """The renewed table, or None where rich is not installed."""
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        stream.write("(install supervisor_zerg[watch] for a table)\n")
        return None

    class Table:
        def __enter__(self):
            self.live = Live(console=Console(file=stream), auto_refresh=False, screen=False)
            self.live.__enter__()
            return lambda infos, rates, now: self.live.update(
                render(infos, rates, now), refresh=True
            )

        def __exit__(self, *error):
            return self.live.__exit__(*error)

    return Table()


def render(infos, rates, now):
    """A rich table. Names are text, never markup."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(
        *COLUMNS, title=time.strftime("%H:%M:%S", time.localtime(now)), title_justify="left"
    )
    for row in rows(infos, rates, now):
        table.add_row(
            *(
                Text(plain(cell), style=MARKS.get(row[2], "") if place == 2 else "")
                for place, cell in enumerate(row)
            )
        )
    found = [
        Text(f"{plain(i['pair'])}: {plain(p)}", style="red") for i in infos for p in i["problems"]
    ]
    busy = [
        Text(f"{plain(i['pair'])}: {plain(i['busy'])}", style="yellow") for i in infos if i["busy"]
    ]
    return Group(table, *busy, *found)

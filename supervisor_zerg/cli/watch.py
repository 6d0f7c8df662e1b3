"""``zerg watch``: all pairs as they are now, with the requests per second of each instance.

On a terminal it is a table that is renewed (with the library rich, extra ``watch``); elsewhere, and
without rich, plain lines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, TextIO

from ..core.text import age, format_busy, infos_of, plain

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

INTERVAL_S = 0.5
STYLES = {
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
CONDITION = COLUMNS.index("condition")

Info = Mapping[str, Any]
PerInstance = Mapping[tuple[str, str], Optional[float]]
"""(pair, program) -> requests per second, or None while that is not known."""


class Rates:
    """Requests per second of each instance, between two views."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, str, int], tuple[float, float]] = {}

    def update(self, infos: Sequence[Info], now: float) -> PerInstance:
        """Take in a view. ``now`` is in seconds, of any clock."""
        rates: dict[tuple[str, str], float | None] = {}
        seen: dict[tuple[str, str, int], tuple[float, float]] = {}
        for info in infos:
            for instance in info["instances"]:
                key = (info["pair"], instance["program"], instance["pid"])
                seen[key] = (instance["requests"], now)
                rates[key[:2]] = _rate(self._before.get(key), seen[key])
        self._before = seen
        return rates


def _rate(before: tuple[float, float] | None, after: tuple[float, float]) -> float | None:
    if before is None or after[1] <= before[1]:
        return None
    return max(0.0, after[0] - before[0]) / (after[1] - before[1])


def rows(infos: Sequence[Info], rates: PerInstance, now: float) -> Iterator[tuple[str, ...]]:
    """The cells of each instance, in the order of COLUMNS. ``now``: seconds since the epoch."""
    for info in infos:
        for instance in info["instances"]:
            rate = rates.get((info["pair"], instance["program"]))
            yield (
                info["pair"],
                instance["program"],
                instance["condition"],
                instance["slot"] or "-",
                "-" if rate is None else f"{rate:.1f}",
                str(instance["in_flight"]),
                str(instance["workers"]),
                age(now - instance["since"]) if instance["since"] else "-",
                instance["label"] or instance["release"] or "-",
            )


def lines(infos: Sequence[Info], rates: PerInstance, now: float) -> Iterator[str]:
    """A line for each pair, and one for each problem."""
    clock = _clock(now)
    for info in infos:
        facts = [_short(info["pair"], instance, rates) for instance in info["instances"]]
        facts.append("warm" if info["warm"] else "not warm")
        if info["busy"]:
            facts.append(format_busy(info["busy"]))
        yield f"{clock} {info['pair']}: {', '.join(facts)}"
        yield from (f"{clock} {info['pair']}: problem: {problem}" for problem in info["problems"])


def _short(pair: str, instance: Info, rates: PerInstance) -> str:
    rate = rates.get((pair, instance["program"]))
    suffix = "" if rate is None else f" {rate:.1f}/s"
    return f"{instance['program']} {instance['condition']}{suffix}"


def _clock(now: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(now))


def watch(
    ask: Callable[[], Any],
    stream: TextIO,
    interval: float = INTERVAL_S,
    count: int | None = None,
) -> None:
    """Show the pairs until interrupted, or ``count`` times.

    ``ask`` returns the info struct of one pair, or those of all; what it raises is not caught.
    """
    view = _view(stream)
    rates = Rates()
    shown = 0
    with view:
        while count is None or shown < count:
            infos = infos_of(ask())
            view.update(infos, rates.update(infos, time.monotonic()), time.time())
            shown += 1
            if shown != count:
                time.sleep(interval)


class Lines:
    """The view of a stream that is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing has to be restored."""

    def update(self, infos: Sequence[Info], rates: PerInstance, now: float) -> None:
        """Append the lines of this moment."""
        for line in lines(infos, rates, now):
            self._stream.write(f"{plain(line)}\n")
        self._stream.flush()


class Table(Lines):
    """The view of a terminal. Needs rich."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(stream)
        self._live = Live(console=Console(file=stream), auto_refresh=False, screen=False)

    def __enter__(self) -> Table:
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.__exit__(*error)

    def update(self, infos: Sequence[Info], rates: PerInstance, now: float) -> None:
        """Renew the table."""
        self._live.update(render(infos, rates, now), refresh=True)


def _view(stream: TextIO) -> Lines:
    if not stream.isatty():
        return Lines(stream)
    try:
        return Table(stream)
    except ImportError:
        stream.write("(install supervisor_zerg[watch] for a table)\n")
        return Lines(stream)


def render(infos: Sequence[Info], rates: PerInstance, now: float) -> Group:
    """The view as something that rich prints. Names are text, never markup."""
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(*COLUMNS, title=_clock(now), title_justify="left")
    for row in rows(infos, rates, now):
        cells = [Text(plain(cell)) for cell in row]
        cells[CONDITION].stylize(STYLES.get(row[CONDITION], ""))
        table.add_row(*cells)

    def note(info: Info, text: str, style: str) -> Text:
        return Text(f"{plain(info['pair'])}: {plain(text)}", style=style)

    busy = [note(info, format_busy(info["busy"]), "yellow") for info in infos if info["busy"]]
    problems = [note(info, text, "red") for info in infos for text in info["problems"]]
    return Group(table, *busy, *problems)

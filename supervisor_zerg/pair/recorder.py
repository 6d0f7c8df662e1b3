"""What is done to one pair, gathered move by move and told as lines of history: one for each request, or for what was done without."""

import time

from ..supervisord import events


class Chronicle:
    """:param plugin: loop, history, ids and log (plugin.py)."""

    def __init__(self, pair, plugin):
        self.pair, self.plugin = pair, plugin
        self.moves = []  # (move, when), since the last line

    def made(self, move):
        self.moves.append((move, self.plugin.loop.clock()))

    def finish(self, outcome, serving, cause, request=None):
        """End the line, if there is anything to tell. Written after the answer is on its way."""
        moves, self.moves = self.moves, []
        if not moves and request is None:
            return
        first = request.began if request else moves[0][1]
        entry = {
            "id": request.id if request else self.plugin.new_id(),
            "what": (f"{request.verb} {request.program}").strip() if request else "repair",
            "by": request.by if request else cause,
            "moves": _told(moves, first),
            "took_ms": round((self.plugin.loop.clock() - first) * 1000, 3),
            "serving": serving,
            "outcome": outcome,
        }
        self.plugin.loop.call_soon(lambda: self.record(entry))

    def another_serves(self, keeper, was, cause, failed):
        """Tell other listeners, and the hook of the pair. :param was: the program that served before. :param failed: it fell."""
        target, soon = keeper.desires.last, self.plugin.loop.call_soon
        kind = events.FailedOver if failed else events.Promoted
        soon(lambda: events.announce(kind, cause, pair=self.pair.name, program=target, was=was))
        if failed:
            soon(
                lambda: self.plugin.hooks.run(
                    keeper,
                    "on_failover",
                    {"ZERG_TARGET": target, "ZERG_OLD": was, "ZERG_WHY": cause},
                )
            )

    def record(self, entry):
        """Write a line to history and, without the time, to supervisord's log."""
        entry = {
            "at": time.time(),
            "pair": self.pair.name,
            "id": entry.get("id") or self.plugin.new_id(),
            **entry,
        }
        self.plugin.history.add(entry)
        told = {k: v for k, v in entry.items() if k not in ("at", "moves")}
        self.plugin.log(
            "info",
            "moved" if entry.get("moves") else "answered",
            moves=",".join(entry.get("moves", [])),
            **told,
        )


def _told(moves, first):
    """Moves as short strings with their time, repetitions counted: ``["+0.5ms resume b to running", "+2.1ms nudge b x3"]``."""
    told = []
    for move, at in moves:
        words = str(move) + (f": {move.why}" if move.why else "")
        if told and told[-1][1] == words:
            told[-1][2] += 1
        else:
            told.append([at - first, words, 1])
    return [
        "+{:.1f}ms {}{}".format(at * 1000, words, " x%d" % count if count > 1 else "")
        for at, words, count in told
    ]

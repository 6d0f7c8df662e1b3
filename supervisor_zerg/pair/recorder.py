"""What is done to one pair, gathered move by move and told as lines of history: one for each request, or for what was done without."""

import time

from ..jobs.hooks import run_hook
from ..supervisord import events


class HistoryRecorder:
    """:param plugin: loop, history, ids and log (plugin.py)."""

    def __init__(self, pair, registry):
        self.pair, self.registry = pair, registry
        self.actions = []  # (move, when), since the last line

    def made(self, action):
        self.actions.append((action, self.registry.loop.clock()))

    def finish(self, outcome, serving, cause, request=None):
        """End the line, if there is anything to tell. Written after the answer is on its way."""
        actions, self.actions = self.actions, []
        if not actions and request is None:
            return
        first = request.began if request else actions[0][1]
        entry = {
            "id": request.id if request else self.registry.new_id(),
            "what": (f"{request.verb} {request.program}").strip() if request else "repair",
            "by": request.by if request else cause,
            "actions": _told(actions, first),
            "took_ms": round((self.registry.loop.clock() - first) * 1000, 3),
            "serving": serving,
            "outcome": outcome,
        }
        self.registry.loop.call_soon(lambda: self.record(entry))

    def another_serves(self, controller, was, cause, failed):
        """Tell other listeners, and the hook of the pair. :param was: the program that served before. :param failed: it fell."""
        target, soon = controller.goals.last_active, self.registry.loop.call_soon
        kind = events.FailedOver if failed else events.Promoted
        soon(lambda: events.announce(kind, cause, pair=self.pair.name, program=target, was=was))
        if failed:
            soon(
                lambda: run_hook(
                    self.registry.services,
                    self.pair,
                    controller.observed.serving if controller.observed else "",
                    "on_failover",
                    {"ZERG_TARGET": target, "ZERG_OLD": was, "ZERG_REASON": cause},
                )
            )

    def record(self, entry):
        """Write a line to history and, without the time, to supervisord's log."""
        entry = {
            "at": time.time(),
            "pair": self.pair.name,
            "id": entry.get("id") or self.registry.new_id(),
            **entry,
        }
        self.registry.history.add(entry)
        told = {k: v for k, v in entry.items() if k not in ("at", "actions")}
        self.registry.log(
            "info",
            "moved" if entry.get("actions") else "answered",
            actions=",".join(entry.get("actions", [])),
            **told,
        )


def _told(actions, first):
    """Moves as short strings with their time, repetitions counted: ``["+0.5ms resume b to running", "+2.1ms nudge b x3"]``."""
    told = []
    for action, at in actions:
        words = str(action) + (f": {action.reason}" if action.reason else "")
        if told and told[-1][1] == words:
            told[-1][2] += 1
        else:
            told.append([at - first, words, 1])
    return [
        "+{:.1f}ms {}{}".format(at * 1000, words, " x%d" % count if count > 1 else "")
        for at, words, count in told
    ]

"""Rules about work beside requests, which both instances do, even the parked one. Pure."""

from __future__ import annotations

from ..rule import WARNING, Rule, present_topic

FIX = "run it in one program of its own (documentation, Background work)"

cron = Rule(
    "background-cron",
    WARNING,
    present_topic("background-cron"),
    summary="``cron``, ``unique-cron`` and the like",
    reason="the master of each instance runs it, even of the parked one: both ran it in the same"
    " minute",
    fix=FIX,
)
timer = Rule(
    "background-timer",
    WARNING,
    present_topic("background-timer"),
    summary="``timer``, ``rbtimer``",
    reason="each instance has its own; while it is parked the signals pile up: after the promotion"
    " one ran 39 times in 8 s, and requests waited for up to 398 ms",
    fix=FIX,
)
spooler = Rule(
    "background-spooler",
    WARNING,
    present_topic("background-spooler"),
    summary="``spooler``",
    reason="both instances take tasks from the folder, each with its own release; a deploy killed a"
    " task of 10 s after 4 s, and the old release began it again",
    fix=FIX + ", and let the instances enqueue only: spooler-external",
)
mule = Rule(
    "background-mule",
    WARNING,
    present_topic("background-mule"),
    summary="``mule``, ``mules``",
    reason="each instance has its own, which also runs while the instance is parked, and ends with"
    " it: a deploy kills what it does",
    fix=FIX,
)
daemon = Rule(
    "background-daemon",
    WARNING,
    present_topic("background-daemon"),
    summary="``attach-daemon``, ``smart-attach-daemon`` and the like",
    reason="each instance starts one, so that it runs twice, and ends it when it ends itself; of a"
    " smart daemon the second instance finds the pid file and starts none, so that no deploy"
    " renews it",
    fix=FIX,
)
touch = Rule(
    "background-touch",
    WARNING,
    present_topic("background-touch"),
    summary="``touch-exec``, ``touch-signal``, ``fs-signal``",
    reason="both instances watch the file, even the parked one: the command runs twice",
    fix=FIX,
)
RULES = (cron, timer, spooler, mule, daemon, touch)

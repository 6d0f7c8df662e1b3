"""The buttons of the web page: what there is to do, and what of it makes sense now. Pure."""

from typing import NamedTuple

PAIR, PROGRAM = "pair", "program"
SERVING = "serving"
READY = (SERVING, "parked", "draining")  # conditions of an instance that can be moved


class Action(NamedTuple):
    """A button. ``takes``: whether it is about a pair or about one of its programs; ``asks``: a question that must be answered first."""

    name: str
    label: str
    takes: str
    does: str
    asks: str = ""


#: Every button there is. What each does is said in web.py, under the same name.
ACTIONS = (
    Action("swap", "Swap", PAIR, "Let the other instance serve, park the one that serves"),
    Action(
        "deploy",
        "Deploy",
        PAIR,
        "Bring the code that is now on disk to users, and back if it is bad",
        "The instance of the pair %s that does not serve is restarted with the code that is now on disk, checked, promoted and watched. "
        "Deploy it?",
    ),
    Action("abort", "Abort", PAIR, "End the deploy that runs, on the old release"),
    Action("reconcile", "Settle", PAIR, "Look, and mend what is not as it should be"),
    Action(
        "hold",
        "Hold",
        PAIR,
        "Let nobody serve: requests wait until somebody resumes",
        "Then nobody of the pair %s serves: requests wait in the queue of the socket until somebody resumes, and what does not fit into "
        "the queue is turned away. Hold it?",
    ),
    Action("auto-on", "Auto on", PAIR, "React to events by itself"),
    Action("auto-off", "Auto off", PAIR, "Only do what an operator asks"),
    Action("promote", "Promote", PROGRAM, "Make this instance the serving one"),
    Action(
        "pause", "Pause", PROGRAM, "Pause this instance; the last one that accepts is not paused"
    ),
    Action("resume", "Resume", PROGRAM, "Let this instance serve, and end a hold"),
)
BY_NAME = {action.name: action for action in ACTIONS}


def offered(info):
    """The names of the buttons of a pair that make sense now: what would be refused is not among them."""
    if not info["instances"]:  # misconfigured
        return []
    deploying = info["busy"].startswith("deploy")
    ready = sum(instance["condition"] in READY for instance in info["instances"])
    spare = any(
        instance["statename"] != "ABSENT" and instance["program"] != info["serving"]
        for instance in info["instances"]
    )
    sensible = {
        "swap": info["serving"] and ready == len(info["instances"]) and not deploying,
        "deploy": spare and not deploying,
        "abort": deploying,
        "reconcile": not deploying,
        "hold": info["serving"] and not deploying,
        "auto-on": not info["auto"],
        "auto-off": info["auto"],
    }
    return [name for name, makes_sense in sensible.items() if makes_sense]


def offered_for(info, instance):
    """The same for one of its instances."""
    if instance["condition"] not in READY or info["busy"].startswith("deploy"):
        return []
    both = all(one["condition"] == SERVING for one in info["instances"])
    alone = instance["condition"] == SERVING and not both
    return (
        ([] if alone else ["promote"]) + (["pause"] if both else []) + ([] if alone else ["resume"])
    )

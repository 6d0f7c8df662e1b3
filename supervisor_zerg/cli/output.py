"""The lines that answer a command. Pure."""

import json

from ..core.text import tell_auto, tell_deploy, tell_history, tell_move, tell_status


def tell(call, reply, now):
    """The lines that answer a call."""
    if "json" in call.options:
        return json.dumps(reply, indent=2, sort_keys=True).splitlines()
    name = call.command.name
    if name == "status":
        return tell_status(reply, now)
    tellers = {
        "auto": tell_auto,
        "history": tell_history,
        "deploy": tell_deploy,
        "abort": tell_deploy,
        "metrics": str.splitlines,
    }
    return tellers.get(name, tell_move)(reply)

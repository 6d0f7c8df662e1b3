"""The plugin's Supervisor events: a listener takes all with ``events = ZERG``, or one by name.

They exist as soon as the plugin is imported, which supervisord does before it reads its listeners'
``events``.
"""

from __future__ import annotations

from supervisor import events


class ZergEvent(events.Event):
    """What happened to a pair. The payload is a line of ``key:value`` and, below it, a sentence.

    Args:
        text: the sentence.
        fields: of the line.
    """

    def __init__(self, text: str = "", /, **fields: object) -> None:
        self.text = text
        self.fields = fields

    def payload(self) -> str:
        """Return what a listener gets."""
        line = " ".join(f"{key}:{value}" for key, value in self.fields.items())
        return f"{line}\n{self.text}"


class Promoted(ZergEvent):
    """Another instance serves, because of an operator, a deploy or a start."""


class FailedOver(ZergEvent):
    """Another instance serves, because the one that did is gone."""


class Deployed(ZergEvent):
    """A deploy ended with the new release serving."""


class DeployFailed(ZergEvent):
    """A deploy ended before users saw the new release, or could not be rolled back."""


class RolledBack(ZergEvent):
    """A deploy ended on the old release after users had been on the new one."""


class JobToDo(ZergEvent):
    """There is a job for the listener."""


EVENTS = {
    "ZERG": ZergEvent,
    "ZERG_PROMOTED": Promoted,
    "ZERG_FAILED_OVER": FailedOver,
    "ZERG_DEPLOYED": Deployed,
    "ZERG_DEPLOY_FAILED": DeployFailed,
    "ZERG_ROLLED_BACK": RolledBack,
    "ZERG_JOB": JobToDo,
}
for _name, _kind in EVENTS.items():
    if not hasattr(events.EventTypes, _name):
        events.register(_name, _kind)


def announce(kind: type[ZergEvent], text: str = "", /, **fields: object) -> None:
    """Send an event to all listeners. They only buffer it: nothing blocks."""
    events.notify(kind(text, **fields))

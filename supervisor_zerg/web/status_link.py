"""Links on Supervisor's status page to ours: one for all pairs, and one at each program of a pair.

Supervisor keeps its views in a table (supervisor/web.py ``VIEWS``). While the plugin lives, the
entry of the status page is a subclass of what was there; afterwards the table is as it was.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from supervisor import web
from supervisor.templating import parse_xmlstring

from ..core.errors import UnknownProgram
from ..supervisord.programs import name_of
from .templates import anchor

if TYPE_CHECKING:
    from supervisor.web import StatusView

    from ..pair.registry import Registry
else:
    StatusView = object

STATUS = "index.html"
BUTTON = (
    '<li xmlns="http://www.w3.org/1999/xhtml" class="action-button">'
    '<a href="zerg.html">Zerg</a></li>'
)


def install(registry: Registry) -> None:
    """Show the links from now on."""
    entry = web.VIEWS[STATUS]
    if not issubclass(entry["view"], LinkedView):
        attributes = {"original_entry": entry, "registry": registry}
        view = type("LinkedStatusView", (LinkedView, entry["view"]), attributes)
        web.VIEWS[STATUS] = dict(entry, view=view)


def remove() -> None:
    """Put back what was there, unless somebody else has changed it since."""
    view = web.VIEWS[STATUS]["view"]
    if "original_entry" in vars(view):
        web.VIEWS[STATUS] = view.original_entry


class LinkedView(StatusView):
    """Mixed into the view of the status page."""

    registry: Registry

    def clone(self) -> Any:
        root = super().clone()
        for element in root.getiterator():
            if element.attrib.get("id") == "buttons":
                element.append(parse_xmlstring(BUTTON))
        return root

    def actions_for_process(self, process: Any) -> list[Any]:
        actions = list(super().actions_for_process(process))
        with contextlib.suppress(UnknownProgram):
            controller, _ = self.registry.controller_of(name_of(process))
            href = f"zerg.html#{anchor(controller.pair.name)}"
            actions.append({"name": "Zerg", "href": href, "target": None})
        return actions

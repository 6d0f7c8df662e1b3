"""Links on Supervisor's status page that lead to ours: a button for all, and one at each program of a pair.

Supervisor keeps its views in a table (supervisor/web.py ``VIEWS``). While the plugin lives, the entry of the status page is a
subclass of what was there; afterwards the table is as it was.
"""

import contextlib

from supervisor import web
from supervisor.templating import parse_xmlstring

from ..core.errors import UnknownProgram
from ..supervisord.programs import name_of
from .templates import anchor

STATUS = "index.html"
BUTTON = '<li xmlns="http://www.w3.org/1999/xhtml" class="action-button"><a href="zerg.html">Zerg</a></li>'


def put_up(registry):
    """Show them, from now on. :param plugin: tells of which pair a process is (plugin.py)."""
    entry = web.VIEWS[STATUS]
    if not issubclass(entry["view"], Linked):
        web.VIEWS[STATUS] = dict(
            entry,
            view=type(
                "LinkedView", (Linked, entry["view"]), {"instead_of": entry, "registry": registry}
            ),
        )


def take_down():
    """Put back what was there, unless somebody else has changed it since."""
    view = web.VIEWS[STATUS]["view"]
    if "instead_of" in vars(view):
        web.VIEWS[STATUS] = view.instead_of


class Linked:
    """Mixed into the view of the status page."""

    def clone(self):
        root = super().clone()
        buttons = [
            element for element in root.getiterator() if element.attrib.get("id") == "buttons"
        ]
        for element in buttons:
            element.append(parse_xmlstring(BUTTON))
        return root

    def actions_for_process(self, process):
        actions = super().actions_for_process(process)
        with contextlib.suppress(UnknownProgram):
            controller, _ = self.registry.controller_of(name_of(process))
            actions = actions + [
                {
                    "name": "Zerg",
                    "href": f"zerg.html#{anchor(controller.pair.name)}",
                    "target": None,
                }
            ]
        return actions

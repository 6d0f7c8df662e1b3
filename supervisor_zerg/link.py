"""A button on Supervisor's status page that leads to ours.

Supervisor keeps its views in a table (supervisor/web.py ``VIEWS``). While the plugin lives, the entry of the status page is a
subclass of what was there, whose copy of the template has one more button; afterwards the table is as it was.
"""

from supervisor import web
from supervisor.templating import parse_xmlstring

STATUS = "index.html"
BUTTON = '<li xmlns="http://www.w3.org/1999/xhtml" class="action-button"><a href="zerg.html">Zerg</a></li>'


def put_up():
    """Show the button, from now on."""
    entry = web.VIEWS[STATUS]
    if not issubclass(entry["view"], Linked):
        web.VIEWS[STATUS] = dict(entry, view=type("LinkedView", (Linked, entry["view"]), {"instead_of": entry}))


def take_down():
    """Put back what was there, unless somebody else has changed it since."""
    view = web.VIEWS[STATUS]["view"]
    if "instead_of" in vars(view):
        web.VIEWS[STATUS] = view.instead_of


class Linked:
    """Mixed into the view of the status page."""

    def clone(self):
        root = super().clone()
        buttons = [element for element in root.getiterator() if element.attrib.get("id") == "buttons"]
        for element in buttons:
            element.append(parse_xmlstring(BUTTON))
        return root

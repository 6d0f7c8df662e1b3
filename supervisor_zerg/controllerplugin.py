"""``[ctlplugin:zerg]``: the factory that supervisorctl calls for the ``zerg`` command."""

from .cli.plugin import make_zerg_controllerplugin

__all__ = ["make_zerg_controllerplugin"]

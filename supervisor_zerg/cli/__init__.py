"""The commands ``supervisorctl zerg`` and ``zergctl``."""

"""The rules of ``zerg check``, by their subject."""

"""The rules of ``zerg check``, by what they look at."""

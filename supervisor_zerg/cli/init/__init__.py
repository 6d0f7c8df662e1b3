"""``zergctl init``: write the configuration of a pair."""

"""Random faults on the real stack under constant load, each followed by a check that nothing is wrong."""

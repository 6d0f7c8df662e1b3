"""Random faults on the real stack under constant load, and a check after each."""

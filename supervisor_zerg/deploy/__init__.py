"""A deploy: a pure state machine, and the runner that carries it out."""

"""The demo: the real stack in a temporary folder, with traffic."""

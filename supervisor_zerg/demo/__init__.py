"""The real stack in a temporary folder, with traffic."""

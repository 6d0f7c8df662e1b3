"""One uWSGI master: observe it, send commands to it; and companion.py, which runs inside it."""

"""Pause, resume, swap and track two uWSGI instances that share one socket under Supervisor."""

__version__ = "0.1.0"

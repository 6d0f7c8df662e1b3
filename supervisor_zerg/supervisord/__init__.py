"""Living inside supervisord's loop: timers, tasks, dispatchers, programs, events."""

"""What may block: the queue inside supervisord, and the listener process that executes the jobs."""

"""What may block: the queue inside supervisord, and the listener process that works it off."""

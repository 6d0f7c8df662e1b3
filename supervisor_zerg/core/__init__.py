"""What a pair is and what should happen to it next. Pure: no I/O, no clock, no Supervisor."""

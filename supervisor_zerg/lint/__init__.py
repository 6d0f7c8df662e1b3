"""``zerg check``: rooms that read the files, rooms that each hold the rules of one subject, and ``check``, which applies them."""

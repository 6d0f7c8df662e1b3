"""``zerg check``: finds known faults in the files of supervisord and uWSGI."""

"""Since when each instance of a pair is in the condition that it is in."""

import time


class StateTimes:
    def __init__(self):
        self._since = {}  # program -> (condition, seconds since the epoch)

    def note(self, observed):
        """Somebody looked."""
        for instance in observed.instances:
            condition = instance.condition.value
            if self._since.get(instance.program, ("", 0))[0] != condition:
                self._since[instance.program] = condition, time.time()

    def forget(self, program):
        """It was started: whatever it will be seen to be begins then."""
        self._since.pop(program, None)

    def since(self, program):
        """Seconds since the epoch; 0 where nobody has looked yet."""
        return self._since.get(program, ("", 0.0))[1]

    def lasts(self, program):
        """For so many seconds."""
        return time.time() - self.since(program) if program in self._since else 0.0

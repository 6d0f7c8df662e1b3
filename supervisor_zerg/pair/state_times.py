"""Since when each copy of a pair is in the condition that it is in."""

import time


class Conditions:
    def __init__(self):
        self._since = {}  # program -> (condition, seconds since the epoch)

    def note(self, facts):
        """Somebody looked."""
        for copy in facts.copies:
            condition = copy.condition.value
            if self._since.get(copy.program, ("", 0))[0] != condition:
                self._since[copy.program] = condition, time.time()

    def forget(self, program):
        """It was started: whatever it will be seen to be begins then."""
        self._since.pop(program, None)

    def since(self, program):
        """Seconds since the epoch; 0 where nobody has looked yet."""
        return self._since.get(program, ("", 0.0))[1]

    def lasts(self, program):
        """For so many seconds."""
        return time.time() - self.since(program) if program in self._since else 0.0

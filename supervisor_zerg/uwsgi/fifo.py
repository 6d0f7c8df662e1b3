"""Other hands at the FIFOs of a pair: each command that a master executes changes what lies at a slot's path."""


class FifoChanges:
    """:param kernel: for the identity of what lies at a path. :param paths: of the FIFOs, canonical."""

    def __init__(self, kernel, paths):
        self.kernel, self.paths = kernel, paths
        self.known = None  # what lay at each path when it was last looked at

    def ours(self):
        """What has changed until now was our doing. What changes from now on is not."""
        self.known = self._now()

    def moved(self):
        """Did somebody give a command since this, or :meth:`ours`, was asked last?"""
        before, self.known = self.known, self._now()
        return before not in (None, self.known)

    def are_moving(self):
        """The same, and it can be asked again."""
        return self.known not in (None, self._now())

    def _now(self):
        return [self.kernel.identity(path) for path in self.paths]

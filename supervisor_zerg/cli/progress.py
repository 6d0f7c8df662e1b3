"""How far something is, told to an operator while it is waited for."""

from ..core.text import plain


class Progress:
    """A live line on a terminal; a line for each step elsewhere."""

    def __init__(self, stream, quiet=False):
        self.stream, self.quiet, self.shown = stream, quiet, None
        self.live = stream.isatty()

    def show(self, step, line):
        """:param step: what is waited for; a new line is written when it changes, or the live one renewed."""
        if self.quiet or (step == self.shown and not self.live):
            return
        self.shown = step
        self.stream.write(f"\r\x1b[K{plain(line)}" if self.live else f"{plain(line)}\n")
        self.stream.flush()

    def end(self):
        """Take the live line away."""
        if self.live and self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

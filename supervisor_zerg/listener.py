"""``[eventlistener:zerg]``: a process of its own that asks the namespace to settle on start-up, on ticks and on events, so that
a missed event heals itself. Keeps no truth: it may be killed, hung, overflowed or started before supervisord is ready.
"""

import os
import sys
import time

from supervisor import childutils

RETRY_S = 0.2
START_TRIES = 50


def main():
    try:
        return Listener(sys.stdin, sys.stdout, sys.stderr, os.environ).run()
    except KeyboardInterrupt:
        return 0


class Listener:
    def __init__(self, stdin, stdout, stderr, environ):
        self.stdin, self.stdout, self.stderr, self.environ = stdin, stdout, stderr, environ

    def run(self):
        if "SUPERVISOR_SERVER_URL" not in self.environ:
            self._say("zerg-listener is run by supervisord, in an [eventlistener:x] section; see the README")
            return 2
        self.settle_all(START_TRIES)
        while True:
            try:
                headers, _ = childutils.listener.wait(self.stdin, self.stdout)
            except ValueError:  # end of file: supervisord is gone
                return 0
            if not headers:
                return 0
            if self._concerns(headers.get("eventname", "")):
                self.settle_all(1)
            childutils.listener.ok(self.stdout)

    @staticmethod
    def _concerns(name):
        """Process events are handled inside supervisord, in the same instant; what is left for us is the tick."""
        return name.startswith("TICK")

    def settle_all(self, tries):
        """:returns: number of pairs that are looked at, or None when supervisord did not answer."""
        for attempt in range(tries):
            try:
                return childutils.getRPCInterface(self.environ).zerg.settleAll()
            except Exception as error:
                if attempt == tries - 1:
                    self._say("cannot reach the zerg namespace: %s" % error)
                time.sleep(RETRY_S if tries > 1 else 0)
        return None

    def _say(self, sentence):
        self.stderr.write("%s zerg-listener: %s\n" % (time.strftime("%Y-%m-%d %H:%M:%S"), sentence))
        self.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

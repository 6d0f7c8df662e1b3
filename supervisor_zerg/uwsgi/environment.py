"""What lies around a pair: things at the paths of its slots, workers that outlived their master, the socket of its pool."""

import signal

from ..core.effects import Sleep
from ..core.instance import Slot
from ..core.pair_state import Obstacle, Orphan, PathKind

TRAPPED_S = 0.01  # a handler that runs once is long over
TRAPPED_WRITES = 4  # and has written no more than this
STRANGERS_S = 120.0  # who reads a FIFO that no instance holds is looked up that often


class SignalLoopDetector:
    """Tells a process that never leaves its handler of a signal, because the handler logs a line and raises the signal anew.

    :param number: of the signal. :param clock: monotonic seconds.
    """

    def __init__(self, kernel, clock, number):
        self.kernel, self.clock, self.number, self.caught = kernel, clock, number, {}

    def check(self, pid):
        """:returns: is it trapped? None where it is too early to tell."""
        inside, about_to = self.kernel.handling(pid, self.number)
        if not inside:
            self.caught.pop(pid, None)
            return None if about_to else False
        now, writes = self.clock(), self.kernel.writes(pid)
        since, before = self.caught.setdefault(pid, (now, writes))
        return now - since > TRAPPED_S and writes - before > TRAPPED_WRITES or None


class PairEnvironment:
    """:param paths: of the FIFOs, canonical, in slot order. :param clock: monotonic seconds."""

    def __init__(self, pair, paths, kernel, programs, clock):
        self.pair, self.paths, self.kernel, self.programs, self.clock = (
            pair,
            paths,
            kernel,
            programs,
            clock,
        )
        self.sigpipe = SignalLoopDetector(kernel, clock, signal.SIGPIPE)
        self.orphans = {}  # pid -> (program, start, threads)
        self.strangers = {}  # identity of a FIFO that no instance holds -> (pid of its reader or 0, when)

    def explore(self, instances):
        """Generator: look for what seldom changes. Yields Nap between short spells of work."""
        try:
            yield from self._strangers(instances)
            self._pool(instances)
        except OSError:
            pass  # a process went away, or hides: the instances' own look says so

    def obstacles(self, instances):
        """What lies at the slots' paths that uWSGI would replace, or die of."""
        held = {c.held.slot for c in instances if c.held and c.held.fifo_in_place}
        found = []
        for slot in Slot:
            kind = self.kernel.path_kind(self.paths[slot])
            stranger = self._stranger(self.paths[slot]) if slot not in held else 0
            if kind not in (PathKind.ABSENT, PathKind.FIFO):
                found.append((slot, Obstacle(kind, f"{kind.value} at {self.paths[slot]}")))
            elif stranger:
                text = f"a FIFO that process {stranger} reads at {self.paths[slot]}"
                found.append((slot, Obstacle(PathKind.FOREIGN_FIFO, text)))
        return tuple(found)

    def _stranger(self, path):
        """Pid of the process that reads the FIFO at a path and is no instance's master, as far as it is known; else 0."""
        identity = self.kernel.identity(path)
        pid, _ = self.strangers.get(identity, (0, 0))
        return pid if pid and self.kernel.reads(pid, identity) else 0

    def _strangers(self, instances):
        held, now = {(c.held.dev, c.held.ino) for c in instances if c.held}, self.clock()
        lying = {
            self.kernel.identity(path)
            for path in self.paths
            if self.kernel.path_kind(path) is PathKind.FIFO
        } - {None}
        lying = {identity for identity in lying if identity[:2] not in held}
        known = {
            i: found
            for i, found in self.strangers.items()
            if i in lying and now - found[1] < STRANGERS_S
        }
        self.strangers = known
        for identity in lying - set(known):
            for pid in self.kernel.reader(identity):
                if pid is not None:
                    self.strangers[identity] = pid, now
                yield Sleep(0)

    def bereave(self, program, tracked):
        """A master is gone: its workers that live on are orphans."""
        for pid in tracked.threads:
            process = self.kernel.process(pid)
            if process and process.ppid != tracked.master and process.state not in "ZX":
                self.orphans[pid] = (program, process.start, tracked.threads[pid])

    def orphaned(self):
        """Those that live on, as Orphans."""
        for pid, (_, start, _) in list(self.orphans.items()):
            if not self.kernel.alive(pid, start):
                del self.orphans[pid]
        return tuple(
            Orphan(pid, program, not self._idle(pid, threads))
            for pid, (program, _, threads) in self.orphans.items()
        )

    def _idle(self, pid, threads):
        """Nothing is in flight in it: it is parked, or it logs to a pipe that supervisord has closed, and gets a SIGPIPE for
        that, and logs the SIGPIPE, without end (uWSGI without ``ignore-sigpipe``)."""
        try:
            return self.kernel.threads(pid).paused >= threads or bool(self.sigpipe.check(pid))
        except OSError:
            return False

    def _pool(self, instances):
        """Does each instance hold the socket that the pool listens on now? (uwsgi facts: a restarted pool makes a new one.)"""
        pool = self.programs.get(self.pair.pool) if self.pair.pool else None
        if pool is None or pool.state != "RUNNING":
            return
        offered = {}
        for pid in [pool.pid] + self.kernel.children(pool.pid):
            try:
                offered.update(self.kernel.offered(pid))
            except PermissionError:
                return
        for instance in instances:
            tracked = instance.tracked
            if not instance.master or instance.unreadable:
                continue
            if tracked.listening is None:
                tracked.listening = self.kernel.listening(instance.master)
            shared = [(inode, name) for inode, name in tracked.listening.items() if name in offered]
            if shared:
                tracked.attached = all(offered[name] == inode for inode, name in shared)

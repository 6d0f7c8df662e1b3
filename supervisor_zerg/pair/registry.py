"""One supervisord's worth of supervisor_zerg: its pairs, and what they share.

Made once for each generation of supervisord, however many HTTP servers call the factory (supervisor/http.py
``make_http_servers``); ends in ``options.cleanup``, before supervisord closes descriptors.
"""

import itertools
import os
import time
from dataclasses import replace

from .. import config
from ..core import errors
from ..core.pair_config import Problem
from ..jobs.queue import JobQueue
from ..jobs.services import Services
from ..uwsgi.kernel import Kernel
from ..uwsgi.threads import CALLS
from ..supervisord import events
from ..supervisord.loop import Loop
from ..supervisord.programs import Programs
from ..supervisord.subscriptions import Subscriptions
from .controller import PairController
from .history import History, OperatorSettings
from .status import describe

GLANCE_S = 1.0
SPREAD_S = 0.02  # between the looks at two pairs, so that many of them never hold the loop


class Registry:
    """:param settings: the options of ``[rpcinterface:zerg]``: ``history`` (a path, or ``none``)."""

    def __init__(self, supervisord, settings):
        self.supervisord, self.options = supervisord, supervisord.options
        self.loop = Loop(supervisord)
        self.unsupported = unsupported
        self.kernel = Kernel()
        self.programs = Programs(supervisord)
        path = self._history_path(settings.get("history", ""))
        self.history = History(path, self._complain)
        self.settings = OperatorSettings(
            f"{os.path.splitext(path)[0]}-settings.json" if path else "", self._complain
        )
        self.job_queue = JobQueue(self.loop.clock, self._tell_listener)
        self._ids, self._born = itertools.count(1), int(time.time())
        self.services = Services(
            self.loop,
            self.kernel,
            self.programs,
            self.job_queue,
            self.history,
            self.log,
            self.new_id,
            self.answered,
        )
        self.controllers = {}
        self._sections, self._configured = None, {}
        self._outdated = False  # a keeper is not (yet) of the section as it is now
        self.on_start, self.on_close = [], []  # functions of what the factory adds: the web page
        self.options.configfile = self.options.configfile and os.path.abspath(
            self.options.configfile
        )
        self.refresh()
        self.reactions = Subscriptions(self)
        self._end_with_supervisord()

    # life

    def _end_with_supervisord(self):
        cleanup = self.options.cleanup

        def end_then_cleanup():
            self.loop.guard(self.close)()
            cleanup()

        self.options.cleanup = end_then_cleanup

    def close(self):
        for function in self.on_close:
            self.loop.guard(function)()
        for controller in self.controllers.values():
            controller.close()
        self.loop.stop()

    def start(self):
        """supervisord runs: its programs are to be started next."""
        self.loop.start()
        for function in self.on_start:
            self.loop.guard(function)()
        self.loop.call_later(GLANCE_S, self._glance)
        for controller in self.controllers.values():
            for problem in controller.pair.problems:
                self.options.logger.critical(f"zerg: {problem}")
        self._kick(self.controllers.values(), "supervisord runs")

    def _glance(self):
        self.loop.call_later(GLANCE_S, self._glance)
        if self.programs.running():
            for controller in self.controllers.values():
                if controller.goals.auto and not controller.pair.problems:
                    controller.poll_fifos()

    # configuration

    def refresh(self):
        """Read the sections when supervisord has just read its files: ``reread`` leaves a new list there, and no event."""
        sections = self.options.configroot.supervisord.rpcinterface_factories
        if sections is not self._sections:
            self._sections = sections
            pairs = [
                replace(
                    pair,
                    problems=pair.problems + tuple(Problem("", lack) for lack in unsupported()),
                )
                for pair in config.read_pairs(self.options)
            ]
            self._configured, self._outdated = {pair.name: pair for pair in pairs}, True
        if self._outdated:
            self._replace_keepers()

    def _replace_keepers(self):
        """Where a section is another than it was. A pair that is being moved is left alone until that has ended."""
        before, self.controllers = self.controllers, {}
        for name in [*self._configured, *(set(before) - set(self._configured))]:
            pair, old = self._configured.get(name), before.get(name)
            if old is not None and (old.pair == pair or old.busy()):
                self.controllers[name] = old
            elif pair is not None:
                self.controllers[name] = new = PairController(pair, self)
                if old is not None:
                    new.inherit(old)
                    self.loop.call_soon(lambda k=new: k.schedule("its section was changed"))
            if old is not None and self.controllers.get(name) is not old:
                old.close()
        self._outdated = any(
            controller.pair != self._configured.get(name)
            for name, controller in self.controllers.items()
        )

    def _history_path(self, setting):
        if setting == "none":
            return ""
        if setting:
            return os.path.abspath(os.path.join(self.options.here or "", setting))
        logfile = self.options.logfile
        usable = isinstance(logfile, str) and os.path.isfile(logfile)
        return (
            os.path.join(os.path.dirname(os.path.abspath(logfile)), "zerg-history.jsonl")
            if usable
            else ""
        )

    # finding

    def controller(self, name):
        """The keeper of a pair. An empty name is the only pair there is. :raises UnknownPair:"""
        self.refresh()
        if not name and len(self.controllers) == 1:
            return next(iter(self.controllers.values()))
        if name not in self.controllers:
            known = ", ".join(sorted(self.controllers))
            raise errors.UnknownPair(
                f"no pair is named {name!r}, there is {known}"
                if name
                else f"name one of the pairs {known}"
            )
        return self.controllers[name]

    def controller_of(self, program):
        """(keeper, program as the section names it). :raises UnknownProgram:"""
        self.refresh()
        for controller in self.controllers.values():
            for name in controller.pair.programs:
                if program in (name, f"{name}:{name}"):
                    return controller, name
        raise errors.UnknownProgram(f"no pair has a program named {program!r}")

    # what happened

    def process_ended(self, program, pid):
        """A process of a program is gone. Its keeper may be another than the one that began to watch it."""
        for controller in self.controllers.values():
            if program in controller.pair.programs:
                controller.schedule("process %d of %s ended" % (pid, program), at_once=True)

    def programs_changed(self):
        """supervisord has other programs than before."""
        self.refresh()
        self._kick(self.controllers.values(), "programs were added or removed")

    # what keepers share

    def _tell_listener(self, job):
        told = {"pair": job.pair, "id": job.id, "kind": job.kind}
        self.loop.call_soon(lambda: events.announce(events.JobToDo, **told))

    def reconcile_all(self):
        """Look at every pair that reacts by itself.

        :returns: how many there are.
        """
        self.refresh()
        controllers = [
            controller for controller in self.controllers.values() if controller.active()
        ]
        self._kick(controllers, "a tick", routine=True)
        return len(controllers)

    def _kick(self, controllers, cause, routine=False):
        for number, controller in enumerate(controllers):
            self.loop.call_later(
                number * SPREAD_S, lambda k=controller: k.schedule(cause, routine=routine)
            )

    def answered(self):
        """Whoever waits for an answer gets it now; and what waited for the end of a move may be done."""
        self.loop.call_soon(self.loop.poke)
        self.loop.call_soon(self.refresh)

    def new_id(self):
        return "%x-%d" % (self._born, next(self._ids))

    def log(self, level, sentence, **fields):
        """One constant sentence and key=value, in supervisord's log."""
        words = " ".join(f"{k}={_quoted(v)}" for k, v in fields.items())
        getattr(self.options.logger, level)(f"zerg: {sentence} {words}")

    def _complain(self, sentence):
        self.options.logger.critical(f"zerg: {sentence}")

    def describe(self, controller, observed):
        return describe(controller, observed, self)


def unsupported():
    """What this machine lacks, as a tuple of sentences; empty where everything is there."""
    if CALLS is None:
        return (
            f"the system calls of this machine ({os.uname().machine}) are not known: nothing can be told about paused threads",
        )
    if not os.path.exists("/proc/self/syscall"):
        return ("this kernel has no /proc/PID/syscall: nothing can be told about paused threads",)
    return ()


def _quoted(value):
    text = str(value)
    return '"{}"'.format(text.replace('"', "'")) if " " in text or not text else text

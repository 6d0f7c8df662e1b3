"""``[rpcinterface:zerg]``: the XML-RPC namespace ``zerg``. Thin: guard, delegate, document."""

from supervisor.http import NOT_DONE_YET
from supervisor.xmlrpc import Faults, RPCError

from .core import errors
from .deploy.plan import read_options
from .deploy.start import start_deploy
from .pair.registry import Registry
from .pair.status_query import StatusQuery
from .web import metrics
from .web.handler import Web

API_VERSION = "1.0"
CALLBACK_S = 0.05  # how often supervisord may ask an unfinished answer; the answer itself is poked through at once

for _error in (
    errors.ALL
):  # gives the faults names: "ZERG_BUSY: ..." (supervisor/xmlrpc.py ``getFaultDescription``)
    setattr(Faults, _error.name, _error.code)


def make_zerg_rpcinterface(supervisord, **settings):
    """Factory named in the configuration. Called once for each HTTP server; all share one plugin."""
    if not hasattr(supervisord, "zerg_namespace"):
        supervisord.zerg_namespace = _wire(Registry(supervisord, settings), settings)
    return supervisord.zerg_namespace


def _wire(registry, settings):
    """Put the parts together: the pairs, what counts their history, and the web page."""
    tally = metrics.Tally()
    registry.history.watchers.append(registry.loop.guard(tally.note))
    web = Web(registry, tally, settings.get("hosts", "").split(","))
    registry.on_start.append(web.install)
    registry.on_close.append(web.close)
    return ZergNamespaceRPCInterface(registry, tally)


class ZergNamespaceRPCInterface:
    def __init__(self, registry, tally):
        self._registry = registry
        self._tally = tally

    def getAPIVersion(self):
        """Return the version of this API.

        @return string version  major.minor; a major change may break clients
        """
        return API_VERSION

    def getPairInfo(self, pair):
        """Tell everything about a pair, looked up at this moment.

        @param string pair    Name of the pair; empty if there is only one
        @return struct info   pair, serving, parked, warm, held, auto, busy, pool, problems, instances; each instance: program, pid,
            master, statename, slot, condition, in_flight, workers, threads, accepting_threads, frozen, requests, source, since
        """
        controller = _faulty(self._registry.controller, pair)
        return _deferred(StatusQuery(self._registry, [controller]).first)

    def getAllPairInfo(self):
        """Tell everything about every pair.

        @return array infos  A struct like that of getPairInfo for each pair
        """
        self._registry.refresh()
        return _deferred(StatusQuery(self._registry, list(self._registry.controllers.values())).all)

    def swap(self, pair, wait=True):
        """Let the other instance serve, park the one that serves.

        @param string pair     Name of the pair; empty if there is only one
        @param boolean wait    Answer when it is done (true) or at once
        @return struct reply   pair, id, changed, took_ms, serving, parked, draining, held
        """
        return self._move(_faulty(self._registry.controller, pair), "swap", "", wait)

    def promote(self, program, wait=True):
        """Make a program the serving one of its pair.

        @param string program  ``name`` or ``group:name``
        @param boolean wait    Answer when it is done (true) or at once
        @return struct reply   As that of swap; ``changed`` is false when it served already
        """
        return self._program_move("promote", program, wait)

    def pause(self, program, hold=False):
        """Pause a program. The last one that accepts is only paused with hold.

        @param string program  ``name`` or ``group:name``
        @param boolean hold    Keep requests waiting in the socket's queue until somebody resumes
        @return struct reply   As that of swap
        """
        return self._program_move("pause", program, True, hold=bool(hold))

    def resume(self, program, both=False):
        """Let a program accept requests, and end a hold. The other instance is parked unless both are to accept.

        @param string program  ``name`` or ``group:name``
        @param boolean both    Let both instances accept, until the next swap or promote
        @return struct reply   As that of swap
        """
        return self._program_move("resume", program, True, both=bool(both))

    def reconcile(self, pair):
        """Look at a pair and mend what is not as it should be.

        @param string pair     Name of the pair; empty if there is only one
        @return struct reply   As that of swap; ``changed`` tells whether anything was done
        """
        return self._move(_faulty(self._registry.controller, pair), "reconcile", "", True)

    def reconcileAll(self):
        """Look at every pair whose auto is on. For the event listener's ticks: returns at once.

        @return int count  How many pairs are looked at
        """
        return self._registry.reconcile_all()

    def setAuto(self, pair, on):
        """Let the pair react to events by itself, or only do what an operator asks. Survives a restart of supervisord.

        @param string pair     Name of the pair; empty if there is only one
        @param boolean on      true: react
        @return struct reply   pair, changed, took_ms, serving, parked, auto
        """
        controller = _faulty(self._registry.controller, pair)
        _faulty(controller.check)
        changed = controller.set_auto(bool(on))
        observed = controller.observed
        serving, parked = (observed.serving, observed.parked) if observed else ("", "")
        return {
            "pair": controller.pair.name,
            "changed": changed,
            "took_ms": 0.0,
            "serving": serving,
            "parked": parked,
            "auto": bool(on),
        }

    def getHistory(self, pair, limit):
        """Tell what was done to a pair, oldest first.

        @param string pair     Name of the pair; empty if there is only one
        @param int limit       How many entries at most, up to 200
        @return array entries  Structs with at, pair, id, what, by, moves, took_ms, serving, outcome
        """
        controller = _faulty(self._registry.controller, pair)
        return self._registry.history.last(controller.pair.name, int(limit))

    def deploy(self, pair, options=None):
        """Bring the code that is now on disk to users: restart the parked instance, check it, promote it, watch it.

        @param string pair     Name of the pair; empty if there is only one
        @param struct options  Any of bake (seconds), timeout (seconds for the boot), label (text), wait (boolean, true: answer when it
            has ended), dry_run (boolean: only tell the steps), backup_first (boolean: the spare first, then 'update', then the main one)
        @return struct deploy  id, pair, target, old, label, by, at, elapsed, phase, waiting_for, steps, outcome, reason,
            killed_requests, serving; outcome
            is one of deployed, refused, failed, rolled back, not rolled back, nobody serves, or empty while it runs
        """
        controller = _faulty(self._registry.controller, pair)
        reply = _faulty(
            start_deploy,
            self._registry.services,
            controller.deploy_target,
            controller.deploys,
            _faulty(read_options, dict(options or {})),
        )
        return _deferred(lambda: reply.error or reply.value)

    def getDeploy(self, pair, ident=""):
        """Tell about the deploy that runs, or about the last one.

        @param string pair     Name of the pair; empty if there is only one
        @param string ident    Id of one of the last ten deploys, instead
        @return struct deploy  As that of deploy; empty if supervisord remembers none
        """
        return _faulty(_faulty(self._registry.controller, pair).deploys.info, str(ident))

    def abort(self, pair):
        """End the deploy that runs, on the old release.

        @param string pair     Name of the pair; empty if there is only one
        @return struct deploy  As that of deploy
        """
        controller = _faulty(self._registry.controller, pair)
        reply = _faulty(controller.deploys.abort, "operator")
        return _deferred(lambda: reply.error or reply.value)

    def claimJobs(self, restarted):
        """Give the listener what it is to do: hooks and health checks. For zerg-listener only.

        @param boolean restarted  The listener has just been started
        @return array jobs    Structs with id, kind, pair, name, check, environment, timeout, interval, expect; kind is hook, health, or
            end: the hook with that id is to be ended
        """
        return self._registry.job_queue.claim(bool(restarted))

    def reportJob(self, ident, ok, message, seconds):
        """Tell how a job went. For zerg-listener only.

        @param string ident   The job
        @param boolean ok     Did it succeed?
        @param string message What was seen, for an operator
        @param double seconds How long it took; nobody asks for it yet
        @return boolean go_on Is the check to be repeated?
        """
        go_on = self._registry.job_queue.report(ident, bool(ok), str(message))
        if go_on is None:
            raise RPCError(
                errors.UnknownJob.code, str(errors.UnknownJob(f"there is no job {ident!r}"))
            )
        return go_on

    def getMetrics(self):
        """Tell what there is for Prometheus, in its text format; also at /zerg/metrics. Needs prometheus_client.

        @return string metrics  Of every pair, looked up at this moment, and what was counted since supervisord began
        """
        self._registry.refresh()
        seen = StatusQuery(self._registry, list(self._registry.controllers.values()))
        return _deferred(
            lambda: None if seen.all() is None else _faulty(metrics.text, seen.all(), self._tally)
        )

    def _program_move(self, verb, program, wait, **options):
        controller, name = _faulty(self._registry.controller_of, program)
        return self._move(controller, verb, name, wait, **options)

    def _move(self, controller, verb, program, wait, **options):
        request = _faulty(controller.ask, verb, program, **options)
        if not wait and request.answer is None:
            return {**controller.requests.reply(request), "pending": True}
        return _deferred(lambda: request.answer)


def _faulty(function, *args, **options):
    """Call, with a refusal turned into an XML-RPC fault."""
    try:
        return function(*args, **options)
    except errors.ZergError as refusal:
        raise RPCError(refusal.code, str(refusal))


def _deferred(answer):
    """A plain function with ``delay`` is what supervisord takes for an answer to come (supervisor/xmlrpc.py:420).

    :param answer: returns None while there is no answer, then a struct or a ZergError.
    """

    def callback():
        value = answer()
        if value is None:
            return NOT_DONE_YET
        if isinstance(value, errors.ZergError):
            raise RPCError(value.code, str(value))
        return value

    callback.delay = CALLBACK_S
    return callback

"""``[rpcinterface:zerg]``: the XML-RPC namespace ``zerg``. Thin: guard, delegate, document."""

from supervisor.http import NOT_DONE_YET
from supervisor.xmlrpc import Faults, RPCError

from .core import errors
from .deploy.plan import read_options
from .deploy.start import Launch
from .pair.registry import Plugin
from .pair.status_query import Look
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
        supervisord.zerg_namespace = _wire(Plugin(supervisord, settings))
    return supervisord.zerg_namespace


def _wire(plugin):
    """Put the parts together: the pairs, what counts their history, and the web page."""
    tally = metrics.Tally()
    plugin.history.watchers.append(plugin.loop.guard(tally.note))
    web = Web(plugin, tally)
    plugin.on_start.append(web.install)
    plugin.on_close.append(web.close)
    return ZergNamespaceRPCInterface(plugin, tally)


class ZergNamespaceRPCInterface:
    def __init__(self, plugin, tally):
        self._plugin = plugin
        self._tally = tally

    def getAPIVersion(self):
        """Return the version of this API.

        @return string version  major.minor; a major change may break clients
        """
        return API_VERSION

    def getPairInfo(self, pair):
        """Tell everything about a pair, looked up at this moment.

        @param string pair    Name of the pair; empty if there is only one
        @return struct info   pair, serving, parked, warm, held, auto, busy, pool, problems, copies; each copy: program, pid,
            master, statename, slot, condition, in_flight, workers, threads, at_full_strength, frozen, requests, witness, since
        """
        keeper = _faulty(self._plugin.keeper, pair)
        return _deferred(Look(self._plugin, [keeper]).first)

    def getAllPairInfo(self):
        """Tell everything about every pair.

        @return array infos  A struct like that of getPairInfo for each pair
        """
        self._plugin.refresh()
        return _deferred(Look(self._plugin, list(self._plugin.keepers.values())).all)

    def swap(self, pair, wait=True):
        """Let the other copy serve, park the one that serves.

        @param string pair     Name of the pair; empty if there is only one
        @param boolean wait    Answer when it is done (true) or at once
        @return struct reply   pair, id, changed, took_ms, serving, parked, draining, held
        """
        return self._move(_faulty(self._plugin.keeper, pair), "swap", "", wait)

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
        """Let a program accept requests, and end a hold. The other copy is parked unless both are to accept.

        @param string program  ``name`` or ``group:name``
        @param boolean both    Let both copies accept, until the next swap or promote
        @return struct reply   As that of swap
        """
        return self._program_move("resume", program, True, both=bool(both))

    def settle(self, pair):
        """Look at a pair and mend what is not as it should be.

        @param string pair     Name of the pair; empty if there is only one
        @return struct reply   As that of swap; ``changed`` tells whether anything was done
        """
        return self._move(_faulty(self._plugin.keeper, pair), "settle", "", True)

    def settleAll(self):
        """Look at every pair whose auto is on. For the event listener's ticks: returns at once.

        @return int count  How many pairs are looked at
        """
        return self._plugin.settle_all()

    def setAuto(self, pair, on):
        """Let the pair react to events by itself, or only do what a person asks. Survives a restart of supervisord.

        @param string pair     Name of the pair; empty if there is only one
        @param boolean on      true: react
        @return struct reply   pair, changed, took_ms, serving, parked, auto
        """
        keeper = _faulty(self._plugin.keeper, pair)
        _faulty(keeper.check)
        changed = keeper.set_auto(bool(on))
        facts = keeper.facts
        serving, parked = (facts.serving, facts.parked) if facts else ("", "")
        return {
            "pair": keeper.pair.name,
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
        keeper = _faulty(self._plugin.keeper, pair)
        return self._plugin.history.last(keeper.pair.name, int(limit))

    def deploy(self, pair, options=None):
        """Bring the code that is now on disk to users: restart the parked copy, check it, promote it, watch it.

        @param string pair     Name of the pair; empty if there is only one
        @param struct options  Any of bake (seconds), timeout (seconds for the boot), label (text), wait (boolean, true: answer when it
            has ended), dry_run (boolean: only tell the steps), backup_first (boolean: the spare first, then 'update', then the main one)
        @return struct deploy  id, pair, target, old, label, by, at, elapsed, phase, waits_for, steps, outcome, why, cut, serving; outcome
            is one of deployed, refused, failed, rolled back, not rolled back, nobody serves, or empty while it runs
        """
        keeper = _faulty(self._plugin.keeper, pair)
        launch = _faulty(Launch, keeper, _faulty(read_options, dict(options or {})))
        return _deferred(lambda: launch.answer)

    def getDeploy(self, pair, ident=""):
        """Tell about the deploy that runs, or about the last one.

        @param string pair     Name of the pair; empty if there is only one
        @param string ident    Id of one of the last ten deploys, instead
        @return struct deploy  As that of deploy; empty if supervisord remembers none
        """
        return _faulty(_faulty(self._plugin.keeper, pair).deploys.told, str(ident))

    def abort(self, pair):
        """End the deploy that runs, on the old release.

        @param string pair     Name of the pair; empty if there is only one
        @return struct deploy  As that of deploy
        """
        keeper = _faulty(self._plugin.keeper, pair)
        deploy = _faulty(keeper.deploys.abort, "a person")
        return _deferred(lambda: deploy.answer)

    def takeJobs(self, anew):
        """Give the listener what it is to do: hooks and health checks. For zerg-listener only.

        @param boolean anew   The listener has just been started
        @return array jobs    Structs with id, kind, pair, what, check, environment, timeout, interval, expect; kind is hook, health, or
            end: the hook with that id is to be ended
        """
        return self._plugin.worklist.take(bool(anew))

    def tellJob(self, ident, ok, words, seconds):
        """Tell how a job went. For zerg-listener only.

        @param string ident   The job
        @param boolean ok     Did it succeed?
        @param string words   What was seen, for a person
        @param double seconds How long it took; nobody asks for it yet
        @return boolean go_on Is the check to be repeated?
        """
        go_on = self._plugin.worklist.tell(ident, bool(ok), str(words))
        if go_on is None:
            raise RPCError(
                errors.UnknownJob.code, str(errors.UnknownJob(f"there is no job {ident!r}"))
            )
        return go_on

    def getMetrics(self):
        """Tell what there is for Prometheus, in its text format; also at /zerg/metrics. Needs prometheus_client.

        @return string metrics  Of every pair, looked up at this moment, and what was counted since supervisord began
        """
        self._plugin.refresh()
        seen = Look(self._plugin, list(self._plugin.keepers.values()))
        return _deferred(
            lambda: None if seen.all() is None else _faulty(metrics.text, seen.all(), self._tally)
        )

    def _program_move(self, verb, program, wait, **options):
        keeper, name = _faulty(self._plugin.keeper_of, program)
        return self._move(keeper, verb, name, wait, **options)

    def _move(self, keeper, verb, program, wait, **options):
        request = _faulty(keeper.ask, verb, program, **options)
        if not wait and request.answer is None:
            return {**keeper.desk.reply(request), "pending": True}
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

"""What an operator, or a deploy, asks of one pair: one request at a time, from its arrival to its answer."""

from ..core import errors, requests
from ..core.goals import Aim
from ..core.pair_state import PairState


class RequestHandler:
    """:param keeper: of the pair: its desires, its chronicle and what was seen of it (keeper.py)."""

    def __init__(self, controller):
        self.controller, self.registry = controller, controller.registry
        self.request = None
        self.follow_up_pending = False  # the last request is answered, but not all that belongs to it is done: labels, freeze, retire

    def take(self, verb, program, by, options):
        """:returns: Request, which is the one that is at hand from now on."""
        self.request = requests.Request(
            self.registry.new_id(), verb, program, by, options, self.registry.loop.clock()
        )
        return self.request

    def free(self):
        """:raises Busy: another request is at hand."""
        if self.request is not None:
            since = self.registry.loop.clock() - self.request.began
            raise errors.Busy(
                f"{self.request} is under way since {since:.3f} s for the pair {self.controller.pair.name}"
            )

    def withdraw(self, request):
        """Whoever asked wants something else now."""
        if request is not None and self.request is request:
            self.answer(errors.Busy(f"{request} was withdrawn"))

    def request_is_new(self):
        """A request has just come: the kernel's source is enough for its first move."""
        return self.request is not None and not self.request.opened

    def open(self, observed, look_began):
        """Check a request that has just come against the facts, and turn it into what is wanted."""
        request = self.request
        if request is None or request.opened:
            return
        request.opened = True
        try:
            pair, last_active = self.controller.pair, self.controller.goals.last_active
            request.program = requests.target(request, observed, pair, last_active)
            self._aim(requests.aim(request, observed, pair))
        except errors.ZergError as refusal:
            if request.began <= look_began:
                self.answer(refusal)
            else:  # it came while the look was under way: the next one may show better
                request.opened = False

    def _aim(self, aim):
        if aim is not None:
            goals = self.controller.goals
            self.request.before = Aim("", goals.hold, goals.both_active)
            goals.set_aim(aim)
            self.controller.save_orders()

    def see(self, observed, decision):
        """Answer, if it is time; and is there still something to do for what was answered?"""
        if self.request is not None and self.request.opened:
            due, refusal = requests.due(
                self.request,
                decision,
                observed,
                self.controller.goals.requested,
                self.registry.loop.clock(),
            )
            if due:
                self.answer(refusal)
        if not decision.actions and decision.poll_slowly and not self._lasting_chores():
            self.follow_up_pending = False

    def _lasting_chores(self):
        """What a request asked for is only done when the old instance has drained."""
        return self.controller.pair.freeze or self.controller.pair.retire == "stop"

    def answer(self, refusal=None):
        """:param refusal: a ZergError; None: it was done."""
        request, self.request = self.request, None
        if refusal is not None:
            self._take_back(request)
        self.follow_up_pending = self.follow_up_pending or refusal is None
        request.answer = refusal or self.reply(request)
        self.registry.answered()
        self.controller.finish_entry(f"refused: {refusal}" if refusal else "done", request)

    def _take_back(self, request):
        """What was refused must not come true later: a hold least of all."""
        self.controller.goals.requested = ""
        if request.before is not None:
            self.controller.goals.set_aim(request.before)
            self.controller.save_orders()

    def settled(self):
        """Nothing more is done for now. A request that is still at hand could not be finished."""
        self.follow_up_pending = False
        if self.request is not None:
            stopper = not self.registry.programs.running()
            self.answer(
                errors.ShuttingDown("supervisord ends")
                if stopper
                else errors.ZergError("reconcile failed: this is a bug")
            )

    def reply(self, request):
        """The struct: what the pair is like now."""
        controller = self.controller
        actions = [action for action, _ in controller.recorder.actions]
        observed = controller.observed or PairState(())
        return requests.reply(
            controller.pair.name,
            request,
            observed,
            actions,
            controller.goals.hold,
            self.registry.loop.clock(),
        )

"""What a person, or a deploy, asks of one pair: one request at a time, from its arrival to its answer."""

from ..core import answers, errors, requests
from ..core.model import Facts


class Desk:
    """:param keeper: of the pair: its desires, its chronicle and what was seen of it (keeper.py)."""

    def __init__(self, keeper):
        self.keeper, self.plugin = keeper, keeper.plugin
        self.request = None
        self.chores = False  # the last request is answered, but not all that belongs to it is done: labels, freeze, retire

    def take(self, verb, program, by, options):
        """:returns: Request, which is the one that is at hand from now on."""
        self.request = requests.Request(
            self.plugin.new_id(), verb, program, by, options, self.plugin.loop.clock()
        )
        return self.request

    def free(self):
        """:raises Busy: another request is at hand."""
        if self.request is not None:
            since = self.plugin.loop.clock() - self.request.began
            raise errors.Busy(
                f"{self.request} is under way since {since:.3f} s for the pair {self.keeper.pair.name}"
            )

    def withdraw(self, request):
        """Whoever asked wants something else now."""
        if request is not None and self.request is request:
            self.answer(errors.Busy(f"{request} was withdrawn"))

    def in_haste(self):
        """A request has just come: the kernel's witness is enough for its first move."""
        return self.request is not None and not self.request.opened

    def open(self, facts, look_began):
        """Check a request that has just come against the facts, and turn it into what is wanted."""
        request = self.request
        if request is None or request.opened:
            return
        request.opened = True
        try:
            self._aim(requests.aim(request, facts, self.keeper.pair, self.keeper.desires.last))
        except errors.ZergError as refusal:
            if request.began <= look_began:
                self.answer(refusal)
            else:  # it came while the look was under way: the next one may show better
                request.opened = False

    def _aim(self, aim):
        if aim is not None:
            desires = self.keeper.desires
            self.request.before = requests.Aim("", desires.held, desires.both)
            desires.aim(aim)
            self.keeper.save_orders()

    def see(self, facts, step):
        """Answer, if it is time; and is there still something to do for what was answered?"""
        if self.request is not None and self.request.opened:
            due, refusal = answers.due(
                self.request, step, facts, self.keeper.desires.wish, self.plugin.loop.clock()
            )
            if due:
                self.answer(refusal)
        if not step.moves and step.patient and not self._lasting_chores():
            self.chores = False

    def _lasting_chores(self):
        """What a request asked for is only done when the old copy has drained."""
        return self.keeper.pair.freeze or self.keeper.pair.retire == "stop"

    def answer(self, refusal=None):
        """:param refusal: a ZergError; None: it was done."""
        request, self.request = self.request, None
        if refusal is not None:
            self._take_back(request)
        self.chores = self.chores or refusal is None
        request.answer = refusal or self.reply(request)
        self.plugin.answered()
        self.keeper.finish_entry(f"refused: {refusal}" if refusal else "done", request)

    def _take_back(self, request):
        """What was refused must not come true later: a hold least of all."""
        self.keeper.desires.wish = ""
        if request.before is not None:
            self.keeper.desires.aim(request.before)
            self.keeper.save_orders()

    def settled(self):
        """Nothing more is done for now. A request that is still at hand could not be finished."""
        self.chores = False
        if self.request is not None:
            ending = not self.plugin.programs.running()
            self.answer(
                errors.ShuttingDown("supervisord ends")
                if ending
                else errors.ZergError("settle failed: this is a bug")
            )

    def reply(self, request):
        """The struct: what the pair is like now."""
        keeper = self.keeper
        moves = [move for move, _ in keeper.chronicle.moves]
        facts = keeper.facts or Facts(())
        return answers.reply(
            keeper.pair.name, request, facts, moves, keeper.desires.held, self.plugin.loop.clock()
        )

"""What a person may ask of a pair. PURE: a request and the facts -> what is wanted, or the refusal that says why not."""

from collections import namedtuple

from . import errors

#: What a request makes of a pair: who is to serve, is it held, do both accept.
Aim = namedtuple("Aim", "wish held both")


#: What to do about a program that does not run, where starting it is not the answer.
START = {
    "ABSENT": "put it into supervisord's configuration and run 'supervisorctl update'",
    "STOPPING": "ask again when it has stopped, or start it then",
}


class Request:
    """What a person asked for, until it is answered."""

    def __init__(self, ident, verb, program, by, options, now):
        self.id, self.verb, self.program, self.by, self.options, self.began = (
            ident,
            verb,
            program,
            by,
            options,
            now,
        )
        self.opened = False
        self.before = None  # the Aim that is taken up again if this one is refused
        self.answer = None  # the reply, a struct, or a ZergError

    def __str__(self):
        return "{}{} (id {})".format(self.verb, " " + self.program if self.program else "", self.id)


def aim(request, facts, pair, last=""):
    """:param last: the program that served last.
    :returns: Aim; None when the request changes nothing about what is wanted. :raises ZergError: it cannot be."""
    for copy in facts.copies:
        if copy.blind:
            raise errors.NoRights(copy.blind)
    if request.verb == "swap":
        request.program = _other_than_serving(facts, pair, last)
    return AIMS[request.verb](request, facts, pair)


def _other_than_serving(facts, pair, last):
    serving = facts.serving or next(
        (c.program for c in facts.copies if c.program == last and c.renewing), ""
    )
    if not serving:
        raise errors.NobodyServes(
            f"no copy of the pair {pair.name} serves",
            "use 'zerg resume PROGRAM' or 'zerg promote PROGRAM'",
        )
    return facts.other(serving).program


def _promote(request, facts, pair):
    _can_serve(facts.copy(request.program), facts, pair)
    return Aim(request.program, False, False)


def _resume(request, facts, pair):
    _can_serve(facts.copy(request.program), facts, pair)
    both = request.options.get("both", False)
    return Aim((facts.serving if both else "") or request.program, False, both)


def _pause(request, facts, pair):
    copy, other = facts.copy(request.program), facts.other(request.program)
    if request.options.get("hold") and (copy.up or other.up):
        return _hold(facts)
    _runs(copy)
    if copy.accepting and not other.accepting:
        raise errors.LastCopy(
            f"{copy.program} is the only copy of the pair {pair.name} that accepts requests"
        )
    return Aim(other.program, False, False) if copy.accepting else None


def _hold(facts):
    for copy in facts.copies:
        if copy.asynchronous and copy.accepting:
            raise errors.AsyncCopy(
                f"{copy.program} is asynchronous: a pause would freeze its requests"
            )
    return Aim("", True, False)


def _settle(request, facts, pair):
    return None


def _runs(copy):
    if not copy.up:
        raise errors.NotRunning(f"{copy.program} is {copy.state}", START.get(copy.state))
    if copy.boots:
        raise errors.Booting(f"{copy.program} boots")


def _can_serve(copy, facts, pair):
    _runs(copy)
    if copy.slot is None:
        raise errors.Lost(
            "the master of %s (pid %d) holds none of the FIFOs" % (copy.program, copy.master)
        )
    other = facts.other(copy.program)
    if other.asynchronous and other.accepting and pair.retire != "stop":
        raise errors.AsyncCopy(
            f"{other.program} is asynchronous: a pause would freeze its requests"
        )


AIMS = {
    "swap": _promote,
    "promote": _promote,
    "resume": _resume,
    "pause": _pause,
    "settle": _settle,
}

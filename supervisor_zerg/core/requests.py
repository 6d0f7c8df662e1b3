"""What an operator may ask of a pair. PURE: a request and the facts -> what is wanted, or the refusal that says why not."""

from collections import namedtuple

from . import errors

#: What a request makes of a pair: who is to serve, is it held, do both accept.
Aim = namedtuple("Aim", "requested held both")


#: What to do about a program that does not run, where starting it is not the answer.
START = {
    "ABSENT": "put it into supervisord's configuration and run 'supervisorctl update'",
    "STOPPING": "ask again when it has stopped, or start it then",
}


class Request:
    """What an operator asked for, until it is answered."""

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


def aim(request, observed, pair, last=""):
    """:param last: the program that served last.
    :returns: Aim; None when the request changes nothing about what is wanted. :raises ZergError: it cannot be."""
    for instance in observed.instances:
        if instance.unreadable:
            raise errors.NoRights(instance.unreadable)
    if request.verb == "swap":
        request.program = _other_than_serving(observed, pair, last)
    return AIMS[request.verb](request, observed, pair)


def _other_than_serving(observed, pair, last):
    serving = observed.serving or next(
        (c.program for c in observed.instances if c.program == last and c.all_respawning), ""
    )
    if not serving:
        raise errors.NobodyServes(
            f"no instance of the pair {pair.name} serves",
            "use 'zerg resume PROGRAM' or 'zerg promote PROGRAM'",
        )
    return observed.other(serving).program


def _promote(request, observed, pair):
    _can_serve(observed.instance(request.program), observed, pair)
    return Aim(request.program, False, False)


def _resume(request, observed, pair):
    _can_serve(observed.instance(request.program), observed, pair)
    both = request.options.get("both", False)
    return Aim((observed.serving if both else "") or request.program, False, both)


def _pause(request, observed, pair):
    instance, other = observed.instance(request.program), observed.other(request.program)
    if request.options.get("hold") and (instance.up or other.up):
        return _hold(observed)
    _runs(instance)
    if instance.accepting and not other.accepting:
        raise errors.LastInstance(
            f"{instance.program} is the only instance of the pair {pair.name} that accepts requests"
        )
    return Aim(other.program, False, False) if instance.accepting else None


def _hold(observed):
    for instance in observed.instances:
        if instance.asynchronous and instance.accepting:
            raise errors.AsyncInstance(
                f"{instance.program} is asynchronous: a pause would freeze its requests"
            )
    return Aim("", True, False)


def _settle(request, observed, pair):
    return None


def _runs(instance):
    if not instance.up:
        raise errors.NotRunning(
            f"{instance.program} is {instance.state}", START.get(instance.state)
        )
    if instance.is_starting:
        raise errors.Booting(f"{instance.program} boots")


def _can_serve(instance, observed, pair):
    _runs(instance)
    if instance.slot is None:
        raise errors.Lost(
            "the master of %s (pid %d) holds none of the FIFOs"
            % (instance.program, instance.master)
        )
    other = observed.other(instance.program)
    if other.asynchronous and other.accepting and pair.retire != "stop":
        raise errors.AsyncInstance(
            f"{other.program} is asynchronous: a pause would freeze its requests"
        )


AIMS = {
    "swap": _promote,
    "promote": _promote,
    "resume": _resume,
    "pause": _pause,
    "reconcile": _settle,
}

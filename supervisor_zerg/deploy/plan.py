"""What a deploy is to do. PURE: the pair's section, what an operator asked for and the facts -> plans, or the refusal that says why not."""

from dataclasses import replace

from ..core import errors
from .model import Plan

OPTIONS = {
    "bake": (int, float),
    "timeout": (int, float),
    "label": str,
    "wait": bool,
    "dry_run": bool,
    "backup_first": bool,
}
LONGEST_S = 86400.0
LABEL_LIMIT = 100
ASK_ELSEWHERE = "set 'health' to a URL or a command:, or leave it empty"


def read_options(options):
    """The options of ``zerg.deploy`` -> dict. :raises BadOption: one is unknown or of the wrong kind."""
    for name, value in options.items():
        if name not in OPTIONS:
            raise errors.BadOption(
                f"deploy has no option {name!r}", f"there are {', '.join(OPTIONS)}"
            )
        if (
            not isinstance(value, OPTIONS[name])
            or isinstance(value, bool)
            and OPTIONS[name] is not bool
        ):
            raise errors.BadOption(f"the option {name} of deploy cannot be {value!r}")
        if OPTIONS[name] == (int, float) and not 0 <= value <= LONGEST_S:
            raise errors.BadOption(
                "the option %s of deploy must be from 0 to %d seconds, not %r"
                % (name, LONGEST_S, value)
            )
    label = options.get("label", "")
    if len(label) > LABEL_LIMIT or not label.isprintable():
        raise errors.BadOption("a label has at most %d printable characters" % LABEL_LIMIT)
    return {
        "bake": None,
        "timeout": None,
        "label": "",
        "wait": True,
        "dry_run": False,
        "backup_first": False,
        **options,
    }


def plans(pair, observed, options):
    """:returns: the plans of a deploy, one after the other. :raises ZergError: it cannot be begun."""
    for instance in observed.instances:
        if instance.unreadable:
            raise errors.NoRights(instance.unreadable)
    serving = observed.serving
    if not serving:
        raise errors.NobodyServes(
            f"no instance of the pair {pair.name} serves, so there is no release to go back to"
        )
    spare = observed.other(serving).program
    if observed.other(serving).state == "ABSENT":
        raise errors.NotRunning(
            f"supervisord has no program {spare}",
            "add it to the configuration and run 'supervisorctl update'",
        )
    if observed.instance(serving).asynchronous and pair.retire != "stop":
        raise errors.AsyncInstance(f"{serving} is asynchronous: a pause would freeze its requests")
    if observed.instance(serving).asynchronous and pair.health.startswith("/"):
        raise errors.AsyncInstance(
            f"{serving} is asynchronous, so its companion does not answer for its health",
            ASK_ELSEWHERE,
        )
    before = ("before_deploy",) if pair.before_deploy else ()
    if not options["backup_first"]:
        return (_plan(pair, options, spare, serving, before, True),)
    return _backup_first(pair, options, serving, spare, before)


def _backup_first(pair, options, serving, spare, before):
    """The article's procedure: refresh the spare from the code that runs, update the code, restart the main program."""
    if not pair.update:
        words = f"the pair {pair.name} has no 'update': the command that updates the code between the two steps"
        raise errors.BadOption(words, f"set it in the [zerg:{pair.name}] section")
    main = pair.programs[0]
    if serving != main:
        return (_plan(pair, options, main, serving, before + ("update",), True),)
    refresh = _plan(pair, {**options, "bake": 0}, spare, main, before, False)
    return refresh, replace(
        _plan(pair, options, main, spare, ("update",), True), continues_previous=True
    )


def _plan(pair, options, target, old, before, last):
    timeout = options["timeout"]
    return Plan(
        target=target,
        old=old,
        before=before,
        after="after_deploy" if pair.after_deploy and last else "",
        check_parked=bool(pair.health) and pair.health_tells_instances_apart,
        check_serving=bool(pair.health),
        count=pair.health_count,
        bake=pair.bake if options["bake"] is None else float(options["bake"]),
        max_exceptions=pair.max_exceptions,
        drain_timeout=pair.drain_timeout,
        boot_timeout=pair.boot_timeout if timeout is None else float(timeout),
        check_timeout=(pair.health_timeout + pair.health_interval) * pair.health_count * 2 + 10,
        silence=pair.health_timeout + pair.health_interval + 2,
    )

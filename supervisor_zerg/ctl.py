"""``supervisorctl zerg ...``, and the same as ``zergctl``: ask the namespace, tell the answer in plain ASCII, end with a status.

What the commands are is told in help.py. Answers go to stdout, everything else to stderr.
"""

import configparser
import contextlib
import http.client
import json
import os
import re
import socket
import sys
import time
import xmlrpc.client
from pathlib import Path
from xml.parsers.expat import ExpatError

from supervisor.options import ClientOptions
from supervisor.supervisorctl import Controller, ControllerPluginBase
from supervisor.xmlrpc import Faults

from . import errors
from . import help as manual

ANSWER_S = 30.0  # supervisord answers a move after 10 s at the latest
NAMES_S = 1.0  # how long the Tab key may wait for names
CACHE_S = 5.0  # how long it remembers them
UNWRITABLE = 1  # exit status: the answer could not be written
INTERRUPTED = 130  # exit status: Ctrl-C, as a shell tells it
NO_NAMESPACE = "'[rpcinterface:zerg]' is not configured in the supervisord at %s, or is too old; mend that and restart supervisord"
NO_PASSWORD = "the supervisord at %s wants another username and password; give -u and -p, or set them in [supervisorctl]"
BUG = "%s: %s; a bug of supervisor_zerg, or this command and supervisord have different versions of it"
OPTIONS = """\
Usage: zergctl [-c FILE] [-s URL] [-u USERNAME] [-p PASSWORD] [COMMAND ...]

-c, -s, -u, -p, -i and -r are those of supervisorctl, and so are all actions that are not told here, such as start and stop.
Without a COMMAND a shell is started. Put options of a COMMAND after it.
"""
ASK = {
    "status": lambda zerg, words, options: zerg.getPairInfo(words["PAIR"]) if words["PAIR"] else zerg.getAllPairInfo(),
    "swap": lambda zerg, words, options: zerg.swap(words["PAIR"]),
    "promote": lambda zerg, words, options: zerg.promote(words["PROGRAM"]),
    "pause": lambda zerg, words, options: zerg.pause(words["PROGRAM"], "hold" in options),
    "resume": lambda zerg, words, options: zerg.resume(words["PROGRAM"], "both" in options),
    "settle": lambda zerg, words, options: zerg.settle(words["PAIR"]),
    "auto": lambda zerg, words, options: zerg.setAuto(words["PAIR"], words["on|off"] == "on"),
    "history": lambda zerg, words, options: zerg.getHistory(words["PAIR"], options.get("limit", manual.LIMIT)),
}


# telling


def plain(text):
    """ASCII on one line, whatever a name or a message contains: supervisorctl fails on more under an ASCII locale."""
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)


def tell_status(reply, now):
    """The lines of ``status``. :param reply: one info struct or several. :param now: seconds since the epoch."""
    for info in _infos(reply):
        yield "%s: %s" % (info["pair"], ", ".join(_pair_facts(info)))
        rows = [_copy_facts(copy, now) for copy in info["copies"]]
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        yield from ("  problem: %s" % problem for problem in info["problems"])


def _infos(reply):
    return reply if isinstance(reply, list) else [reply]


def _pair_facts(info):
    facts = [_roles(info), "warm " + _yes(info["warm"]), _auto(info), "held " + _yes(info["held"]), "pool %s" % (info["pool"] or "-")]
    return facts + (["busy with %s" % info["busy"]] if info["busy"] else [])


def _yes(value):
    return "yes" if value else "no"


def _roles(reply):
    return "%s serves, %s parked" % (reply["serving"] or "nobody", reply["parked"] or "nobody")


def _auto(reply):
    return "auto %s" % ("on" if reply["auto"] else "off")


def _copy_facts(copy, now):
    return [
        copy["program"],
        copy["condition"],
        copy["slot"] or "-",
        copy["statename"],
        "pid %s" % (copy["pid"] or "-"),
        "in flight %d" % copy["in_flight"],
        "workers %s" % _strength(copy["workers"], copy["threads"]),
        "requests %d" % copy["requests"],
        "since %s" % _since(copy["since"], now),
        "witness %s" % (copy["witness"] or "-"),
        ", ".join(_oddities(copy)),
    ]


def _strength(workers, threads):
    if not workers:
        return "0"
    return "%dx%d" % (workers, threads // workers) if threads % workers == 0 else "%d (%d threads)" % (workers, threads)


def _oddities(copy):
    if copy.get("frozen"):
        yield "frozen"
    accepting = copy.get("at_full_strength", 0)
    if copy["condition"] == "serving" and accepting < copy["threads"]:
        yield "only %d of %d threads accept yet" % (accepting, copy["threads"])


def _since(moment, now):
    return "%s (%s)" % (_local(moment), age(now - moment)) if moment else "-"


def _local(moment):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def age(seconds):
    """A length of time in its two largest units.

    >>> age(93784)
    '1d 2h'
    """
    minutes, left = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ["%d%s" % part for part in ((days, "d"), (hours, "h"), (minutes, "m"), (left, "s"))]
    while len(parts) > 1 and parts[0][0] == "0":
        parts.pop(0)
    return " ".join(parts[:2])


def tell_move(reply):
    """The line of ``swap``, ``promote``, ``pause``, ``resume`` and ``settle``."""
    told = ([] if reply["changed"] else ["nothing to do"]) + [_roles(reply)]
    if reply["draining"]:
        told.append("draining %d" % reply["draining"])
    if reply["held"]:
        told.append("held by a person: requests wait until 'zerg resume PROGRAM'")
    yield "%s: %s (%.1f ms)" % (reply["pair"], ", ".join(told), reply["took_ms"])


def tell_auto(reply):
    """The line of ``auto``."""
    yield "%s: %s%s" % (reply["pair"], "" if reply["changed"] else "nothing to do, ", _auto(reply))


def tell_history(entries):
    """The lines of ``history``: one for each entry, then its moves."""
    for entry in entries:
        told = [entry["what"], "by %s" % entry["by"], entry["outcome"]]
        told += ["took %.1f ms" % entry["took_ms"]] if "took_ms" in entry else []
        yield "%s %s %s" % (_local(entry["at"]), entry["id"], ", ".join(told))
        yield from ("  %s" % move for move in entry.get("moves", ()))


def tell(call, reply, now):
    """The lines that answer a call."""
    if "json" in call.options:
        return json.dumps(reply, indent=2, sort_keys=True).splitlines()
    name = call.command.name
    if name == "status":
        return tell_status(reply, now)
    return {"auto": tell_auto, "history": tell_history}.get(name, tell_move)(reply)


# failing


def failure(error, url):
    """What to say about an exception. :returns: (sentence, exit status); SERVED if it depends on whether somebody serves."""
    if isinstance(error, manual.BadWords):
        return str(error), errors.ARGUMENTS
    if isinstance(error, xmlrpc.client.Fault):
        return _fault(error, url)
    if isinstance(error, xmlrpc.client.ProtocolError):
        return _protocol(error, url)
    if isinstance(error, (OSError, http.client.HTTPException, ExpatError, xmlrpc.client.ResponseError)):
        hint = "may this user open it?" if isinstance(error, PermissionError) else "is it running?"
        return "supervisord cannot be reached at %s: %s; %s" % (url, str(error) or type(error).__name__, hint), errors.UNREACHABLE
    return BUG % (type(error).__name__, error), errors.SERVED


def _fault(fault, url):
    if fault.faultCode == Faults.UNKNOWN_METHOD:
        return NO_NAMESPACE % url, errors.UNREACHABLE
    refusal = errors.BY_CODE.get(fault.faultCode)
    if refusal is None:
        return fault.faultString, errors.SERVED
    sentence = re.sub(r"^[A-Z_]+: ", "", fault.faultString)
    return "%s (%s)" % (sentence, refusal.name), refusal.exit_status


def _protocol(error, url):
    if error.errcode == http.client.UNAUTHORIZED:
        return NO_PASSWORD % url, errors.UNREACHABLE
    return "the supervisord at %s answered HTTP %d %s; see its log" % (url, error.errcode, error.errmsg), errors.SERVED


def concerned(infos, words):
    """The pairs that a call is about; all of them if that cannot be told."""
    program = words.get("PROGRAM", "").rpartition(":")[2]
    chosen = [i for i in infos if i["pair"] == words.get("PAIR") or program and program in (_bare(c) for c in i["copies"])]
    return chosen or infos


def _bare(copy):
    return copy["program"].rpartition(":")[2]


def complain(sentence):
    """An error, for a person."""
    with contextlib.suppress(OSError):
        sys.stderr.write("error: %s\n" % plain(sentence))
        sys.stderr.flush()


@contextlib.contextmanager
def limit(seconds):
    """A limit for connections made within. Supervisor's own take none (supervisor/xmlrpc.py ``UnixStreamHTTPConnection``)."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


# supervisorctl


def make_zerg_controllerplugin(controller, **extras):
    """Factory named in ``[ctlplugin:zerg]``."""
    return ZergControllerPlugin(controller, **extras)


class ZergControllerPlugin(ControllerPluginBase):
    """:param bare: commands come without the word zerg, in ``zergctl``."""

    name = "zerg"

    def __init__(self, controller, bare=False, **extras):
        super().__init__(controller)
        self.bare, self.zerg = bare, "zergctl" if bare else "supervisorctl zerg"
        self._known, self._until = [], 0.0
        self._complete, controller.complete = controller.complete, self.complete
        self._hush()

    def do_zerg(self, arg):
        # Returns nothing: a value would end an interactive shell, and is not the exit status (supervisorctl.py:1417).
        try:
            status, lines = self._run(arg.split())
            unwritten = self._write(lines)
            self.ctl.exitstatus = status or unwritten
        except KeyboardInterrupt:
            complain("interrupted; what supervisord has begun it finishes, see 'zerg status'")
            self.ctl.exitstatus = INTERRUPTED

    def _run(self, words):
        """:returns: (exit status, lines)"""
        call = None
        try:
            call = manual.parse(words)
            return self._answer(call)
        except Exception as error:
            return self._fail(error, call), []

    def _answer(self, call):
        if call.command.name == "companion":
            return 0, [str(Path(__file__).resolve().with_name("companion.py"))]
        if call.command.name == "help":
            return 0, list(self._help(call.words["COMMAND"]))
        reply = self._ask(ANSWER_S, lambda zerg: ASK[call.command.name](zerg, call.words, call.options))
        deserted = call.command.name == "status" and not all(info["serving"] for info in _infos(reply))
        return errors.NOBODY if deserted else 0, list(tell(call, reply, time.time()))

    def _ask(self, seconds, question):
        try:
            zerg = self.ctl.get_server_proxy("zerg")
        except ValueError as error:
            raise manual.BadWords("%s; give http://HOST:PORT or unix:///PATH" % error)
        with limit(seconds):
            return question(zerg)

    def _fail(self, error, call):
        unauthorized = isinstance(error, xmlrpc.client.ProtocolError) and error.errcode == http.client.UNAUTHORIZED
        if unauthorized and self.ctl.options.interactive:
            raise error  # Supervisor asks for the password and runs the command again (supervisorctl.py:207)
        sentence, status = failure(error, self.ctl.options.serverurl)
        complain(sentence)
        return self._served(call) if status == errors.SERVED else status

    def _served(self, call):
        """The exit status of a refusal: does somebody serve?"""
        try:
            infos = concerned(self._ask(ANSWER_S, lambda zerg: zerg.getAllPairInfo()), call.words)
            return errors.SERVED if infos and all(info["serving"] for info in infos) else errors.NOBODY
        except Exception:
            return errors.UNREACHABLE

    def _write(self, lines):
        try:
            for line in lines:
                self.ctl.output(plain(line))
            self.ctl.stdout.flush()
        except OSError as error:
            with contextlib.suppress(OSError):  # what is still buffered would fail once more at exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.ctl.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                complain("the answer could not be written: %s" % error)
                return UNWRITABLE
        return 0

    # help

    def _help(self, name):
        return manual.explain(manual.find(name), self.zerg) if name else manual.overview(self.zerg)

    def help_zerg(self):
        """``help zerg``."""
        self._write(manual.overview(self.zerg))

    def do_help(self, arg):
        """Every plugin is asked to help (supervisorctl.py ``do_help``): tell our own topics, keep quiet about others."""
        self._hush()
        words = arg.split()
        if not words:
            super().do_help(arg)
        elif words[0] == "zerg":
            self.do_zerg(" ".join(["help"] + words[1:]))

    def _hush(self):
        """Without this the other plugins say ``*** No help on zerg``."""
        topics = ["help_zerg"] + ["help_zerg " + name for name in manual.COMMANDS]
        for plugin in self.ctl.options.plugins:
            if plugin is not self:
                vars(plugin).update((topic, lambda: None) for topic in topics)

    # completion

    def complete(self, text, state, line=None):
        """readline's completer: ours behind the word ``zerg``, elsewhere Supervisor's."""
        try:
            words = self._ours(_typed(text, line))
            if words is not None:
                found = [word + " " for word in manual.completions(words, self._names) if word.startswith(text)]
                return found[state] if state < len(found) else None
        except Exception:
            return None  # Tab must not disturb the line
        return self._complete(text, state, line)

    def _ours(self, words):
        if words[:1] == ["zerg"]:
            return words[1:]
        if words[:2] == ["help", "zerg"]:
            return ["help"] + words[2:]
        return words if self.bare and words and words[0] in manual.COMMANDS and words[0] != "help" else None

    def _names(self, kind):
        if time.monotonic() >= self._until:
            self._known, self._until = [], time.monotonic() + CACHE_S
            self._known = self._ask(NAMES_S, lambda zerg: zerg.getAllPairInfo())
        return [i["pair"] for i in self._known] if kind == "PAIR" else [c["program"] for i in self._known for c in i["copies"]]


def _typed(text, line):
    """The whole words before the one that is completed."""
    if line is None:
        import readline

        return readline.get_line_buffer()[: readline.get_begidx()].split()
    return line[: len(line) - len(text)].split()


# zergctl


class ZergOptions(ClientOptions):
    """supervisorctl's options. Our plugin is always there, and a file that is not needed may be unusable."""

    def realize(self, *args, **options):
        """Read the command line and the file."""
        ClientOptions.realize(self, *args, **options)
        others = [f for f in self.plugin_factories if f[1] is not make_zerg_controllerplugin]
        self.plugin_factories = others + [("zerg", make_zerg_controllerplugin, {"bare": True})]
        self.prompt = "zerg" if self.prompt == "supervisor" else self.prompt

    def read_config(self, fp):
        """Read ``[supervisorctl]``. :raises ValueError:"""
        try:
            return ClientOptions.read_config(self, fp)
        except (ValueError, configparser.Error) as error:
            named = self.attr_priorities.get("configfile") is not None  # by -c; else it was found in the search path
            if named or not (self.serverurl or {"companion", "help"} & set(self.args[:2])):
                raise ValueError("%s: %s" % (fp, error))
            return self.configroot.supervisorctl


class ZergController(Controller):
    """Supervisor's shell in which our commands come without the word zerg."""

    def __init__(self, options):
        super().__init__(options)
        self.vocab = list(manual.COMMANDS) + [word for word in self.vocab if word not in manual.COMMANDS]

    def onecmd(self, line):
        """Run a line."""
        command, arg, _ = self.parseline(line)
        others = set(self.vocab) - set(manual.COMMANDS)
        if command in manual.COMMANDS and not (command == "help" and others.intersection(arg.split()[:1])):
            line = "zerg %s %s" % (command, arg)
        return super().onecmd(line)

    def default(self, line):
        """A word that is neither ours nor Supervisor's."""
        try:
            manual.find(line.split()[0])
        except manual.BadWords as error:
            complain(str(error))
        self.exitstatus = errors.ARGUMENTS


def main(args=None):
    """``zergctl``. :returns: the exit status."""
    options = ZergOptions()
    options.realize(args, doc="\n".join([OPTIONS, *manual.overview("zergctl")]))
    controller = ZergController(options)
    if options.args:
        controller.onecmd(" ".join(options.args))
        return controller.exitstatus
    controller.exec_cmdloop(args, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
